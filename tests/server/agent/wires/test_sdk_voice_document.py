"""The vendor's own web guide, step by step, against `/agent`: nothing replaced but its API_URL and its API_KEY.

`WebGuide` is the guide's complete example in Python, with its names, its constants and its order, and the other
branches of `onmessage` and the down-sampling from its snippets. It knows nothing of ours. The heartbeat is from the
vendor's page on authentication. A page of another origin would first ask leave (CORS); a program does not.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
import pytest
import websockets

from server.agent.options import AgentOptions
from server.agent.tts import synthesize
from tests.server.support.server_support import RunningServer, running_server

pytestmark = pytest.mark.slow

API_KEY = "your_api_key"
SAMPLE_RATE = 16_000
FRAME_SAMPLES = 320
SCRIPT_PROCESSOR_SAMPLES = 4096

Floats = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def house() -> Iterator[RunningServer]:
    with running_server(agent=AgentOptions(allow_control=True), local_agent=True) as server:
        yield server


def float32_to_int16(f32: Floats) -> bytes:
    s = np.clip(f32.astype(np.float64), -1, 1)
    return np.trunc(np.where(s < 0, s * 0x8000, s * 0x7FFF)).astype("<i2").tobytes()


class WebGuide:
    """The complete example. `log` is what a reader of the page would have seen, in order."""

    def __init__(self, api_url: str, microphone: Floats, native_rate: int = SAMPLE_RATE) -> None:
        self.api_url = api_url
        self.microphone = microphone
        self.native_rate = native_rate
        self.log: list[str] = []
        self.played: list[Floats] = []
        self.next_start_s = 0.0
        self.mic: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """`document.getElementById('start').onclick`: 1. get a token, 2. connect."""
        async with httpx.AsyncClient(trust_env=False) as fetch:
            headers = {"Authorization": f"Bearer {API_KEY}"}
            heartbeat = await fetch.post(f"{self.api_url}/api/v1/sdk/heartbeat", headers=headers)
            self.log.append(f"heartbeat {heartbeat.json()['status']}")
            headers["Content-Type"] = "application/json"  # and no body
            answer = (await fetch.post(f"{self.api_url}/api/v1/sdk/token", headers=headers)).json()
        token, ws_url = answer["token"], answer["ws_url"]
        self.ws = await websockets.connect(ws_url, proxy=None)
        await self.ws.send(json.dumps({"token": token}, separators=(",", ":")))

    async def onmessage(self) -> None:
        async for data in self.ws:
            if isinstance(data, bytes):
                self.play_pcm(data)
                continue
            msg = json.loads(data)
            self.log.append(msg["type"])
            if msg["type"] == "connected":
                self.mic = asyncio.create_task(self.start_mic())
            elif msg["type"] == "session_ended":
                self.log.append(msg["reason"])
                await self.cleanup()
            elif msg["type"] == "error":
                self.log.append(msg["code"])

    async def start_mic(self) -> None:
        """`onaudioprocess` hands over 4096 samples at a time; whole frames of 320 go out, the rest waits."""
        residual = np.zeros(0, dtype=np.float32)
        period_s = SCRIPT_PROCESSOR_SAMPLES / self.native_rate
        for at in range(0, len(self.microphone), SCRIPT_PROCESSOR_SAMPLES):
            native = self.microphone[at : at + SCRIPT_PROCESSOR_SAMPLES]
            ratio = self.native_rate / SAMPLE_RATE
            samples = native[np.floor(np.arange(int(len(native) / ratio)) * ratio).astype(int)]
            combined = np.concatenate([residual, samples])
            offset = 0
            while offset + FRAME_SAMPLES <= len(combined):
                await self.ws.send(float32_to_int16(combined[offset : offset + FRAME_SAMPLES]))
                offset += FRAME_SAMPLES
            residual = combined[offset:]
            await asyncio.sleep(period_s)

    def play_pcm(self, buf: bytes) -> None:
        """`new Int16Array(buf)` throws for an odd length; so does this."""
        i16 = np.frombuffer(buf, dtype="<i2").astype(np.float32)
        f32 = np.where(i16 < 0, i16 / 0x8000, i16 / 0x7FFF).astype(np.float32)
        now = asyncio.get_running_loop().time()
        self.next_start_s = max(self.next_start_s, now) + len(f32) / SAMPLE_RATE
        self.played.append(f32)
        if self.log[-1] != "(sound)":
            self.log.append("(sound)")

    async def cleanup(self) -> None:
        if self.mic is not None:
            self.mic.cancel()
        await self.ws.close()


def said_into_a_microphone(text: str, rate: int) -> Floats:
    speech = synthesize(text, voice="michael", rate_hz=rate).samples.astype(np.float32) / 0x8000
    before, after = np.zeros(rate // 2, dtype=np.float32), np.zeros(rate * 2, dtype=np.float32)
    return np.concatenate([before, speech, after])


def agent(house: RunningServer) -> str:
    return f"http://127.0.0.1:{house.port}/agent"


def plays(house: RunningServer, **switches: object) -> None:
    httpx.post(f"{agent(house)}/_scenario", json={"scenario": switches}, trust_env=False).raise_for_status()


@pytest.mark.parametrize("native_rate", [16_000, 48_000])
def test_the_guide_holds_a_conversation(house: RunningServer, native_rate: int) -> None:
    """Heartbeat, token, socket, token as first message, connected, microphone, agent_ready, greeting, answer, stop."""
    plays(house, tone_hz=440.0)

    async def run() -> WebGuide:
        guide = WebGuide(agent(house), said_into_a_microphone("what time is it", native_rate), native_rate)
        await guide.start()
        listening = asyncio.create_task(guide.onmessage())
        async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False) as control:
            while len((await record(control, house))["said"]) < 2:  # noqa: ASYNC110 - the record has no event
                await asyncio.sleep(0.05)
            await guide.cleanup()
            await listening
            while not (seen := await record(control, house))["closed_by"]:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert seen["heard"] == ["what time is it"]
        assert set(seen["frame_bytes"]) == {"640"} and seen["violations"] == seen["errors"] == []
        assert (seen["closed_by"], seen["close_code"]) == ("client", 1000)
        return guide

    guide = asyncio.run(run())
    assert guide.log == ["heartbeat ok", "connected", "agent_ready", "(sound)"]
    assert {len(chunk) for chunk in guide.played} == {FRAME_SAMPLES}
    assert 0.3 < max(float(chunk.max()) for chunk in guide.played) <= 1


@pytest.mark.parametrize("reason", ["agent_disconnected", "session_closed", "server_shutdown"])
def test_the_guide_cleans_up_when_the_session_ends(house: RunningServer, reason: str) -> None:
    plays(house, tone_hz=440.0, cap_s=0.4, end_reason=reason)

    async def run() -> list[str]:
        guide = WebGuide(agent(house), np.zeros(SAMPLE_RATE * 5, dtype=np.float32))
        await guide.start()
        async with asyncio.timeout(60):
            await guide.onmessage()
        return guide.log

    assert asyncio.run(run())[-2:] == ["session_ended", reason]


def test_the_guide_is_told_of_an_error_before_the_close(house: RunningServer) -> None:
    plays(house, refuse=True)

    async def run() -> WebGuide:
        guide = WebGuide(agent(house), np.zeros(SAMPLE_RATE, dtype=np.float32))
        await guide.start()
        async with asyncio.timeout(60):
            with pytest.raises(websockets.ConnectionClosedError):
                await guide.onmessage()
        return guide

    guide = asyncio.run(run())
    assert guide.log == ["heartbeat ok", "error", "AUTH_FAILED"] and guide.ws.close_code == 4003


async def record(control: httpx.AsyncClient, house: RunningServer) -> dict[str, Any]:
    """What the agent saw of the newest socket."""
    sessions = (await control.get(f"{agent(house)}/_sessions")).raise_for_status().json()["sessions"]
    return dict(sessions[-1])
