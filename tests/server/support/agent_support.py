"""A real server with nothing but the local agent in it, and speech to talk to it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import httpx
import numpy as np
import uvicorn
from fastapi import FastAPI

from server.agent.options import AgentOptions
from server.agent.pcm import resample, to_samples
from server.agent.routes import create_router
from server.agent.tts import synthesize
from tests.server.support.shared_recognizer import get_ready, shared_recognizer

DEADLINE_S = 30.0


@dataclass(frozen=True)
class RunningAgent:
    """`url` is the base that stands for the vendor's `https://agents.assemblyai.com`."""

    url: str

    def control(self, path: str) -> Any:
        return httpx.get(self.url + path, trust_env=False).raise_for_status().json()

    def scenario(self, scenario: str | dict[str, Any], sessions: int = 1) -> None:
        body = {"scenario": scenario, "sessions": sessions}
        httpx.post(self.url + "/_scenario", json=body, trust_env=False).raise_for_status()

    def record(self, session_id: str) -> dict[str, Any]:
        """What the agent saw in a session."""
        found = [one for one in self.control("/_sessions")["sessions"] if one["id"] == session_id]
        return dict(found[-1])


@contextmanager
def running_agent(options: AgentOptions) -> Iterator[RunningAgent]:
    """Uvicorn in a thread, on a free port, until the block ends."""
    app = FastAPI()
    with shared_recognizer():
        app.include_router(create_router(options), prefix="/agent")
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="warning", lifespan="on", timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        waited = threading.Event()
        for _ in range(int(DEADLINE_S / 0.02)):
            if server.started:
                break
            waited.wait(0.02)
        assert server.started, "the agent's server did not start"
        yield RunningAgent(url=f"http://127.0.0.1:{listener.getsockname()[1]}/agent")
    finally:
        server.should_exit = True
        thread.join(DEADLINE_S)
        listener.close()


@lru_cache(maxsize=64)
def spoken(text: str, voice: str = "michael") -> bytes:
    """24 kHz PCM of the agent's own voice saying something.

    The synthesizer never says a sentence twice in quite the same way. "tell me a long story" is misheard once in four
    times so, and "count to ten" once in fourteen (240 times each); "can you tell me a long story" and "please count to
    ten" never were.
    """
    get_ready()
    return synthesize(text, voice=voice, rate_hz=24_000).samples.astype("<i2").tobytes()


def espeak_command() -> str | None:
    return shutil.which("espeak-ng")


@lru_cache(maxsize=256)
def spoken_by_command(text: str, voice: str, speed: int) -> bytes:
    """24 kHz PCM from the espeak-ng program: another build of the synthesizer than the agent's own."""
    command = espeak_command()
    assert command is not None
    wav = subprocess.run([command, "-v", voice, "-s", str(speed), "--stdout", text], capture_output=True, check=True)
    data = wav.stdout[44:]
    samples = np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2").astype(np.int16)
    rate_hz = int.from_bytes(wav.stdout[24:28], "little")
    # By way of 48 kHz, as a microphone and the page's own resampler would.
    wide = resample(samples, rate_hz, 48_000)
    return to_samples(resample(wide, 48_000, 24_000)).astype("<i2").tobytes()
