"""Turn taking as a part alone: what asks for a reply waits until the interruption before it is complete."""

from __future__ import annotations

from pyclient.core import events as ev
from pyclient.core.states import State
from pyclient.part import LineBack
from pyclient.tools import ToolRegistry
from pyclient.tools.calls import ToolCalls
from pyclient.turns.barge_in import BargeIn
from pyclient.turns.turn_taking import ASK_TIMER, MAX_REFUSALS, SETTLE_TIMER, THINKING_TIMER, TurnTaking
from tests.support.parts import call_in, fired, sent, told
from tests.support.playbook import tone


def turn_taking(**features: bool) -> tuple[TurnTaking, BargeIn]:
    call = call_in(State.LIVE, features)
    barge_in = BargeIn(call)
    return TurnTaking(call, barge_in, ToolCalls(call, ToolRegistry())), barge_in


def test_a_request_leaves_at_once_where_nothing_is_in_the_way() -> None:
    part, _ = turn_taking()
    part.ask("typed text", ['{"type": "text"}'], 0)
    assert sent(part) == ["text"]


def test_a_request_waits_for_the_end_of_an_interruption() -> None:
    part, barge_in = turn_taking()
    told(barge_in, ev.ReplyStarted(reply_id="r"))
    told(barge_in, ev.ReplyAudio(reply_id="r", pcm=tone(960)))
    part.interrupt()
    part.ask("typed text", ['{"type": "text"}'], 0)
    assert sent(part) == ["cancel"]
    flushed = ev.PlaybackFlushed(item_id="r", rendered_samples=480)
    told(barge_in, flushed)
    told(part, flushed)
    assert sent(part) == ["heard"], "the server has not said yet that it stopped"
    told(barge_in, ev.ReplyDone(reply_id="r", interrupted=True))
    told(part, ev.ReplyDone(reply_id="r", interrupted=True))
    assert sent(part) == ["text"]


def test_an_interruption_that_nobody_acknowledges_is_not_waited_for_for_ever() -> None:
    part, barge_in = turn_taking()
    told(barge_in, ev.ReplyStarted(reply_id="r"))
    part.interrupt()
    part.ask("typed text", ['{"type": "text"}'], 0)
    assert "text" not in sent(part)
    fired(part, SETTLE_TIMER, 2_000)
    assert sent(part) == ["text"]


def test_after_speech_the_server_may_answer_by_itself_first() -> None:
    part, _ = turn_taking()
    part.speech_ended(0)
    told(part, ev.ReplyRefused(instructions="Say goodbye."), 10)
    assert sent(part) == [] and part.waiting == 1
    fired(part, ASK_TIMER, 2_000)
    assert sent(part) == ["create"] and part.waiting == 0


def test_what_is_refused_without_end_is_told() -> None:
    part, _ = turn_taking()
    for _ in range(MAX_REFUSALS + 1):
        told(part, ev.ReplyRefused())
    assert part.waiting == 0
    assert part.call.notice is not None and part.call.notice.code == "reply_refused"


def test_nobody_waits_for_an_answer_after_the_line_is_lost() -> None:
    part, _ = turn_taking()
    part.await_reply(0)
    assert part.call.commands.running(THINKING_TIMER)
    part.line_lost(10)
    assert not part.call.commands.running(THINKING_TIMER)


def test_a_refused_request_is_repeated_in_a_session_that_remembers() -> None:
    for back, wanted in ((LineBack(same=True), ["create"]), (LineBack(same=False), [])):
        part, barge_in = turn_taking()
        told(barge_in, ev.ReplyStarted(reply_id="r"))
        told(part, ev.ReplyRefused(), 0)
        barge_in.line_lost(10)
        part.line_lost(10)
        sent(part)
        part.line_back(20, back)
        assert sent(part) == wanted
        assert (part.call.notice is None) is back.same


def test_the_end_of_a_reply_of_which_barge_in_knows_nothing_releases_no_results() -> None:
    """In a session barge-in hears of it first, so that there always is one; alone nothing may break."""
    part, _ = turn_taking()
    assert told(part, ev.ReplyDone(reply_id="r", interrupted=False)) is None
    assert sent(part) == [] and part.call.replies.last_done is None


def test_silence_is_no_answer_yet() -> None:
    """Replies begin with it; the time until they were heard begins with audio that can be heard."""
    part, barge_in = turn_taking()
    part.speech_ended(0)
    for pcm, now_ms in ((bytes(960), 10.0), (tone(480), 20.0), (tone(480), 30.0)):
        told(barge_in, ev.ReplyAudio(reply_id="r", pcm=pcm), now_ms)
        told(part, ev.ReplyAudio(reply_id="r", pcm=pcm), now_ms)
    told(part, ev.PlaybackProgressed(item_id="r", rendered_samples=481, queued_samples=0, underruns=0), 50)
    assert part.call.stats.arrival_to_first_sound_ms is not None
    assert part.call.stats.arrival_to_first_sound_ms <= 30
