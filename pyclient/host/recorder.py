"""Session recorder: what goes into the core and what comes out of it, as lines of JSON for a session bundle.

Stands beside the one place that calls `Session.handle`. Before anything is kept, audio is reduced to what the core
looks at, and secrets become placeholders. A line is `[now_ms, kind, what]`, and `[now_ms, kind, what, came_out]` where
something did; audio that took the fast path is a line for each sum that Python was told. Lines go to the page in
batches: it is there also when Python is not any more. `tests/replay` plays them to another session.
"""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from pyclient.audio.pcm import first_audible_sample, peak
from pyclient.audio_fast_path import AudioFastPath
from pyclient.config import ClientConfig
from pyclient.core import commands, events
from pyclient.host.redaction import Secrets, without_named, without_secrets
from pyclient.page.view import View
from pyclient.tools.registry import ToolRegistry

# The form of the lines. Whoever changes it changes this, and a bundle of before says that it is one.
FORMAT = 1
BATCH_LINES = 64
_BASE64 = re.compile(r'"([A-Za-z0-9+/]{64,})(={0,2})"')

# A captured frame on its way, however short, in whatever vendor's words.
_FRAME = re.compile(r'\{"type":"[\w.]+","audio":"[A-Za-z0-9+/]*={0,2}"\}')

Line = list[Any]


class Recorder:
    """The lines of one page. `keep(lines)` takes a batch of them, as text with a line break behind each."""

    def __init__(self, keep: Callable[[str], None]) -> None:
        self._keep = keep
        self._lines: list[Line] = []
        self._drawn: list[Line] = []
        self._begun: list[tuple[Line, ClientConfig, ToolRegistry]] = []
        self._secrets = Secrets()
        # Whatever a team's tool or a vendor puts into an argument, the call goes on.
        self._encode = json.JSONEncoder(separators=(",", ":"), default=repr).encode

    # --- what went in ------------------------------------------------------------------------------------------------

    def began(self, config: ClientConfig, registry: ToolRegistry) -> None:
        """A new session with these settings and tools.

        They are written down with the first batch: a page's start does not wait.
        """
        line: Line = [0, "start"]
        self._lines.append(line)
        self._begun.append((line, config, registry))

    def _start(self, config: ClientConfig, registry: ToolRegistry) -> dict[str, Any]:
        settings = {**asdict(config), "token_url": without_secrets(config.token_url)}
        tools = [
            {**schema, "timeout_ms": made.timeout_ms}
            for schema, made in zip(registry.schemas(), registry.tools(), strict=True)
        ]
        start = {"format": FORMAT, "settings": settings, "tools": tools}
        self._secrets.find_named(self._encode(start))
        return start

    def took(self, event: events.Event, now_ms: float) -> Line:
        """The session is told `event`. What comes out goes to `gave`, with the line that this returns."""
        line = [now_ms, type(event).__name__, self._event(event)]
        self._lines.append(line)
        return line

    def drew(self, number: float) -> float:
        """A random number, on its way into the core."""
        self._drawn.append(["random", number])
        return number

    def fast_path(self, path: AudioFastPath) -> RecordedFastPath:
        return RecordedFastPath(path, self._lines.append)

    # --- what came out -----------------------------------------------------------------------------------------------

    def gave(self, line: Line, made: Sequence[commands.Command]) -> None:
        """The session answered with these commands."""
        out = [*self._drawn, *map(self._command, made)]
        self._drawn.clear()
        if out:
            line.append(out)
        # A change of state is handed over at once: Python may not live to hand it over later.
        if len(self._lines) >= BATCH_LINES or any(it[0] == "Log" and it[1] == "=" for it in out):
            self.flush()

    def raised(self, line: Line, error: BaseException) -> None:
        line.append([*self._drawn, ["raised", type(error).__name__]])
        self._drawn.clear()
        self.flush()

    def looked(self, view: View, now_ms: float) -> None:
        """What the page would show at this moment, whole: the end of what is handed over on request."""
        self._lines.append([now_ms, "view", view])
        self.flush()

    def flush(self) -> None:
        """Hand over what is there."""
        for line, config, registry in self._begun:
            line.append(self._start(config, registry))
        self._begun.clear()
        if self._lines:
            text = "".join(f"{self._encode(line)}\n" for line in self._lines)
            self._lines.clear()
            self._keep(self._secrets.hide(text))

    # --- reduced -----------------------------------------------------------------------------------------------------

    def _event(self, event: events.Event) -> dict[str, Any]:
        if isinstance(event, events.AudioCaptured):
            return {"pcm": frame_facts(event.pcm)}
        fields = _fields(event)
        if isinstance(event, events.MessageReceived):
            fields["data"] = self._received(event.data)
        elif isinstance(event, events.TokenGranted):
            fields["token"] = self._secrets.add(event.token)
            fields["ws_url"] = without_secrets(event.ws_url)
        return fields

    def _received(self, data: str | bytes) -> Any:
        """Text with its audio reduced; of bytes, which are audio, how many and where it can be heard."""
        if isinstance(data, bytes):
            return [len(data), _first_audible(data)]
        text = _BASE64.sub(_reduced, data)
        self._secrets.find_named(text)
        return text

    def _command(self, it: commands.Command) -> Line:
        kind = type(it).__name__
        match it:
            case commands.ShowView():
                return [kind, *_view_facts(it.view)]
            case commands.PlayAudio():
                return [kind, it.item_id, len(it.pcm)]
            case commands.SendMessage():
                return [kind, it.socket_id, self._sent(it.data)]
            case commands.Log():
                return [kind, it.direction, it.text]
            case commands.OpenSocket():
                return [kind, it.socket_id, without_secrets(it.url), len(it.protocols)]
            case commands.RequestToken():
                return [kind, it.attempt, without_secrets(it.url), it.body]
        return [kind, _fields(it)]

    def _sent(self, data: str | bytes) -> Any:
        """Of audio its length."""
        if isinstance(data, bytes):
            return len(data)
        return len(data) if _FRAME.fullmatch(data) else without_named(data)


class RecordedFastPath:
    """The audio fast path as a host is given it: what is told to it is a line too."""

    def __init__(self, path: AudioFastPath, add: Callable[[Line], None]) -> None:
        self._path = path
        self._add = add
        self.may_send, self.may_play = path.may_send, path.may_play  # they only ask

    def sent(self, frames: int, loud_at_ms: float) -> None:
        self._add([0, "sent", [frames, loud_at_ms]])
        self._path.sent(frames, loud_at_ms)

    def item_of(self, reply_id: str) -> str:
        item = self._path.item_of(reply_id)
        self._add([0, "item_of", [reply_id], [["item", item]]])
        return item

    def played(self, samples: int, heard_at_ms: float) -> None:
        self._add([0, "played", [samples, heard_at_ms]])
        self._path.played(samples, heard_at_ms)


def frame_facts(pcm: bytes) -> list[int]:
    """What the core looks at in a captured frame: its bytes, and how loud it is."""
    return [len(pcm), peak(pcm, every=4) if len(pcm) % 2 == 0 else 0]


def _fields(of: events.Event | commands.Command) -> dict[str, Any]:
    names: tuple[str, ...] = type(of).__slots__
    return {name: getattr(of, name) for name in names}


def _reduced(found: re.Match[str]) -> str:
    """Base64 of audio as its characters, its padding, and the first sample that can be heard."""
    try:
        first = _first_audible(binascii.a2b_base64(found[1] + found[2]))
    except binascii.Error:
        first = -1
    return f'"(audio {len(found[1])} {len(found[2])} {first})"'


def _first_audible(data: bytes) -> int:
    """See `first_audible_sample`; -1 for none."""
    found = first_audible_sample(data[: len(data) & ~1])
    return -1 if found is None else found


def _view_facts(view: dict[str, Any]) -> Line:
    """What of a view is worth comparing: how things stand, and its turns without their words, which
    are in the messages.
    """
    notice = view["notice"]
    turns = [
        [it["id"], it["final"], it["interrupted"], it["heard_ms"], it["sounding"], len(it["text"])]
        for it in view["turns"]
    ]
    return [view["state"], view["activity"], notice and notice["code"], turns, view["gone"], view["order"]]
