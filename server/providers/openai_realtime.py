"""OpenAI's Realtime API: `POST {base}/v1/realtime/client_secrets` (protocol file section 1).

The secret may open several sessions until it expires, and a page may change what is bound to it: what the owner sets
here is how a session starts, not a lock. The local agent is reached by the same call with another base URL.
"""

from __future__ import annotations

import copy
import re
from typing import Any
from urllib.parse import quote

from server.providers.upstream import (
    LOCAL_KEY,
    Endpoint,
    Minted,
    MintRequest,
    Upstream,
    bearer,
    checked_token,
    unusable,
)
from server.settings import Settings

KEY_VARIABLE = "OPENAI_API_KEY"

# The vendor ends every session then, whatever was asked (section 3).
MAX_SESSION_SECONDS = 3600

# What `expires_after.seconds` may hold (section 1).
_SHORTEST_S, _LONGEST_S = 10, 7200

# The page sends the secret as the sub-protocol `openai-insecure-api-key.<secret>` (section 2): a "token" of HTTP, in a
# header that has to get through with all the others in the 8 kB that most servers take.
_SECRET = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_MAX_SECRET_CHARS = 4096


def endpoint(settings: Settings) -> Endpoint | None:
    """The vendor's, or None while no key is set."""
    if settings.openai_api_key is None:
        return None
    return Endpoint(
        base_url=settings.openai_realtime_base_url,
        api_key=settings.openai_api_key,
        key_variable=KEY_VARIABLE,
        ws_path=_ws_path(settings),
        session=_session(settings),
    )


def local_endpoint(settings: Settings) -> Endpoint:
    """The local agent's, below `/agent` of this very server."""
    return Endpoint(
        base_url=settings.local_agent_url,
        api_key=LOCAL_KEY,
        key_variable=KEY_VARIABLE,
        ws_path=_ws_path(settings),
        session=_session(settings),
        local=True,
    )


async def mint(upstream: Upstream, where: Endpoint, request: MintRequest) -> Minted:
    """One secret. Raises `UpstreamError`."""
    seconds = min(max(request.expires_in_seconds, _SHORTEST_S), _LONGEST_S)
    answer = await upstream.post_json(
        f"{where.base_url}/v1/realtime/client_secrets",
        body={"expires_after": {"anchor": "created_at", "seconds": seconds}, "session": where.session},
        headers=bearer(where),
    )
    return Minted(token=_checked_secret(answer.get("value")), expires_at=_checked_time(answer.get("expires_at")))


def _ws_path(settings: Settings) -> str:
    return f"/v1/realtime?model={quote(settings.openai_realtime_model, safe='')}"


def _session(settings: Settings) -> dict[str, Any]:
    """What every session of this server starts with (section 5); the vendor's default where the owner says nothing."""
    session: dict[str, Any] = copy.deepcopy(settings.openai_realtime_session_file or {})
    session |= {"type": "realtime", "model": settings.openai_realtime_model}
    if settings.openai_realtime_instructions is not None:
        session["instructions"] = settings.openai_realtime_instructions
    if settings.openai_realtime_voice is not None:
        audio = session.setdefault("audio", {})
        audio["output"] = {**audio.get("output", {}), "voice": settings.openai_realtime_voice}
    return session


def _checked_secret(value: object) -> str:
    secret = checked_token(value)
    if len(secret) > _MAX_SECRET_CHARS or not _SECRET.fullmatch(secret):
        raise unusable("the secret does not fit into a WebSocket sub-protocol")
    return secret


def _checked_time(value: object) -> int | None:
    """Epoch seconds, or None where the answer holds none."""
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**40:
        raise unusable("the time at which the secret expires is no time")
    return value
