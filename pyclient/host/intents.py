"""Intents: what the person did in the page, as the page tells it, as events of the session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyclient.core import events

INTENTS: dict[str, Callable[[dict[str, Any]], events.Event]] = {
    "connect": lambda it: events.ConnectRequested(
        voice=it.get("voice"),
        system_prompt=it.get("system_prompt"),
        greeting=it.get("greeting"),
        turn_style=it.get("turn_style"),
        filled=it.get("filled") or {},
    ),
    "hang_up": lambda it: events.HangUpRequested(page_gone=bool(it.get("page_gone"))),
    "mute": lambda it: events.MuteChanged(muted=bool(it["muted"])),
    "pause": lambda it: events.PauseChanged(paused=bool(it["paused"])),
    "awake": lambda it: events.PageAwake(),
    "offline": lambda it: events.NetworkLost(),
    "still_here": lambda it: events.StillHere(),
    "half_duplex": lambda it: events.HalfDuplexRequested(),
    "interrupt": lambda it: events.InterruptRequested(),
    "talk": lambda it: (
        events.TalkPressed() if it.get("pressed") else events.TalkReleased(cancelled=bool(it.get("cancelled")))
    ),
    "text": lambda it: events.TextSubmitted(text=it["text"]),
    "settings": lambda it: events.SettingsChanged(
        voice=it.get("voice"), system_prompt=it.get("system_prompt"), greeting=it.get("greeting")
    ),
    "capture_failed": lambda it: events.CaptureFailed(
        kind=it["kind"], detail=it.get("detail", ""), fatal=bool(it.get("fatal", True))
    ),
    "capture_recovered": lambda it: events.CaptureRecovered(kind=it["kind"]),
}
