"""Player: plays recorded lines to a session of its own and compares what comes out, command by command.

Audio is not in the lines, only what the core looks at: how much it was, how loud, and where it can first be heard.
Other audio of which the same is true stands for it.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from pyclient.codecs import create_codec
from pyclient.config import ClientConfig
from pyclient.core import events
from pyclient.core.errors import ParleyError
from pyclient.host.recorder import FORMAT, Line, RecordedFastPath, Recorder
from pyclient.session import Session
from pyclient.tools.registry import Tool, ToolRegistry
from tests.replay.bundle import BundleError

# Every sample of it is loud, whichever byte is taken for its first.
LOUD = b"\x7f"
MAX_AUDIO = 16 << 20
_AUDIO = re.compile(r'"\(audio (\d{1,8}) ([012]) (-?\d{1,8})\)"')
_SCALARS = {"string": str, "integer": int, "number": float, "boolean": bool}
_FAST_PATH = ("sent", "item_of", "played")


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place where something else came out: `number` is that of the line, from 1."""

    number: int
    line: Line
    recorded: list[Any]
    replayed: list[Any]


@dataclass(slots=True)
class Replay:
    """What was played. `left`: lines behind a gap of the recording, which cannot be played."""

    events: int = 0
    compared: int = 0
    transitions: list[str] = field(default_factory=list)
    duration_ms: float = 0.0
    left: int = 0
    difference: Difference | None = None


def play(lines: list[Line]) -> Replay:
    """Play all lines, up to the first difference. Raises BundleError for lines that no recorder wrote."""
    if not lines or lines[0][1] != "start":
        raise BundleError("The recording does not begin with a session's settings.")
    done, stage = Replay(), _Stage()
    for number, line in enumerate(lines, 1):
        now_ms, kind, what, *rest = line
        if kind == "gap":
            done.left = len(lines) - number
            break
        recorded: list[Any] = rest[0] if rest else []
        try:
            replayed = stage.play(now_ms, kind, what, recorded)
        except (ParleyError, TypeError, ValueError, KeyError, AttributeError) as error:
            if stage.playing:
                raise
            raise BundleError(
                f"events.jsonl, line {number}, cannot be played: {type(error).__name__}: {error}."
            ) from None
        done.events += 1
        done.compared += len(replayed)
        done.duration_ms += stage.since_last_ms(now_ms)
        done.transitions += [it[2] for it in replayed if it[0] == "Log" and it[1] == "="]
        if replayed != recorded:
            done.difference = Difference(number, line, recorded, replayed)
            break
    return done


class _Stage:
    """The session of the moment."""

    session: Session
    _recorder: Recorder

    def __init__(self) -> None:
        self.playing = False  # the core runs: what it raises is no fault of the bundle
        self._last_ms = 0.0
        self._written: list[Line] = []
        self._random: Iterator[float] = iter(())

    def since_last_ms(self, now_ms: float) -> float:
        before, self._last_ms = self._last_ms, now_ms or self._last_ms
        return max(0.0, self._last_ms - before) if before else 0.0

    def play(self, now_ms: float, kind: str, what: Any, recorded: list[Any]) -> list[Any]:
        """One line. Returns what came out of it, as a recorder writes it."""
        self.playing = False
        if kind == "start":
            self._start(what)
            return []
        if kind == "view":
            return [] if _as_json(self.session.view(now_ms)) == what else [["another view", self.session.view(now_ms)]]
        if kind in _FAST_PATH:
            path = RecordedFastPath(self.session.audio_fast_path, self._written.append)
            getattr(path, kind)(*what)
            return _came_out(self._written.pop())
        event = unreduced(kind, what)
        self._random = iter([it[1] for it in recorded if it[0] == "random"])
        line = self._recorder.took(event, now_ms)
        self.playing = True
        try:
            made = self.session.handle(event, now_ms)
        except Exception as error:
            self._recorder.raised(line, error)
        else:
            self._recorder.gave(line, made)
        return _came_out(line)

    def _start(self, start: dict[str, Any]) -> None:
        if start["format"] != FORMAT:
            raise BundleError(
                f"The recording has form {start['format']!r}; this version of Parley reads form {FORMAT}."
            )
        config = ClientConfig.from_dict(start["settings"])
        codec = create_codec(config.provider)
        registry = ToolRegistry(map(_tool, start["tools"]))
        self._recorder = Recorder(lambda _: None)
        self._recorder.began(config, registry)
        self.session = Session(config, codec, registry, lambda: self._recorder.drew(next(self._random, 0.5)))
        self.session.whole_update()  # as a host does


def unreduced(kind: str, what: dict[str, Any]) -> events.Event:
    """An event with audio in it. Raises TypeError, ValueError or KeyError for what is none."""
    made = getattr(events, kind, None) if kind in events.__all__ else None
    if made is None or not isinstance(what, dict):
        raise ValueError(f"there is no event {kind[:40]!r}")
    fields = dict(what)
    if made is events.AudioCaptured:
        return events.AudioCaptured(pcm=_frame(*fields["pcm"]))
    if made is events.MessageReceived:
        data = fields["data"]
        fields["data"] = _AUDIO.sub(_base64, data) if isinstance(data, str) else _sound(*data)
    event: events.Event = made(**fields)
    return event


def _frame(size: int, peak: int) -> bytes:
    """So many bytes, and so loud."""
    if not 0 <= size <= MAX_AUDIO or not 0 <= peak <= 32_768:
        raise ValueError(f"no frame has {size} bytes and {peak} as its loudest sample")
    return ((-peak).to_bytes(2, "little", signed=True) + bytes(max(0, size - 2)))[:size]


def _sound(size: int, first: int) -> bytes:
    """So many bytes, to be heard from that sample on; -1 for never."""
    if not 0 <= size <= MAX_AUDIO:
        raise ValueError(f"no message has {size} bytes")
    quiet = size if first < 0 else min(size, 2 * first)
    return bytes(quiet) + LOUD * (size - quiet)


def _base64(found: re.Match[str]) -> str:
    characters, padding, first = map(int, found.groups())
    size = (characters + padding) // 4 * 3 - padding
    text = base64.b64encode(_sound(size, first)).decode().rstrip("=")
    return f'"{text[:characters].ljust(characters, "A")}{"=" * padding}"'


def _tool(described: dict[str, Any]) -> Tool:
    """A tool as the core knows it. What it does is not played: its results were recorded."""
    parameters = described["parameters"]
    required = tuple(parameters["required"])
    annotations = {name: _annotation(schema) for name, schema in parameters["properties"].items()}
    return Tool(
        name=described["name"],
        description=described["description"],
        function=dict,
        parameters=parameters,
        annotations={name: it if name in required else it | None for name, it in annotations.items()},
        required=required,
        timeout_ms=described["timeout_ms"],
        execution_mode=described["execution_mode"],
    )


def _annotation(schema: dict[str, Any]) -> Any:
    """The annotation of which `pyclient.tools.schema` made this schema, so that it refuses the same arguments."""
    if "enum" in schema:
        return Literal[tuple(schema["enum"])]
    kind = str(schema.get("type"))
    if kind == "array":
        return list[_annotation(schema["items"])]  # type: ignore[misc]
    if kind == "object":
        inner = schema.get("additionalProperties")
        return dict[str, _annotation(inner)] if isinstance(inner, dict) else dict  # type: ignore[misc]
    return _SCALARS.get(kind, Any)


def _came_out(line: Line) -> list[Any]:
    out: list[Any] = _as_json(line[3]) if len(line) > 3 else []
    return out


def _as_json(value: Any) -> Any:
    return json.loads(json.dumps(value, default=repr))
