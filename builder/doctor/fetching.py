"""Ask a deployment, politely: one request at a time, each with an end, a few dozen in all, nothing followed by itself.

An answer is kept as it came over the wire, because how it was compressed is one of the questions.
"""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import brotli
import httpx

MOST_REQUESTS = 60
MOST_BYTES = 64 * 1024 * 1024
_PIECE_S = httpx.Timeout(15.0, connect=10.0)
_WHOLE_S = 90.0
# For all requests together: after that only what was begun is ended.
_ALL_S = 300.0
# What all current browsers name, and we can decode.
_ENCODINGS = "gzip, deflate, br"


class Unreachable(Exception):
    """No answer came; the text says why, in words for a person."""


class TooMany(Unreachable):
    """The deployment was asked enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`body` as it was sent; `content` as a browser would see it, None where it could not be decoded."""

    url: str
    status: int
    headers: httpx.Headers
    body: bytes
    content: bytes | None

    def header(self, name: str) -> str:
        return str(self.headers.get(name, "")).strip()

    def each(self, name: str) -> list[str]:
        """The values of a header that may come several times."""
        return self.headers.get_list(name)

    @property
    def mime(self) -> str:
        """The type without its parameters, in lower case."""
        return self.header("content-type").partition(";")[0].strip().lower()

    @property
    def encoding(self) -> str:
        return self.header("content-encoding").lower()

    @property
    def text(self) -> str:
        return (self.content or b"").decode("utf-8", "replace")


class Fetcher:
    """A context manager. Every method raises `Unreachable`."""

    def __init__(self) -> None:
        self.count = 0
        self._end = time.monotonic() + _ALL_S
        self._client = httpx.Client(
            timeout=_PIECE_S,
            follow_redirects=False,
            headers={"User-Agent": "parley-doctor", "Accept-Encoding": _ENCODINGS},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._client.close()

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.ask("GET", url, headers)

    def ask(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, content: bytes | None = None
    ) -> Answer:
        """One request, redirects not followed."""
        if self.count >= MOST_REQUESTS:
            raise TooMany(f"{MOST_REQUESTS} requests were made, and no deployment is asked more often than that")
        if time.monotonic() > self._end:
            raise TooMany(f"{_ALL_S:.0f} s were spent on the requests so far")
        self.count += 1
        try:
            with self._client.stream(method, url, headers=headers, content=content) as answer:
                body = _body(answer)
        except httpx.TimeoutException:
            raise Unreachable(f"no answer from {_place(url)} in time") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unreachable(f"{_place(url)} cannot be reached: {error}") from None
        decoded = _decoded(body, answer.headers.get("content-encoding", ""))
        return Answer(url=url, status=answer.status_code, headers=answer.headers, body=body, content=decoded)


def _body(answer: httpx.Response) -> bytes:
    """What is sent, up to a size and a time: a server that never ends is no reason to wait for ever."""
    end = time.monotonic() + _WHOLE_S
    body = bytearray()
    for piece in answer.iter_raw():
        body += piece
        if len(body) > MOST_BYTES or time.monotonic() > end:
            raise httpx.ReadTimeout("too long")
    return bytes(body)


def _decoded(body: bytes, encodings: str) -> bytes | None:
    for encoding in reversed([name.strip().lower() for name in encodings.split(",") if name.strip()]):
        try:
            if encoding in ("gzip", "x-gzip"):
                body = gzip.decompress(body)
            elif encoding == "br":
                body = brotli.decompress(body)
            elif encoding == "deflate":
                body = zlib.decompress(body)
            elif encoding != "identity":
                return None
        except (OSError, EOFError, zlib.error, brotli.error):
            return None
    return body


def _place(url: str) -> str:
    """Without what stands behind a question mark: a token may."""
    return url.partition("?")[0]
