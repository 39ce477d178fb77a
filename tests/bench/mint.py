"""How many tokens a second, and what when the vendor is stuck? Our token route against the least that could be written:
Starlette, one pooled client, the same call to the same fake vendor. All of it on 127.0.0.1, each part in a process of its own.

    cpu_ratio, cpu_ratio_gated         the processor time of a baseline's request to ours: what the ratios are on an idle machine
    ours_rps, baseline_rps, ratio      medians over the rounds, in turns; `baseline_gated_*`: the same with our number of slots
    p99_ms, baseline_p99_ms            of an answer, under the same load
    stalled_*                          the vendor takes calls and answers none: how long do visitors wait to be told?
    upstream_calls_per_grant           exactly 1, or somebody pays for tokens that nobody gets
    upstream_calls_per_refusal         exactly 0, for each kind of refusal
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.figures import BenchError, median, percentiles
from tests.integration.server_support import clean_environment
from tests.integration.vendors import VENDORS

ROOT = Path(__file__).resolve().parents[2]
CONNECTIONS, SECONDS = 32, 2.0
WARM_UP_REQUESTS = 40  # for each connection: the pools are full, the code is warm
CROWD = 200  # visitors at once while the vendor is stuck: more than slots and queue hold
OURS_TIMEOUT_S = 5.0  # the default of upstream_timeout_seconds
SLOTS = 8  # the default of upstream_slots
UNLIMITED = {"TOKEN_RATE_PER_CLIENT_PER_MINUTE": "100000", "TOKEN_RATE_TOTAL_PER_MINUTE": "1000000"}


def measure(engines: Sequence[str], rounds: int) -> dict[str, Any]:
    """Figures as above; no browser takes part. Raises BenchError."""
    with tempfile.TemporaryDirectory() as folder, _process("upstream") as vendor:
        url = f"http://127.0.0.1:{vendor.port}"
        environment = VENDORS["assemblyai"].environment(url)
        with (
            _ours(folder, environment | UNLIMITED) as ours,
            _process("baseline", url, "0") as plain,
            _process("baseline", url, str(SLOTS)) as gated,
        ):
            servers = {"ours": ours, "baseline": plain, "baseline_gated": gated}
            found = _throughput(servers, vendor.port, rounds)
            found |= _stalled(ours.port, vendor.port)
        found["upstream_calls_per_refusal"] = _refusals(folder, environment, vendor.port)
        return found


def _throughput(servers: dict[str, _Server], vendor: int, rounds: int) -> dict[str, Any]:
    rates: dict[str, list[float]] = {name: [] for name in servers}
    costs_us: dict[str, list[float]] = {name: [] for name in servers}
    times: dict[str, list[float]] = {name: [] for name in servers}
    grants = calls = 0
    for server in servers.values():
        _load(server.port, each=WARM_UP_REQUESTS)
    _calls(vendor)
    for number in range(rounds):
        # In turns, and every other round backwards, so that a machine that slows down slows all of them.
        for name in list(servers)[:: 1 if number % 2 == 0 else -1]:
            before_s = servers[name].cpu_s()
            answers = _load(servers[name].port, seconds=SECONDS)
            spent_s = servers[name].cpu_s() - before_s
            asked = _calls(vendor)
            good = answers.only(200)
            rates[name].append(len(good) / answers.seconds)
            costs_us[name].append(spent_s * 1e6 / len(good))
            times[name] += good
            if name == "ours":
                grants, calls = grants + len(good), calls + asked
    spreads = {name: percentiles(found) for name, found in times.items()}
    return {
        **{f"{name}_rps": median(found) for name, found in rates.items()},
        # Of each round's own neighbours, so that what else the machine does falls out.
        "ratio": median(a / b for a, b in zip(rates["ours"], rates["baseline"], strict=True)),
        "ratio_gated": median(a / b for a, b in zip(rates["ours"], rates["baseline_gated"], strict=True)),
        **{f"{name}_cpu_us": median(found) for name, found in costs_us.items()},
        "cpu_ratio": median(costs_us["baseline"]) / median(costs_us["ours"]),
        "cpu_ratio_gated": median(costs_us["baseline_gated"]) / median(costs_us["ours"]),
        "p99_ms": spreads["ours"]["p99"],
        "baseline_p99_ms": spreads["baseline"]["p99"],
        "p99_ratio": spreads["ours"]["p99"] / spreads["baseline"]["p99"],
        "upstream_calls_per_grant": calls / grants,
        "grants": grants,
    }


def _stalled(port: int, vendor: int) -> dict[str, Any]:
    """A crowd comes while the vendor is stuck. Everybody is answered within the time limit, most of them at once."""
    _control(vendor, "stall")
    answers = _load(port, connections=CROWD, each=1)
    calls = _calls(vendor)
    _control(vendor, "go")
    refused = answers.answers.get(503, [])
    timed_out = answers.answers.get(504, [])
    if len(refused) + len(timed_out) != CROWD:
        raise BenchError(f"with the vendor stuck, answers were {answers.counts()}, not refusals alone")
    everybody = percentiles([*refused, *timed_out])
    back = _load(port, each=1).only(200)
    _calls(vendor)
    return {
        "stalled_p99_ms": everybody["p99"],
        "stalled_p99_to_timeout_ratio": everybody["p99"] / 1000 / OURS_TIMEOUT_S,
        "stalled_refusals": len(refused),
        "stalled_at_once": sum(took < OURS_TIMEOUT_S * 1000 / 2 for took in refused),  # and not after a wait for a slot
        "stalled_upstream_calls": calls,
        "stalled_upstream_calls_per_refusal": (calls - len(timed_out)) / max(1, len(refused)),
        "served_after_stall_ratio": len(back) / CONNECTIONS,
    }


def _refusals(folder: str, environment: dict[str, str], vendor: int) -> float:
    """Calls per refusal over a foreign page, a bad value, a body that is too large, and a client that asks too often."""
    allowed = 5
    with _ours(folder, environment | {"TOKEN_RATE_PER_CLIENT_PER_MINUTE": str(allowed)}) as ours:
        refused = 0
        for status, origin, body in (
            (403, "https://elsewhere.example", "{}"),
            (422, "", '{"expires_in_seconds": 0}'),
            (413, "", "x" * 2000),
        ):
            refused += len(_load(ours.port, connections=1, each=20, origin=origin, body=body).only(status))
        answers = _load(ours.port, connections=1, each=allowed + 50)
        if answers.counts() != {200: allowed, 429: 50}:
            raise BenchError(f"the rate limit answered {answers.counts()}")
        refused += 50
        return (_calls(vendor) - allowed) / refused


class _Answers:
    """What one run of the load was told."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.seconds = float(said["seconds"])
        self.answers: dict[int, list[float]] = {int(status): times for status, times in said["answers"].items()}
        if said["lost"]:
            raise BenchError(f"{said['lost']} connections were cut; answers were {self.counts()}")

    def counts(self) -> dict[int, int]:
        return {status: len(times) for status, times in sorted(self.answers.items())}

    def only(self, status: int) -> list[float]:
        """The times of all answers, which must all have this status."""
        if set(self.answers) != {status}:
            raise BenchError(f"expected nothing but {status}, got {self.counts()}")
        return self.answers[status]


def _load(
    port: int,
    *,
    connections: int = CONNECTIONS,
    seconds: float = 60.0,
    each: int = 0,
    origin: str = "",
    body: str = "{}",
) -> _Answers:
    command = [sys.executable, "-m", "tests.bench.mint_processes", "load"]
    command += [str(port), str(connections), str(seconds), str(each), origin, body]
    done = subprocess.run(
        command, cwd=ROOT, env=_environment(), capture_output=True, text=True, timeout=180, check=False
    )
    if done.returncode != 0:
        raise BenchError(f"the load generator failed: {done.stderr.strip()[-500:]}")
    return _Answers(json.loads(done.stdout))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Server:
    """A process that listens."""

    port: int
    pid: int

    def cpu_s(self) -> float:
        """Processor time that it has taken. Raises BenchError where there is no /proc."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            raise BenchError("processor time is read from /proc, which this system does not have") from None
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def _ours(folder: str, variables: dict[str, str]) -> Iterator[_Server]:
    """Our server as a person starts it, in a folder without an `.env`. Its log is written and thrown away."""
    command = [sys.executable, "-m", "server", "--host", "127.0.0.1", "--port", "0"]
    with _started(command, folder, variables) as (pid, ready):
        yield _Server(port=int(ready.rsplit(":", 1)[1].strip("/\n")), pid=pid)


@contextlib.contextmanager
def _process(*arguments: str) -> Iterator[_Server]:
    """One role of `mint_processes`."""
    with _started([sys.executable, "-m", "tests.bench.mint_processes", *arguments], str(ROOT), {}) as (pid, ready):
        yield _Server(port=int(json.loads(ready)["port"]), pid=pid)


@contextlib.contextmanager
def _started(command: list[str], folder: str, variables: dict[str, str]) -> Iterator[tuple[int, str]]:
    """A process: its id and its first line. A pipe that nobody reads would fill up and stop it, so stderr goes to a file."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, cwd=folder, env=_environment() | variables, stdout=subprocess.PIPE, stderr=said, text=True
        )
        try:
            assert process.stdout is not None
            ready = process.stdout.readline()
            if not ready:
                said.seek(0)
                raise BenchError(f"{command[2]} did not start: {said.read().decode()[-500:]}")
            yield process.pid, ready
        finally:
            process.terminate()
            process.communicate()


def _environment() -> dict[str, str]:
    return clean_environment(PYTHONPATH=str(ROOT))


def _calls(vendor: int) -> int:
    """How often the vendor was asked since the last time."""
    return int(_control(vendor, "count")["calls"])


def _control(vendor: int, word: str) -> dict[str, Any]:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(f"http://127.0.0.1:{vendor}/control/{word}", timeout=10) as answer:
        found: dict[str, Any] = json.loads(answer.read())
        return found
