"""Who can mint? A table: one line here and one file beside it per vendor.

A vendor's file answers three questions: where is it (`endpoint`, None while something is not set), where is its local
twin (`local_endpoint`), and how is one token asked for (`mint`). `choose` picks the line for a request.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import MappingProxyType

from server.errors import ApiError
from server.providers import assemblyai, openai_realtime, sdk_voice
from server.providers.upstream import Endpoint, Minted, MintRequest, Upstream
from server.settings import Settings, SettingsError

__all__ = [
    "PROVIDERS",
    "Endpoint",
    "MintRequest",
    "Minted",
    "Provider",
    "Upstream",
    "check_choice",
    "choose",
    "uses_local_agent",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One line of the table. `name` is also the name of the client's codec.

    `variables` must all be set to reach the vendor; the first one is the key. `max_session_seconds` is the longest
    session that the vendor has, None where its documents do not say.
    """

    name: str
    variables: tuple[str, ...]
    endpoint: Callable[[Settings], Endpoint | None]
    local_endpoint: Callable[[Settings], Endpoint]
    mint: Callable[[Upstream, Endpoint, MintRequest], Awaitable[Minted]]
    max_session_seconds: int | None = None


_LINES = (
    Provider(
        name="assemblyai",
        variables=(assemblyai.KEY_VARIABLE,),
        endpoint=assemblyai.endpoint,
        local_endpoint=assemblyai.local_endpoint,
        mint=assemblyai.mint,
    ),
    Provider(
        name="openai_realtime",
        variables=(openai_realtime.KEY_VARIABLE,),
        endpoint=openai_realtime.endpoint,
        local_endpoint=openai_realtime.local_endpoint,
        mint=openai_realtime.mint,
        max_session_seconds=openai_realtime.MAX_SESSION_SECONDS,
    ),
    Provider(
        name="sdk_voice",
        variables=(sdk_voice.KEY_VARIABLE, sdk_voice.URL_VARIABLE),
        endpoint=sdk_voice.endpoint,
        local_endpoint=sdk_voice.local_endpoint,
        mint=sdk_voice.mint,
    ),
)

# The first line is the default, and the protocol that the local agent is asked to speak when there is no key at all.
PROVIDERS = MappingProxyType({line.name: line for line in _LINES})


def choose(settings: Settings, asked: str | None = None) -> tuple[Provider, Endpoint]:
    """The provider for a request and where to reach it.

    `asked` (from the request) wins over PROVIDER; without either, the first line whose key is set, else the first line.
    A page always says which protocol it speaks, so its `asked` picks a line and does not insist on the vendor: that is
    the owner's business. LOCAL_AGENT=true always means the local agent, false never; not set, it stands in exactly when
    the owner named no PROVIDER and set no key at all, of whichever vendor. Raises `ApiError` 500 naming the variable
    that is missing. `asked` must be a name of the table.
    """
    name = asked or settings.provider
    provider = PROVIDERS[name] if name else _keyed(settings) or _LINES[0]
    endpoint = provider.local_endpoint(settings) if uses_local_agent(settings) else provider.endpoint(settings)
    if endpoint is None:
        missing = [name for name in provider.variables if not _is_set(settings, name)]
        verb = "is" if len(missing) == 1 else "are"
        raise ApiError(500, "missing_key", f"{' and '.join(missing)} {verb} not set on the server.")
    return provider, endpoint


def uses_local_agent(settings: Settings) -> bool:
    """Does the local agent answer in every vendor's place?

    Only then is it imported and mounted: anybody may talk to it.
    """
    if settings.local_agent is not None:
        return settings.local_agent
    return _keyed(settings) is None and settings.provider is None


def check_choice(settings: Settings) -> None:
    """Raises `SettingsError` when PROVIDER names no line of the table. Part of the wiring."""
    if settings.provider is not None and settings.provider not in PROVIDERS:
        raise SettingsError(f"PROVIDER: must be one of {', '.join(PROVIDERS)}")


def _keyed(settings: Settings) -> Provider | None:
    """The first line whose key is set."""
    return next((line for line in _LINES if _is_set(settings, line.variables[0])), None)


def _is_set(settings: Settings, variable: str) -> bool:
    return getattr(settings, variable.lower()) is not None
