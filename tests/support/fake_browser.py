"""Stands for the worker's host object, which `pyclient.host.pyodide_host` calls, and for the buffers
that it hands over.
"""

from __future__ import annotations

import json
from typing import Any

from pyclient.host import pyodide_host as browser


class FakeBuffer:
    """Stands for a JavaScript ArrayBuffer."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def to_bytes(self) -> bytes:
        return self.data


class FakeHost:
    """Stands for the worker's host object and keeps every call."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.waiting_bytes = 0

    def __getattr__(self, name: str) -> Any:
        def call(*values: Any) -> Any:
            self.calls.append((name, values))

        return call

    def now_ms(self) -> float:
        return 1000.0

    def buffered(self, _: int) -> int:
        return self.waiting_bytes

    def said(self, name: str) -> list[tuple[Any, ...]]:
        return [values for called, values in self.calls if called == name]


def grant(client: browser.Client, host: FakeHost) -> int:
    """Bring a session to an open socket and return its id."""
    client.intent(json.dumps({"type": "connect", "call": 1, "voice": "", "greeting": "Hello", "system_prompt": ""}))
    (attempt, _, _, _) = host.said("request_token")[-1]
    body = json.dumps({"provider": "assemblyai", "token": "t", "ws_url": "ws://localhost/agent/v1/ws"})
    client.token_answered(attempt, 200, body, "")
    socket_id = int(host.said("open_socket")[-1][0])
    client.socket_opened(socket_id)
    return socket_id
