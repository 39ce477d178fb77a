"""What is the same in every codec's way from a message to its events, and from a wish to its message?"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pyclient.codecs.base import Message
from pyclient.codecs.fields import Fields
from pyclient.errors import RemoteProtocolError
from pyclient.events import Event, MessageIgnored, MessageRejected, TokenGranted
from pyclient.safejson import Limits, UnsafeMessage, decode_object

MAX_TYPE_CHARS = 80

Owner = TypeVar("Owner")


def read(
    owner: Owner, readers: Mapping[str, Callable[[Owner, Fields], list[Event]]], data: Message, limits: Limits
) -> list[Event]:
    """The events of one text message, by its type's reader. Never raises: see `Codec.decode`."""
    if not isinstance(data, str):
        return [MessageRejected(reason="a binary message where only text is spoken")]
    try:
        fields = decode_object(data, limits)
    except UnsafeMessage as error:
        return [MessageRejected(reason=str(error))]
    kind = fields["type"]
    reader = readers.get(kind)
    if reader is None:
        return [MessageIgnored(type=kind[:MAX_TYPE_CHARS])]
    try:
        return reader(owner, fields)
    except UnsafeMessage as error:
        return [MessageRejected(reason=str(error), type=kind)]


def write(message: Mapping[str, Any]) -> str:
    """One message as text, without spaces. Raises `ValueError` for a number that JSON has no word for."""
    return json.dumps(message, separators=(",", ":"), allow_nan=False)


def socket_address(grant: TokenGranted) -> str:
    """The address of the socket, without its fragment. Raises `RemoteProtocolError` for what is no WebSocket address."""
    url = grant.ws_url.partition("#")[0]
    if not url.startswith(("ws://", "wss://")) or any(ord(char) <= 32 for char in url):
        raise RemoteProtocolError("The token server named an address that is not a WebSocket address.")
    return url
