"""Metrics: counts of this process in Prometheus' text format, at `GET /metrics` where METRICS allows it.

Who may read them: nobody (`off`, the default), programs of this machine (`loopback`), or whoever shows METRICS_TOKEN as
a bearer token (`token`). Everybody else is answered as if there were nothing. Labels are words of ours; no address, no
user, no token.
"""

from __future__ import annotations

import hmac
import time
from collections import Counter
from collections.abc import Callable, Iterator

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from server.errors import API_HEADERS, ApiError
from server.origins import client_of, names_loopback
from server.settings import Settings, is_loopback

__all__ = ["CONTENT_TYPE", "Metrics", "metrics_route"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# Whoever sends one of these stands behind a proxy, which may well run on this machine.
_OF_A_PROXY = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


class Metrics:
    """What was counted since this process began. `gauges`: name, help, and how to read the value now."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, str]] = Counter()
        self._buckets: Counter[float] = Counter()
        self._sum_s = 0.0
        self._count = 0
        self._started_s = time.time()
        self.gauges: list[tuple[str, str, Callable[[], float]]] = []

    def count(self, provider: str, outcome: str, took_s: float) -> None:
        """One token request, however it ended."""
        self._requests[provider, outcome] += 1
        self._sum_s += took_s
        self._count += 1
        for bucket_s in BUCKETS_S:
            if took_s <= bucket_s:
                self._buckets[bucket_s] += 1

    def text(self) -> str:
        """The whole answer."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        name = "parley_token_requests_total"
        yield from _head(
            name, "counter", "Token requests by provider and outcome: granted, or the code of the refusal."
        )
        for (provider, outcome), number in sorted(self._requests.items()):
            yield f'{name}{{provider="{provider}",outcome="{outcome}"}} {number}'
        name = "parley_token_request_seconds"
        yield from _head(name, "histogram", "How long a token request took, with the vendor's share.")
        for bucket_s in BUCKETS_S:
            yield f'{name}_bucket{{le="{bucket_s}"}} {self._buckets[bucket_s]}'
        yield f'{name}_bucket{{le="+Inf"}} {self._count}'
        yield f"{name}_sum {self._sum_s:.6f}"
        yield f"{name}_count {self._count}"
        for name, text, value in self.gauges:
            yield from _head(name, "gauge", text)
            yield f"{name} {value():g}"
        name = "process_start_time_seconds"
        yield from _head(name, "gauge", "When this process began, in seconds since 1970.")
        yield f"{name} {self._started_s:.3f}"


def metrics_route(metrics: Metrics, settings: Settings) -> Callable[[Request], object]:
    """Answers `GET /metrics`."""

    async def answer(request: Request) -> Response:
        if not _may_read(request, settings):
            raise ApiError(404, "not_found", "There is nothing at this address.")
        return PlainTextResponse(metrics.text(), headers={**API_HEADERS, "Content-Type": CONTENT_TYPE})

    return answer


def _may_read(request: Request, settings: Settings) -> bool:
    headers = request.headers
    if settings.metrics == "loopback":
        return is_loopback(client_of(request.scope)) and names_loopback(request.scope) and not _by_proxy(headers)
    if settings.metrics == "token" and settings.metrics_token is not None:
        wanted = f"Bearer {settings.metrics_token.get_secret_value()}"
        return hmac.compare_digest(headers.get("authorization", "").encode(), wanted.encode())
    return False


def _by_proxy(headers: Headers) -> bool:
    return any(name in headers for name in _OF_A_PROXY)


def _head(name: str, kind: str, text: str) -> tuple[str, str]:
    return f"# HELP {name} {text}", f"# TYPE {name} {kind}"
