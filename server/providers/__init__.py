"""Who can mint? A table: one line here and one file beside it per vendor.

A vendor's file answers three questions: where is it (`endpoint`, None without a key), where is its local twin
(`local_endpoint`), and how is one token asked for (`mint`). `choose` picks the line for a request.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import MappingProxyType

from server.errors import ApiError
from server.providers import assemblyai
from server.providers.upstream import Endpoint, MintRequest, Upstream
from server.settings import Settings, SettingsError

__all__ = ["PROVIDERS", "Endpoint", "MintRequest", "Provider", "Upstream", "check_choice", "choose"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One line of the table. `name` is also the name of the client's codec."""

    name: str
    key_variable: str
    endpoint: Callable[[Settings], Endpoint | None]
    local_endpoint: Callable[[Settings], Endpoint]
    mint: Callable[[Upstream, Endpoint, MintRequest], Awaitable[str]]


_LINES = (
    Provider(
        name="assemblyai",
        key_variable=assemblyai.KEY_VARIABLE,
        endpoint=assemblyai.endpoint,
        local_endpoint=assemblyai.local_endpoint,
        mint=assemblyai.mint,
    ),
)

# The first line is the default, and the protocol that the local agent is asked to speak when there is no key at all.
PROVIDERS = MappingProxyType({line.name: line for line in _LINES})


def choose(settings: Settings, asked: str | None = None) -> tuple[Provider, Endpoint]:
    """The provider for a request and where to reach it.

    `asked` (from the request) wins over PROVIDER; without either, the first line whose key is set, else the first line.
    A page always says which protocol it speaks, so its `asked` picks a line and does not insist on the vendor: that is
    the owner's business. LOCAL_AGENT=true always means the local agent, false never; not set, it stands in exactly when
    the owner named no PROVIDER and set no key at all. Raises `ApiError` 500 naming the variable that is missing.
    `asked` must be a name of the table.
    """
    keyed = next((line for line in _LINES if line.endpoint(settings) is not None), None)
    name = asked or settings.provider
    provider = PROVIDERS[name] if name else keyed or _LINES[0]
    nothing_set = keyed is None and settings.provider is None
    local = nothing_set if settings.local_agent is None else settings.local_agent
    endpoint = provider.local_endpoint(settings) if local else provider.endpoint(settings)
    if endpoint is None:
        raise ApiError(500, "missing_key", f"{provider.key_variable} is not set on the server.")
    return provider, endpoint


def check_choice(settings: Settings) -> None:
    """Raises `SettingsError` when PROVIDER names no line of the table. Part of the wiring."""
    if settings.provider is not None and settings.provider not in PROVIDERS:
        raise SettingsError(f"PROVIDER: must be one of {', '.join(PROVIDERS)}")
