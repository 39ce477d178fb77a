"""The audit log: one line for each token request, granted or refused, with a request id and without a secret.

    INFO parley.audit: at=2026-11-28T23:01:02Z request=5f0c... client=192.0.2.1 outcome=granted provider=assemblyai expires_in_seconds=120 ...

The answer carries the same id (`X-Request-Id`), so that what a person reports can be found in the log. Every value is ours or was
checked: what a request says in its own words is never written.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import Request

from server.errors import ApiError
from server.origins import client_of

__all__ = ["REQUEST_ID_HEADER", "AuditEntry", "audited"]

log = logging.getLogger("parley.audit")

REQUEST_ID_HEADER = "X-Request-Id"


class AuditEntry:
    """One request. `facts` are added as they become known, in the order in which they are to be written."""

    def __init__(self, client: str) -> None:
        self.request_id = secrets.token_hex(8)
        self.facts: dict[str, object] = {}
        self._client = client
        self._started_s = time.monotonic()

    @property
    def headers(self) -> dict[str, str]:
        """What the answer is to carry."""
        return {REQUEST_ID_HEADER: self.request_id}

    def write(self, outcome: str) -> None:
        """`outcome`: `granted`, or the code of the refusal."""
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        took_ms = round((time.monotonic() - self._started_s) * 1000)
        line = {"at": at, "request": self.request_id, "client": self._client, "outcome": outcome, **self.facts}
        log.info("%s", " ".join(f"{name}={value}" for name, value in (line | {"took_ms": took_ms}).items()))


@contextmanager
def audited(request: Request) -> Iterator[AuditEntry]:
    """Writes the line when the block ends, however it does; a refusal gets the id among its headers."""
    entry = AuditEntry(client_of(request.scope))
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
