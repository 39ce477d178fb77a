"""A conversation whose line breaks anywhere ends with the transcript of one whose line held.

The server is a script of AssemblyAI messages. It keeps what it could not send while the line was down and sends it
after the resume; it may not know what arrived, so it may say its last messages once more.
"""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyclient.core import events as ev
from tests.support.playbook import FakeHost, sent_types, tone
from tests.support.two_tools import finish, live

# A search with drawn numbers: seconds of a processor, and what it found once has a test of its own that is fast.
pytestmark = pytest.mark.slow

Message = dict[str, Any]


def user_turn(number: int) -> list[Message]:
    item = f"u{number}"
    return [
        {"type": "input.speech.started"},
        {"type": "transcript.user.delta", "item_id": item, "text": "Question"},
        {"type": "transcript.user.delta", "item_id": item, "text": f"Question {number}"},
        {"type": "input.speech.stopped"},
        {"type": "transcript.user", "item_id": item, "text": f"Question number {number}?"},
    ]


def agent_turn(number: int, interrupted: bool) -> list[Message]:
    ids = {"reply_id": f"r{number}", "item_id": f"a{number}"}
    words = [{"type": "transcript.agent.delta", **ids, "delta": f"{word} "} for word in ("This", "is", "answer")]
    said = "This is" if interrupted else f"This is answer {number}."
    return [
        {"type": "reply.started", **ids},
        *words,
        {"type": "reply.audio", "reply_id": ids["reply_id"], "data": "AAABAP9//4A="},
        {"type": "transcript.agent", **ids, "text": said, "interrupted": interrupted},
        {"type": "reply.done", "reply_id": ids["reply_id"], "status": "interrupted" if interrupted else "completed"},
    ]


def script(turns: list[bool]) -> list[Message]:
    """One question and answer for each entry; True: the answer is interrupted."""
    return [
        message
        for number, interrupted in enumerate(turns)
        for message in user_turn(number) + agent_turn(number, interrupted)
    ]


def say(host: FakeHost, message: Message) -> None:
    host.hear(**message)


def come_back(host: FakeHost, failures: int) -> None:
    for _ in range(failures):
        host.wait("retry")
        host.grant()
        host.drop()
    host.wait("retry")
    host.grant()
    assert sent_types(host.opened()) == ["session.resume"]
    host.hear("session.ready", session_id="sess_1")
    assert host.view["state"] == "live"


# Where the line breaks (a share of the script), how many attempts fail, and how much is said once more.
breaks = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=4)


@given(st.lists(st.booleans(), min_size=1, max_size=4), breaks)
@settings(max_examples=200)
def test_no_final_transcript_is_lost_or_doubled(turns: list[bool], drops: list[tuple[float, int, int]]) -> None:
    messages = script(turns)
    whole = FakeHost(greeting="Hello.").go_live()
    for message in messages:
        say(whole, message)
    broken = FakeHost(greeting="Hello.").go_live()
    due = {int(where * len(messages)): (failures, again) for where, failures, again in drops}
    for at, message in enumerate(messages):
        if at in due:
            failures, again = due[at]
            broken.drop(after_ms=11_000)  # the line held for long enough to count as good
            come_back(broken, failures)
            for earlier in messages[max(0, at - again) : at]:
                say(broken, earlier)
        say(broken, message)
    assert broken.turns() == whole.turns()
    assert [turn["role"] for turn in broken.view["turns"] if turn["role"] == "mark"] == []
    updates = [message for message in broken.sent if message["type"] == "session.update" and message["session"]]
    assert len(updates) == 1, "greeted once"


@given(st.integers(0, 6), st.booleans())
@settings(max_examples=40)
def test_a_tool_is_answered_exactly_once_wherever_the_line_breaks(at: int, finishes_in_the_gap: bool) -> None:
    host = live()
    steps: list[Message] = [
        {"type": "input.speech.started"},
        {"type": "input.speech.stopped"},
        {"type": "reply.started", "reply_id": "p"},
        {"type": "tool.call", "call_id": "c1", "name": "weather", "arguments": {"city": "Oslo"}},
        {"type": "reply.done", "reply_id": "p", "status": "completed"},
    ]
    for number, message in enumerate(steps):
        if number == at:
            host.drop()
            come_back(host, 1)
        say(host, message)
    if at > len(steps) - 1:
        host.drop()
        if finishes_in_the_gap:
            finish(host)
        come_back(host, 1)
    finish(host)
    assert [message["call_id"] for message in host.sent if message["type"] == "tool.result"] == ["c1"]


@given(st.lists(st.integers(1, 60), min_size=1, max_size=6), st.integers(0, 3_000))
@settings(max_examples=60)
def test_across_any_gaps_audio_is_in_order_never_twice_and_never_more_than_the_buffer(
    frames: list[int], outage_audio_ms: int
) -> None:
    host = FakeHost(outage_audio_ms=outage_audio_ms).go_live()
    host.sent.clear()
    spoken = 0

    def speak(count: int) -> None:
        nonlocal spoken
        for _ in range(count):
            spoken += 1
            host.tell(ev.AudioCaptured(pcm=spoken.to_bytes(2, "little") + tone(959)), after_ms=40)

    for count in frames:
        speak(3)
        host.drop()
        before = len(host.sent)
        speak(count)
        come_back(host, 0)
        kept = [message for message in host.sent[before:] if message["type"] == "input.audio"]
        assert len(kept) == min(count, outage_audio_ms // 40)
    speak(3)
    audio = [message["audio"] for message in host.sent if message["type"] == "input.audio"]
    assert len(audio) == len(set(audio))
    numbers = [int.from_bytes(base64.b64decode(one)[:2], "little") for one in audio]
    assert numbers == sorted(numbers) and numbers[-1] == spoken
