"""Codecs by provider name. Adding a vendor is one package here and one line in `_CODECS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from pyclient.codecs.assemblyai import AssemblyAICodec
from pyclient.codecs.base import BaseCodec, CloseReason, Features, Message, SessionSettings, SettingsUpdate
from pyclient.codecs.openai_realtime import OpenAIRealtimeCodec
from pyclient.codecs.sdk_voice import SdkVoiceCodec
from pyclient.core.errors import ConfigError

__all__ = [
    "PROVIDERS",
    "BaseCodec",
    "CloseReason",
    "Features",
    "Message",
    "SessionSettings",
    "SettingsUpdate",
    "create_codec",
]

_CODECS: Mapping[str, Callable[[], BaseCodec]] = MappingProxyType(
    {"assemblyai": AssemblyAICodec, "openai_realtime": OpenAIRealtimeCodec, "sdk_voice": SdkVoiceCodec}
)

PROVIDERS: tuple[str, ...] = tuple(_CODECS)


def create_codec(provider: str) -> BaseCodec:
    """A fresh codec for one session. Raises `ConfigError` for a provider nobody wrote a codec for."""
    try:
        factory = _CODECS[provider]
    except KeyError:
        raise ConfigError("provider", f"{provider!r} is not known; use one of: {', '.join(PROVIDERS)}") from None
    return factory()
