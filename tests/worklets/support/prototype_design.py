"""Designs the low-pass of the resampler's default setting. Run as a script it prints the constants for `resampler.js`.

A window times a sinc has the same ripple in the pass band as in the stop band: -100 dB of flatness that nobody hears,
paid for with delay. Here the two are told apart: the impulse response is a cosine series on a finite support, which is
linear in its coefficients, so the least stop band for a given flatness is a linear programme.

Units: frequency in lower Nyquist frequencies, time in sample periods of the lower rate.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

HALF_SUPPORT = 15.96  # just under 2.0 ms at 8 kHz, the goal for the delay, so that every rate rounds to no more
HARMONICS = 26
RIPPLE_DB = 0.088
PASS = 0.85
STOP = 1.1


def response_matrix(frequencies: np.ndarray, half_support: float, harmonics: int) -> np.ndarray:
    """Rows: frequencies. Columns: what each cosine of the series contributes to the response there."""
    f = np.asarray(frequencies, dtype=float)[:, None] * half_support
    k = np.arange(harmonics + 1)[None, :]
    return half_support * (np.sinc(f - k) + np.sinc(f + k))


def image_matrix(frequencies: np.ndarray, factor: int, residue: int, half_support: float, harmonics: int) -> np.ndarray:
    """As `response_matrix`, for the image that a tone leaves when the rate is raised by `factor`: all copies of the
    spectrum whose number is `residue` modulo `factor` fall on one frequency and add up."""
    numbers = residue + factor * np.arange(-12, 13)
    folded: np.ndarray = np.sum(
        [response_matrix(np.abs(2 * m + frequencies), half_support, harmonics) for m in numbers], axis=0
    )
    return folded


def design() -> np.ndarray:
    """The coefficients a[k] of h(t) = sum a[k] cos(pi k t / HALF_SUPPORT), with the smallest alias
    and the smallest image.
    """
    from scipy.optimize import linprog  # half a second of a processor, which every test of the resampler would pay for

    ripple = 10 ** (RIPPLE_DB / 20) - 1
    stop_scale = 1e4  # the solver's tolerances are absolute: bring -100 dB into their range
    at_pass = response_matrix(np.linspace(0, PASS, 400), HALF_SUPPORT, HARMONICS)
    alone = response_matrix(np.linspace(STOP, (HARMONICS + 8) / HALF_SUPPORT, 2000), HALF_SUPPORT, HARMONICS)
    tones = np.linspace(0, PASS, 120)
    images = [image_matrix(tones, n, r, HALF_SUPPORT, HARMONICS) for n in (2, 3, 4) for r in range(1, n)]
    at_stop = np.vstack([alone, *images])
    none = np.zeros((len(at_pass), 1))
    peak = np.ones((len(at_stop), 1))
    result = linprog(
        c=np.r_[np.zeros(HARMONICS + 1), 1],
        A_ub=np.vstack(
            [
                np.hstack([at_pass / ripple, none]),
                np.hstack([-at_pass / ripple, none]),
                np.hstack([at_stop * stop_scale, -peak]),
                np.hstack([-at_stop * stop_scale, -peak]),
            ]
        ),
        b_ub=np.r_[
            np.full(len(at_pass), (1 + ripple) / ripple),
            np.full(len(at_pass), -(1 - ripple) / ripple),
            np.zeros(2 * len(at_stop)),
        ],
        A_eq=np.vstack(
            [
                np.r_[
                    (-1.0) ** np.arange(HARMONICS + 1), 0
                ],  # h ends at zero, so the stop band falls by 18 dB an octave
                np.r_[response_matrix(np.zeros(1), HALF_SUPPORT, HARMONICS)[0], 0],  # DC passes by exactly one
            ]
        ),
        b_eq=[0, 1],
        bounds=[(None, None)] * (HARMONICS + 1) + [(0, None)],
        method="highs",
    )
    if result.x is None:
        raise RuntimeError(f"no such filter: {result.message}")
    return np.asarray(result.x[:-1])


def figures(coefficients: np.ndarray) -> tuple[float, float]:
    """(largest deviation in the pass band, highest level in the stop band), both in dB."""
    harmonics = len(coefficients) - 1
    passed = response_matrix(np.linspace(0, PASS, 2000), HALF_SUPPORT, harmonics) @ coefficients
    stopped = response_matrix(np.linspace(STOP, 40, 60000), HALF_SUPPORT, harmonics) @ coefficients
    return float(np.abs(20 * np.log10(np.abs(passed))).max()), float(20 * np.log10(np.abs(stopped).max()))


def written_in_the_resampler() -> np.ndarray:
    """The coefficients as `worklets/resampler.js` has them, in the scale of `design`."""
    source = (Path(__file__).resolve().parents[3] / "worklets" / "resampler.js").read_text()
    half = re.search(r"RESAMPLER_SERIES_HALF_SUPPORT = ([\d.]+);", source)
    series = re.search(r"RESAMPLER_SERIES = \[(.*?)\];", source, re.DOTALL)
    if half is None or series is None or float(half.group(1)) != HALF_SUPPORT:
        raise RuntimeError("resampler.js does not hold the series of this design")
    return np.array([float(value) for value in series.group(1).split(",") if value.strip()]) / HALF_SUPPORT


if __name__ == "__main__":
    found = design()
    print(", ".join(f"{value:.9g}" for value in found * HALF_SUPPORT))
    print("ripple {:.4f} dB, stop band {:.2f} dB".format(*figures(found)))
