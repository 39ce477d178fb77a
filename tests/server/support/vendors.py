"""What the tests of the token service know of each vendor: its settings, its call, its answer. One reading more of the
protocol files, section 1 of each; nothing here is taken from the server.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """One vendor. `token_field` is where its answer holds the token; `variables` are all it needs, in capitals."""

    name: str
    key: str
    variables: tuple[str, ...]
    url_variable: str
    method: str
    path: str
    token_field: str

    @property
    def authorization(self) -> str:
        return f"Bearer {self.key}"

    def settings(self, url: str) -> dict[str, Any]:
        """By field name: this vendor alone has a key, and its service is at `url`."""
        return {name.lower(): value for name, value in self.environment(url).items()}

    def environment(self, url: str) -> dict[str, str]:
        return {self.variables[0]: self.key, self.url_variable: url}

    def answer(self, token: Any, url: str, **more: Any) -> str:
        """The JSON of a good answer of the service at `url`, but for what `token` may be."""
        found: dict[str, Any] = {self.token_field: token}
        if self.name == "assemblyai":
            found["expires_in_seconds"] = 60
        elif self.name == "openai_realtime":
            session = {"type": "realtime", "object": "realtime.session", "id": "sess_1", "expires_at": 0}
            found |= {"expires_at": int(time.time()) + 60, "session": session}
        else:
            found["ws_url"] = f"{url.replace('http', 'ws', 1)}/api/v1/sdk/ws"
        return json.dumps({**found, **more})


VENDORS: Mapping[str, Vendor] = {
    vendor.name: vendor
    for vendor in (
        Vendor(
            name="assemblyai",
            key="fake-key-0123456789abcdef",
            variables=("ASSEMBLYAI_API_KEY",),
            url_variable="ASSEMBLYAI_BASE_URL",
            method="GET",
            path="/v1/token",
            token_field="token",
        ),
        Vendor(
            name="openai_realtime",
            key="another-key-0123456789abcdef",
            variables=("OPENAI_API_KEY",),
            url_variable="OPENAI_REALTIME_BASE_URL",
            method="POST",
            path="/v1/realtime/client_secrets",
            token_field="value",
        ),
        Vendor(
            name="sdk_voice",
            key="third-key-0123456789abcdef",
            variables=("SDK_VOICE_API_KEY", "SDK_VOICE_API_URL"),
            url_variable="SDK_VOICE_API_URL",
            method="POST",
            path="/api/v1/sdk/token",
            token_field="token",
        ),
    )
}

KEYS = tuple(vendor.key for vendor in VENDORS.values())


def vendor_at(path: str) -> Vendor | None:
    """Whose token route this is."""
    return next((vendor for vendor in VENDORS.values() if vendor.path == path), None)
