"""AssemblyAI's Voice Agent API: `GET {base}/v1/token` (protocol file section 1).

The local agent is reached by the same call with another base URL.
"""

from __future__ import annotations

from server.providers.upstream import LOCAL_KEY, Endpoint, Minted, MintRequest, Upstream, bearer, checked_token
from server.settings import Settings

KEY_VARIABLE = "ASSEMBLYAI_API_KEY"


def endpoint(settings: Settings) -> Endpoint | None:
    """The vendor's, or None while no key is set."""
    if settings.assemblyai_api_key is None:
        return None
    return Endpoint(
        base_url=settings.assemblyai_url,
        api_key=settings.assemblyai_api_key,
        key_variable=KEY_VARIABLE,
        ws_path=settings.assemblyai_ws_path,
    )


def local_endpoint(settings: Settings) -> Endpoint:
    """The local agent's, below `/agent` of this very server."""
    return Endpoint(
        base_url=settings.local_agent_url,
        api_key=LOCAL_KEY,
        key_variable=KEY_VARIABLE,
        ws_path=settings.assemblyai_ws_path,
        local=True,
    )


async def mint(upstream: Upstream, where: Endpoint, request: MintRequest) -> Minted:
    """One single-use token. Raises `UpstreamError`."""
    answer = await upstream.get_json(
        f"{where.base_url}/v1/token",
        params={
            "expires_in_seconds": str(request.expires_in_seconds),
            "max_session_duration_seconds": str(request.max_session_duration_seconds),
        },
        headers=bearer(where),
    )
    return Minted(token=checked_token(answer.get("token")))
