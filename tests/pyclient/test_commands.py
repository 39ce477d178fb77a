"""Commands and events reject bad values when made, keep secrets out of their repr, and cannot be changed."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from pyclient.core import commands as cmd
from pyclient.core import events as ev

CLASSES = [
    item
    for module, base in ((cmd, cmd.Command), (ev, ev.Event))
    for _, item in inspect.getmembers(module, inspect.isclass)
    if issubclass(item, base)
]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_one_is_frozen_slotted_and_keyword_only(cls: Any) -> None:
    assert cls.__dataclass_params__.frozen
    assert "__slots__" in vars(cls)
    assert all(field.kw_only for field in dataclasses.fields(cls))


@pytest.mark.parametrize(
    "make",
    [
        lambda: ev.ReplyAudio(reply_id="r", pcm=b"\0"),
        lambda: cmd.PlayAudio(item_id="r", pcm=b"\0"),
        lambda: cmd.PlayAudio(item_id="r", pcm=b""),
        lambda: cmd.SetPlaybackGain(gain=1.1, ramp_ms=0),
        lambda: cmd.SetPlaybackGain(gain=float("nan"), ramp_ms=0),
        lambda: cmd.SetPlaybackGain(gain=1.0, ramp_ms=-1),
        lambda: cmd.SetTimer(name="", delay_ms=0),
        lambda: cmd.SetTimer(name="t", delay_ms=-1),
        lambda: cmd.StartCapture(rate_hz=0, frame_samples=1),
        lambda: cmd.StartCapture(rate_hz=1, frame_samples=0),
        lambda: cmd.StartCapture(rate_hz=1, frame_samples=1, pace=0),
    ],
)
def test_bad_values_are_rejected_when_made(make: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        make()


def test_nothing_secret_or_huge_is_in_a_repr() -> None:
    for made in (
        cmd.OpenSocket(socket_id=1, url="wss://x?token=canary", protocols=("canary",)),
        cmd.SendMessage(socket_id=1, data="canary"),
        cmd.PlayAudio(item_id="r", pcm=b"canary"),
        ev.TokenGranted(attempt=1, token="canary", ws_url="wss://x"),
        ev.MessageReceived(socket_id=1, data="canary"),
        ev.AudioCaptured(pcm=b"canary"),
        ev.SessionReady(session_id="s", resume_token="canary"),
    ):
        assert "canary" not in repr(made)
