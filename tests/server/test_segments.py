"""A long reply to a browser on the same machine arrives, however small the browser's window has become.

Linux only: elsewhere segments on the loopback device are another matter.
"""

from __future__ import annotations

import socket
import sys
import threading
import time

import pytest

from server.__main__ import bind

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="about Linux's loopback device")

MESSAGE = bytes(9000)
MESSAGES = 300


def test_a_burst_goes_on_while_the_client_talks_and_its_window_is_small() -> None:
    """Without short segments nothing more comes after the first 100 KB, for as long as the client talks."""
    shrunk = threading.Event()
    said = threading.Event()
    done = threading.Event()

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            threading.Thread(target=read_all, args=(connection,), daemon=True).start()
            for number in range(2 * MESSAGES):
                if number == MESSAGES:
                    shrunk.wait(30)
                connection.sendall(MESSAGE)
            done.wait(30)

    def talk(client: socket.socket) -> None:
        while not said.wait(0.04):
            client.sendall(bytes(2600))

    with bind("127.0.0.1", 0) as listener, socket.socket() as client:
        for each in (listener, client):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        client.connect(listener.getsockname())
        client.settimeout(10)
        talking = threading.Thread(target=talk, args=(client,), daemon=True)
        try:
            receive(client, MESSAGES * len(MESSAGE))  # the window grows, and with it the server's segments
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 20_000)
            talking.start()
            time.sleep(0.2)
            shrunk.set()
            receive(client, MESSAGES * len(MESSAGE))
        finally:
            said.set()
            if talking.ident is not None:
                talking.join(10)  # before either end is closed under it
            shrunk.set()
            done.set()


def receive(client: socket.socket, count: int) -> None:
    """Read exactly so many bytes. Raises TimeoutError when nothing comes for ten seconds."""
    while count > 0:
        part = client.recv(min(count, 65536))
        assert part, "the connection was closed"
        count -= len(part)


def read_all(connection: socket.socket) -> None:
    try:
        while connection.recv(65536):
            pass
    except OSError:
        pass
