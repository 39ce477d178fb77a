"""Turns and the spacing rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyclient.page.spacing import join_words
from pyclient.page.transcript import MAX_TURN_CHARS, Transcript


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
def transcript() -> Transcript:
    return Transcript(10)


def lines(transcript: Transcript) -> list[tuple[str, str, bool, bool]]:
    return [(turn.role, turn.text, turn.final, turn.interrupted) for turn in transcript.turns]


def test_a_users_partial_replaces_the_one_before_and_the_final_settles_it(transcript: Transcript) -> None:
    transcript.user_said("m", "What is", False)
    transcript.user_said("m", "What's the wea", False)
    assert lines(transcript) == [("user", "What's the wea", False, False)]
    transcript.user_said("m", "What's the weather?", True)
    transcript.user_said("m", "late", False)
    assert lines(transcript) == [("user", "What's the weather?", True, False)]


def test_a_final_may_be_corrected_by_another_final(transcript: Transcript) -> None:
    transcript.user_said("m", "one", True)
    transcript.user_said("m", "two", True)
    assert lines(transcript) == [("user", "two", True, False)]


def test_without_ids_partials_belong_to_the_open_turn_and_a_new_one_begins_after_the_final(
    transcript: Transcript,
) -> None:
    transcript.user_said("", "one", False)
    transcript.user_said("", "one two", True)
    transcript.user_said("", "three", False)
    assert [text for _, text, _, _ in lines(transcript)] == ["one two", "three"]


def test_an_utterance_that_turns_out_to_be_nothing_disappears(transcript: Transcript) -> None:
    transcript.user_said("m", "", False)
    assert lines(transcript) == []
    transcript.user_said("m", "hm", False)
    transcript.user_said("m", "", True)
    assert lines(transcript) == []


def test_a_late_word_after_the_final_text_is_ignored(transcript: Transcript) -> None:
    """The final text comes before its audio has ended, and words keep coming."""
    transcript.agent_delta("r", "It")
    transcript.agent_said("r", "It is.", False)
    transcript.agent_delta("r", "late")
    assert lines(transcript) == [("agent", "It is.", True, False)]


def test_an_interrupted_text_is_final_and_trimmed_and_a_longer_one_does_not_replace_it(transcript: Transcript) -> None:
    transcript.agent_delta("r", "It is sunny")
    transcript.agent_said("r", "It is", True)
    transcript.agent_said("r", "It is sunny today.", False)
    assert lines(transcript) == [("agent", "It is", True, True)]


def test_a_reply_without_a_word_makes_no_turn(transcript: Transcript) -> None:
    transcript.agent_delta("r", " ")
    transcript.agent_said("r", "", False)
    transcript.agent_stopped("r", True)
    assert lines(transcript) == []
    assert transcript.agent_text("r") == ""


def test_a_stopped_turn_keeps_its_words(transcript: Transcript) -> None:
    transcript.agent_delta("r", "It ")
    transcript.agent_stopped("r", False)
    assert lines(transcript) == [("agent", "It", True, False)]
    transcript.agent_stopped("r", True)
    transcript.agent_stopped("r", False)
    assert lines(transcript) == [("agent", "It", True, True)], "once interrupted, always interrupted"


def test_turns_stand_in_the_order_in_which_they_began(transcript: Transcript) -> None:
    transcript.user_said("m", "one", False)
    transcript.agent_delta("r", "two")
    transcript.user_said("m", "one!", True)
    transcript.note("three")
    transcript.user_typed("four")
    assert [(role, text) for role, text, _, _ in lines(transcript)] == [
        ("user", "one!"),
        ("agent", "two"),
        ("system", "three"),
        ("user", "four"),
    ]


def test_a_turn_has_a_bounded_length_and_says_that_it_was_cut(transcript: Transcript) -> None:
    for _ in range(3):
        transcript.agent_delta("r", "x" * MAX_TURN_CHARS)
    assert len(transcript.turns[0].text) == MAX_TURN_CHARS and transcript.turns[0].text.endswith("…")


def test_the_oldest_turns_go_first() -> None:
    transcript = Transcript(2)
    for number in range(5):
        transcript.agent_said(f"r{number}", str(number), False)
    assert [turn.text for turn in transcript.turns] == ["3", "4"]


def test_a_tool_turn_is_settled_once(transcript: Transcript) -> None:
    transcript.tool_called("c", "weather()")
    transcript.tool_settled("c", "weather() failed")
    transcript.tool_settled("c", "other", cancelled=True)
    transcript.tool_settled("nobody", "x")
    assert lines(transcript) == [("tool", "weather() failed", True, False)]


def test_the_end_settles_everything(transcript: Transcript) -> None:
    transcript.user_said("m", "one", False)
    transcript.finish()
    assert lines(transcript) == [("user", "one", True, False)]


# --- places -----------------------------------------------------------------------------------------------------------


def shown(conversation: Transcript) -> list[str]:
    return [turn.text for turn in conversation.turns]


def test_a_transcript_that_comes_late_stands_where_it_was_spoken() -> None:
    """The agent's words often arrive before those that they answer."""
    transcript = Transcript(10)
    transcript.placed("u1", "", "user")
    transcript.placed("a1", "u1", "agent")
    transcript.agent_delta("a1", "It is sunny.")
    assert shown(transcript) == ["It is sunny."], "a turn without words has its place and is not shown"
    transcript.user_said("u1", "What is the weather?", True)
    assert shown(transcript) == ["What is the weather?", "It is sunny."]


def test_a_turn_that_is_placed_after_its_words_came_moves_there() -> None:
    transcript = Transcript(10)
    transcript.agent_delta("a1", "Second.")
    transcript.user_said("u1", "First.", True)
    transcript.placed("a1", "u1", "agent")
    assert shown(transcript) == ["First.", "Second."]


def test_a_turn_behind_an_unknown_one_stands_at_the_end_or_where_it_stood() -> None:
    transcript = Transcript(10)
    transcript.placed("u1", "never heard of", "user")
    transcript.user_typed("Typed.")
    transcript.user_said("u1", "First.", True)
    transcript.placed("u1", "nor of this", "user")
    transcript.placed("u2", "nor this", "user")
    transcript.user_said("u2", "Last.", True)
    assert shown(transcript) == ["First.", "Typed.", "Last."]


def test_a_turn_cannot_stand_behind_itself() -> None:
    transcript = Transcript(10)
    transcript.user_said("u1", "One.", True)
    transcript.user_said("u2", "Two.", True)
    transcript.placed("u1", "u1", "user")
    assert shown(transcript) == ["One.", "Two."]


def test_the_first_place_is_that_of_the_session_of_now() -> None:
    transcript = Transcript(10)
    transcript.user_said("u1", "Before.", True)
    transcript.new_session("Context lost.")
    transcript.user_typed("Typed.")
    transcript.placed("u1", "", "user")
    transcript.user_said("u1", "After.", True)
    assert shown(transcript) == ["Before.", "Context lost.", "After.", "Typed."]


def test_a_placed_turn_that_turns_out_empty_keeps_its_place_for_those_behind_it() -> None:
    transcript = Transcript(10)
    transcript.user_typed("Typed.")
    transcript.placed("u1", "", "user")
    transcript.user_said("u1", "hm", False)
    transcript.user_said("u1", "", True)
    transcript.placed("a1", "u1", "agent")
    transcript.agent_said("a1", "Yes?", False)
    assert shown(transcript) == ["Yes?", "Typed."]


def test_places_are_bounded_like_turns() -> None:
    transcript = Transcript(3)
    for number in range(50):
        transcript.placed(f"u{number}", f"u{number - 1}" if number else "", "user")
    assert len(transcript) == 3


def test_only_what_was_said_is_history() -> None:
    transcript = Transcript(10)
    transcript.user_said("u1", "Hello.", True)
    transcript.tool_called("c1", "weather()")
    transcript.note("A note.")
    transcript.agent_said("a1", "Good day. ", False)
    transcript.placed("u2", "u1", "user")
    transcript.new_session("Context lost.")
    assert transcript.spoken() == [("user", "Hello."), ("agent", "Good day.")]


def test_every_turn_of_a_lost_session_is_final() -> None:
    transcript = Transcript(10)
    transcript.user_said("u1", "Half a sen", False)
    transcript.new_session("Context lost.")
    assert [(turn.role, turn.final) for turn in transcript.turns] == [("user", True), ("mark", True)]


@given(
    st.lists(
        st.tuples(st.sampled_from("abcde"), st.sampled_from(["", "a", "b", "c", "d", "e", "z"]), st.sampled_from(["user", "agent"])),
        max_size=30,
    )
)  # fmt: skip
def test_placing_neither_loses_nor_doubles_a_turn(places: list[tuple[str, str, str]]) -> None:
    transcript = Transcript(100)
    for turn_id, after_id, role in places:
        transcript.placed(turn_id, after_id, role)
        if role == "user":
            transcript.user_said(turn_id, "words", True)
        else:
            transcript.agent_said(turn_id, "words", False)
        ids = [turn.id for turn in transcript.turns]
        if f"{role}:{turn_id}" != f"{role}:{after_id}" and f"user:{after_id}" in ids and turn_id != after_id:
            assert ids.index(f"{role}:{turn_id}") == ids.index(f"user:{after_id}") + 1
    assert {turn.id for turn in transcript.turns} == {f"{role}:{turn_id}" for turn_id, _, role in places}
    assert len(transcript.turns) == len({(role, turn_id) for turn_id, _, role in places})


def test_of_an_interrupted_turn_the_words_stay_that_were_heard() -> None:
    """Where the server does not trim, the sound decides: half of it is half of the words, up to the end of one."""
    conversation = Transcript(max_turns=10)
    conversation.agent_said("r1", "one two three four five six", False)
    conversation.agent_heard("r1", 500, 0.5)
    assert conversation.agent_text("r1") == "one two three four five six", "nobody interrupted it"
    conversation.agent_stopped("r1", True)
    conversation.agent_heard("r1", 500, 0.5)
    assert conversation.agent_text("r1") == "one two three four"
    conversation.agent_heard("r1", 500, 1.0)
    assert conversation.agent_text("r1") == "one two three four"


def test_where_the_vendor_says_when_each_word_begins_a_turn_ends_with_the_word_that_had_begun() -> None:
    conversation = Transcript(max_turns=10)
    for word, start_ms in (("It ", 30), ("is ", 180), ("five ", 300), ("o'clock.", 700)):
        conversation.agent_delta("r1", word, start_ms)
    (turn,) = conversation.turns
    assert [turn.text[: turn.heard_length(ms, 0.9)] for ms in (0, 30, 31, 299, 301, 9_000)] == [
        "", "", "It", "It is", "It is five", "It is five o'clock.",
    ]  # fmt: skip
    conversation.agent_stopped("r1", True)
    conversation.agent_heard("r1", 310, 0.1)
    assert turn.text == "It is five"


def test_times_of_words_are_forgotten_where_the_text_becomes_another_one() -> None:
    conversation = Transcript(max_turns=10)
    conversation.agent_delta("r1", "one ", 10)
    conversation.agent_delta("r1", "two", 20)
    conversation.agent_said("r1", "one two", False)
    (turn,) = conversation.turns
    assert turn.heard_length(15, 1.0) == 3
    conversation.agent_said("r1", "one, two, three", False)
    assert turn.heard_length(15, 0.5) == len("one, two,")


def test_without_times_the_share_of_the_sound_decides_also_where_words_have_no_spaces() -> None:
    conversation = Transcript(max_turns=10)
    conversation.agent_said("r1", "\u4f60\u597d\u5417", False)
    conversation.agent_said("r2", "e\u0301e\u0301 a", False)
    assert [turn.heard_length(100, 0.4) for turn in conversation.turns] == [1, 4]
    assert [turn.heard_length(0, 0.4) for turn in conversation.turns] == [0, 0]
