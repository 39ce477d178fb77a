"""Session bundle: a real call in each engine is saved by hand, holds no secret, and is
replayed to identical transitions.
"""

from __future__ import annotations

import io
import json
import wave
import zipfile
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.support.bundles import holds, saved
from tests.browser.support.pages import OPENAI, choose
from tests.replay.__main__ import main
from tests.support.server import Parley
from tests.support.talk import Call
from voice_browsers.speech import Speech

pytestmark = pytest.mark.browser

KEY = "sk-planted-ABCDEFGHIJKLMNOPQRSTUVWXYZ"


# What the wire writes into a bundle is Python's, the same in each engine; how the voices and the file come
# about is the engine's.
PROVIDER_IN = {"chromium": "openai_realtime", "firefox": "assemblyai", "webkit": "openai_realtime"}


def test_a_real_call_is_saved_without_secrets_and_replayed(
    call: Call, speech: Speech, parley: Parley, tmp_path: Path, capsys: Any
) -> None:
    provider = PROVIDER_IN[call.tab.engine]
    if provider == "openai_realtime":
        choose(call, OPENAI)
    call.wait_booted()
    granted = parley.request("POST", "/api/token", {"provider": provider}, headers={"Origin": parley.url.rstrip("/")})
    body = json.dumps(granted)
    call.page.route("**/api/token", lambda route: route.fulfill(status=200, body=body, content_type="application/json"))
    call.page.evaluate("document.getElementById('diagnostics').open = true")
    call.page.get_by_label("Record both voices").check()
    expect(call.page.locator("#bundle-saved")).to_have_text("Both voices are recorded from now on")
    call.connect()
    call.wait_turn("agent", containing="parley")
    call.wait_activity("listening")
    call.ask(speech.say("what is the weather in paris", tail_ms=700), containing="paris")
    call.wait_activity("listening")
    call.type(f"tell me a long story, my key is {KEY}")
    call.wait_activity("agent_speaking")
    call.page.get_by_role("button", name="Stop talking").click()
    call.wait_activity("listening", "thinking")
    data = saved(call)
    call.hang_up()
    assert len(granted["token"]) > 10
    assert not holds(data, granted["token"]) and not holds(data, KEY)
    assert holds(data, "tell me a long story") and holds(data, call.page.evaluate("navigator.userAgent"))
    path = tmp_path / "session.zip"
    path.write_bytes(data)
    assert main([str(path)]) == 0, capsys.readouterr()
    said = capsys.readouterr().out
    assert "configuring -> live" in said and "identical" in said
    with zipfile.ZipFile(path) as archive:
        kinds = {json.loads(line)[1] for line in archive.read("events.jsonl").splitlines()}
        assert {"start", "TokenGranted", "MessageReceived", "ToolFinished", "InterruptRequested", "view"} <= kinds
        for name in ("you.wav", "agent.wav"):
            with wave.open(io.BytesIO(archive.read(name))) as voice:
                samples = memoryview(voice.readframes(voice.getnframes())).cast("h")
                assert voice.getframerate() == 24_000 and len(samples) > 3 * 24_000
                assert max(samples) > 1_000, name
    call.page.get_by_label("Record both voices").uncheck()
    with zipfile.ZipFile(io.BytesIO(saved(call))) as archive:
        assert not [name for name in archive.namelist() if name.endswith(".wav")]
        assert b"live -> ending" in archive.read("events.jsonl")
