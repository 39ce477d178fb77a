"""Runs jobs in `driver.mjs` and brings the samples back as arrays."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

DRIVER = Path(__file__).with_name("driver.mjs")
WORKLETS = Path(__file__).resolve().parents[3] / "worklets"
QUANTUM = 128


def find_node() -> str:
    """The Node named by PARLEY_NODE, or the one on PATH. Fails the test, in words, when there is none."""
    named = os.environ.get("PARLEY_NODE")
    node = shutil.which(named or "node")
    if node is None:
        where = (
            f"PARLEY_NODE names {named!r}, which cannot be run"
            if named
            else "PARLEY_NODE is unset and no `node` is on PATH"
        )
        pytest.fail(f"the worklet tests need Node: {where}")
    return node


class Node:
    """Jobs of one test. Sample files live in a directory of the test's own.

    `worklets`: the folder of the code that is tried.
    """

    def __init__(self, directory: Path, worklets: Path = WORKLETS) -> None:
        self.directory = directory
        self.worklets = worklets
        self.files = 0

    def file(self, array: np.ndarray | None = None) -> str:
        """A path for raw samples, holding `array` if one is given."""
        self.files += 1
        path = self.directory / f"samples-{self.files}.raw"
        if array is not None:
            path.write_bytes(np.ascontiguousarray(array).tobytes())
        return str(path)

    def run(self, *jobs: dict[str, Any], flags: tuple[str, ...] = ()) -> list[dict[str, Any]]:
        """The results of the jobs, in order; raises with Node's own message if one failed. With `flags` they get a
        process of their own.
        """
        jobs_path = self.directory / "jobs.json"
        jobs_path.write_text(json.dumps(jobs))
        command = (find_node(), *flags, str(DRIVER), self.worklets.as_uri())
        if flags or self.worklets != WORKLETS:
            done = subprocess.run(
                command, input=f"{jobs_path}\n", capture_output=True, text=True, timeout=120, check=False
            )
            answer, why = done.stdout, done.stderr
        else:
            answer, why = ask(command, str(jobs_path)), "it is gone"
        thrown = json.loads(answer) if answer else why
        if thrown is not None:
            raise AssertionError(f"node failed:\n{thrown}")
        results: list[dict[str, Any]] = json.loads(Path(f"{jobs_path}.out").read_text())
        return results


def ask(command: tuple[str, ...], line: str) -> str:
    """What a script that answers each line of its input with a line says to this one; "" where it has ended.

    One for all tests of a process: it takes longer to start than most jobs take.
    """
    driver = _started(command)
    assert driver.stdin and driver.stdout
    driver.stdin.write(f"{line}\n")
    driver.stdin.flush()
    answer = driver.stdout.readline()
    if not answer:
        _started.cache_clear()
    return answer


@cache
def _started(command: tuple[str, ...]) -> subprocess.Popen[str]:
    started = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(_end, started)
    return started


def _end(driver: subprocess.Popen[str]) -> None:
    with driver:
        driver.terminate()


def samples(path: str, dtype: Any) -> np.ndarray:
    return np.fromfile(path, dtype=dtype)


def capture(
    node: Node, context_rate: int, signal: np.ndarray, steps: list[dict[str, Any]], **extra: Any
) -> tuple[dict[str, Any], np.ndarray]:
    """What the capture worklet's core does with a sound: the result and all frames as one array.

    `signal`: one row per channel.
    """
    job = {
        "kind": "capture",
        "context_rate": context_rate,
        "channels": len(signal),
        "input": node.file(signal.astype(np.float32)),
        "output": node.file(),
        "steps": steps,
        **extra,
    }
    (result,) = node.run(job)
    return result, samples(job["output"], "<i2")


def fit_tone(signal: np.ndarray, frequency_hz: float, rate_hz: int, first: int = 0) -> tuple[float, float, float]:
    """Best sine of that frequency in `signal`, whose first sample is number `first`: (amplitude, phase in rad against
    sin(2 pi f n / rate), rms of what remains)."""
    n = np.arange(first, first + len(signal))
    angle = 2 * np.pi * frequency_hz * n / rate_hz
    basis = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    (in_phase, quadrature), *_ = np.linalg.lstsq(basis, signal, rcond=None)
    rest = signal - basis @ np.array([in_phase, quadrature])
    return (
        float(np.hypot(in_phase, quadrature)),
        float(np.arctan2(quadrature, in_phase)),
        float(np.sqrt(np.mean(rest**2))),
    )


def decibels(ratio: float) -> float:
    return float(20 * np.log10(max(ratio, 1e-30)))
