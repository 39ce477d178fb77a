"""A voice turn with a page of its own, and the report of a test that fails: what a suite of somebody else relies on."""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from voice_browsers import listen
from voice_browsers.advice import advice
from voice_browsers.injected import INJECTION, InjectedSound
from voice_browsers.listen import Sound
from voice_browsers.picture import HEIGHT, spectrogram
from voice_browsers.speech import tone
from voice_browsers.voice import Microphone, NothingHeard, Speaker

SENTENCE = "turn on the kitchen light"


@pytest.mark.browser
def test_a_page_answers_what_was_said_to_it(
    page: Page, context: BrowserContext, microphone: Microphone, speaker: Speaker, site: str
) -> None:
    """The parrot waits half a second; both the end of what was said and the begin of the answer are
    measured outside of it.
    """
    assert context.pages == [page]
    page.goto(f"{site}parrot.html")
    page.get_by_role("button", name="Connect").click()
    said = microphone.say(SENTENCE)
    heard = speaker.heard(SENTENCE)
    assert heard.share > 0.5, heard.words
    assert heard.latency_ms is not None and heard.latency_ms > 400
    assert heard.start_ms > said.end_ms > said.start_ms
    assert heard.level_dbfs > -40 and heard.duration_ms > 500
    assert speaker.silent_since() == pytest.approx(heard.end_ms, abs=100)
    with pytest.raises(NothingHeard, match="nothing was heard within 1 s"):
        speaker.heard(timeout_s=1)


@pytest.mark.tab(init_scripts=[INJECTION])
def test_the_same_turn_where_sound_is_injected(page: Page, tab: Any, request: pytest.FixtureRequest, site: str) -> None:
    """What macOS, Windows and Playwright's own WebKit get."""
    from voice_browsers.voice import Recording

    sound = InjectedSound(tab)
    page.goto(f"{site}parrot.html")
    page.get_by_role("button", name="Connect").click()
    expect(page.locator("#status")).to_have_text("listening")
    folder: Path = request.getfixturevalue("tmp_path")
    with sound.record(folder / "speaker.wav", from_the_beginning=True) as tape:
        recording = Recording(tab=tab, sound=sound, speaker=tape)
        Microphone(recording, request.getfixturevalue("speech")).say(SENTENCE)
        heard = Speaker(recording).heard(SENTENCE)
    assert heard.share > 0.5, heard.words
    assert heard.latency_ms is not None and heard.latency_ms > 200
    assert not recording.taken().silent


# The report


SUITE = """
import pytest

def test_turn(page, microphone, speaker):
    page.goto(SITE + "parrot.html?rate=24000&broken")
    page.get_by_role("button", name="Connect").click()
    microphone.say("turn on the kitchen light")
    print(speaker.heard(timeout_s=3).words)
"""


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("broken_in", ["chromium", "firefox", "webkit"])
def test_the_report_of_a_failed_test_holds_everything_and_says_what_to_do(
    tmp_path: Path, site: str, broken_in: str
) -> None:
    """One file to mail, which asks for nothing else: a page that leaves out one line, and forces a rate."""
    suite = SUITE.replace("SITE", repr(site))
    done = run(tmp_path, suite, "--engine", broken_in, "--junitxml", str(tmp_path / "junit.xml"))
    assert "1 failed" in done.stdout, done.stdout[-3000:]
    (file,) = (tmp_path / "test-results").glob("*.html")
    text = file.read_text()
    assert "nothing was heard within 3 s after &#x27;turn on the kitchen light&#x27; was said" in text
    assert "Nothing was ever connected to an AudioContext" in text
    assert "forces its AudioContext to 24000 Hz" in text
    assert "said: turn on the kitchen light" in text and ">recognised<" in text
    assert text.count("data:image/png;base64,") == 3, "two directions and the page"
    assert text.count("data:audio/wav;base64,") == 2
    assert not re.search(r"(src|href)=[\"']?(?!data:|#)\w", text), "it asks for nothing"
    properties = ET.parse(tmp_path / "junit.xml").getroot().iter("property")
    told = [(item.get("name"), item.get("value") or "") for item in properties]
    assert ("report", str(file)) in told
    assert any(name == "advice" and "destination" in value for name, value in told)
    assert any(name == "engine" and broken_in in value for name, value in told)
    wavs = sorted(path.name.rpartition("-")[2] for path in (tmp_path / "test-results").glob("*.wav"))
    assert wavs == ["microphone.wav", "speaker.wav"]


def test_a_spectrogram_shows_a_tone_where_it_is() -> None:
    """Half of the picture is silent, and the tone lies in the band that has its pitch."""
    samples = np.concatenate([np.zeros(48_000), tone(4_000, seconds=1)])
    pixels = pixels_of(spectrogram(Sound(samples=samples, rate_hz=48_000), duration_ms=2_000, width=100))
    assert pixels.shape == (HEIGHT, 100, 3)
    bright = pixels.sum(axis=2).astype(int)
    assert bright[:, 5:45].max() == bright.min(), "nothing sounds in the first second"
    loudest = np.argmax(bright[:, 75])
    assert abs(loudest - HEIGHT / 2) <= 2, "4 of 8 kHz is half way up"
    assert bright[HEIGHT // 8, 75] == bright.min()


def pixels_of(png: bytes) -> Any:
    """No filter is used, so each row is a zero and its pixels."""
    width, height = struct.unpack(">II", png[16:24])
    data = png[png.index(b"IDAT") + 4 : -16]
    rows = np.frombuffer(zlib.decompress(data), np.uint8).reshape(height, 1 + 3 * width)
    return rows[:, 1:].reshape(height, width, 3)


GOOD: dict[str, Any] = {
    "secure": True,
    "acted": True,
    "contexts": [
        {"asked": 0, "acted": True, "mic": "connected", "wrong": "", "plays": True, "rate": 48000, "state": "running"}
    ],
    "microphones": [{"wanted": "{}", "wrong": ""}],
    "worklets": [{"url": "tap.js", "wrong": ""}],
    "sockets": [{"url": "ws://x/", "sent": 100, "came": 9, "code": 0, "reason": "", "opened": True}],
}


@pytest.mark.parametrize(
    ("where", "spoiled", "words"),
    [
        ("chromium", {"secure": False}, "no secure context"),
        ("webkit", {"microphones": []}, "never asked for the microphone"),
        (
            "chromium",
            {"microphones": [{"wanted": "{}", "wrong": "NotAllowedError: no"}]},
            "was refused with NotAllowed",
        ),
        ("chromium", {"contexts": {"mic": ""}}, "connected it to no AudioContext"),
        ("firefox", {"contexts": {"mic": "NotSupportedError: rates"}}, "leave `sampleRate` out and resample"),
        ("webkit", {"contexts": {"state": "suspended", "acted": False}}, "made before anybody had clicked"),
        ("chromium", {"contexts": {"plays": False}}, "Nothing was ever connected"),
        ("chromium", {"worklets": [{"url": "blob:1", "wrong": "AbortError: x"}]}, "`script-src` to allow that"),
        ("chromium", {"sockets": {"opened": False, "code": 1006}}, "did not open (closed with 1006)"),
        ("chromium", {"sockets": {"code": 1008, "reason": "no"}}, "closed with 1008 'no' after 9 messages"),
        ("chromium", {"sockets": {"sent": 1}}, "sent 1 messages only"),
        ("firefox", {"contexts": {"asked": 24000, "rate": 24000}}, "is not cancelled from the microphone"),
        ("chromium", {"contexts": {"asked": 24000, "rate": 24000}}, "Safari ignores that"),
    ],
)
def test_what_is_known_to_go_wrong_is_told_in_words(where: str, spoiled: dict[str, Any], words: str) -> None:
    seen = json.loads(json.dumps(GOOD))
    for key, value in spoiled.items():
        if isinstance(value, dict):
            seen[key][0].update(value)
        else:
            seen[key] = value
    assert words in "\n".join(advice(seen, where))


@pytest.mark.parametrize("where", ["chromium", "firefox", "webkit"])
def test_a_page_that_does_all_right_gets_no_advice(where: str) -> None:
    assert advice(GOOD, where) == []
    assert advice({}, where) == []


# Which engine ran what


NARROWED = """
import pytest

@pytest.mark.only_browser("firefox")
def test_narrow(page):
    pass
"""
SKIPPED = "import pytest\ndef test_nowhere(page):\n    pytest.skip('not today')\n"
NOWHERE = (
    "import pytest\n@pytest.mark.only_browser('firefox')\n@pytest.mark.skip_browser('firefox')\n"
    "def test_no(page):\n    pass\n"
)
MISSPELT = "import pytest\n@pytest.mark.only_browser('fierfox')\ndef test_no(page):\n    pass\n"


@pytest.mark.slow
def test_markers_narrow_a_test_to_engines(tmp_path: Path) -> None:
    done = run(tmp_path, NARROWED, "--collect-only", "-q")
    assert "test_narrow[firefox" in done.stdout and "1 test collected" in done.stdout, done.stdout
    narrowed = run(tmp_path, NARROWED, "--engine", "chromium", "-rs")
    assert narrowed.returncode == 0 and "it is for firefox" in narrowed.stdout, narrowed.stdout


@pytest.mark.browser
@pytest.mark.slow
def test_a_test_that_every_engine_skipped_is_red(tmp_path: Path) -> None:
    done = run(tmp_path, SKIPPED)
    assert "3 skipped" in done.stdout, done.stdout[-2000:]
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "test_nowhere: no engine ran it" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("suite", "words"), [(NOWHERE, "no engine runs this test"), (MISSPELT, "no engine fierfox")])
def test_markers_that_leave_no_engine_are_red(tmp_path: Path, suite: str, words: str) -> None:
    done = run(tmp_path, suite)
    assert done.returncode not in (0, pytest.ExitCode.NO_TESTS_COLLECTED)
    assert words in done.stdout, done.stdout[-2000:]


@pytest.mark.slow
def test_beside_pytest_playwright_one_of_both_is_to_be_switched_off(tmp_path: Path) -> None:
    """Both have `page`, `context` and --headed; whichever came last would win without a word."""
    made = tmp_path / "other" / "pytest_playwright-9.dist-info"
    made.mkdir(parents=True)
    (made / "METADATA").write_text("Metadata-Version: 2.1\nName: pytest-playwright\nVersion: 9\n")
    refused = run(tmp_path, NARROWED, PYTHONPATH=str(made.parent))
    assert refused.returncode == pytest.ExitCode.USAGE_ERROR, refused.stdout
    assert "-p no:playwright or -p no:voice_browsers" in refused.stderr
    chosen = run(tmp_path, NARROWED, "-p", "no:playwright", "--collect-only", "-q", PYTHONPATH=str(made.parent))
    assert chosen.returncode == 0, chosen.stdout + chosen.stderr


def test_without_an_extra_it_is_said_which_one_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(RuntimeError, match=r"pytest-voice-browsers\[words\]"):
        listen._recogniser()
    voice = [sys.executable, "-S", "-E", str(Path(listen.__file__).with_name("wheel_voice.py")), "en", "150", "hello"]
    done = subprocess.run(voice, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1 and "espeak-ng, or pytest-voice-browsers[voice]" in done.stderr


@pytest.mark.slow
def test_headed_without_a_display_says_so(tmp_path: Path) -> None:
    done = run(tmp_path, NARROWED, "--headed", DISPLAY="")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR and "--headed needs a display" in done.stderr


@pytest.mark.slow
def test_a_folder_that_holds_the_tests_is_not_emptied(tmp_path: Path) -> None:
    done = run(tmp_path, NARROWED, "--output", str(tmp_path))
    assert done.returncode == pytest.ExitCode.USAGE_ERROR and "it holds the tests" in done.stderr
    assert (tmp_path / "test_suite.py").exists()


@pytest.mark.slow
def test_only_what_an_earlier_run_has_left_is_emptied(tmp_path: Path) -> None:
    """`test-results` may be somebody else's as well."""
    folder = tmp_path / "test-results"
    folder.mkdir()
    (folder / "mine.txt").write_text("kept")
    run(tmp_path, "def test_it():\n    pass\n")
    assert (folder / "mine.txt").exists()
    (folder / ".made-by-voice-browsers").touch()
    run(tmp_path, "def test_it():\n    pass\n")
    assert not folder.exists()


def run(folder: Path, suite: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `suite` as somebody else's project would: an empty folder, no settings."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_suite.py").write_text(suite)
    with tempfile.TemporaryDirectory() as short:  # Chromium's socket has no room for the path of `tmp_path`
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--basetemp", str(folder / "base")]
        # Our own other plugins would take longer to import than most of these suites run.
        command += ["-p", "no:hypothesispytest", "-p", "no:anyio", "-p", "no:xdist", "-p", "no:rerunfailures"]
        environ = {
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            "TMPDIR": short,
            **env,
        }
        return subprocess.run(
            [*command, *arguments, str(folder)],
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            timeout=170,
            check=False,
        )
