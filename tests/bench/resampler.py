"""Our rate conversion against libsamplerate, compiled to WebAssembly: what is heard of it and what it costs.

For each pair of rates, `default` against libsamplerate's fastest sinc, and `best_*` against its best one:

    snr_db                  worst tone up to 0.85 of the lower Nyquist frequency: the tone against everything else
    passband_ripple_db      the most that any of these tones is too loud or too soft
    alias_db                loudest trace of a tone from 1.1 of the lower Nyquist; where the rate goes up, loudest image
    delay_ms                how far ahead the filter must see
    ns_per_sample           of output, in processor time, median of the rounds, each in a fresh process,
                            in turns with libsamplerate
    time_ratio              ours to libsamplerate's, median of the rounds' own ratios
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from builder import node, npm_package
from builder.environment import SetupError
from tests.bench.figures import BenchError, median
from tests.worklets.support.node import decibels, fit_tone

ROOT = Path(__file__).resolve().parents[2]
DRIVER = Path(__file__).with_name("resampler_driver.mjs")
PAIRS = (
    (48000, 24000),
    (44100, 24000),
    (16000, 24000),
    (24000, 48000),
    (24000, 44100),
    (48000, 16000),
    (16000, 48000),
    (96000, 24000),
    (8000, 48000),
    (192000, 24000),
)
# Our setting, libsamplerate's, the pass band's end (of the lower Nyquist), the prefix of the keys.
MATCHES = (("default", "SRC_SINC_FASTEST", 0.85, ""), ("best", "SRC_SINC_BEST_QUALITY", 0.92, "best_"))
STOP = 1.1
COUNT = 1500


def measure(engines: Sequence[str], rounds: int) -> dict[str, Any]:
    """Figures by pair, `48000_24000`; no browser takes part. Raises BenchError."""
    with tempfile.TemporaryDirectory() as folder:
        converters = _Converters(Path(folder))
        return {f"{a}_{b}": _pair(converters, a, b, rounds) for a, b in PAIRS}


def _pair(converters: _Converters, a: int, b: int, rounds: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for ours, theirs, passed, prefix in MATCHES:
        mine = converters.quality("ours", ours, a, b, passed)
        other = converters.quality("libsamplerate", theirs, a, b, passed)
        found |= {f"{prefix}{name}": value for name, value in mine.items()}
        found |= {f"{prefix}libsamplerate_{name}": value for name, value in other.items() if name != "delay_ms"}
        times = [
            (converters.ns("ours", ours, a, b), converters.ns("libsamplerate", theirs, a, b)) for _ in range(rounds)
        ]
        found[f"{prefix}ns_per_sample"] = median(one for one, _ in times)
        found[f"{prefix}libsamplerate_ns_per_sample"] = median(two for _, two in times)
        found[f"{prefix}time_ratio"] = median(one / two for one, two in times)
    return found


class _Converters:
    """Runs the driver's jobs, one process each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self.node = os.environ.get("PARLEY_NODE") or node.node(ROOT)
            self.library = _library()
        except SetupError as error:
            raise BenchError(str(error)) from None

    def ns(self, converter: str, quality: str, a: int, b: int) -> float:
        """Nanoseconds for each output sample."""
        return float(
            self._run(kind="time", converter=converter, quality=quality, **{"from": a, "to": b})["ns_per_sample"]
        )

    def quality(self, converter: str, quality: str, a: int, b: int, passed: float) -> dict[str, float]:
        """What tones show: snr_db, passband_ripple_db, alias_db, delay_ms."""
        nyquist = min(a, b) / 2
        inside = [nyquist * f for f in np.linspace(0.0131, passed, 16)]  # off every common divisor of the rates
        outside = [f for f in nyquist * np.geomspace(STOP, max(a, b) / min(a, b), 14) if f < a / 2 * 0.999]
        skip = 600 * b // min(a, b)
        output = self.folder / "tones.raw"
        said = self._run(
            kind="tones",
            converter=converter,
            quality=quality,
            frequencies=[*inside, *outside],
            skip=skip,
            count=COUNT,
            output=str(output),
            **{"from": a, "to": b},
        )
        made = np.fromfile(output, dtype=np.float64).reshape(-1, COUNT)
        fits = [fit_tone(tone, f, b, skip) for tone, f in zip(made, inside, strict=False)]
        rests = [rest for _, _, rest in fits]
        aliases = [float(np.sqrt(np.mean(tone**2))) for tone in made[len(inside) :]]
        return {
            "snr_db": min(decibels(amplitude / np.sqrt(2) / rest) for amplitude, _, rest in fits),
            "passband_ripple_db": max(abs(decibels(amplitude)) for amplitude, _, _ in fits),
            "alias_db": max(decibels(np.sqrt(2) * rest) for rest in (aliases or rests)),
            "delay_ms": float(said["delay_ms"]),
        }

    def _run(self, **job: Any) -> dict[str, Any]:
        path = self.folder / "job.json"
        path.write_text(json.dumps({**job, "library": str(self.library)}))
        done = subprocess.run(
            [self.node, str(DRIVER), str(path)], capture_output=True, text=True, timeout=120, check=False
        )
        if done.returncode != 0:
            raise BenchError(f"{job['converter']} {job['quality']} {job['from']} to {job['to']}: {done.stderr[-500:]}")
        found: dict[str, Any] = json.loads(Path(f"{path}.out").read_text())
        return found


def _library() -> Path:
    """The converter to compare with, fetched once into the cache. Raises SetupError."""
    pins = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["parley"]["test_runtime"]
    package: str = pins["libsamplerate_package"]
    integrity: str = pins["libsamplerate_integrity"]
    target = ROOT / ".cache" / "bench" / package.rpartition("/")[2]
    if not (target / ".complete").exists() or (target / ".complete").read_text() != integrity:
        npm_package.fetch(ROOT, target, package, integrity, ["dist/libsamplerate.js"])
    return target / "libsamplerate.js"
