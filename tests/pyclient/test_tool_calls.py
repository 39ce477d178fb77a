"""Which tools run, and what becomes of their results."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pyclient.core import commands as cmd
from pyclient.core import events as ev
from pyclient.core.states import State, Trigger
from pyclient.part import End, LineBack
from pyclient.tools import ToolRegistry, tool
from pyclient.tools.calls import MAX_OPEN_CALLS, MAX_REMEMBERED_CALLS, ToolCalls
from pyclient.tools.registry import MAX_RESULT_CHARS
from pyclient.tools.result_gate import WATCHDOG_MS
from tests.support import parts
from tests.support.fakewire import WireHost, wire_host
from tests.support.parts import call_in, sent, told
from tests.support.playbook import FakeHost, of_type, sent_types
from tests.support.two_tools import call, finish, light, live, results, weather


def test_the_tools_of_the_page_are_in_the_first_message() -> None:
    host = live()
    tools = host.sent[0]["session"]["tools"]
    assert [(one["name"], one["execution_mode"], one["timeout_seconds"]) for one in tools] == [
        ("weather", "interactive", 5),
        ("light", "hold", 30),
    ]


def test_a_call_runs_with_the_tools_own_time_limit_and_is_answered_when_the_reply_is_done() -> None:
    """Protocol file section 9: only while the end of a reply is the most recent thing."""
    host = live()
    host.hear("reply.started", reply_id="p")
    assert call(host) == [
        cmd.RunTool(call_id="c1", name="weather", arguments={"city": "Oslo"}, timeout_ms=5_000),
    ]
    assert host.view["activity"] == "tool_pending"
    assert finish(host) == [cmd.SetTimer(name="tool_watchdog", delay_ms=WATCHDOG_MS)]
    commands = host.hear("reply.done", reply_id="p", status="completed")
    assert sent_types(commands) == ["tool.result"]
    assert results(host) == [{"type": "tool.result", "call_id": "c1", "result": '{"sky":"clear"}', "is_error": False}]
    assert host.view["activity"] == "thinking", "a result asks for the answer by itself"
    assert "tool_watchdog" not in host.timers
    assert host.turns("tool") == [("tool", 'weather(city="Oslo")', True, False)]


def test_a_tool_that_takes_longer_than_the_reply_is_answered_when_it_returns() -> None:
    host = live()
    host.hear("reply.started", reply_id="p")
    call(host)
    host.hear("reply.done", reply_id="p", status="completed")
    assert sent_types(finish(host)) == ["tool.result"]


def test_a_result_waits_while_the_user_speaks_and_while_the_next_reply_is_made() -> None:
    host = live()
    host.hear("reply.started", reply_id="p")
    call(host)
    host.hear("reply.done", reply_id="p", status="completed")
    host.hear("input.speech.started")
    assert sent_types(finish(host)) == []
    host.hear("input.speech.stopped")
    host.hear("reply.started", reply_id="q")
    assert results(host) == []
    assert sent_types(host.hear("reply.done", reply_id="q", status="completed")) == ["tool.result"]


def test_the_immediate_policy_answers_at_once() -> None:
    """Protocol file section 9: the live service takes it and is a second faster."""
    host = live(tool_result_policy="immediate")
    host.hear("reply.started", reply_id="p")
    call(host)
    assert sent_types(finish(host)) == ["tool.result"]


def test_a_tool_in_hold_mode_does_not_wait_for_a_reply_that_never_comes() -> None:
    """Protocol file section 8: it is called without any reply around it, right after the user spoke."""
    host = live()
    host.hear("input.speech.started")
    host.hear("input.speech.stopped")
    call(host, name="light", state="on")
    assert sent_types(finish(host)) == ["tool.result"]


def test_a_tool_in_hold_mode_still_waits_while_a_reply_is_made() -> None:
    host = live()
    host.hear("reply.started", reply_id="p")
    call(host, name="light", state="on")
    assert sent_types(finish(host)) == []


def test_noise_cannot_hold_a_result_for_ever() -> None:
    """Speech that never becomes a turn: the watchdog sends the result."""
    host = live()
    host.hear("reply.started", reply_id="p")
    call(host)
    host.hear("reply.done", reply_id="p", status="completed")
    host.hear("input.speech.started")
    finish(host)
    for _ in range(7):
        assert sent_types(host.wait("tool_watchdog")) == [], "the person may still be speaking"
    assert sent_types(host.wait("tool_watchdog")) == ["tool.result"]


def test_the_watchdog_waits_on_while_a_reply_is_being_made() -> None:
    """Its end is near and certain, and an early result makes some agents call again."""
    host = live()
    host.hear("reply.started", reply_id="p")
    call(host)
    finish(host)
    assert host.wait("tool_watchdog") == [cmd.SetTimer(name="tool_watchdog", delay_ms=WATCHDOG_MS)]
    assert sent_types(host.hear("reply.done", reply_id="p")) == ["tool.result"]


def test_an_interrupted_reply_takes_its_calls_along_finished_or_not() -> None:
    """Protocol file section 9: the user moved on.

    Calls are tagged with their reply, so a late result is known as stale.
    """
    host = live()
    host.hear("reply.started", reply_id="p")
    call(host, "c1")
    call(host, "c2")
    finish(host, "c1")
    commands = host.hear("reply.done", reply_id="p", status="interrupted")
    assert commands == [cmd.CancelTool(call_id="c2"), cmd.CancelTimer(name="tool_watchdog")]
    assert finish(host, "c2") == []
    host.hear("reply.started", reply_id="q")
    host.hear("reply.done", reply_id="q", status="completed")
    assert results(host) == []
    assert host.turns("tool")[1] == ("tool", 'weather(city="Oslo")', True, True)
    assert host.view["activity"] == "listening"


def test_under_the_deliver_policy_an_interrupted_call_is_answered_at_the_next_quiet_moment() -> None:
    """Users report a silent agent where results are dropped."""
    host = live(interrupted_tool_policy="deliver")
    host.hear("reply.started", reply_id="p")
    call(host)
    finish(host)
    assert sent_types(host.hear("reply.done", reply_id="p", status="interrupted")) == []
    host.hear("reply.started", reply_id="q")
    assert sent_types(host.hear("reply.done", reply_id="q", status="completed")) == ["tool.result"]


def test_an_interruption_spares_the_calls_of_other_replies() -> None:
    host = live()
    host.hear("reply.started", reply_id="p")
    call(host)
    host.hear("reply.done", reply_id="p", status="completed")
    host.hear("reply.started", reply_id="q")
    host.hear("reply.done", reply_id="q", status="interrupted")
    assert sent_types(finish(host)) == ["tool.result"]


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("no_such", {"city": "Oslo"}, "no tool 'no_such'"),
        ("weather", {"town": "Oslo"}, "no argument 'town'"),
        ("weather", {"city": 3}, "city must be text"),
        ("light", {"state": "dim"}, "one of: on, off"),
    ],
)
def test_a_call_that_cannot_be_made_is_answered_with_an_error_the_agent_can_read(
    name: str, arguments: dict[str, Any], words: str
) -> None:
    """A schema is a request to a language model, not a promise by it."""
    host = live()
    host.hear("reply.started", reply_id="p")
    assert of_type(call(host, name=name, **arguments), cmd.RunTool) == []
    host.hear("reply.done", reply_id="p")
    (result,) = results(host)
    assert result["is_error"] and words in json.loads(result["result"])["error"]


def test_a_call_that_comes_twice_runs_once() -> None:
    host = live()
    assert of_type(call(host), cmd.RunTool)
    assert call(host) == []
    host.hear("reply.done")
    finish(host)
    assert call(host) == [], "not even after its answer"
    assert len(results(host)) == 1


def test_a_tool_that_returns_twice_is_answered_once() -> None:
    host = live()
    host.hear("reply.started", reply_id="p")
    call(host)
    finish(host)
    finish(host, result='"again"')
    host.hear("reply.done", reply_id="p")
    finish(host, result='"and again"')
    assert [result["result"] for result in results(host)] == ['{"sky":"clear"}']


def test_a_result_nobody_asked_for_is_ignored() -> None:
    host = live()
    assert finish(host, "c99") == []


def test_a_result_that_is_too_long_becomes_an_error() -> None:
    host = live()
    host.hear("reply.started", reply_id="p")
    call(host)
    host.hear("reply.done", reply_id="p")
    finish(host, result='"' + "x" * MAX_RESULT_CHARS + '"')
    assert results(host)[0]["is_error"] and "too long" in results(host)[0]["result"]


def test_calls_beyond_the_cap_of_one_reply_are_answered_with_an_error() -> None:
    host = live(max_tool_calls_per_reply=2)
    host.hear("reply.started", reply_id="p")
    ran = [call(host, f"c{number}") for number in range(4)]
    assert [len(of_type(commands, cmd.RunTool)) for commands in ran] == [1, 1, 0, 0]
    host.hear("reply.done", reply_id="p")
    assert [(one["call_id"], one["is_error"]) for one in results(host)] == [("c2", True), ("c3", True)]
    host.hear("reply.started", reply_id="q")
    assert of_type(call(host, "c4"), cmd.RunTool), "a new reply may call again"


def test_a_server_that_calls_without_end_is_bounded() -> None:
    """Security: a thousand calls must not become a thousand running tools, nor a memory that grows for ever."""
    host = live(max_tool_calls_per_reply=100, max_tool_rounds=100)
    ran = 0
    for number in range(MAX_REMEMBERED_CALLS + 100):
        host.hear("reply.started", reply_id=f"r{number}")
        ran += len(of_type(call(host, f"c{number}"), cmd.RunTool))
        host.session.tool_calls.person_acted()
    assert ran == MAX_OPEN_CALLS
    assert len(results(host)) == MAX_REMEMBERED_CALLS + 100 - MAX_OPEN_CALLS, "the surplus is answered at once"
    assert host.session.tool_calls.remembered_calls == MAX_REMEMBERED_CALLS


def test_a_call_that_the_service_runs_itself_is_shown_and_not_answered() -> None:
    """Protocol file section 14.13: documented as invisible, seen as informational."""
    host = FakeHost(ToolRegistry([weather]))
    host.click()
    host.grant()
    host.opened()
    host.hear("session.ready", session_id="s", config={"tools": [{"name": "stock", "http": {"url": "https://x.test"}}]})
    host.hear("reply.started", reply_id="p")
    assert call(host, name="stock") == []
    host.hear("reply.done", reply_id="p")
    assert results(host) == []
    assert host.turns("tool") == [("tool", 'stock(city="Oslo")', True, False)]


@pytest.mark.parametrize(
    "end", [ev.HangUpRequested(), ev.SocketClosed(socket_id=1, code=1008), ev.CaptureFailed(kind="ended")]
)
def test_the_end_of_a_session_stops_its_tools(end: ev.Event) -> None:
    host = live()
    call(host)
    assert cmd.CancelTool(call_id="c1") in host.tell(end)
    assert finish(host) == []


def test_long_arguments_are_shown_in_short() -> None:
    host = live()
    call(host, city="x" * 1_000)
    assert len(host.turns("tool")[0][1]) <= 160


# --- asking for the answer --------------------------------------------------------------------------------------------


def asking(monkeypatch: pytest.MonkeyPatch, **config: Any) -> WireHost:
    return wire_host(monkeypatch, config, ToolRegistry([weather, light]))


def called(host: WireHost, *call_ids: str, reply_id: str = "p") -> None:
    host.tell(ev.ReplyStarted(reply_id=reply_id))
    for call_id in call_ids:
        host.tell(ev.ToolCalled(call_id=call_id, name="weather", arguments={"city": "Oslo"}, reply_id=reply_id))


def done(host: WireHost, reply_id: str = "p", interrupted: bool = False) -> None:
    host.tell(ev.ReplyDone(reply_id=reply_id, interrupted=interrupted))


def test_the_answer_is_asked_for_once_after_the_last_result(monkeypatch: pytest.MonkeyPatch) -> None:
    host = asking(monkeypatch)
    called(host, "c1", "c2")
    finish(host, "c1")
    done(host)
    assert host.brief() == ["tool result c1"], "one is still out"
    finish(host, "c2")
    assert host.brief() == ["tool result c2", "results sent p"]
    finish(host, "c2")
    done(host)
    assert host.brief() == []


def test_results_that_waited_for_the_end_of_the_reply_go_out_before_the_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = asking(monkeypatch)
    called(host, "c1", "c2")
    finish(host, "c2")
    finish(host, "c1")
    done(host)
    assert host.brief() == ["tool result c1", "tool result c2", "results sent p"]


def test_even_an_immediate_result_does_not_ask_before_the_reply_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """More calls of the same reply may come, and a reply that is asked for while one is made is refused."""
    host = asking(monkeypatch, tool_result_policy="immediate")
    called(host, "c1")
    finish(host, "c1")
    assert host.brief() == ["tool result c1"]
    done(host)
    assert host.brief() == ["results sent p"]


def test_a_call_that_cannot_be_made_is_asked_about_too(monkeypatch: pytest.MonkeyPatch) -> None:
    host = asking(monkeypatch)
    host.tell(ev.ReplyStarted(reply_id="p"))
    host.tell(ev.ToolCalled(call_id="c1", name="nope", arguments={}, reply_id="p"))
    done(host)
    assert host.brief() == ["tool result c1", "results sent p"]


def test_the_calls_of_two_replies_are_asked_about_each_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    host = asking(monkeypatch)
    called(host, "c1", reply_id="p")
    done(host, "p")
    called(host, "c2", reply_id="q")
    done(host, "q")
    finish(host, "c2")
    assert host.brief() == ["tool result c2", "results sent q"]
    finish(host, "c1")
    assert host.brief() == ["tool result c1"], "the answer to q was asked for, and two at once would be refused"
    called(host, reply_id="r")
    done(host, "r")
    assert host.brief() == ["results sent p"]


def test_nothing_is_asked_for_an_interrupted_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    host = asking(monkeypatch, tool_result_policy="immediate")
    called(host, "c1", "c2")
    finish(host, "c1")
    done(host, interrupted=True)
    finish(host, "c2")
    assert host.brief() == ["tool result c1"]
    called(host, "c3", reply_id="q")
    done(host, "q")
    finish(host, "c3")
    assert host.brief() == ["tool result c3", "results sent q"], "not with the next one's either"


def test_a_reply_without_calls_is_not_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    host = asking(monkeypatch)
    called(host)
    done(host)
    assert host.brief() == []


def test_a_result_that_waited_in_a_gap_asks_when_the_session_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    host = wire_host(monkeypatch, {}, ToolRegistry([weather]), resume=True)
    called(host, "c1")
    host.drop()
    finish(host, "c1")
    host.wait("retry")
    host.brief()
    host.open_wire("sess_1")
    assert host.brief() == ["resume sess_1", "tool result c1", "results sent p"]


# --- the part alone ---------------------------------------------------------------------------------------------------


@tool
def nothing() -> str:
    """Nothing."""
    return ""


def desk(results_need_asking: bool = False) -> ToolCalls:
    """Tool calls of a reply that is being made, and one of it."""
    part = ToolCalls(call_in(State.LIVE, {"results_need_asking": results_need_asking}), ToolRegistry([nothing]))
    part.call.replies.begin(part.call.replies.add("r"))
    told(part, ev.ReplyStarted(reply_id="r"))
    told(part, ev.ToolCalled(call_id="c", name="nothing", arguments={}, reply_id="r"))
    return part


def test_alone_it_runs_a_tool_and_sends_the_result_after_the_reply() -> None:
    part = desk()
    due: list[float] = []
    complete: list[str] = []
    part.watch(on_answer_due=due.append, on_results_sent=lambda reply_id, now_ms: complete.append(reply_id))
    assert any(isinstance(command, cmd.RunTool) for command in parts.done(part))
    told(part, ev.ToolFinished(call_id="c", result_json="1"), 10)
    assert sent(part) == [] and due == []
    reply = part.call.replies.find("r")
    assert reply is not None
    part.reply_done(reply, 20)
    assert sent(part) == ["tool result"] and due == [20] and complete == ["r"]


def test_alone_it_answers_the_same_session_and_cancels_for_another() -> None:
    for same, wanted in ((True, ["tool result"]), (False, [])):
        part = desk()
        part.line_lost(0)
        told(part, ev.ToolFinished(call_id="c", result_json="1"), 10)
        assert sent(part) == []
        part.line_back(20, LineBack(same=same))
        assert sent(part) == wanted and not part.busy


def test_alone_it_cancels_what_runs_when_the_call_ends() -> None:
    part = desk()
    parts.done(part)
    part.end(0, End(Trigger.FINISH))
    assert cmd.CancelTool(call_id="c") in parts.done(part) and not part.busy
