"""The processes around the token route: `python -m tests.bench.mint_processes upstream|baseline|bare|load ARGUMENTS`.

Each stays on 127.0.0.1, prints one JSON line when it listens or is done, and ends with its parent's signal. The fake
vendor and the load are plain asyncio protocols: what they cost is time that the servers under test do not get.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
import time
from collections import deque
from collections.abc import AsyncIterator

TOKEN_PATH = b"/v1/token?"


class FakeVendor(asyncio.Protocol):
    """Answers `GET /v1/token` as AssemblyAI does, and counts. `/control/stall` and `/control/go` hold answers back;
    `/control/count` tells and forgets how many were asked."""

    calls = 0
    stalled = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received += data
        while b"\r\n\r\n" in self.received:  # neither of its requests has a body
            head, self.received = self.received.split(b"\r\n\r\n", 1)
            self.answer(head.split(b" ", 2)[1])

    def answer(self, path: bytes) -> None:
        kind = FakeVendor
        if path.startswith(TOKEN_PATH):
            kind.calls += 1
            if kind.stalled:
                return
            self.send({"token": f"fake-token-{kind.calls:012d}", "expires_in_seconds": 120})
        elif path == b"/control/count":
            self.send({"calls": kind.calls})
            kind.calls = 0
        else:
            kind.stalled = path == b"/control/stall"
            self.send({})

    def send(self, answer: dict[str, object]) -> None:
        body = json.dumps(answer).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.transport.write(head.encode() + body)


async def upstream() -> None:
    """Listen until killed."""
    server = await asyncio.get_running_loop().create_server(FakeVendor, "127.0.0.1", 0, backlog=512)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


def baseline(upstream_url: str, slots: int) -> None:
    """The token route as a tutorial writes it: Starlette, one pooled client, one call.

    With `slots`, so many calls at once.
    """
    import httpx
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    from server.__main__ import bind

    client = httpx.AsyncClient()
    gate = asyncio.Semaphore(slots) if slots else contextlib.nullcontext()

    async def token(request: Request) -> JSONResponse:
        await request.body()
        async with gate:
            answer = await client.get(
                f"{upstream_url}/v1/token",
                params={"expires_in_seconds": "120", "max_session_duration_seconds": "3600"},
                headers={"Authorization": "Bearer fake-key-0123456789abcdef"},
            )
        return JSONResponse({"token": answer.json()["token"]})

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await client.aclose()

    app = Starlette(routes=[Route("/api/token", token, methods=["POST"])], lifespan=lifespan)
    with bind("127.0.0.1", 0) as listener:
        print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
        # The settings of our own server, so that the two differ in the application alone.
        config = uvicorn.Config(app, log_config=None, log_level="info", proxy_headers=False, server_header=False)
        uvicorn.Server(config).run(sockets=[listener])


def bare() -> None:
    """What starting costs with the packages of a token server and nothing of ours: FastAPI, httpx and
    uvicorn, no route. `server.quick_start` helps here too.
    """
    from server import quick_start

    # isort: split
    import httpx
    import uvicorn
    from fastapi import FastAPI

    quick_start.over()
    client = httpx.AsyncClient()

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
        yield
        await client.aclose()

    app = FastAPI(lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        uvicorn.Server(uvicorn.Config(app, log_config=None)).run(sockets=[listener])


class Visitor(asyncio.Protocol):
    """One connection that asks again as soon as it has its answer."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.received = b""
        self.body_from = -1
        self.whole = 0
        self.last = False  # the server said that it closes after this answer
        self.finished = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.load.next(self)

    def ask(self, request: bytes) -> None:
        self.received, self.body_from = b"", -1
        self.asked = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.received += data
        if self.body_from < 0:
            end = self.received.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self.received[:end].lower()
            self.last = b"connection: close" in head
            self.body_from = end + 4
            self.whole = self.body_from + int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        if len(self.received) >= self.whole:
            self.load.answered(self, int(self.received[9:12]), (time.perf_counter() - self.asked) * 1000)

    def connection_lost(self, error: Exception | None) -> None:
        self.load.lost(self)


class Load:
    """`connections` visitors, until `seconds` have passed or each has asked `each` times; what is under
    way is waited for.
    """

    def __init__(self, port: int, request: bytes, connections: int, seconds: float, each: int) -> None:
        self.port = port
        self.request = request
        self.until = time.perf_counter() + seconds
        self.left = deque([None] * (each * connections)) if each else None
        self.answers: dict[int, list[float]] = {}
        self.busy = connections
        self.lost_early = 0
        self.opening: set[asyncio.Future[None]] = set()
        self.done = asyncio.get_running_loop().create_future()

    def next(self, visitor: Visitor) -> None:
        if time.perf_counter() < self.until and (self.left is None or self.left):
            if visitor.last:
                visitor.finished = True
                self.opening.add(asyncio.ensure_future(self.open()))
                return
            if self.left is not None:
                self.left.pop()
            visitor.ask(self.request)
            return
        self.finish(visitor)
        visitor.transport.close()

    def finish(self, visitor: Visitor) -> None:
        visitor.finished = True
        self.busy -= 1
        if self.busy == 0 and not self.done.done():
            self.done.set_result(None)

    async def open(self) -> None:
        """One more visitor."""
        await asyncio.get_running_loop().create_connection(lambda: Visitor(self), "127.0.0.1", self.port)

    def answered(self, visitor: Visitor, status: int, took_ms: float) -> None:
        self.answers.setdefault(status, []).append(took_ms)
        self.next(visitor)

    def lost(self, visitor: Visitor) -> None:
        if not visitor.finished:
            self.lost_early += 1
            self.finish(visitor)


async def load(port: int, connections: int, seconds: float, each: int, origin: str, body: str) -> None:
    """Print {"seconds", "answers": {status: [ms]}, "lost"}."""
    lines = [
        "POST /api/token HTTP/1.1",
        f"Host: localhost:{port}",
        f"Origin: {origin or f'http://localhost:{port}'}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    started = time.perf_counter()
    run = Load(port, ("\r\n".join(lines) + f"\r\n\r\n{body}").encode(), connections, seconds, each)
    for _ in range(connections):
        await run.open()
    await asyncio.wait_for(run.done, seconds + 60)
    took = time.perf_counter() - started
    print(json.dumps({"seconds": took, "answers": run.answers, "lost": run.lost_early}), flush=True)


def main(role: str, *arguments: str) -> None:
    """Run one role until its end."""
    if role == "upstream":
        asyncio.run(upstream())
    elif role == "bare":
        bare()
    elif role == "baseline":
        baseline(arguments[0], int(arguments[1]))
    else:
        port, connections, seconds, each, origin, body = arguments
        asyncio.run(load(int(port), int(connections), float(seconds), int(each), origin, body))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(*sys.argv[1:])
