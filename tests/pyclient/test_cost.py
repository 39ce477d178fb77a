"""Cost estimate: by the minute, and by the tokens that the vendor reports."""

from __future__ import annotations

from typing import Any

import pytest

from pyclient.config import ClientConfig
from pyclient.connection.cost import Cost
from pyclient.core import events as ev
from pyclient.core.errors import ConfigError
from pyclient.core.server_events import Usage
from pyclient.core.states import Trigger
from pyclient.part import End
from tests.support.parts import call_in, told
from tests.support.playbook import FakeHost

USAGE = Usage(input_text=1_000, input_audio=2_000, input_cached=500, output_text=100, output_audio=3_000)


def cost(**rates: Any) -> Cost:
    part = Cost(call_in(cost={"currency": "USD", **rates}))
    part.begin(0)
    return part


def replied(usage: Usage | None = USAGE) -> ev.ReplyDone:
    return ev.ReplyDone(reply_id="r1", interrupted=False, usage=usage)


def test_minutes_count_from_the_open_socket_to_the_end() -> None:
    part = cost(per_minute=0.06)
    assert part.so_far(60_000) == 0.0
    told(part, ev.SocketOpened(socket_id=1), 1_000)
    assert part.so_far(31_000) == 0.03
    told(part, ev.SocketOpened(socket_id=2), 40_000)
    assert part.so_far(61_000) == 0.06, "a mended line is the same call"
    for now_ms in (121_000, 500_000):
        part.end(now_ms, End(Trigger.FINISH))
    assert part.so_far(900_000) == 0.12
    part.begin(1_000_000)
    assert part.so_far(1_000_000) == 0.0


def test_tokens_are_priced_by_kind_and_counted() -> None:
    part = cost(input_text=4, input_audio=32, input_cached=0.4, output_text=16, output_audio=64)
    told(part, ev.SocketOpened(socket_id=1), 0)
    told(part, replied())
    told(part, replied(None))
    dollars = (1_000 * 4 + 2_000 * 32 + 500 * 0.4 + 100 * 16 + 3_000 * 64) / 1_000_000
    assert part.so_far(60_000) == round(dollars, 6)
    assert (part.call.stats.input_tokens, part.call.stats.output_tokens) == (3_500, 3_100)


def test_without_rates_there_is_no_figure() -> None:
    part = Cost(call_in())
    part.begin(0)
    told(part, replied())
    assert part.so_far(60_000) is None and part.call.stats.input_tokens == 3_500


def test_it_is_shown_and_is_no_difference_of_its_own() -> None:
    host = FakeHost(cost={"currency": "EUR", "per_minute": 0.6}).go_live()
    shown = len(host.views)
    host.session.call.changed = True
    host.tell(ev.PlaybackDrained(), after_ms=60_000)
    assert len(host.views) == shown
    host.tell(ev.MuteChanged(muted=True))
    assert 0.6 <= host.view["cost"] < 0.61


@pytest.mark.parametrize(
    ("rates", "words"),
    [
        ({"currency": "USD", "per_hour": 1}, "is not known; use one of: currency"),
        ({"currency": "usd"}, "three capital letters"),
        ({"currency": "USD", "per_minute": -1}, "a number from 0 to 1000000"),
        ({"currency": "USD", "per_minute": True}, "a number from 0 to 1000000"),
        ({"per_minute": 1}, "currency: is missing"),
        ([], "must be a section"),
    ],
)
def test_rates_that_cannot_be_are_refused(rates: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as told_:
        ClientConfig(cost=rates)
    assert told_.value.key.partition(".")[0] == "cost"


@pytest.mark.parametrize("seconds", [-1, 59, 10_801, True, 90.0])
def test_an_idle_time_that_cannot_be_is_refused(seconds: Any) -> None:
    with pytest.raises(ConfigError, match="60 to 10800, or 0 for never"):
        ClientConfig(idle_seconds=seconds)
