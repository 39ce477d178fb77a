"""How is the server started and stopped?

    python -m server [--host 127.0.0.1] [--port 8000] [--site dist]

prints exactly one line on stdout, `ready http://localhost:8000/`, once connections are taken; logs go to stderr. Ctrl-C
and SIGTERM end it within two seconds with exit code 0, open WebSockets or not.

Exit codes: 0 ended on request, 1 could not start, 2 wrong arguments or settings, 3 the port is taken.
"""

from __future__ import annotations

from server import quick_start

# isort: split
import argparse
import asyncio
import contextlib
import errno
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import uvicorn
from starlette.applications import Starlette

from server.app import create_app
from server.connections import WatchedHttp, allow_descriptors, end_the_slow
from server.errors import ApiError
from server.logs import configure_logging
from server.providers import choose
from server.settings import Settings, SettingsError, bracketed, load_settings
from server.site import Site

quick_start.over()

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_PORT_TAKEN = 3
SHUTDOWN_GRACE_S = 1
WS_MAX_MESSAGE_BYTES = 1024 * 1024
MAX_HEAD_BYTES = 32 * 1024  # a token in the address is 2.7 kB, a secret in a sub-protocol 4 kB
TICKS_PER_S = 10  # uvicorn's own
BACKLOG = 512  # Python tries as often in a row to take a connection when no descriptor is left
# Hosts that a browser may reach as `localhost`, and the other address of that name.
ALSO_LOCALHOST = ("", "0.0.0.0", "127.0.0.1", "localhost")
IPV6_LOOPBACK = "::1"
PORTS_TRIED = 20
_SEGMENT_BYTES = 1460  # as on Ethernet


class PortTaken(Exception):
    """Somebody else listens there: at the port of the host that is the text."""


class Server(uvicorn.Server):
    """Announces itself when it listens, and ends a signal's business itself."""

    def __init__(self, config: uvicorn.Config, announcement: str) -> None:
        super().__init__(config)
        assert isinstance(config.app, Starlette)
        self._app = config.app
        self._announcement = announcement

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            print(self._announcement, flush=True)

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS_PER_S == 0:
            end_the_slow(self.server_state.connections, asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.stop()
        await super().shutdown(sockets=sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # The original raises the signal again after a clean end, which turns it into a traceback or exit code 143.
        wanted = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in wanted}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def bind_all(host: str, port: int) -> list[socket.socket]:
    """Listening sockets for everything that `host` is called, at one port. Raises `PortTaken` or `OSError`.

    Browsers try `localhost` at ::1 first. Another program there would get our visitors, and they would see its pages
    under our address: so that is bound as well, or somebody is told that it is taken.
    """
    if host not in ALSO_LOCALHOST:
        return [bind(host, port)]
    for _ in range(1 if port else PORTS_TRIED):
        first = bind(host, port)
        try:
            return [first, bind(IPV6_LOOPBACK, first.getsockname()[1])]
        except PortTaken:
            first.close()
        except OSError:
            # No IPv6 on this machine: then `localhost` is no address of it either.
            return [first]
    raise PortTaken(IPV6_LOOPBACK)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one. Raises `PortTaken` or `OSError`.

    Bound by us and not by the HTTP server, because the settings need the real port, and because listening at once
    makes "taken" certain.
    """
    found = socket.getaddrinfo(host or "0.0.0.0", port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    # `localhost` may mean both; the local agent is reached over IPv4.
    family, kind, protocol, _name, address = min(found, key=lambda item: item[0] != socket.AF_INET)
    listener = socket.socket(family, kind, protocol)
    try:
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sys.platform == "linux":
            _segment_as_elsewhere(listener)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(host) from None
        raise
    return listener


def _segment_as_elsewhere(listener: socket.socket) -> None:
    """Segments on the loopback device as long as on Ethernet, not 64 KB: else a long reply may stop for
    good in its middle.

    Where the browser's window becomes smaller than one segment, Linux sends no part of it, but a probe when nothing was
    heard for 200 ms; and the browser's 25 frames a second put that off for ever. `ss -tinp` shows such a connection as
    `rwnd_limited`, with all the rest in the server's Send-Q and nothing in the browser's Recv-Q (seen with 6.18).
    """
    with contextlib.suppress(OSError):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SEGMENT_BYTES)


def announced_url(host: str, port: int) -> str:
    """What a person types. `localhost` wherever it works: only there and on https do browsers give a microphone."""
    everywhere = host in ("", "0.0.0.0", "::", "127.0.0.1", "::1", "localhost")
    return f"http://{'localhost' if everywhere else bracketed(host)}:{port}/"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs until a signal comes. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m server", description="Serves Parley: site, tokens, local agent.")
    parser.add_argument("--host", help="address to listen on (default: HOST, else 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on, 0 for any free one (default: PORT, else 8000)")
    parser.add_argument("--site", type=Path, default=Path("dist"), help="directory of the built site (default: dist)")
    parser.add_argument("--env-file", type=Path, default=Path(".env"), help="file with settings (default: .env)")
    given = parser.parse_args(arguments)
    try:
        settings = load_settings(given.env_file, host=given.host, port=given.port)
    except SettingsError as error:
        return _fail(EXIT_USAGE, str(error))
    configure_logging(settings.log_level, settings.secrets, settings.log_format)
    try:
        listeners = bind_all(settings.host, settings.port)
    except PortTaken as taken:
        where = f"{taken}, which is localhost too," if str(taken) == IPV6_LOOPBACK != settings.host else settings.host
        return _fail(EXIT_PORT_TAKEN, f"port {settings.port} on {where} is taken; choose another with --port")
    except OSError as error:
        return _fail(EXIT_FAILED, f"cannot listen on {settings.host} port {settings.port}: {error.strerror}")
    with contextlib.ExitStack() as stack:
        for listener in listeners:
            stack.enter_context(listener)
        return _serve(listeners, settings, given.site)


def _serve(listeners: list[socket.socket], settings: Settings, site: Path) -> int:
    port = listeners[0].getsockname()[1]
    settings = settings.model_copy(update={"port": port})
    try:
        app = create_app(settings, site_root=site)
    except SettingsError as error:
        return _fail(EXIT_USAGE, str(error))
    _warn(settings, app.state.site)
    server = Server(config_for(app, settings), f"ready {announced_url(settings.host, port)}")
    server.run(sockets=listeners)
    return 0 if server.started else EXIT_FAILED


def config_for(app: Starlette, settings: Settings) -> uvicorn.Config:
    """How the HTTP server is to behave."""
    WatchedHttp.most = allow_descriptors(settings.max_connections)
    return uvicorn.Config(
        app,
        log_config=None,
        log_level=settings.log_level,
        lifespan="on",
        # Forwarded headers are read by our own code, and only with TRUST_PROXY.
        proxy_headers=False,
        server_header=False,
        http=WatchedHttp,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        backlog=BACKLOG,
        ws=cast("type[asyncio.Protocol]", websocket_protocol),
        ws_max_size=WS_MAX_MESSAGE_BYTES,
        # Audio in base64 hardly shrinks and costs more time than it saves.
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
    )


def websocket_protocol(**wiring: Any) -> asyncio.Protocol:
    """uvicorn's `websockets-sansio`, imported with the first WebSocket: none comes to a token server."""
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

    return WebSocketsSansIOProtocol(**wiring)


def _warn(settings: Settings, site: Site) -> None:
    """Says early what would otherwise be found out in the browser."""
    if site.problem:
        print(f"server: {site.problem}", file=sys.stderr)
    try:
        _provider, where = choose(settings)
    except ApiError as error:
        print(f"server: {error.message} Token requests will be refused.", file=sys.stderr)
        return
    origins = where.likely_ws_origins
    if not where.local and all(site.forbids_sockets_to(origin) for origin in origins):
        there = " or ".join(origins)
        text = f"the policy of the built page does not let it connect to {there}; allow it and build again"
        print(f"server: {text}", file=sys.stderr)


def _fail(code: int, message: str) -> int:
    print(f"server: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
