"""What the server is told of what was heard, and what waits until it was."""

from __future__ import annotations

import pytest

from pyclient.core import commands as cmd
from pyclient.core import events as ev
from pyclient.turns.turn_taking import SETTLE_TIMEOUT_MS
from tests.support.fakewire import WireHost, wire_host
from tests.support.playbook import of_type, tone


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> WireHost:
    return wire_host(monkeypatch)


def reply(host: WireHost, reply_id: str, samples: int = 48_000, done: bool = False) -> None:
    host.tell(ev.ReplyStarted(reply_id=reply_id))
    host.tell(ev.ReplyAudio(reply_id=reply_id, pcm=tone(samples)))
    if done:
        host.tell(ev.ReplyDone(reply_id=reply_id, interrupted=False))


def test_the_servers_verdict_is_answered_with_the_speakers_count_and_not_before_it_is_in(host: WireHost) -> None:
    reply(host, "r1")
    host.render("r1", 12_000)
    host.tell(ev.UserSpeechStarted())
    host.tell(ev.ReplyDone(reply_id="r1", interrupted=True))
    assert host.brief() == []
    host.flushed("r1", 13_200)
    assert host.brief() == ["heard r1 550"]
    host.flushed("r1", 13_200)
    host.tell(ev.ReplyTranscribed(reply_id="r1", text="Once", delta=False, interrupted=True))
    assert host.brief() == [], "told once"
    assert host.view["turns"][0]["heard_ms"] == 550


def test_a_reply_that_was_made_long_before_is_reported_too(host: WireHost) -> None:
    """Audio comes in a burst: the server thinks that all of it was heard."""
    reply(host, "r1", done=True)
    host.tell(ev.UserSpeechStarted())
    host.flushed("r1", 2_400)
    assert host.brief() == ["heard r1 100"]


def test_nobody_heard_more_than_came(host: WireHost) -> None:
    reply(host, "r1", samples=2_400, done=True)
    host.tell(ev.UserSpeechStarted())
    host.flushed("r1", 99_999)
    assert host.brief() == ["heard r1 100"]


def test_replies_that_waited_behind_it_were_not_heard_at_all(host: WireHost) -> None:
    reply(host, "r1", done=True)
    reply(host, "r2", done=True)
    host.render("r1", 24_000)
    host.tell(ev.UserSpeechStarted())
    host.flushed("r1", 24_240)
    assert host.brief() == ["heard r1 1010", "heard r2 0"]


def test_a_reply_of_which_nothing_had_come_is_not_reported(host: WireHost) -> None:
    host.tell(ev.ReplyStarted(reply_id="r1"))
    host.tell(ev.ReplyDone(reply_id="r1", interrupted=True))
    assert host.brief() == []


def test_a_reply_that_was_heard_to_its_last_sample_is_reported_at_once(host: WireHost) -> None:
    reply(host, "r1", samples=2_400)
    host.render("r1", 2_400)
    host.tell(ev.PlaybackDrained())
    host.tell(ev.ReplyDone(reply_id="r1", interrupted=True))
    assert host.brief() == ["heard r1 100"]


def test_a_reply_that_was_heard_in_full_and_not_interrupted_is_not_reported(host: WireHost) -> None:
    reply(host, "r1", samples=2_400, done=True)
    host.render("r1", 2_400)
    host.tell(ev.PlaybackDrained())
    host.tell(ev.UserSpeechStarted())
    assert host.brief() == []


def test_the_button_cancels_what_is_being_made_then_reports(host: WireHost) -> None:
    reply(host, "r1")
    host.tell(ev.InterruptRequested())
    host.flushed("r1", 4_800)
    host.tell(ev.ReplyDone(reply_id="r1", interrupted=True))
    assert host.brief() == ["cancel r1", "heard r1 200"]


def test_the_button_cancels_all_that_is_being_made_and_none_of_it_sounds_later(host: WireHost) -> None:
    """Servers may make several replies at once; of the older one nothing has come when the person wants quiet."""
    host.tell(ev.ReplyStarted(reply_id="r1"))
    reply(host, "r2")
    host.tell(ev.InterruptRequested())
    host.flushed("r2", 4_800)
    before = len(host.played)
    host.tell(ev.ReplyAudio(reply_id="r1", pcm=bytes(4_800)))
    assert len(host.played) == before
    assert host.brief() == ["cancel r2", "cancel r1", "heard r2 200"]


def test_the_button_cancels_a_reply_whose_beginning_was_not_announced(host: WireHost) -> None:
    host.tell(ev.ReplyAudio(reply_id="r1", pcm=tone(48_000)))
    host.tell(ev.InterruptRequested())
    assert host.brief() == ["cancel r1"]


def test_the_button_does_not_cancel_what_is_made_already(host: WireHost) -> None:
    reply(host, "r1", done=True)
    host.tell(ev.InterruptRequested())
    host.flushed("r1", 4_800)
    assert host.brief() == ["heard r1 200"]


def test_two_flushes_are_answered_in_order(host: WireHost) -> None:
    reply(host, "r1", done=True)
    host.tell(ev.InterruptRequested())
    reply(host, "r2", done=True)
    host.tell(ev.InterruptRequested())
    host.flushed("r1", 2_400)
    assert host.brief() == ["heard r1 100"]
    host.flushed("r2", 4_800)
    assert host.brief() == ["heard r2 200"]


def test_the_flush_policy_reports_when_the_verdict_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    host = wire_host(monkeypatch, {"barge_in": "flush"})
    reply(host, "r1")
    assert of_type(host.tell(ev.UserSpeechStarted()), cmd.FlushPlayback)
    host.flushed("r1", 7_200)
    assert host.brief() == [], "the server may mean to talk on"
    host.tell(ev.ReplyDone(reply_id="r1", interrupted=True))
    assert host.brief() == ["heard r1 300"]


def test_typed_text_waits_until_the_voice_before_it_is_out_of_the_way(host: WireHost) -> None:
    """A reply that is asked for while another one is made is refused, and one that is asked for before the server knows
    what was heard takes unheard words for said.
    """
    reply(host, "r1")
    host.tell(ev.TextSubmitted(text="Stop"))
    assert host.brief() == ["cancel r1"]
    host.flushed("r1", 2_400)
    assert host.brief() == ["heard r1 100"]
    host.tell(ev.ReplyDone(reply_id="r1", interrupted=True))
    assert host.brief() == ["text Stop"]
    assert "settle" not in host.timers


def test_typed_text_does_not_wait_for_ever(host: WireHost) -> None:
    reply(host, "r1")
    host.tell(ev.TextSubmitted(text="Stop"))
    assert host.timers["settle"] == host.now_ms + SETTLE_TIMEOUT_MS
    host.wait("settle")
    assert host.brief() == ["cancel r1", "heard r1 0", "text Stop"]


def test_typed_text_that_has_nothing_to_wait_for_goes_at_once(host: WireHost) -> None:
    host.tell(ev.TextSubmitted(text="Hello"))
    assert host.brief() == ["text Hello"]


def test_text_that_waited_when_the_line_broke_is_asked_again_in_the_next_session(host: WireHost) -> None:
    reply(host, "r1")
    host.tell(ev.TextSubmitted(text="Stop"))
    host.drop()
    assert host.view["notice"]["code"] == "line_lost"
    host.wait("retry")
    host.open_wire("sess_2")
    host.flushed("r1", 2_400)
    assert host.brief().count("text Stop") == 1


def test_nothing_of_a_lost_session_is_reported_to_the_next(host: WireHost) -> None:
    reply(host, "r1")
    host.drop()
    host.wait("retry")
    host.open_wire("sess_2")
    host.brief()
    assert of_type(host.tell(ev.UserSpeechStarted()), cmd.FlushPlayback), "it still played"
    host.flushed("r1", 2_400)
    assert host.brief() == []


def test_an_interruption_while_the_line_is_down_is_told_to_nobody(host: WireHost) -> None:
    reply(host, "r1")
    host.drop()
    host.tell(ev.InterruptRequested())
    host.flushed("r1", 2_400)
    assert host.brief() == []
