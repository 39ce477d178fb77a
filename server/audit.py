"""The audit log: one line for each token request, granted or refused, with a request id and without a secret.

    INFO parley.audit: at=2026-11-28T23:01:02Z request=5f0c... client=192.0.2.1
    outcome=granted provider=assemblyai expires_in_seconds=120 ...

The answer carries the same id (`X-Request-Id`), so that what a person reports can be found in the log. Every value is
ours or was checked: what a request says in its own words is never written. Whatever else is logged while the request is
answered carries the id as well (`server/logs.py`).
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import Request

from server.errors import ApiError
from server.logs import request_id
from server.metrics import Metrics
from server.origins import client_of

__all__ = ["REQUEST_ID_HEADER", "AuditEntry", "audited"]

log = logging.getLogger("parley.audit")

REQUEST_ID_HEADER = "X-Request-Id"


class AuditEntry:
    """One request. `facts` are added as they become known, in the order in which they are to be written."""

    def __init__(self, client: str, metrics: Metrics) -> None:
        self.request_id = secrets.token_hex(8)
        self.facts: dict[str, object] = {}
        self._client = client
        self._metrics = metrics
        self._started_s = time.monotonic()

    def signed_in(self, user: str) -> None:
        """Who asks, as the team's own sign-in says."""
        self.facts["user"] = user

    @property
    def headers(self) -> dict[str, str]:
        """What the answer is to carry."""
        return {REQUEST_ID_HEADER: self.request_id}

    def write(self, outcome: str) -> None:
        """`outcome`: `granted`, or the code of the refusal."""
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        took_s = time.monotonic() - self._started_s
        self._metrics.count(str(self.facts.get("provider", "none")), outcome, took_s)
        line = {"at": at, "request": self.request_id, "client": self._client, "outcome": outcome, **self.facts}
        line["took_ms"] = round(took_s * 1000)
        log.info("%s", " ".join(f"{name}={value}" for name, value in line.items()), extra={"facts": line})


@contextmanager
def audited(request: Request, metrics: Metrics) -> Iterator[AuditEntry]:
    """Writes the line when the block ends, however it does, and counts it; a refusal gets the id among its headers."""
    entry = AuditEntry(client_of(request.scope), metrics)
    # Never put back: each request is a task with a context of its own, and an unexpected error is
    # logged behind this block.
    request_id.set(entry.request_id)
    outcome = "failed"
    try:
        yield entry
        outcome = "granted"
    except ApiError as error:
        outcome = error.code
        error.headers |= entry.headers
        raise
    finally:
        entry.write(outcome)
