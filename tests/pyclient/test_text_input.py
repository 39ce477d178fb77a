"""Typed messages and lines that break: nothing that was typed stays unanswered, and nothing is answered twice."""

from __future__ import annotations

import pytest

from pyclient.core import events as ev
from pyclient.core.states import State
from pyclient.part import LineBack
from pyclient.tools import ToolRegistry
from pyclient.tools.calls import ToolCalls
from pyclient.turns.barge_in import BargeIn
from pyclient.turns.text_input import ASK_AGAIN_TIMER, MAX_TYPED_CHARS, TextInput
from pyclient.turns.turn_taking import TurnTaking
from tests.support.brokenlines import back
from tests.support.fakewire import wire_host
from tests.support.parts import call_in, done, fired, sent, told
from tests.support.playbook import FakeHost, sent_types, tone


@pytest.fixture
def host() -> FakeHost:
    return FakeHost(greeting="Hello.").go_live()


def test_what_was_typed_without_a_line_is_sent_when_it_is_back() -> None:
    host = FakeHost().reach("dropped")
    assert host.tell(ev.TextSubmitted(text="hello")) == []
    assert host.turns() == [] and host.view["notice"]["code"] == "line_lost"
    assert "reply.create" in sent_types(back(host))
    assert [turn["text"] for turn in host.view["turns"] if turn["role"] == "user"] == ["hello"]


def test_more_typed_without_a_line_than_can_wait_is_told_as_not_sent() -> None:
    host = FakeHost().reach("dropped")
    for number in range(6):
        host.tell(ev.TextSubmitted(text=f"hello {number}"))
    assert host.view["notice"]["code"] == "not_sent_line_lost"


@pytest.mark.parametrize(("state", "text"), [("live", "  "), ("ended", "hello")])
def test_what_nobody_could_answer_is_left_alone(state: str, text: str) -> None:
    host = FakeHost().reach(state)
    assert host.tell(ev.TextSubmitted(text=text)) == []
    assert host.logs[-1] == ("!", "a typed message was left alone: no call is running, or it is empty")
    assert host.turns("user") == []


def test_a_vendor_that_takes_no_text_is_sent_none(monkeypatch: pytest.MonkeyPatch) -> None:
    host = wire_host(monkeypatch, typed_text=False)
    assert host.tell(ev.TextSubmitted(text="hello")) == []
    assert "takes none" in str(host.logs) and host.turns("user") == []


def test_a_text_that_is_too_long_is_told_and_the_longest_one_is_sent(host: FakeHost) -> None:
    assert host.tell(ev.TextSubmitted(text="x" * (MAX_TYPED_CHARS + 1))) == []
    assert host.view["notice"]["code"] == "text_too_long"
    assert "reply.create" in sent_types(host.tell(ev.TextSubmitted(text="x" * MAX_TYPED_CHARS)))


def test_an_answer_whose_beginning_was_not_announced_is_an_answer(host: FakeHost) -> None:
    host.tell(ev.TextSubmitted(text="hello"))
    host.drop()
    back(host)
    host.hear_audio("r1", tone(2_400))
    assert sent_types(host.wait(ASK_AGAIN_TIMER)) == []


def test_what_waits_in_a_call_that_ends_is_not_said_in_the_next() -> None:
    host = FakeHost().reach("dropped")
    host.tell(ev.TextSubmitted(text="hello"))
    host.tell(ev.HangUpRequested())
    host.go_live()
    assert "reply.create" not in [message["type"] for message in host.sent]


def test_a_message_that_may_have_died_with_the_socket_is_asked_again_in_the_resumed_session(host: FakeHost) -> None:
    host.tell(ev.TextSubmitted(text="hello"))
    host.drop()
    assert "reply.create" not in sent_types(back(host)), "the server may only be late"
    # Only the request: the record of a server that had the message must not hold it twice.
    assert sent_types(host.wait(ASK_AGAIN_TIMER)) == ["reply.create"]
    assert host.sent[-1]["instructions"].endswith(": hello")
    assert [text for _, text, _, _ in host.turns("user")] == ["hello"]
    assert host.view["activity"] == "thinking"


@pytest.mark.parametrize("when", ["before the line breaks", "after it is back"])
def test_a_message_that_is_being_answered_is_not_asked_again(host: FakeHost, when: str) -> None:
    host.tell(ev.TextSubmitted(text="hello"))
    if when == "before the line breaks":
        host.speak_reply("r1")
    host.drop()
    back(host)
    if when == "after it is back":
        host.hear("reply.started", reply_id="r1")
    assert ASK_AGAIN_TIMER not in host.timers


def test_a_reply_of_which_nothing_came_before_the_line_broke_is_asked_for_again(host: FakeHost) -> None:
    host.tell(ev.TextSubmitted(text="hello"))
    host.hear("reply.started", reply_id="r1")
    host.drop()
    back(host)
    assert sent_types(host.wait(ASK_AGAIN_TIMER)) == ["reply.create"]


def test_a_line_that_breaks_again_before_the_answer_asks_again_still(host: FakeHost) -> None:
    host.tell(ev.TextSubmitted(text="hello"))
    host.drop()
    back(host)
    host.drop()
    assert ASK_AGAIN_TIMER not in host.timers
    back(host)
    assert sent_types(host.wait(ASK_AGAIN_TIMER)) == ["reply.create"]


@pytest.mark.parametrize(("history", "asked"), [(True, "answer text"), (False, "text")])
def test_a_new_session_is_asked_at_once_and_told_the_message_where_it_knows_no_history(
    monkeypatch: pytest.MonkeyPatch, history: bool, asked: str
) -> None:
    host = wire_host(monkeypatch, history=history)
    host.tell(ev.TextSubmitted(text="hello"))
    host.drop()
    host.wait("retry")
    host.brief()
    host.open_wire("another")
    assert host.brief()[-1] == f"{asked} hello"
    assert ASK_AGAIN_TIMER not in host.timers


# --- the part alone ---------------------------------------------------------------------------------------------------


def text_input(state: State = State.LIVE) -> TextInput:
    call = call_in(state)
    calls = ToolCalls(call, ToolRegistry())
    return TextInput(call, TurnTaking(call, BargeIn(call), calls), calls)


def test_alone_it_sends_and_notes_what_was_typed() -> None:
    part = text_input()
    told(part, ev.TextSubmitted(text=" hello "))
    assert sent(part) == ["text"]
    assert [turn.text for turn in part.call.transcript.turns] == ["hello"]


def test_alone_it_keeps_what_is_typed_while_the_line_is_down() -> None:
    part = text_input(State.DROPPED)
    told(part, ev.TextSubmitted(text="one"))
    told(part, ev.TextSubmitted(text="two"))
    assert sent(part) == []
    part.call.state = State.LIVE
    part.line_back(0, LineBack(same=True))
    assert sent(part) == ["text", "text"]


def test_alone_it_asks_again_for_what_was_not_answered() -> None:
    part = text_input()
    told(part, ev.TextSubmitted(text="one"))
    part.line_lost(0)
    done(part)
    part.line_back(10, LineBack(same=True))
    fired(part, ASK_AGAIN_TIMER, 1e6)
    assert sent(part) == ["answer text"]
    told(part, ev.ReplyDone(reply_id="r", interrupted=False))
    part.line_lost(0)
    part.line_back(10, LineBack(same=True))
    assert not part.call.commands.running(ASK_AGAIN_TIMER), "it was answered"
