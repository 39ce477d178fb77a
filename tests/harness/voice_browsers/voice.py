"""A conversation with a page: what is said at its microphone, what is heard at its speaker, on one clock.

    said = microphone.say("what time is it")        # or a WAV; returns when the last word is spoken
    heard = speaker.heard("it is")                  # the next sound, until it has been silent for a while
    assert heard.share > 0.8 and heard.latency_ms < 3_000
    microphone.say("stop", wait=False)
    assert speaker.silent_since() > heard.end_ms    # ms on the same clock

The clock begins with the recording. Both directions are recorded; where sound is injected into the page (see
`injected`), what went in is what was said, and a recording begins with the page's first sound.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .listen import DECOYS, Segment, Sound, dictate, dominant_hz, load, segments, share_heard, words_heard, words_known
from .speech import VOICE
from .tape import Tape

if TYPE_CHECKING:
    from .engines import Tab
    from .injected import InjectedSound
    from .pulse import Pulse
    from .speech import Speech

TAIL_MS = 700  # of silence behind what is said, so that whoever listens knows that the person has finished
SHORTEST_GAP_MS = 60.0


class NothingHeard(AssertionError):
    """The speaker stayed silent."""


@dataclass(kw_only=True)
class Said:
    """Something that was said: `text` ("" for a WAV), and when, in ms on the recording's clock."""

    text: str
    wav: Path
    _recording: Recording
    _utterance: Any
    _began: float  # a `time.monotonic()`

    @property
    def start_ms(self) -> float:
        return (self._began - self._recording.speaker.started_at) * 1000.0

    def wait(self) -> None:
        """Until the last sample was played."""
        self._utterance.wait()

    def stop(self) -> None:
        """In the middle of a word."""
        self._utterance.stop()

    @property
    def end_ms(self) -> float:
        """Where its last sound was; the silence behind it does not count."""
        return self._recording.speech_end_ms(self.start_ms, self.wav)


@dataclass(kw_only=True)
class Heard:
    """What came out of the speaker from `start_ms` to `end_ms`, on the recording's clock.

    `latency_ms` is the time from the end of what was said before to the first sound; None where nothing was said.
    """

    sound: Sound = field(repr=False)
    start_ms: float
    end_ms: float
    latency_ms: float | None
    expected: str = ""

    @property
    def duration_ms(self) -> float:
        return self.end_ms - self.start_ms

    @property
    def level_dbfs(self) -> float:
        return self.sound.rms_dbfs

    @property
    def pitch_hz(self) -> float:
        """The strongest frequency; of a steady tone exact to 0.1 Hz."""
        return dominant_hz(self.sound)

    @functools.cached_property
    def gaps(self) -> list[Segment]:
        """Silences inside it of at least `SHORTEST_GAP_MS`; speech has some between its words."""
        parts = segments(self.sound, join_ms=SHORTEST_GAP_MS)
        return [
            Segment(start_ms=self.start_ms + one.end_ms, end_ms=self.start_ms + two.start_ms)
            for one, two in itertools.pairwise(parts)
        ]

    @functools.cached_property
    def words(self) -> list[str]:
        """What a recogniser hears. Told what to expect (`speaker.heard("...")`) it chooses among those words and others
        that sound different, and is good at that; else it takes dictation, and is not. Needs the extra `words`."""
        if self.expected:
            return words_heard(self.sound, [*words_known(self.expected), *DECOYS])
        return dictate(self.sound)

    @functools.cached_property
    def share(self) -> float:
        """Which share of the expected words was recognised, in their order."""
        if not self.expected:
            raise ValueError("say what is expected: speaker.heard('it is noon')")
        return share_heard(self.sound, self.expected, decoys=DECOYS)


@dataclass(kw_only=True)
class Recording:
    """Both directions of a test's sound, and what was said and heard in it."""

    tab: Tab
    sound: Any
    speaker: Tape
    microphone: Tape | None = None  # None: injected
    said: list[Said] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)

    def played(self) -> Sound:
        """What came out of the speaker so far."""
        return Sound(samples=self.speaker.samples(), rate_hz=self.speaker.rate_hz)

    def taken(self) -> Sound:
        """What went into the microphone so far, on the same clock as `played`."""
        if self.microphone is not None:
            rate = self.microphone.rate_hz
            samples = self.microphone.samples()
            shift = round(self._mic_shift_ms() * rate / 1000.0)
            return Sound(
                samples=np.concatenate([np.zeros(shift), samples]) if shift > 0 else samples[-shift:], rate_hz=rate
            )
        rate = 48_000
        whole = np.zeros(1)
        for said in self.said:
            spoken, first = load(said.wav).at(rate).samples, max(0, round(said.start_ms * rate / 1000.0))
            whole = np.pad(whole, (0, max(0, first + spoken.size - whole.size)))
            whole[first : first + spoken.size] += spoken
        return Sound(samples=whole, rate_hz=rate)

    def _mic_shift_ms(self) -> float:
        return 0.0 if self.microphone is None else (self.microphone.started_at - self.speaker.started_at) * 1000.0

    def speech_end_ms(self, start_ms: float, wav: Path) -> float:
        """Where what was said at `start_ms` ended: as the microphone had it, or as long as the WAV sounds."""
        spoken = segments(load(wav))
        length = spoken[-1].end_ms if spoken else load(wav).duration_ms
        if self.microphone is None:
            return start_ms + length
        # The player needs a moment to start, so the end is looked for in what really went in.
        part = segments(self.taken().cut(start_ms, start_ms + length + 1_500.0))
        return start_ms + (part[-1].end_ms if part else length)


class Microphone:
    """The person's mouth."""

    def __init__(self, recording: Recording, speech: Speech) -> None:
        self._recording = recording
        self._speech = speech

    def say(
        self,
        what: str | Path,
        *,
        wait: bool = True,
        voice: str = VOICE,
        words_per_minute: int = 150,
        tail_ms: int = TAIL_MS,
        timeout_s: float = 10.0,
    ) -> Said:
        """Speak a text or a WAV (`Path`, or a text that ends in `.wav`) as soon as the page has opened its microphone.

        AssertionError when it does not within `timeout_s`: nobody would hear it.
        """
        if isinstance(what, Path) or what.lower().endswith(".wav"):
            text, wav = "", Path(what)
        else:
            text, wav = what, self._speech.say(what, voice=voice, words_per_minute=words_per_minute, tail_ms=tail_ms)
        try:
            self._recording.sound.wait_microphone_taken(timeout_s=timeout_s)
        except TimeoutError as error:
            raise AssertionError(f"{text or wav.name!r} could not be said: {error}") from None
        began = time.monotonic()
        utterance = self._recording.sound.say(wav)
        said = Said(text=text, wav=wav, _recording=self._recording, _utterance=utterance, _began=began)
        self._recording.said.append(said)
        if wait:
            said.wait()
        return said

    def wait_free(self, *, timeout_s: float = 10.0) -> None:
        """Wait until the page has let the microphone go. TimeoutError."""
        self._recording.sound.wait_microphone_free(timeout_s=timeout_s)


class Speaker:
    """The person's ear."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def heard(self, expected: str = "", *, timeout_s: float = 20.0, silence_ms: float = 700.0) -> Heard:
        """The next sound: what begins after the last words that were said, or after what was heard before, until
        `silence_ms` of silence. `expected` are the words for `Heard.words` and `Heard.share`. Raises NothingHeard.
        """
        recording, tape = self._recording, self._recording.speaker
        start_ms, latency_ms = self.begins(timeout_s=timeout_s)
        try:
            end_ms = tape.wait_silence(for_ms=silence_ms, timeout_s=timeout_s + 60.0, since_ms=start_ms)
        except TimeoutError:
            end_ms = tape.duration_ms
        heard = Heard(
            sound=recording.played().cut(start_ms, end_ms),
            start_ms=start_ms,
            end_ms=end_ms,
            latency_ms=latency_ms,
            expected=expected,
        )
        recording.heard.append(heard)
        return heard

    def begins(self, *, timeout_s: float = 20.0) -> tuple[float, float | None]:
        """Where the next sound begins, and how long after what was said; it may go on. Raises NothingHeard."""
        recording, tape = self._recording, self._recording.speaker
        said = recording.said[-1] if recording.said else None
        before = recording.heard[-1].end_ms if recording.heard else 0.0
        since = max(before, said.end_ms) if said else before
        if said and tape.sounds_at(said.start_ms):  # it was interrupted: that must end before an answer can begin
            with contextlib.suppress(TimeoutError):
                since = max(since, tape.wait_silence(for_ms=200, timeout_s=5, since_ms=said.end_ms - 200))
        try:
            start_ms = tape.wait_sound(timeout_s=timeout_s, since_ms=since)
        except TimeoutError:
            after = f" after {said.text or said.wav.name!r} was said" if said else ""
            raise NothingHeard(f"nothing was heard within {timeout_s:g} s{after}") from None
        return start_ms, start_ms - said.end_ms if said and said.start_ms >= before else None

    def silent_since(self) -> float:
        """Since when nothing has sounded, in ms on the recording's clock (0: since it began)."""
        parts = segments(self._recording.played())
        return parts[-1].end_ms if parts else 0.0

    def wait_silent(self, *, for_ms: float = 700.0, timeout_s: float = 20.0) -> float:
        """Wait until nothing has sounded for `for_ms` from now on; return since when. TimeoutError."""
        tape = self._recording.speaker
        return tape.wait_silence(for_ms=for_ms, timeout_s=timeout_s, since_ms=max(0.0, tape.duration_ms - 50.0))


@contextlib.contextmanager
def recorded(tab: Tab, sound: Pulse | InjectedSound, folder: Path) -> Iterator[Recording]:
    """Record both directions of `tab` until the block ends; the WAVs are in `folder`."""
    from .injected import InjectedSound

    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        if isinstance(sound, InjectedSound):
            speaker = sound.record(folder / "speaker.wav", from_the_beginning=True)
            yield Recording(tab=tab, sound=sound, speaker=stack.enter_context(speaker))
        else:
            yield Recording(
                tab=tab,
                sound=sound,
                speaker=stack.enter_context(sound.record(folder / "speaker.wav")),
                microphone=stack.enter_context(sound.record(folder / "microphone.wav", "mic.monitor")),
            )
