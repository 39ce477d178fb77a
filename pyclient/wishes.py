"""What did the person choose, for one call or in the middle of one? Laid over the configuration, and checked by it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pyclient.config import ClientConfig
from pyclient.events import ConnectRequested, SettingsChanged


def for_call(base: ClientConfig, event: ConnectRequested) -> ClientConfig:
    """The configuration of the call that a click asks for. Raises `ConfigError`."""
    wishes = {
        "voice": event.voice,
        "system_prompt": event.system_prompt,
        "greeting": event.greeting,
        "turn_style": event.turn_style,
    }
    chosen: dict[str, Any] = {key: value for key, value in wishes.items() if value is not None}
    return replace(base, **chosen)


def changed(event: SettingsChanged) -> dict[str, Any]:
    """The settings that are to change in mid-call, by name."""
    wishes = {
        "system_prompt": event.system_prompt,
        "voice": event.voice,
        "greeting": event.greeting,
        "volume": event.volume,
        "turn_detection": event.turn_detection,
    }
    return {key: value for key, value in wishes.items() if value is not None}
