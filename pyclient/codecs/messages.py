"""Message helpers that all codecs share: reading JSON, decoding audio, writing JSON."""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pyclient.codecs.base import Message
from pyclient.codecs.fields import Fields
from pyclient.core.errors import RemoteProtocolError
from pyclient.core.events import Event, MessageIgnored, MessageRejected, TokenGranted
from pyclient.core.safejson import Limits, UnsafeMessage, decode_object

MAX_TYPE_CHARS = 80

# Stands where an argument's name stands, so that the agent is told what was wrong with its call and can try again.
UNREADABLE = "(arguments that are not a JSON object)"

_BASE64_SPACE = re.compile(r"[ \t\r\n\f]+")
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")


class UnreadableAudio(UnsafeMessage):
    """The message held sound, and it cannot be read: something is missing from what the person hears."""


Owner = TypeVar("Owner")


def read(
    owner: Owner, readers: Mapping[str, Callable[[Owner, Fields], list[Event]]], data: Message, limits: Limits
) -> list[Event]:
    """The events of one text message, by its type's reader. Never raises: see `BaseCodec.decode`."""
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
        return [MessageRejected(reason=str(error), type=kind, audio=isinstance(error, UnreadableAudio))]


def audio_bytes(data: Any) -> bytes:
    """Sound in base64.

    Some servers leave out the padding or break lines; that is taken, anything else is `UnreadableAudio`.
    """
    if not isinstance(data, str):
        raise UnreadableAudio("audio must be text")
    try:
        return binascii.a2b_base64(data, strict_mode=True)
    except ValueError:  # also non-ASCII text
        pass
    bare = _BASE64_SPACE.sub("", data)
    digits = bare.rstrip("=")
    padded = len(bare) % 4 == 0 or bare == digits
    if not _BASE64.fullmatch(bare) or len(digits) % 4 == 1 or not padded:
        raise UnreadableAudio("audio that is not base64")
    return binascii.a2b_base64(digits + "=" * (-len(digits) % 4))


def tool_arguments(given: Any, limits: Limits) -> dict[str, Any]:
    """The arguments of a tool call: an object, JSON text of one (some models wrap it twice), or nothing.

    What is none of these becomes an argument that no tool has, so that the agent is told.
    """
    value = given
    for _ in range(3):
        if not isinstance(value, str):
            break
        if not value.strip():
            return {}
        # JSON inside a string: the check of the message around it did not look into it.
        try:
            wrapped = decode_object(f'{{"type":"arguments","value":{value}}}', limits)
        except UnsafeMessage:
            break
        if len(wrapped) != 2 or wrapped["type"] != "arguments":
            break
        value = wrapped["value"]
    if value is None:
        return {}
    return value if isinstance(value, dict) else {UNREADABLE: str(given)[:200]}


def write(message: Mapping[str, Any]) -> str:
    """One message as text, without spaces. Raises `ValueError` for a number that JSON has no word for."""
    return json.dumps(message, separators=(",", ":"), allow_nan=False)


def socket_address(grant: TokenGranted) -> str:
    """The address of the socket, without its fragment. Raises `RemoteProtocolError` for what is no WebSocket address.

    Half a surrogate pair, in the address or the token, can be sent nowhere and would end Python in a browser.
    """
    url = grant.ws_url.partition("#")[0]
    for what, text in (("an address", url), ("a token", grant.token)):
        if any("\ud800" <= char <= "\udfff" for char in text):
            raise RemoteProtocolError(f"The token server named {what} that is not Unicode text.")
    if not url.startswith(("ws://", "wss://")) or any(ord(char) <= 32 for char in url):
        raise RemoteProtocolError("The token server named an address that is not a WebSocket address.")
    return url
