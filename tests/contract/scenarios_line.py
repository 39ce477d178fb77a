"""How a call begins, ends, is refused, and how it comes back after its line broke."""

from __future__ import annotations

from typing import Any

from tests.contract.book import SPOKEN_WITHOUT_TEXT, Scenario, scenario
from tests.contract.call import GREETING, Call, square_wave

# --- the beginning ----------------------------------------------------------------------------------------------------


@scenario("nothing before ready", "What is said before the server is ready is held, and sent once it is.")
async def before_ready(call: Call) -> None:
    await call.open(token_delay_ms=400, live=False)
    call.host.sound.say(square_wave(call.adapter.rate_hz, 60))
    await call.until(lambda view: view["status"] == "Listening", "the agent")
    await call.wait_ms(500)
    record = await call.record()
    assert record["audio_before_ready"] == 0 and record["violations"] == []
    assert call.view["stats"]["frames_dropped"] == 0
    await call.comes_through()


@scenario("agent comes later than the line", "Until the agent itself has joined, the view says that it is waited for.")
async def agent_joins(call: Call) -> None:
    await call.open(agent={"slow_ready_ms": 400})
    assert call.view["status"] == "Waiting for the agent…"
    await call.until(lambda view: view["status"] == "Listening", "the agent")


async def ready_is_all(call: Call) -> None:
    await call.open()
    assert not call.view["features"]["agent_joins"]
    assert "agent_awaited" not in call.shown("status")


agent_joins.cannot("assemblyai", "the server's ready means that the agent is there (section 3)")(ready_is_all)
agent_joins.cannot("openai_realtime", "the server's ready means that the agent is there (section 2)")(ready_is_all)


@scenario(
    "never ready", "A server that takes the socket and says nothing is given up in time, with a notice and a retry."
)
async def never_ready(call: Call) -> None:
    agent = {"faults": [{"after": "open", "do": "stall"}]}
    await call.open(agent=agent, live=False, ready_timeout_ms=1_000)
    await call.until(lambda view: view["state"] == "failed", "the end")
    assert call.notice == "ready_timeout" and call.view["notice"]["retry"]
    assert not call.view["audio_wanted"]


@scenario("bad token", "A token that the service does not accept fails the call, says so, and offers a retry.")
async def bad_token(call: Call) -> None:
    await call.open(agent={"refuse": True}, live=False)
    await call.until(lambda view: view["state"] == "failed", "the end")
    assert call.notice == "fault_auth" and call.view["notice"]["retry"]
    assert not call.view["audio_wanted"] and len(call.host.tokens) == 1


@scenario("refused", "A service without room for another call says so; the page fails with words and offers a retry.")
async def no_room(call: Call) -> None:
    await call.open(agent={"capacity": "at_capacity"}, live=False)
    await call.until(lambda view: view["state"] == "failed", "the end")
    assert call.notice in ("fault_capacity", "fault_server") and call.view["notice"]["retry"]


@scenario("no token", "A token route whose provider refuses the key fails the call before a socket is opened.")
async def no_token(call: Call) -> None:
    await call.open(agent={"token_status": 403}, live=False)
    await call.until(lambda view: view["state"] == "failed", "the end")
    assert call.notice == "token_502" and call.host.sent == []


@scenario("a fresh token for every call", "A second call in the same page fetches a token of its own.")
async def fresh_token(call: Call) -> None:
    await call.open()
    call.intend("hang_up")
    await call.until(lambda view: view["state"] == "ended", "the end")
    call.intend("connect")
    await call.until(lambda view: view["state"] == "live", "live again")
    first, second = call.host.tokens
    assert first != second


# --- the end ----------------------------------------------------------------------------------------------------------


@scenario(
    "hang up", "The person ends the call: the server hears of it, the socket closes with 1000, the microphone is free."
)
async def hang_up(call: Call) -> None:
    await call.open(greeting=GREETING)
    await call.heard_all(1)
    call.intend("hang_up")
    await call.until(lambda view: view["state"] == "ended", "the end")
    assert len(call.adapter.told(call.host.sent, call.adapter.goodbye)) == bool(call.adapter.goodbye)
    record = await call.recorded(lambda record: record["close_code"] is not None, "the close")
    assert record["close_code"] == 1000
    assert (call.notice, call.view["audio_wanted"]) == ("", False)


@scenario("polite goodbye", "A message ends the session at once, so that nothing more is billed.")
async def goodbye(call: Call) -> None:
    await call.open()
    call.intend("hang_up")
    assert call.view["state"] == "ending"
    await call.until(lambda view: view["state"] == "ended", "the server's last word")
    assert (await call.record())["closed_by"] == "agent"


async def close_is_the_goodbye(call: Call) -> None:
    await call.open()
    call.intend("hang_up")
    assert call.view["state"] == "ended"
    assert (await call.recorded(lambda record: bool(record["closed_by"]), "the close"))["closed_by"] == "client"


goodbye.cannot("openai_realtime", "there is no such message, closing the socket is the end (section 3)")(
    close_is_the_goodbye
)
goodbye.cannot("sdk_voice", "there is no such message, closing the socket is the end (section 3)")(close_is_the_goodbye)


@scenario("cap", "A session that reaches the service's time limit ends, says that this is why, and is not reconnected.")
async def cap(call: Call) -> None:
    await call.open(agent={"cap_s": 0.5})
    await call.until(lambda view: view["state"] in ("ended", "failed"), "the end")
    assert (call.view["state"], call.notice) == ("ended", "time_limit")
    assert len(call.host.tokens) == 1


@cap.cannot("sdk_voice", "no limit is documented, and session_ended does not say that it is one (section 6)")
async def _(call: Call) -> None:
    await call.open(agent={"cap_s": 0.5})
    await call.until(lambda view: view["state"] == "ended", "the end")
    assert call.notice == "server_ended" and len(call.host.tokens) == 1


@scenario("own time limit", "The page's own clock ends the call in time, with a notice, whatever the service does.")
async def own_limit(call: Call) -> None:
    await call.open(speed=60, microphone=False, max_session_duration_seconds=60, wrap_up_lead_seconds=0)
    await call.until(lambda view: view["state"] == "ended", "the end")
    assert call.notice == "time_limit"
    assert call.host.now_ms() >= 60_000
    record = await call.recorded(lambda record: record["close_code"] is not None, "the close")
    assert record["close_code"] == 1000


@scenario("wrap-up", "Some seconds before the limit the agent is asked to say goodbye, and does.")
async def wrap_up(call: Call) -> None:
    await call.open(speed=40, microphone=False, max_session_duration_seconds=60, wrap_up_lead_seconds=30)
    record = await call.recorded(lambda record: record["said"] != [], "the goodbye")
    assert "wrap_up" in call.notices and "goodbye" in record["said"][0].lower(), record["said"]


@wrap_up.cannot("sdk_voice", "nothing can be asked of the agent but by voice (section 3)")
async def _(call: Call) -> None:
    await call.open(speed=40, microphone=False, max_session_duration_seconds=60, wrap_up_lead_seconds=30)
    await call.until(lambda view: view["state"] == "ended", "the end")
    assert call.notices == ["wrap_up", "time_limit"] and (await call.record())["said"] == []


@scenario(
    "the agent hangs up",
    "When the service ends the session itself, the call is over and the page says who ended it.",
    spoken=SPOKEN_WITHOUT_TEXT,
)
async def agent_hangs_up(call: Call) -> None:
    await call.open(agent={"hang_up_after_goodbye": True}, speed=2)
    await call.ask("that is all")
    await call.until(lambda view: view["state"] in ("ended", "failed"), "the end")
    assert call.view["state"] == "ended" and call.notice in ("server_ended", "closed_1000")
    assert len(call.host.tokens) == 1 and call.heard_ms > 0


# --- the line breaks --------------------------------------------------------------------------------------------------


def broken(code: int, nth: int = 20) -> dict[str, Any]:
    """The agent's greeting breaks off: closed with a code, or dropped without a word (1006)."""
    fault: dict[str, Any] = {"after": "sound", "nth": nth, "do": "close", "code": code}
    return {"faults": [{"after": "sound", "nth": nth, "do": "drop"} if code == 1006 else fault]}


def closed(code: int, expected: str) -> Scenario:
    """Ends in mid-call that must end the call."""

    @scenario(f"closed {code}", expected)
    async def run(call: Call) -> None:
        await call.open(greeting=GREETING, agent=broken(code), live=False)
        state = "ended" if code == 1000 else "failed"
        await call.until(lambda view: view["state"] in ("ended", "failed"), "the end")
        assert (call.view["state"], call.notice) == (state, f"closed_{code}")
        assert len(call.host.tokens) == 1, "no use in trying again"

    return run


def comes_back(code: int, why: str) -> Scenario:
    """Ends in mid-call after which the call goes on."""

    @scenario(
        f"{'dropped' if code == 1006 else 'closed'} {code}",
        f"{why}: the call goes on over a new socket, with a fresh token.",
    )
    async def run(call: Call) -> None:
        await call.open(greeting=GREETING, agent=broken(code), live=False)
        await call.until(lambda view: view["stats"]["reconnects"] == 1, "the line is back")
        assert call.view["state"] == "live" and "line_lost" in call.notices
        first, second = call.host.tokens
        assert first != second

    return run


closed(1000, "A normal close without a last word ends the call as what it is, no failure.")
policy = closed(1008, "A policy close is not retried: the call fails with words for it.")


async def comes_back_all_the_same(call: Call) -> None:
    code = 1008 if call.adapter.name == "sdk_voice" else 4001
    await call.open(greeting=GREETING, agent=broken(code), live=False)
    await call.until(lambda view: view["stats"]["reconnects"] == 1, "the line is back")


refused_late = closed(4001, "A refusal in the vendor's own numbers is not retried.")
NO_CODE = "{} is none of its codes, so it counts as a broken line (section {})"
policy.cannot("sdk_voice", NO_CODE.format(1008, 3))(comes_back_all_the_same)
refused_late.cannot("assemblyai", NO_CODE.format(4001, 6))(comes_back_all_the_same)
refused_late.cannot("openai_realtime", NO_CODE.format(4001, 3))(comes_back_all_the_same)
comes_back(1001, "A server that goes away for a restart")
comes_back(1006, "A line that breaks without a word")
comes_back(1011, "A server that fails")
comes_back(1012, "A server that restarts")


@scenario(
    "same session after a drop", "After a broken line the same session goes on: nothing is marked in the transcript."
)
async def resumed(call: Call) -> None:
    await call.open(greeting=GREETING, agent=broken(1006), live=False)
    await call.until(lambda view: view["stats"]["reconnects"] == 1, "the line is back")
    assert (await call.record())["resumed"]
    assert call.texts("mark") == [] and call.notice == ""


async def another_session(call: Call) -> None:
    await call.open(greeting=GREETING, agent=broken(1006), live=False)
    await call.until(lambda view: view["stats"]["reconnects"] == 1, "the line is back")
    assert not (await call.record())["resumed"] and not call.view["features"]["resume"]
    assert len(call.texts("mark")) == 1, "the transcript shows where the new session begins"


resumed.cannot("openai_realtime", "there is no resume, only a new session (section 3)")(another_session)
resumed.cannot("sdk_voice", "a new socket is a new conversation (section 6)")(another_session)


@scenario("remembered after a drop", "After a broken line the agent still knows what was said before.")
async def remembered(call: Call) -> None:
    await call.open()
    await call.ask("thank you very much")
    await call.heard_all(1)
    await call.agent_plays({})
    call.host.break_line()
    await call.until(lambda view: view["stats"]["reconnects"] == 1, "the line is back")
    record = await call.record()
    assert record["resumed"] or sum(record["items"].values()) >= 2, record
    assert "context_lost" not in call.notices


@remembered.cannot("sdk_voice", "a new socket is a new conversation, and nothing can be told to it (section 6)")
async def _(call: Call) -> None:
    await call.open()
    await call.agent_plays({})
    call.host.break_line()
    await call.until(lambda view: view["stats"]["reconnects"] == 1, "the line is back")
    assert call.notice == "context_lost"


@scenario("speech while the line is down", "What is said during the outage is kept and sent when the line is back.")
async def outage(call: Call) -> None:
    # Three seconds are kept. In stretched time a busy machine is back before they are over.
    await call.open(speed=0.5)
    await call.until(lambda view: view["status"] == "Listening", "the agent")
    await call.agent_plays({})
    call.host.break_line()
    call.host.token_delay_ms = 800
    call.host.sound.say(square_wave(call.adapter.rate_hz, 60))
    await call.until(lambda view: view["stats"]["reconnects"] == 1, "the line is back")
    await call.until(lambda view: view["stats"]["outage_frames_sent"] >= 5, "what was said during the outage")
    await call.comes_through()


@scenario(
    "stalled line", "A server that falls silent without a close is noticed, and the call goes on over a new socket."
)
async def stalled(call: Call) -> None:
    await call.open(agent={"faults": [{"after": "ready", "do": "stall"}]}, keepalive_ms=2_000)
    await call.until(lambda view: view["stats"]["reconnects"] == 1, "the line is back")
    assert "line_lost" in call.notices


@stalled.cannot("sdk_voice", "there is nothing that a living server would have to answer (section 3)")
async def _(call: Call) -> None:
    await call.open(agent={"faults": [{"after": "ready", "do": "stall"}]}, keepalive_ms=500, speed=8)
    await call.wait_ms(6_000)
    assert (call.view["state"], call.view["stats"]["reconnects"]) == ("live", 0)
    assert len([data for data in call.host.sent if isinstance(data, str)]) == 1
