"""A microphone and a speaker inside the page, for machines without PulseAudio. Tests that use it say `injected`.

Where the real thing cannot be had (macOS, Windows, Playwright's own WebKit) an init script replaces `getUserMedia` by a
stream that Python fills with WAVs, and listens in on everything that is connected to a context's destination.
The page's own code runs unchanged, but permission, devices, echo cancellation and latency are not the browser's: tests
of those need PulseAudio.

    tab_options = TabOptions(init_scripts=[INJECTION])
    sound = InjectedSound(tab)           # `say` and `record` as `pulse.Pulse` has them
"""

from __future__ import annotations

import base64
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .tape import Samples, Tape, poll

if TYPE_CHECKING:
    from .engines import Tab

# WebKitGTK's inspector hangs up on a message of some 200 kB.
_PART = 64_000

# A ScriptProcessor is old, but needs neither a blob nor a module, which the page's policy would block.
INJECTION = """
(() => {
  if (!window.AudioContext) return;
  const Context = window.AudioContext;  // an observer that comes later notes what the page makes
  const processor = BaseAudioContext.prototype.createScriptProcessor;
  const connect = AudioNode.prototype.connect;
  const tapes = [], streams = [], taps = new WeakMap(), inner = new WeakSet();
  const parts = [];
  let mic = null, feed = null, speaking = null;

  const microphone = async () => {
    if (!mic) {
      mic = new Context();
      inner.add(mic);
      feed = mic.createGain();
      await mic.resume();
    }
    const out = mic.createMediaStreamDestination();
    out.channelCount = 1;
    connect.call(feed, out);
    streams.push(out.stream);
    return out.stream;
  };
  if (window.MediaDevices) {
    MediaDevices.prototype.getUserMedia = function getUserMedia() { return microphone(); };
  }

  AudioNode.prototype.connect = function (target, ...rest) {
    if (target instanceof AudioDestinationNode && !inner.has(this.context)
        && !(this.context instanceof OfflineAudioContext)) {
      let tap = taps.get(this.context);
      if (!tap) {
        tap = processor.call(this.context, 2048, 1, 1);
        taps.set(this.context, tap);
        const tape = {rate: this.context.sampleRate, blocks: [], node: tap};
        tapes.push(tape);
        tap.onaudioprocess = (e) => tape.blocks.push(e.inputBuffer.getChannelData(0).slice());
        connect.call(tap, target);
      }
      connect.call(this, tap);
    }
    return connect.call(this, target, ...rest);
  };

  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  window.__injected = {
    take(part) { parts.push(part); },
    async say() {
      const wav = parts.splice(0).join('');
      if (!mic) throw new Error('nobody opened the microphone');
      const source = mic.createBufferSource();
      source.buffer = await mic.decodeAudioData(bytes(wav).buffer);
      connect.call(source, feed);
      speaking = source;
      source.onended = () => { if (speaking === source) speaking = null; };
      source.start();
    },
    hush() { if (speaking) { try { speaking.stop(); } catch {} speaking = null; } },
    speaking: () => speaking !== null,
    open: () => streams.flatMap((s) => s.getAudioTracks()).filter((t) => t.readyState === 'live').length,
    position: () => tapes.map((t) => t.blocks.length),
    since(marks) {
      return tapes.map((tape, n) => {
        const blocks = tape.blocks.slice(marks[n] || 0);
        const pcm = new Int16Array(blocks.reduce((sum, b) => sum + b.length, 0));
        let at = 0;
        for (const block of blocks) for (const x of block) pcm[at++] = Math.max(-1, Math.min(1, x)) * 32767;
        let text = '';
        const raw = new Uint8Array(pcm.buffer);
        for (let i = 0; i < raw.length; i += 32768) text += String.fromCharCode(...raw.subarray(i, i + 32768));
        return [tape.blocks.length, tape.rate, btoa(text)];
      });
    },
  };
})();
"""


class InjectedUtterance:
    """A WAV being spoken inside the page."""

    def __init__(self, tab: Tab) -> None:
        self._tab = tab

    def wait(self, timeout_s: float = 120.0) -> None:
        if not poll(lambda: not self.speaking, timeout_s, lambda: self._tab.page.wait_for_timeout(30)):
            raise TimeoutError(f"the page still speaks after {timeout_s:g} s")

    def stop(self) -> None:
        self._tab.page.evaluate("() => __injected.hush()")

    @property
    def speaking(self) -> bool:
        return bool(self._tab.page.evaluate("() => __injected.speaking()"))


class InjectedTape(Tape):
    """What the page played since the tape began. Of several contexts, the one that played most."""

    def __init__(self, tab: Tab, path: Path, *, from_the_beginning: bool = False) -> None:
        super().__init__(path)
        self._tab = tab
        self._whole = from_the_beginning
        self._marks: list[int] = [] if from_the_beginning else tab.page.evaluate("() => __injected.position()")
        self._rates: list[int] = []
        self._pcm: list[bytearray] = []
        self._began = time.monotonic()
        self._stopped = False

    @property
    def rate_hz(self) -> int:
        self._fetch()
        return self._rates[self._fullest()] if self._rates else 48_000

    @property
    def started_at(self) -> float:
        self._fetch()
        return self._began

    def samples(self, since: int = 0) -> Samples:
        self._fetch()
        if not self._pcm:
            return np.zeros(0)
        return np.frombuffer(bytes(self._pcm[self._fullest()][2 * max(0, since) :]), "<i2") / 32768.0

    def pause(self) -> None:
        self._tab.page.wait_for_timeout(50)

    def stop(self) -> Path:
        self._fetch()
        self._stopped = True
        return self._write()

    def _fetch(self) -> None:
        """Bring over what is new, so that a long recording is not carried out of the page again and again."""
        if self._stopped:
            return
        fresh = self._tab.page.evaluate("(marks) => window.__injected ? __injected.since(marks) : []", self._marks)
        if len(fresh) < len(self._marks):  # another page was loaded: what this one plays comes behind
            self._marks = []
            fresh = self._tab.page.evaluate("(marks) => window.__injected ? __injected.since(marks) : []", [])
        self._marks = [mark for mark, _, _ in fresh]
        for number, (_, rate, pcm) in enumerate(fresh):
            block = base64.b64decode(pcm)
            if number == len(self._pcm):
                self._rates.append(int(rate))
                self._pcm.append(bytearray(self._before(len(block) / 2 / rate, int(rate)) if self._whole else b""))
            self._pcm[number] += block

    def _before(self, length_s: float, rate_hz: int) -> bytes:
        """A page has no sound at all before its first context plays: silence until then, or an earlier beginning."""
        early_s = time.monotonic() - length_s - self._began
        if early_s < 0 and not any(self._pcm):
            self._began += early_s
        return b"\0\0" * max(0, round(early_s * rate_hz))

    def _fullest(self) -> int:
        return max(range(len(self._pcm)), key=lambda number: len(self._pcm[number]))


class InjectedSound:
    """`say`, `record` and the waiting for one tab that was opened with `INJECTION`."""

    def __init__(self, tab: Tab) -> None:
        self._tab = tab

    def say(self, wav: Path) -> InjectedUtterance:
        text = base64.b64encode(Path(wav).read_bytes()).decode()
        for begin in range(0, len(text), _PART):
            self._tab.page.evaluate("(part) => __injected.take(part)", text[begin : begin + _PART])
        self._tab.page.evaluate("() => __injected.say()")
        return InjectedUtterance(self._tab)

    @contextlib.contextmanager
    def record(self, path: Path, *, from_the_beginning: bool = False) -> Iterator[InjectedTape]:
        """What the page plays from now on, or all that it has played since it was loaded."""
        tape = InjectedTape(self._tab, path, from_the_beginning=from_the_beginning)
        try:
            yield tape
        finally:
            tape.stop()

    def wait_microphone_taken(self, *, timeout_s: float = 10.0) -> None:
        if not poll(lambda: self._open() > 0, timeout_s, lambda: self._tab.page.wait_for_timeout(50)):
            raise TimeoutError(f"the page did not open the microphone within {timeout_s:g} s")

    def wait_microphone_free(self, *, timeout_s: float = 5.0) -> None:
        if not poll(lambda: self._open() == 0, timeout_s, lambda: self._tab.page.wait_for_timeout(50)):
            raise TimeoutError(f"the page still holds {self._open()} microphone track(s) after {timeout_s:g} s")

    def wait_unused(self) -> None:
        """As `wait_microphone_free`: what plays is inside the page here."""
        self.wait_microphone_free()

    def _open(self) -> int:
        return int(self._tab.page.evaluate("() => __injected.open()"))
