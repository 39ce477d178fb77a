"""Words that come late or in pieces, the order of turns, one voice at a time, and notices that outlive their cause."""

from __future__ import annotations

import base64
import json
import sys
import unicodedata
from typing import Any

import pytest

from pyclient.codecs.openai_realtime import OpenAIRealtimeCodec
from pyclient.core import events as ev
from pyclient.core.graphemes import clip, heard_part, is_mark, is_spaceless, joins
from pyclient.core.safejson import Limits
from pyclient.page.spacing import join_words
from pyclient.page.transcript import Transcript
from tests.support.openai_host import OpenAIHost
from tests.support.playbook import FakeHost, tone

FAMILY = "👨‍👩‍👧‍👦"
JAPANESE = "今日はとても良い天気ですから散歩に行きましょう"
THAI = "วันนี้อากาศดีมากเราไปเดินเล่นกันเถอะ"


def live() -> OpenAIHost:
    return OpenAIHost().live()


# --- how much of a text was heard -------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [JAPANESE, THAI, "ဒီနေ့ရာသီဥတုကောင်းတယ်", "ថ្ងៃនេះអាកាសធាតុល្អ", "今天天气很好我们去散步吧"])
def test_an_interrupted_reply_is_cut_in_proportion_where_the_script_has_no_spaces(text: str) -> None:
    host = live()
    host.created("r1")
    host.sound("r1", tone(96_000))
    host.words("r1", text)
    host.render("r1", 9_600)
    host.speech()
    host.done("r1", "cancelled", status_details={"reason": "turn_detected"})
    host.flushed("r1", 9_600)
    ((_, shown, _, interrupted),) = host.turns("agent")
    assert interrupted and text.startswith(shown)
    assert 0 < len(shown) <= len(text) * 0.1 + 4
    assert not is_mark(text[len(shown)]), "no character is torn apart"


@pytest.mark.parametrize(
    ("text", "share", "wanted"),
    [
        ("one two three four", 0.5, "one two three"),
        ("one two three four", 0.0, ""),
        ("one two three four", 1.0, "one two three four"),
        ("Donaudampfschifffahrt", 0.2, "Donaudampfschifffahrt"),
        ("line\nbreak", 0.3, "line"),
        ("日本のAPIです", 0.5, "日本のAPI"),
        ("今日は " + FAMILY + " です", 0.4, "今日は " + FAMILY),
        ("か\u3099き\u3099く\u3099", 0.1, "か\u3099"),
        ("「今日」は", 0.3, "「今"),
        ("안녕하세요 여러분", 0.1, "안녕하세요"),
    ],
)
def test_the_heard_part_ends_with_a_word_or_a_character(text: str, share: float, wanted: str) -> None:
    assert heard_part(text, share) == wanted


@pytest.mark.parametrize(
    "cluster",
    [
        "e\u0301",
        FAMILY,
        "👍🏽",
        "🇩🇪",
        "1\ufe0f\u20e3",
        "नि",
        "क्षि",
        "ก็",
        "กำ",
        "각",
        "가\u11a8",
        "\r\n",
        "❤️‍🔥",
        "🏴\U000e0067\U000e007f",
    ],
)
def test_what_a_reader_counts_as_one_character_stays_one(cluster: str) -> None:
    text = "a" + cluster + "b"
    cuts = [at for at in range(1, len(text)) if not joins(text, at)]
    assert cuts == [1, len(text) - 1]
    assert clip(cluster * 3, 2 * len(cluster)) == cluster + "…"


def test_two_flags_are_two() -> None:
    text = "🇩🇪🇫🇷"
    assert [at for at in range(1, 4) if not joins(text, at)] == [2]


def test_marks_are_those_of_unicode() -> None:
    """Compared with the tables that a browser does not load."""
    other = [
        chr(code)
        for code in range(0x300, sys.maxunicode)
        if is_mark(chr(code)) != (unicodedata.category(chr(code)) in ("Mn", "Mc", "Me"))
    ]
    named = [one for one in other if unicodedata.category(one) not in ("Cf", "Sk", "Lo", "Lm")]
    assert all(not is_mark(one) for one in named) and len(named) < 20, [hex(ord(one)) for one in named]


def test_scripts_without_spaces_are_known() -> None:
    assert all(is_spaceless(char) for char in THAI + JAPANESE + "ພາສາលាវ㐀𠀀ꀀ༄，。")
    assert not any(is_spaceless(char) for char in "aé Жא한ग🙂\u2028")


def test_live_words_come_also_where_the_script_has_no_spaces() -> None:
    """Else nothing of a long Thai reply could be read before its end."""
    host = live()
    host.created("r1")
    for char in THAI[:20]:
        host.words("r1", char)
    assert host.turns("agent")[0][1] == THAI[:20]


@pytest.mark.parametrize("word", ["e\u0301te\u0301", FAMILY, "👍🏽", "กำลัง", "か\u3099く", "नमस्ते", "❤️"])
def test_a_character_that_comes_in_two_messages_stays_one(word: str) -> None:
    assert any(joins(word, at) for at in range(1, len(word)))
    for at in range(1, len(word)):
        if joins(word, at):
            assert join_words(word[:at], word[at:]) == word


# --- words that come late ---------------------------------------------------------------------------------------------


def test_words_after_the_end_of_a_response_are_taken() -> None:
    host = live()
    host.created("r1")
    host.words("r1", "Hello there, ")
    host.done("r1")
    assert host.turns("agent")[0][1:3] == ("Hello there,", True)
    whole = "Hello there, friend."
    host.hear("response.output_audio_transcript.done", response_id="r1", item_id="item_r1", transcript=whole)
    assert host.turns("agent") == [("agent", whole, True, False)]


def test_a_late_delta_is_taken_too() -> None:
    host = live()
    host.created("r1")
    host.words("r1", "Hello there, ")
    host.done("r1")
    host.words("r1", "friend.")
    assert host.turns("agent") == [("agent", "Hello there, friend.", True, False)]


@pytest.mark.parametrize("key", ["transcript", "text"])
def test_words_that_stand_only_in_the_end_of_a_response_make_a_turn(key: str) -> None:
    host = live()
    host.created("r1")
    content = [{"type": "output_audio", key: "It is noon."}]
    host.done("r1", output=[{"id": "item_r1", "type": "message", "role": "assistant", "content": content}])
    assert host.turns("agent") == [("agent", "It is noon.", True, False)]


def test_words_of_the_end_are_not_told_twice() -> None:
    host = live()
    host.created("r1")
    host.words("r1", "It is noon.")
    content = [{"type": "output_audio", "transcript": "It is noon."}]
    host.done("r1", output=[{"id": "item_r1", "type": "message", "role": "assistant", "content": content}])
    assert host.turns("agent") == [("agent", "It is noon.", True, False)]


def test_late_words_of_an_interrupted_response_are_not_taken() -> None:
    host = live()
    host.created("r1")
    host.sound("r1")
    host.words("r1", "Hello there, ")
    host.speech()
    host.done("r1", "cancelled", status_details={"reason": "turn_detected"})
    host.words("r1", "friend.")
    assert "friend" not in host.turns("agent")[0][1]


def test_late_deltas_are_taken_on_the_other_wire() -> None:
    host = FakeHost().go_live()
    host.hear("reply.started", reply_id="r")
    host.hear("transcript.agent.delta", reply_id="r", delta="Hello")
    host.hear("reply.done", reply_id="r")
    host.hear("transcript.agent.delta", reply_id="r", delta="there")
    assert host.turns("agent") == [("agent", "Hello there", True, False)]
    host.hear("transcript.agent", reply_id="r", text="Hello there.")
    host.hear("transcript.agent.delta", reply_id="r", delta="again")
    assert host.turns("agent") == [("agent", "Hello there.", True, False)], "the whole text is the last word"


# --- the order of turns -----------------------------------------------------------------------------------------------


def test_the_persons_line_stands_above_the_answer_where_only_the_start_of_speech_names_it() -> None:
    host = live()
    host.hear("input_audio_buffer.speech_started", item_id="u1")
    host.hear("input_audio_buffer.speech_stopped", item_id="u1")
    host.hear("conversation.item.input_audio_transcription.delta", item_id="u1", delta="what time")
    host.created("r1")
    host.hear("response.output_item.added", response_id="r1", item={"id": "a1", "type": "message", "role": "assistant"})
    added = {"id": "a1", "type": "message", "role": "assistant"}
    host.hear("conversation.item.added", item=added, previous_item_id=None)
    host.hear("response.output_audio_transcript.delta", response_id="r1", item_id="a1", delta="It is noon. ")
    host.hear("conversation.item.input_audio_transcription.completed", item_id="u1", transcript="what time is it")
    assert [role for role, *_ in host.turns()] == ["user", "agent"]


def test_and_also_where_its_words_come_late() -> None:
    host = live()
    host.hear("input_audio_buffer.speech_started", item_id="u1")
    host.hear("input_audio_buffer.speech_stopped", item_id="u1")
    host.created("r1")
    host.words("r1", "It is noon. ")
    host.done("r1")
    host.hear("conversation.item.input_audio_transcription.completed", item_id="u1", transcript="what time is it")
    assert [text for _, text, *_ in host.turns()] == ["what time is it", "It is noon."]
    host.speech("u2")
    host.created("r2")
    host.words("r2", "You are welcome. ")
    host.hear("conversation.item.input_audio_transcription.completed", item_id="u2", transcript="thanks")
    assert [role for role, *_ in host.turns()] == ["user", "agent", "user", "agent"]


def test_on_the_other_wire_a_late_transcript_stands_where_the_speech_began() -> None:
    host = FakeHost().go_live()
    host.hear("input.speech.started")
    host.hear("input.speech.stopped")
    host.hear("reply.started", reply_id="r")
    host.hear("transcript.agent.delta", reply_id="r", delta="Noon.")
    host.hear("transcript.user", item_id="u1", text="what time is it")
    assert [role for role, *_ in host.turns()] == ["user", "agent"]


# --- notices ----------------------------------------------------------------------------------------------------------


def test_a_complete_reply_takes_back_the_notice_of_a_passing_fault() -> None:
    host = live()
    host.hear("error", error={"type": "weird", "code": "weird_code", "message": "odd"})
    assert host.view["notice"]["code"] == "fault_unknown"
    host.created("r1")
    host.done("r1", "cancelled", status_details={"reason": "client_cancelled"})
    assert host.view["notice"] is not None
    host.created("r2")
    host.done("r2")
    assert host.view["notice"] is None


def test_a_failed_reply_does_not_take_its_own_notice_back() -> None:
    host = live()
    host.created("r1")
    host.done("r1", "failed", status_details={"type": "failed", "error": {"code": "x", "message": "m"}})
    assert host.view["notice"]["code"] == "fault_reply"
    other = FakeHost().go_live()
    other.hear("reply.started", reply_id="r")
    other.hear("reply.error", reply_id="r", code="x", message="m")
    assert other.view["notice"]["code"] == "fault_reply"
    other.hear("reply.started", reply_id="q")
    other.hear("reply.done", reply_id="q")
    assert other.view["notice"] is None


def test_no_notice_of_the_call_outlives_it() -> None:
    host = live()
    host.hear("error", error={"type": "weird", "code": "weird_code", "message": "odd"})
    host.tell(ev.HangUpRequested())
    assert host.view["state"] == "ended" and host.view["notice"] is None


@pytest.mark.parametrize(
    "trouble",
    [
        lambda host: host.wait("wrap_up"),
        lambda host: host.tell(ev.CaptureFailed(kind="silent", fatal=False)),
        lambda host: host.tell(ev.TextSubmitted(text="x" * 5_000)),
        lambda host: host.tell(ev.CaptureHeld(kept_ms=0, dropped_ms=900)),
        lambda host: host.drop(),
    ],
)
def test_nor_does_any_other(trouble: Any) -> None:
    host = live()
    trouble(host)
    assert host.view["notice"] is not None
    host.tell(ev.HangUpRequested())
    assert host.view["state"] == "ended" and host.view["notice"] is None


# --- sound ------------------------------------------------------------------------------------------------------------

PCM = tone(2_401)[:4_802]
WHOLE = base64.b64encode(PCM).decode()


@pytest.mark.parametrize(
    "text",
    [WHOLE.rstrip("="), "\r\n".join(WHOLE[at : at + 76] for at in range(0, len(WHOLE), 76)), WHOLE + "\n", " " + WHOLE],
    ids=["no padding", "line breaks", "a break at the end", "a space"],
)
def test_sound_is_played_though_its_base64_is_untidy(text: str) -> None:
    host = live()
    host.created("r1")
    host.hear("response.output_audio.delta", response_id="r1", item_id="a", delta=text)
    assert host.played == [("r1", 2_401)]
    other = FakeHost().go_live()
    other.hear("reply.audio", reply_id="r1", data=text)
    assert other.played == [("r1", 2_401)]
    assert host.view["notice"] is other.view["notice"] is None


def test_sound_that_cannot_be_read_is_told_once() -> None:
    host = FakeHost().go_live()
    for _ in range(3):
        host.hear("reply.audio", reply_id="r1", data="%%%")
    assert host.view["notice"]["code"] == "audio_unreadable"
    host.tell(ev.CaptureFailed(kind="silent", fatal=False))
    host.hear("reply.audio", reply_id="r1", data="%%%")
    assert host.view["notice"]["code"] == "mic_silent", "once"
    other = live()
    other.hear("response.output_audio.delta", response_id="r1", item_id="a", delta="%%%")
    assert other.view["notice"]["code"] == "audio_unreadable"


@pytest.mark.parametrize("interrupted", [False, True])
def test_replies_whose_chunks_interleave_are_heard_one_after_the_other(interrupted: bool) -> None:
    host = live()
    for reply_id in ("a", "b"):
        host.created(reply_id)
    for _ in range(3):
        for reply_id in ("a", "b"):
            host.sound(reply_id)
    assert [item for item, _ in host.played] == ["a", "b", "b", "b"], "once b speaks, the rest of a waits"
    if interrupted:
        host.tell(ev.InterruptRequested())
        host.flushed("a", 100)
        host.done("b", "cancelled", status_details={"reason": "client_cancelled"})
        assert len(host.played) == 4, "what waited is silenced too"
    else:
        host.done("b")
        assert [item for item, _ in host.played][4:] == ["a", "a"]


def test_a_voice_that_waits_for_another_one_waits_no_longer_than_the_speaker_is_busy() -> None:
    host = FakeHost().go_live()
    for reply_id in ("a", "b", "a"):
        host.hear_audio(reply_id, tone(480))
    assert [item for item, _ in host.played] == ["a", "b"]
    host.render("b", 480)
    host.tell(ev.PlaybackDrained())
    assert [item for item, _ in host.played] == ["a", "b", "a"]


def test_a_conversation_forgets_speech_that_never_became_words() -> None:
    transcript = Transcript(10)
    for number in range(1_000):
        transcript.speech_began(f"u{number}")
    assert transcript.unplaced_speeches == 64


def test_a_turn_that_was_taken_back_and_comes_again_stands_behind_no_turn_of_its_own() -> None:
    """Found by a thrown sequence: an empty final takes the turn away, and its id is used once more."""
    transcript = Transcript(10)
    transcript.user_said("u0", "hm", False)
    transcript.speech_began()
    transcript.user_said("u0", "", True)
    transcript.user_said("u0", "hello", False)
    assert [turn.text for turn in transcript.turns] == ["hello"]


def test_half_a_pair_over_two_messages_raises_nothing() -> None:
    codec = OpenAIRealtimeCodec()
    for delta in ("\ud83d", "\ude00"):
        data = json.dumps(
            {"type": "response.output_audio_transcript.delta", "response_id": "r", "item_id": "i", "delta": delta}
        )
        for event in codec.decode(data, Limits()):
            assert isinstance(event, ev.ReplyTranscribed)
            event.text.encode()
