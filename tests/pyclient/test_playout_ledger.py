"""How much was heard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyclient.audio.playout_ledger import MAX_ITEMS, PlayoutLedger
from tests.support.playbook import silence, tone


@pytest.fixture
def ledger() -> PlayoutLedger:
    return PlayoutLedger(24_000)


def test_arrival_is_not_hearing(ledger: PlayoutLedger) -> None:
    ledger.queued("r", tone(24_000))
    assert ledger.heard_ms("r") == 0 and ledger.queued_ms == 1_000 and not ledger.sounding
    ledger.progressed("r", 12_000, 0)
    assert ledger.heard_ms("r") == 500 and ledger.queued_ms == 500 and ledger.sounding


def test_nobody_heard_more_than_was_sent(ledger: PlayoutLedger) -> None:
    ledger.queued("r", tone(2_400))
    ledger.progressed("r", 999_999, 0)
    assert ledger.heard_ms("r") == 100
    ledger.flushed("r", 999_999)
    assert ledger.heard_ms("r") == 100 and ledger.pending() == 0


def test_a_count_that_runs_backwards_is_an_old_one(ledger: PlayoutLedger) -> None:
    ledger.queued("r", tone(2_400))
    ledger.progressed("r", 1_200, 3)
    ledger.progressed("r", 600, 1)
    assert ledger.heard_ms("r") == 50 and ledger.underruns == 3


def test_an_item_without_audio_was_not_heard_at_all(ledger: PlayoutLedger) -> None:
    assert ledger.heard_ms("r") is None
    assert ledger.progressed("r", 100, 0) is None
    ledger.flushed("r", 100)
    assert ledger.heard_ms("r") is None


def test_the_age_of_the_first_audible_sample_is_told_once(ledger: PlayoutLedger) -> None:
    ledger.queued("r", silence(4_800))
    ledger.queued("r", silence(480) + tone(4_800))
    assert ledger.progressed("r", 5_280, 0) is None
    assert ledger.progressed("r", 6_480, 0) == 50.0
    assert ledger.progressed("r", 7_680, 0) is None


def test_draining_spares_what_was_queued_meanwhile(ledger: PlayoutLedger) -> None:
    """The word "drained" and new audio may cross, be it of another reply or of the same."""
    ledger.queued("a", tone(2_400))
    ledger.progressed("a", 2_400, 0)
    ledger.queued("a", tone(480))
    ledger.queued("b", tone(480))
    ledger.drained()
    assert ledger.pending() == 960 and ledger.waiting_items() == ["a", "b"]
    assert not ledger.sounding
    ledger.progressed("a", 2_880, 1)
    assert ledger.waiting_items() == ["b"] and ledger.heard_ms("a") == 120
    ledger.progressed("b", 480, 1)
    assert ledger.pending() == 0


def test_a_reply_that_goes_on_after_a_flush_is_counted_on_by_what_was_heard(ledger: PlayoutLedger) -> None:
    """The worklet begins at nothing again, and what the flush dropped was not heard."""
    ledger.queued("a", tone(2_400))
    ledger.progressed("a", 1_200, 0)
    ledger.flush()
    ledger.queued("a", tone(480))
    ledger.progressed("a", 1_300, 0)
    assert ledger.pending() == 480 and not ledger.sounding, "a count from before the flush"
    ledger.flushed("a", 1_440)
    ledger.drained()  # said before that audio was there
    assert ledger.pending() == 480 and ledger.heard_ms("a") == 60
    ledger.progressed("a", 240, 0)
    assert ledger.pending() == 240 and ledger.heard_ms("a") == 70 and ledger.sounding
    ledger.progressed("a", 480, 0)
    assert ledger.pending() == 0 and ledger.heard_ms("a") == 80
    assert ledger.share_heard("a") == pytest.approx((1_440 + 480) / (2_400 + 480))


@pytest.mark.parametrize("way", ["long", "short"])
def test_two_replies_in_turn_are_both_counted_on(ledger: PlayoutLedger, way: str) -> None:
    """The worklet begins at nothing whenever it turns to another one."""
    ledger.queued("a", tone(2_400))
    ledger.queued("b", tone(480))
    if way == "long":
        ledger.queued("a", tone(480))
    else:
        ledger.add("a", 480)
    for item, count in (("a", 1_200), ("a", 2_400), ("b", 480), ("a", 240)):
        ledger.progressed(item, count, 0)
    assert ledger.pending() == 240 and (ledger.heard_ms("a"), ledger.heard_ms("b")) == (110, 20)
    ledger.drained()
    assert ledger.pending() == 240
    ledger.progressed("a", 480, 0)
    assert ledger.pending() == 0 and ledger.heard_ms("a") == 120


def test_flushes_are_answered_in_order(ledger: PlayoutLedger) -> None:
    ledger.queued("a", tone(2_400))
    ledger.flush()
    ledger.queued("a", tone(2_400))
    ledger.flush()
    ledger.queued("a", tone(2_400))
    ledger.flushed("a", 240)
    assert ledger.heard_ms("a") == 10 and ledger.pending() == 2_400
    ledger.flushed("a", 9_999)
    assert ledger.heard_ms("a") == 110, "no more than was there between the two"
    ledger.progressed("a", 9_999, 0)
    assert ledger.heard_ms("a") == 210 and ledger.pending() == 0


def test_a_reply_that_runs_dry_and_goes_on_is_counted_on(ledger: PlayoutLedger) -> None:
    ledger.queued("r", tone(480))
    ledger.progressed("r", 480, 0)
    ledger.drained()
    ledger.queued("r", tone(480))
    assert ledger.pending() == 480
    ledger.progressed("r", 960, 1)
    assert ledger.sounding and ledger.heard_ms("r") == 40 and ledger.pending() == 0


def test_a_flush_drops_what_waits_and_late_counts_still_raise_what_was_heard(ledger: PlayoutLedger) -> None:
    ledger.queued("a", tone(2_400))
    ledger.queued("b", tone(2_400))
    ledger.progressed("a", 1_200, 0)
    ledger.flush()
    assert ledger.pending() == 0 and ledger.waiting_items() == [] and not ledger.sounding
    ledger.progressed("a", 1_440, 0)
    assert not ledger.sounding
    ledger.flushed("a", 1_560)
    assert (ledger.heard_ms("a"), ledger.heard_ms("b")) == (65, 0)


def test_old_items_are_forgotten_and_the_ledger_stays_small(ledger: PlayoutLedger) -> None:
    for number in range(MAX_ITEMS + 10):
        ledger.queued(f"r{number}", tone(10))
    assert ledger.heard_ms("r9") is None and ledger.heard_ms("r10") == 0
    assert ledger.pending() == MAX_ITEMS * 10


moves = st.tuples(st.sampled_from(["queued", "progressed", "drained", "flush", "flushed"]), st.sampled_from("ab"), st.integers(-5, 5_000))  # fmt: skip


@given(st.lists(moves, max_size=40))
def test_whatever_the_order_the_counts_stay_sane(script: list[tuple[str, str, int]]) -> None:
    ledger = PlayoutLedger(24_000)
    sent = {"a": 0, "b": 0}
    for move, item, number in script:
        if move == "queued":
            ledger.queued(item, tone(max(0, number) % 100))
            sent[item] += max(0, number) % 100
        elif move == "progressed":
            ledger.progressed(item, number, number)
        elif move == "flushed":
            ledger.flushed(item, number)
        else:
            getattr(ledger, move)()
        assert 0 <= ledger.pending() <= sum(sent.values())
        for name, total in sent.items():
            heard = ledger.heard_ms(name)
            assert heard is None or 0 <= heard <= total * 1000 // 24_000
        if move in ("flush", "drained"):
            assert not ledger.sounding
