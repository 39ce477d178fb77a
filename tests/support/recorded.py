"""A session that is recorded as a page's is, for worlds that know no recorder: see `pyclient.host.recorder`."""

from __future__ import annotations

import json
import random
from typing import Any

from pyclient.codecs import create_codec
from pyclient.config import ClientConfig
from pyclient.core import events
from pyclient.core.commands import Command
from pyclient.host.recorder import Line, Recorder
from pyclient.session import Session
from pyclient.tools import ToolRegistry


class RecordedSession(Session):
    """Put in the place of `Session`. `lines()` is what a page would have kept."""

    def __init__(self, config: ClientConfig, codec: Any = None, tools: ToolRegistry | None = None) -> None:
        self._kept: list[str] = []
        self.recorder = Recorder(self._kept.append)
        codec = create_codec(config.provider) if codec is None else codec
        registry = ToolRegistry() if tools is None else tools
        self.recorder.began(config, registry)
        chance = random.Random(repr(config))
        super().__init__(config, codec, registry, lambda: self.recorder.drew(chance.random()))
        self.whole_update()

    def handle(self, event: events.Event, now_ms: float) -> list[Command]:
        line = self.recorder.took(event, now_ms)
        made = super().handle(event, now_ms)
        self.recorder.gave(line, made)
        return made

    def text(self, now_ms: float) -> str:
        self.recorder.looked(self.view(now_ms), now_ms)
        return "".join(self._kept)

    def lines(self, now_ms: float) -> list[Line]:
        return [json.loads(line) for line in self.text(now_ms).splitlines()]
