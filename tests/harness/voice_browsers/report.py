"""Report of a failed test: one HTML file that holds everything, to be mailed or kept by CI.

What went wrong, what the page's authors should know, both directions as spectrograms with marks where something was
said and heard, the recordings to listen to, the page's picture, its console, and (Chromium) Playwright's trace.
"""

from __future__ import annotations

import base64
import contextlib
import html
import io
import wave
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .listen import Sound
from .picture import HEIGHT, spectrogram

if TYPE_CHECKING:
    from .voice import Recording

_WIDTH = 1000
_LONGEST_MS = 120_000.0
_LARGEST_TRACE = 20 << 20
_PLAYED_RATE_HZ = 16_000

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 66rem; padding: 0 1rem; }
h1 { font-size: 1.35rem; overflow-wrap: anywhere; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
pre { background: #8881; border-radius: 6px; overflow: auto; padding: .75rem 1rem; white-space: pre-wrap; }
img.page { border: 1px solid #8886; border-radius: 6px; max-width: 100%; }
table { border-collapse: collapse; } td, th { border-bottom: 1px solid #8884; padding: .3rem .8rem .3rem 0; text-align: left; }
.failed { color: #c22; } .advice li { margin: .4rem 0; } svg { max-width: 100%; height: auto; display: block; }
svg text { fill: currentColor; font: 12px system-ui, sans-serif; } audio { height: 2rem; vertical-align: middle; }
"""


@dataclass(kw_only=True)
class Report:
    """What is known of a failed test; what there is none of is left out."""

    test: str
    engine: str = ""
    url: str = ""
    error: str = ""
    traceback: str = ""
    advice: Sequence[str] = ()
    facts: Sequence[str] = ()
    console: Sequence[str] = ()
    shown: str = ""
    screenshot: Path | None = None
    trace: Path | None = None
    recording: Recording | None = None
    notes: list[str] = field(default_factory=list)

    def write(self, file: Path) -> Path:
        parts = [
            f"<h1><span class=failed>Failed:</span> {_text(self.test)}</h1>",
            f"<p>{_text(self.engine)}{f' at {_text(self.url)}' if self.url else ''}</p>",
            f"<pre>{_text(self.error)}</pre>",
        ]
        if self.advice:
            parts.append("<h2>What the page's authors should know</h2><ul class=advice>")
            parts += [f"<li>{_text(sentence)}</li>" for sentence in self.advice]
            parts.append("</ul>")
        if self.recording is not None:
            try:
                parts += _sound(self.recording)
            except Exception as error:  # evidence must not hide the failure it belongs to
                parts.append(f"<p>The recordings could not be drawn: {_text(error)}</p>")
        if self.screenshot is not None and self.screenshot.exists():
            picture = base64.b64encode(self.screenshot.read_bytes()).decode()
            parts.append(
                f'<h2>The page</h2><img class=page alt="The page as it was" src="data:image/png;base64,{picture}">'
            )
        for title, lines in (
            ("Console and complaints", self.console),
            ("What the page does with sound", self.facts),
            ("What the page shows", [self.shown] if self.shown else []),
            ("More", self.notes),
            ("Where the test failed", [self.traceback] if self.traceback else []),
        ):
            if lines:
                parts.append(f"<h2>{title}</h2><pre>{_text(chr(10).join(lines))}</pre>")
        if self.trace is not None and self.trace.exists():
            parts.append(_trace(self.trace))
        body = "\n".join(parts)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Failed: {_text(self.test)}</title>'
            f"<style>{_STYLE}</style>\n{body}\n</html>\n",
            encoding="utf-8",
        )
        return file


def _sound(recording: Recording) -> list[str]:
    taken, played = recording.taken(), recording.played()
    duration_ms = min(_LONGEST_MS, max(taken.duration_ms, played.duration_ms, 1_000.0))
    said = [(one.start_ms, one.end_ms, one.text or one.wav.name) for one in recording.said]
    heard = [(one.start_ms, one.end_ms, "heard") for one in recording.heard]
    parts = ["<h2>Both directions</h2>", _picture(taken, played, duration_ms, said, heard)]
    rows = [(start, f"said: {what}", f"{(end - start) / 1000:.1f} s", "", "", "") for start, end, what in said]
    for one in recording.heard:
        words = "no recogniser"
        with contextlib.suppress(RuntimeError):
            words = " ".join(one.words) or "nothing"
        rows.append(
            (
                one.start_ms,
                "heard" + (f", expected: {one.expected}" if one.expected else ""),
                f"{one.duration_ms / 1000:.1f} s",
                words,
                f"{one.level_dbfs:.0f} dBFS",
                "" if one.latency_ms is None else f"{one.latency_ms:.0f} ms after the speech",
            )
        )
    cells = "".join(
        f"<tr><td>{at / 1000:.2f} s</td>" + "".join(f"<td>{_text(cell)}</td>" for cell in rest) + "</tr>"
        for at, *rest in sorted(rows)
    )
    parts.append(
        "<table><tr><th>at</th><th></th><th>for</th><th>recognised</th><th>level</th><th></th></tr>"
        + cells
        + "</table>"
    )
    for name, sound in (("speaker", played), ("microphone", taken)):
        loudest = f"{sound.peak_dbfs:.0f} dBFS" if not sound.silent else "silent"
        parts.append(f"<p>{name} ({loudest}): <audio controls src='{_audio(sound, duration_ms)}'></audio></p>")
    return parts


def _picture(
    taken: Sound,
    played: Sound,
    duration_ms: float,
    said: Sequence[tuple[float, float, str]],
    heard: Sequence[tuple[float, float, str]],
) -> str:
    """Two spectrograms below each other, with a mark over each stretch, and seconds along the bottom."""
    left, gap = 84, 34
    tops = (gap, gap + HEIGHT + gap)
    height = tops[1] + HEIGHT + 26

    def at(ms: float) -> float:
        return left + max(0.0, min(ms, duration_ms)) / duration_ms * _WIDTH

    parts = [f'<svg viewBox="0 0 {left + _WIDTH + 8} {height}" width="{left + _WIDTH + 8}" role="img">']
    for name, sound, top, marks in (("microphone", taken, tops[0], said), ("speaker", played, tops[1], heard)):
        image = base64.b64encode(spectrogram(sound, duration_ms=duration_ms, width=_WIDTH)).decode()
        parts.append(f'<text x="0" y="{top + 14}">{name}</text><text x="0" y="{top + HEIGHT}">0–8 kHz</text>')
        parts.append(f'<image x="{left}" y="{top}" width="{_WIDTH}" height="{HEIGHT}" ')
        parts.append(f'preserveAspectRatio="none" href="data:image/png;base64,{image}"/>')
        for start, end, what in marks:
            parts.append(
                f'<path d="M{at(start):.1f} {top + HEIGHT}V{top - 6}H{at(end):.1f}V{top + HEIGHT}" fill="none" '
                f'stroke="#3ad" stroke-width="1.5"/><text x="{at(start) + 3:.1f}" y="{top - 10}">{_text(what[:60])}</text>'
            )
    step = next(step for step in (1, 2, 5, 10, 20) if duration_ms / 1000.0 / step <= 20)
    for second in range(0, int(duration_ms // 1000) + 1, step):
        x = at(second * 1000.0)
        parts.append(f'<text x="{x:.1f}" y="{height - 8}" text-anchor="middle">{second} s</text>')
    return "".join([*parts, "</svg>"])


def _audio(sound: Sound, duration_ms: float) -> str:
    small = sound.cut(0, duration_ms).at(_PLAYED_RATE_HZ)
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_PLAYED_RATE_HZ)
        file.writeframes(np.round(np.clip(small.samples, -1.0, 1.0) * 32767.0).astype("<i2").tobytes())
    return "data:audio/wav;base64," + base64.b64encode(out.getvalue()).decode()


def _trace(trace: Path) -> str:
    """In the file itself, unless it is large."""
    if trace.stat().st_size > _LARGEST_TRACE:
        return (
            f"<h2>Trace</h2><p>{_text(trace.name)}, beside this file. <code>playwright show-trace</code> opens it.</p>"
        )
    data = base64.b64encode(trace.read_bytes()).decode()
    return (
        f'<h2>Trace</h2><p><a download="{_text(trace.name)}" href="data:application/zip;base64,{data}">{_text(trace.name)}</a>; '
        "<code>playwright show-trace</code> opens it.</p>"
    )


def _text(what: object) -> str:
    return html.escape(str(what))
