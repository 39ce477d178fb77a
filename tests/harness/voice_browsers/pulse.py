"""A private PulseAudio: one virtual microphone, one virtual speaker, nothing of the user's own sound.

    with Pulse() as pulse:
        browser_env = {**os.environ, **pulse.env}
        with pulse.record(folder / "heard.wav") as tape:     # what the page plays
            pulse.say(folder / "hello.wav").wait()           # what the page's microphone hears
            tape.wait_sound(timeout_s=10)
        pulse.wait_microphone_free()

The daemon is one process per test worker. Everything hangs off `PULSE_SERVER`, so tests with different
daemons run side by side. It needs no session bus, no systemd and no root, and works as root too.

`say` plays into the sink `mic`, whose monitor is remapped to the source `testmic`: Chromium does not list
monitors as inputs, so without the remap it would offer the device only as "Default".
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from .processes import end, spawn
from .tape import Samples, Tape, poll

RATE_HZ = 48_000
MICROPHONE = "testmic"
SPEAKER = "speaker"

# Both rates alike: otherwise an idle sink flips to the alternate rate, and with it every "default rate" that the
# next test measures.
_DAEMON_CONF = f"""\
default-sample-rate = {RATE_HZ}
alternate-sample-rate = {RATE_HZ}
default-sample-format = float32le
resample-method = soxr-vhq
realtime-scheduling = no
exit-idle-time = -1
"""
# A starved sound system splices the sound, and the page would be blamed for it.
_PRIORITY = -11
_HIDDEN = ("PULSE_SERVER", "DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "PULSE_SINK", "PULSE_SOURCE")


class PulseError(RuntimeError):
    """The daemon, or a request to it, failed; the message holds what PulseAudio said."""


def _ask_seldom() -> None:
    """Each question to PulseAudio starts a program."""
    time.sleep(0.1)


def available() -> bool:
    """Whether this machine can run `Pulse` (Linux with pulseaudio and pulseaudio-utils)."""
    return sys.platform == "linux" and all(shutil.which(name) for name in ("pulseaudio", "pactl", "paplay", "parec"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One stream that reads from a source: who has the microphone open."""

    index: int
    source: str
    application: str


class Utterance:
    """A WAV on its way into the microphone. `wait()` for its end, or `stop()` in the middle of a word."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def wait(self, timeout_s: float = 120.0) -> None:
        """Block until the last sample was played. Raises PulseError when the player failed."""
        code = self._process.wait(timeout_s)
        if code != 0:
            raise PulseError(f"paplay ended with code {code}")

    def stop(self) -> None:
        end(self._process)

    @property
    def speaking(self) -> bool:
        return self._process.poll() is None


class PulseTape(Tape):
    """A recording from one of the sources. Its start is known to some milliseconds: the smallest delay of all blocks.

    So two tapes can be compared, e.g. the end of speech in `mic.monitor` with the first sound at the speaker.
    """

    def __init__(self, process: subprocess.Popen[bytes], path: Path) -> None:
        super().__init__(path)
        self._process = process
        self._lock = threading.Lock()
        self._pcm = bytearray()
        self._started_at: float | None = None
        self._reader = threading.Thread(target=self._read, name=f"tape {path.name}", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        pipe = self._process.stdout
        assert pipe is not None
        while block := os.read(pipe.fileno(), 1 << 16):
            now = time.monotonic()
            with self._lock:
                self._pcm += block
                begin = now - len(self._pcm) / 2 / RATE_HZ
                self._started_at = begin if self._started_at is None else min(self._started_at, begin)

    @property
    def rate_hz(self) -> int:
        return RATE_HZ

    @property
    def started_at(self) -> float:
        with self._lock:
            if self._started_at is None:
                raise PulseError("nothing was recorded yet")
            return self._started_at

    @property
    def duration_ms(self) -> float:
        with self._lock:
            return len(self._pcm) / 2 / RATE_HZ * 1000.0

    def samples(self, since: int = 0) -> Samples:
        with self._lock:
            pcm = bytes(self._pcm[2 * max(0, since) : len(self._pcm) // 2 * 2])
        return np.frombuffer(pcm, "<i2") / 32768.0

    def stop(self) -> Path:
        if self._reader.is_alive() or self._process.poll() is None:
            self._process.terminate()
            self._reader.join(5)
        end(self._process)
        return self._write()


class Pulse:
    """The daemon and the hands on its devices. A context manager; `start` and `stop` for those who need them."""

    def __init__(self) -> None:
        self._folder = Path()
        self._daemon: subprocess.Popen[bytes] | None = None
        self._modules: dict[str, str] = {}  # what we call it -> its module number
        self._rates = {MICROPHONE: RATE_HZ, SPEAKER: RATE_HZ}
        self._meddled = False
        self._players: list[Utterance] = []
        self._tapes: list[PulseTape] = []

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def env(self) -> dict[str, str]:
        """What a program needs in its environment to use this sound system and no other."""
        # Cookie and runtime path: a client would otherwise leave files in the user's home.
        return {
            "PULSE_SERVER": f"unix:{self._folder}/native",
            "PULSE_COOKIE": f"{self._folder}/cookie",
            "PULSE_RUNTIME_PATH": str(self._folder),
        }

    def start(self) -> Self:
        """Start the daemon and plug both devices in. Raises PulseError with the daemon's own words."""
        # Not below pytest's folder: a socket path holds some 100 characters.
        self._folder = Path(tempfile.mkdtemp(prefix="voice-pulse-"))
        (self._folder / "daemon.conf").write_text(_DAEMON_CONF)
        inner = {name: value for name, value in os.environ.items() if name not in _HIDDEN}
        inner |= {"XDG_RUNTIME_DIR": str(self._folder), "HOME": str(self._folder), "LC_ALL": "C"}
        inner |= {"PULSE_CONFIG": str(self._folder / "daemon.conf"), "PULSE_COOKIE": str(self._folder / "cookie")}
        protocol = f"module-native-protocol-unix socket={self._folder}/native auth-anonymous=1 srbchannel=0"
        with (self._folder / "daemon.log").open("wb") as log:
            self._daemon = spawn(
                ["pulseaudio", "-n", "--daemonize=no", "--use-pid-file=false", "--log-level=warning", "-L", protocol],
                env=inner,
                stdout=log,
                stderr=log,
                priority=_PRIORITY,
            )
        if not poll(lambda: self._pactl("info", check=False).returncode == 0 or self._daemon_died(), 15.0):
            raise PulseError(f"PulseAudio did not answer: {self._said()}")
        if self._daemon_died():
            raise PulseError(f"PulseAudio ended at once: {self._said()}")
        self.plug_microphone()
        self.plug_speaker()
        self._meddled = False
        return self

    def stop(self) -> None:
        """End the daemon and everything started through it; harmless when called again."""
        self._hush()
        if self._daemon is not None:
            end(self._daemon)
            self._daemon = None
            shutil.rmtree(self._folder, ignore_errors=True)
        self._modules.clear()

    def reset(self) -> None:
        """Back to the state after `start`: nobody speaks, both devices plugged in, audible and at `RATE_HZ`.

        Starts the daemon anew if the test before killed it.
        """
        self._hush()
        if self._daemon is None or self._daemon_died():
            self.stop()
            self.start()
            return
        for name in [name for name in self._modules if name.startswith(("loopback", "other"))]:
            self._unload(name)
        if MICROPHONE not in self._modules or self._rates[MICROPHONE] != RATE_HZ:
            self.plug_microphone()
        if SPEAKER not in self._modules or self._rates[SPEAKER] != RATE_HZ:
            self.plug_speaker()
        self.mute_microphone(False)
        self.suspend_microphone(False)
        self._meddled = False

    # Speaking and listening

    def say(self, wav: Path, *, at: str = "mic") -> Utterance:
        """Speak `wav` at the microphone, or at another one (`plug_other_microphone`); returns at once."""
        if not Path(wav).is_file():
            raise FileNotFoundError(wav)
        # A quarter of a second of buffer, so that a busy machine does not tear the speech; it delays nothing.
        command = ["paplay", "-d", at, "--latency-msec=250", str(wav)]
        player = Utterance(spawn(command, env=self._client_env(), priority=_PRIORITY))
        self._players.append(player)
        return player

    @contextlib.contextmanager
    def record(self, path: Path, source: str = f"{SPEAKER}.monitor") -> Iterator[PulseTape]:
        """Record what comes out of the speaker (or `source="mic.monitor"`: what went into the microphone)."""
        command = ["parec", "-d", source, f"--rate={RATE_HZ}", "--channels=1", "--format=s16le", "--latency-msec=20"]
        process = spawn([*command, "--raw"], env=self._client_env(), stdout=subprocess.PIPE, priority=_PRIORITY)
        tape = PulseTape(process, Path(path))
        self._tapes.append(tape)
        try:
            if not poll(lambda: tape.duration_ms > 0, 10.0):
                raise PulseError(f"no sound arrives from {source}: {self._said()}")
            yield tape
        finally:
            tape.stop()
            self._tapes.remove(tape)

    # Who uses the devices

    def listeners(self) -> list[Listener]:
        """All streams that read from a source, our own tapes included."""
        outputs = self._list("source-outputs")
        names = {source["index"]: str(source["name"]) for source in self._list("sources")} if outputs else {}
        return [
            Listener(
                index=int(item["index"]),
                source=names.get(item["source"], "?"),
                application=str(item.get("properties", {}).get("application.name", "?")),
            )
            for item in outputs
        ]

    def microphone_users(self) -> list[Listener]:
        """Who has the microphone open. The one answer that does not depend on what a page says of itself."""
        return [listener for listener in self.listeners() if listener.source == MICROPHONE]

    def wait_microphone_taken(self, *, timeout_s: float = 10.0) -> None:
        if not poll(lambda: bool(self.microphone_users()), timeout_s, _ask_seldom):
            raise TimeoutError(f"nobody opened the microphone within {timeout_s:g} s")

    def wait_microphone_free(self, *, timeout_s: float = 10.0) -> None:
        """Wait until nobody holds the microphone. TimeoutError names who still does."""
        if not poll(lambda: not self.microphone_users(), timeout_s, _ask_seldom):
            holders = ", ".join(user.application for user in self.microphone_users())
            raise TimeoutError(f"the microphone is still open after {timeout_s:g} s: {holders}")

    def speaker_users(self) -> list[str]:
        """Which programs play to the speaker. A page with a running AudioContext does, also when it is silent.

        A stream that is stopped does not count: Chromium keeps one for five seconds in case that it is wanted again.
        """
        inputs = [item for item in self._list("sink-inputs") if not item.get("corked")]
        if not inputs:
            return []
        names = {sink["index"]: str(sink["name"]) for sink in self._list("sinks")}
        return [
            str(item.get("properties", {}).get("application.name", "?"))
            for item in inputs
            if names.get(item["sink"]) == SPEAKER
        ]

    def wait_speaker_free(self, *, timeout_s: float = 20.0) -> None:
        """Wait until no program has a stream to the speaker. TimeoutError names who still has."""
        if not poll(lambda: not self.speaker_users(), timeout_s, _ask_seldom):
            raise TimeoutError(f"a stream to the speaker is still open: {', '.join(self.speaker_users())}")

    def wait_unused(self) -> None:
        """Wait until nobody holds the microphone or the speaker. TimeoutError names who still does."""
        self.wait_microphone_free()
        self.wait_speaker_free()

    @property
    def meddled(self) -> bool:
        """Whether a device was anything but plugged in and working since `reset`: engines may remember that."""
        return self._meddled

    def story(self) -> str:
        """Who is connected to what, and what the daemon complained of: evidence for a test that failed."""
        asked = (["info"], *(["list", kind] for kind in ("sinks", "sources", "sink-inputs", "source-outputs")))
        return "\n".join([*(self._pactl(*words, check=False).stdout for words in asked), self._said()])

    # Device faults

    def mute_microphone(self, on: bool) -> None:
        """A muted source gives zeros. Chromium tells the track (`mute`), the others say nothing."""
        self._pactl("set-source-mute", MICROPHONE, "1" if on else "0")

    def suspend_microphone(self, on: bool) -> None:
        """A suspended source gives zeros in every engine, without any event."""
        self._pactl("suspend-source", MICROPHONE, "1" if on else "0")

    def unplug_microphone(self) -> None:
        """Firefox ends the track, WebKitGTK fires `devicechange`, Chromium says nothing."""
        self._meddled = True
        for name in (MICROPHONE, "mic"):
            self._unload(name)

    def plug_microphone(self, *, rate_hz: int = RATE_HZ) -> None:
        """Plug the microphone (back) in, unplugging it first if needed, and make it the default."""
        self.unplug_microphone()
        self._load("mic", "module-null-sink", f"sink_name=mic norewinds=1 format=float32le rate={rate_hz} channels=1")
        self._load(
            MICROPHONE,
            "module-remap-source",
            f"source_name={MICROPHONE} master=mic.monitor source_properties=device.description=TestMic",
        )
        self._pactl("set-default-source", MICROPHONE)
        self._rates[MICROPHONE] = rate_hz

    def plug_other_microphone(self) -> str:
        """A second microphone, which is not the default. Returns where to `say` what it shall hear."""
        self._meddled = True
        self._load("other-mic", "module-null-sink", f"sink_name=othermic norewinds=1 rate={RATE_HZ} channels=1")
        described = "source_properties=device.description=OtherMic"
        self._load("other-source", "module-remap-source", f"source_name=other master=othermic.monitor {described}")
        return "othermic"

    def unplug_other_microphone(self) -> None:
        """Pull the second microphone out."""
        self._meddled = True
        for name in ("other-source", "other-mic"):
            self._unload(name)

    def plug_other_speaker(self) -> str:
        """A second speaker, which is not the default. Returns the source that records what it plays."""
        self._meddled = True
        described = "sink_properties=device.description=OtherSpeaker"
        self._load("other-speaker", "module-null-sink", f"sink_name=other norewinds=1 rate={RATE_HZ} {described}")
        return "other.monitor"

    def unplug_speaker(self) -> None:
        """Without any output device Firefox leaves an AudioContext suspended for ever."""
        self._meddled = True
        for name in [name for name in self._modules if name.startswith("loopback")]:
            self._unload(name)
        self._unload(SPEAKER)

    def plug_speaker(self, *, rate_hz: int = RATE_HZ) -> None:
        """Plug the speaker (back) in at `rate_hz`, unplugging it first if needed, and make it the default."""
        self.unplug_speaker()
        self._load(
            SPEAKER,
            "module-null-sink",
            f"sink_name={SPEAKER} norewinds=1 format=float32le rate={rate_hz} channels=2 "
            "sink_properties=device.description=TestSpeaker",
        )
        self._pactl("set-default-sink", SPEAKER)
        self._rates[SPEAKER] = rate_hz

    @contextlib.contextmanager
    def echo(self, *, latency_ms: int = 40) -> Iterator[None]:
        """The room between speaker and microphone: what is played comes back in."""
        self._load(
            "loopback", "module-loopback", f"source={SPEAKER}.monitor sink=mic latency_msec={latency_ms} remix=1"
        )
        try:
            yield
        finally:
            self._unload("loopback")

    # Inside

    def _hush(self) -> None:
        for player in self._players:
            player.stop()
        self._players.clear()
        for tape in list(self._tapes):
            tape.stop()

    def _client_env(self) -> dict[str, str]:
        env = {name: value for name, value in os.environ.items() if name not in _HIDDEN}
        return env | self.env | {"LC_ALL": "C"}

    def _pactl(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["pactl", *words], env=self._client_env(), capture_output=True, text=True, timeout=20, check=False
        )
        if check and done.returncode != 0:
            raise PulseError(f"pactl {' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
        return done

    def _list(self, kind: str) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = json.loads(self._pactl("--format=json", "list", kind).stdout or "[]")
        return listed

    def _load(self, name: str, module: str, arguments: str) -> None:
        self._modules[name] = self._pactl("load-module", module, *arguments.split()).stdout.strip()

    def _unload(self, name: str) -> None:
        if number := self._modules.pop(name, None):
            # A module whose master went away was unloaded with it.
            self._pactl("unload-module", number, check=False)

    def _daemon_died(self) -> bool:
        return self._daemon is None or self._daemon.poll() is not None

    def _said(self) -> str:
        with contextlib.suppress(OSError):
            return (self._folder / "daemon.log").read_text(errors="replace").strip()[-2000:] or "it said nothing"
        return "it left no log"
