"""Turns and the spacing rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyclient.conversation import MAX_TURN_CHARS, Conversation, join_words


def joined(*words: str) -> str:
    text = ""
    for word in words:
        text = join_words(text, word)
    return text.rstrip()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["Hello", "there"], "Hello there"),
        (["It ", "is ", "sunny", "."], "It is sunny."),
        ([" It", " is", " sunny", " ."], "It is sunny."),
        (["It ", " is"], "It is"),
        (["sunny ", ", ", "warm"], "sunny, warm"),
        (["Is", "it", "?", "Yes", "!"], "Is it? Yes!"),
        (["don", "'t"], "don't"),
        (["we", "’ll ", "see"], "we’ll see"),
        (["it", "'s."], "it's."),
        (["said", "'hello'"], "said 'hello'"),
        (["(", "maybe", ")"], "(maybe)"),
        (["100", "%"], "100%"),
        (["He", "said", '"', "yes", '"', "then"], 'He said "yes" then'),
        (["one", "\n", "two"], "one\ntwo"),
        (["one\n", "two"], "one\ntwo"),
        (["one", "\ntwo"], "one\ntwo"),
        (["今日", "は", "。", "晴れ"], "今日は。晴れ"),
        (["오늘", "날씨"], "오늘 날씨"),
        (["日本", " is"], "日本 is"),
        (["", "a", "", "b"], "a b"),
        (["  ", "a"], "a"),
        (["a", " ", "b"], "a b"),
        (["a", " ", " ", "."], "a."),
        (["wait", "…", "what"], "wait… what"),
    ],
)
def test_words_are_joined_whatever_spaces_they_bring(words: list[str], text: str) -> None:
    """Protocol file section 5: greeting words come without spaces, the model's with trailing ones."""
    assert joined(*words) == text


@given(st.lists(st.sampled_from(["a", "b ", " c", " ", "", ".", ", ", "\n", '"', "(", ")", "'s", "日"]), max_size=12))
def test_joining_never_loses_a_character_and_never_doubles_a_space(words: list[str]) -> None:
    text = joined(*words)
    assert "".join(text.split()) == "".join("".join(words).split())
    assert "  " not in text and " ." not in text and " ," not in text


@pytest.fixture
def talk() -> Conversation:
    return Conversation(10)


def lines(talk: Conversation) -> list[tuple[str, str, bool, bool]]:
    return [(turn.role, turn.text, turn.final, turn.interrupted) for turn in talk.turns]


def test_a_users_partial_replaces_the_one_before_and_the_final_settles_it(talk: Conversation) -> None:
    talk.user_said("m", "What is", False)
    talk.user_said("m", "What's the wea", False)
    assert lines(talk) == [("user", "What's the wea", False, False)]
    talk.user_said("m", "What's the weather?", True)
    talk.user_said("m", "late", False)
    assert lines(talk) == [("user", "What's the weather?", True, False)]


def test_a_final_may_be_corrected_by_another_final(talk: Conversation) -> None:
    talk.user_said("m", "one", True)
    talk.user_said("m", "two", True)
    assert lines(talk) == [("user", "two", True, False)]


def test_without_ids_partials_belong_to_the_open_turn_and_a_new_one_begins_after_the_final(talk: Conversation) -> None:
    talk.user_said("", "one", False)
    talk.user_said("", "one two", True)
    talk.user_said("", "three", False)
    assert [text for _, text, _, _ in lines(talk)] == ["one two", "three"]


def test_an_utterance_that_turns_out_to_be_nothing_disappears(talk: Conversation) -> None:
    talk.user_said("m", "", False)
    assert lines(talk) == []
    talk.user_said("m", "hm", False)
    talk.user_said("m", "", True)
    assert lines(talk) == []


def test_a_late_word_after_the_final_text_is_ignored(talk: Conversation) -> None:
    """The final text comes before its audio has ended, and words keep coming."""
    talk.agent_delta("r", "It")
    talk.agent_said("r", "It is.", False)
    talk.agent_delta("r", "late")
    assert lines(talk) == [("agent", "It is.", True, False)]


def test_an_interrupted_text_is_final_and_trimmed_and_a_longer_one_does_not_replace_it(talk: Conversation) -> None:
    talk.agent_delta("r", "It is sunny")
    talk.agent_said("r", "It is", True)
    talk.agent_said("r", "It is sunny today.", False)
    assert lines(talk) == [("agent", "It is", True, True)]


def test_a_reply_without_a_word_makes_no_turn(talk: Conversation) -> None:
    talk.agent_delta("r", " ")
    talk.agent_said("r", "", False)
    talk.agent_stopped("r", True)
    assert lines(talk) == []
    assert talk.agent_text("r") == ""


def test_a_stopped_turn_keeps_its_words(talk: Conversation) -> None:
    talk.agent_delta("r", "It ")
    talk.agent_stopped("r", False)
    assert lines(talk) == [("agent", "It", True, False)]
    talk.agent_stopped("r", True)
    talk.agent_stopped("r", False)
    assert lines(talk) == [("agent", "It", True, True)], "once interrupted, always interrupted"


def test_turns_stand_in_the_order_in_which_they_began(talk: Conversation) -> None:
    talk.user_said("m", "one", False)
    talk.agent_delta("r", "two")
    talk.user_said("m", "one!", True)
    talk.note("three")
    talk.user_typed("four")
    assert [(role, text) for role, text, _, _ in lines(talk)] == [
        ("user", "one!"),
        ("agent", "two"),
        ("system", "three"),
        ("user", "four"),
    ]


def test_a_turn_has_a_bounded_length_and_says_that_it_was_cut(talk: Conversation) -> None:
    for _ in range(3):
        talk.agent_delta("r", "x" * MAX_TURN_CHARS)
    assert len(talk.turns[0].text) == MAX_TURN_CHARS and talk.turns[0].text.endswith("…")


def test_the_oldest_turns_go_first() -> None:
    talk = Conversation(2)
    for number in range(5):
        talk.agent_said(f"r{number}", str(number), False)
    assert [turn.text for turn in talk.turns] == ["3", "4"]


def test_a_tool_turn_is_settled_once(talk: Conversation) -> None:
    talk.tool_called("c", "weather()")
    talk.tool_settled("c", "weather() failed")
    talk.tool_settled("c", "other", cancelled=True)
    talk.tool_settled("nobody", "x")
    assert lines(talk) == [("tool", "weather() failed", True, False)]


def test_the_end_settles_everything(talk: Conversation) -> None:
    talk.user_said("m", "one", False)
    talk.finish()
    assert lines(talk) == [("user", "one", True, False)]


# --- places ------------------------------------------------------------------------------------------------------------------


def shown(conversation: Conversation) -> list[str]:
    return [turn.text for turn in conversation.turns]


def test_a_transcript_that_comes_late_stands_where_it_was_spoken() -> None:
    """The agent's words often arrive before those that they answer."""
    talk = Conversation(10)
    talk.placed("u1", "", "user")
    talk.placed("a1", "u1", "agent")
    talk.agent_delta("a1", "It is sunny.")
    assert shown(talk) == ["It is sunny."], "a turn without words has its place and is not shown"
    talk.user_said("u1", "What is the weather?", True)
    assert shown(talk) == ["What is the weather?", "It is sunny."]


def test_a_turn_that_is_placed_after_its_words_came_moves_there() -> None:
    talk = Conversation(10)
    talk.agent_delta("a1", "Second.")
    talk.user_said("u1", "First.", True)
    talk.placed("a1", "u1", "agent")
    assert shown(talk) == ["First.", "Second."]


def test_a_turn_behind_an_unknown_one_stands_at_the_end_or_where_it_stood() -> None:
    talk = Conversation(10)
    talk.placed("u1", "never heard of", "user")
    talk.user_typed("Typed.")
    talk.user_said("u1", "First.", True)
    talk.placed("u1", "nor of this", "user")
    talk.placed("u2", "nor this", "user")
    talk.user_said("u2", "Last.", True)
    assert shown(talk) == ["First.", "Typed.", "Last."]


def test_a_turn_cannot_stand_behind_itself() -> None:
    talk = Conversation(10)
    talk.user_said("u1", "One.", True)
    talk.user_said("u2", "Two.", True)
    talk.placed("u1", "u1", "user")
    assert shown(talk) == ["One.", "Two."]


def test_the_first_place_is_that_of_the_session_of_now() -> None:
    talk = Conversation(10)
    talk.user_said("u1", "Before.", True)
    talk.new_session("Context lost.")
    talk.user_typed("Typed.")
    talk.placed("u1", "", "user")
    talk.user_said("u1", "After.", True)
    assert shown(talk) == ["Before.", "Context lost.", "After.", "Typed."]


def test_a_placed_turn_that_turns_out_empty_keeps_its_place_for_those_behind_it() -> None:
    talk = Conversation(10)
    talk.user_typed("Typed.")
    talk.placed("u1", "", "user")
    talk.user_said("u1", "hm", False)
    talk.user_said("u1", "", True)
    talk.placed("a1", "u1", "agent")
    talk.agent_said("a1", "Yes?", False)
    assert shown(talk) == ["Yes?", "Typed."]


def test_places_are_bounded_like_turns() -> None:
    talk = Conversation(3)
    for number in range(50):
        talk.placed(f"u{number}", f"u{number - 1}" if number else "", "user")
    assert len(talk._turns) == 3


def test_only_what_was_said_is_history() -> None:
    talk = Conversation(10)
    talk.user_said("u1", "Hello.", True)
    talk.tool_called("c1", "weather()")
    talk.note("A note.")
    talk.agent_said("a1", "Good day. ", False)
    talk.placed("u2", "u1", "user")
    talk.new_session("Context lost.")
    assert talk.spoken() == [("user", "Hello."), ("agent", "Good day.")]


def test_every_turn_of_a_lost_session_is_final() -> None:
    talk = Conversation(10)
    talk.user_said("u1", "Half a sen", False)
    talk.new_session("Context lost.")
    assert [(turn.role, turn.final) for turn in talk.turns] == [("user", True), ("mark", True)]


@given(
    st.lists(
        st.tuples(st.sampled_from("abcde"), st.sampled_from(["", "a", "b", "c", "d", "e", "z"]), st.sampled_from(["user", "agent"])),
        max_size=30,
    )
)  # fmt: skip
def test_placing_neither_loses_nor_doubles_a_turn(places: list[tuple[str, str, str]]) -> None:
    talk = Conversation(100)
    for turn_id, after_id, role in places:
        talk.placed(turn_id, after_id, role)
        if role == "user":
            talk.user_said(turn_id, "words", True)
        else:
            talk.agent_said(turn_id, "words", False)
        ids = [turn.id for turn in talk.turns]
        if f"{role}:{turn_id}" != f"{role}:{after_id}" and f"user:{after_id}" in ids and turn_id != after_id:
            assert ids.index(f"{role}:{turn_id}") == ids.index(f"user:{after_id}") + 1
    assert {turn.id for turn in talk.turns} == {f"{role}:{turn_id}" for turn_id, _, role in places}
    assert len(talk.turns) == len({(role, turn_id) for turn_id, _, role in places})


def test_of_an_interrupted_turn_the_words_stay_that_were_heard() -> None:
    """Where the server does not trim, the sound decides: half of it is half of the words, up to the end of one."""
    conversation = Conversation(max_turns=10)
    conversation.agent_said("r1", "one two three four five six", False)
    conversation.agent_heard("r1", 0.5)
    assert conversation.agent_text("r1") == "one two three four five six", "nobody interrupted it"
    conversation.agent_stopped("r1", True)
    conversation.agent_heard("r1", 0.5)
    assert conversation.agent_text("r1") == "one two three four"
    conversation.agent_heard("r1", 1.0)
    assert conversation.agent_text("r1") == "one two three four"
