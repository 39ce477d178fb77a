"""How many tokens a second, and what when the vendor is stuck? Our token route against the least that could be written:
Starlette, one pooled client, the same call to the same fake vendor. All of it on 127.0.0.1, each part in a
process of its own.

    cpu_ratio, cpu_ratio_gated         a baseline's request's processor time to ours: the ratios of an idle machine
    ours_rps, baseline_rps, ratio      medians over the rounds, in turns; `baseline_gated_*`: with our number of slots
    p99_ms, baseline_p99_ms            of an answer, under the same load
    stalled_*                          the vendor takes calls and answers none: how long do visitors wait to be told?
    ours_redis_*, ratio_redis          with the limits in a real Redis; only where Debian's packages can be had
    shared_*                           two such processes under load at once: tokens given and refused of one limit
    start_ms, earlier_start_ms, start_ratio
                                       from the command to the ready line, beside a server of the build of
                                       9731686; and processor time. `bare_*`: a server that is
                                       nothing but FastAPI, httpx and uvicorn, which no other can beat
    resident_mb, earlier_resident_mb, resident_ratio
                                       of all processes (what they share counted once), when that one has loaded all
                                       that it loads
    upstream_calls_per_grant           exactly 1, or somebody pays for tokens that nobody gets
    upstream_calls_per_refusal         exactly 0, for each kind of refusal
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder import webservers
from tests.bench import earlier_build
from tests.bench.figures import BenchError, median, percentiles
from tests.server.support.redis_server import redis_server
from tests.server.support.server_support import clean_environment
from tests.server.support.vendors import VENDORS

ROOT = Path(__file__).resolve().parents[2]
CONNECTIONS, SECONDS = 32, 2.0
WARM_UP_REQUESTS = 40  # for each connection: the pools are full, the code is warm
CROWD = 200  # visitors at once while the vendor is stuck: more than slots and queue hold
OURS_TIMEOUT_S = 5.0  # the default of upstream_timeout_seconds
SLOTS = 8  # the default of upstream_slots
EARLIER = "9731686"
SHARED_LIMIT = 500  # of two processes together; each of them is asked for more
SETTLED_S = 1.0
LONGEST_SETTLING_S = 60.0
UNLIMITED = {"TOKEN_RATE_PER_CLIENT_PER_MINUTE": "100000", "TOKEN_RATE_TOTAL_PER_MINUTE": "1000000"}


def measure(engines: Sequence[str], rounds: int) -> dict[str, Any]:
    """Figures as above; no browser takes part. Raises BenchError."""
    webservers.ensure(lambda text: print(text, file=sys.stderr))
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        vendor = stack.enter_context(_process("upstream"))
        url = f"http://127.0.0.1:{vendor.port}"
        environment = VENDORS["assemblyai"].environment(url)
        found = _footprint(folder, environment, rounds)
        redis = stack.enter_context(redis_server(Path(folder))).url if webservers.possible() else None
        with (
            _ours(folder, environment | UNLIMITED) as ours,
            _process("baseline", url, "0") as plain,
            _process("baseline", url, str(SLOTS)) as gated,
            contextlib.ExitStack() as more,
        ):
            servers = {"ours": ours, "baseline": plain, "baseline_gated": gated}
            if redis:
                sharing = environment | UNLIMITED | {"RATE_LIMIT_STORAGE": redis}
                servers["ours_redis"] = more.enter_context(_ours(folder, sharing))
            found |= _throughput(servers, vendor.port, rounds)
            found |= _stalled(ours.port, vendor.port)
        if redis:
            found |= _shared(folder, environment | {"RATE_LIMIT_STORAGE": redis.removesuffix("0") + "1"}, vendor.port)
        found["upstream_calls_per_refusal"] = _refusals(folder, environment, vendor.port)
        return found


def _footprint(folder: str, environment: dict[str, str], rounds: int) -> dict[str, Any]:
    """Start and memory, in turns with the earlier build, which knew no token server without the local agent, and with
    the packages alone.
    """
    earlier = earlier_build.build(EARLIER)
    homes = {"": (ROOT, sys.executable), "earlier_": (earlier, earlier_build.python_of(earlier))}
    servers: dict[str, Callable[[], AbstractContextManager[_Server]]] = {
        name: functools.partial(_ours, folder, environment | {"PYTHONPATH": str(home)}, python)
        for name, (home, python) in homes.items()
    }
    servers["bare_"] = functools.partial(_process, "bare")
    starts: dict[str, list[float]] = {name: [] for name in servers}
    costs: dict[str, list[float]] = {name: [] for name in servers}
    sizes: dict[str, float] = {}
    for number in range(rounds):
        for name, started in list(servers.items())[:: 1 if number % 2 == 0 else -1]:
            begun_s = time.perf_counter()
            with started() as server:
                starts[name].append((time.perf_counter() - begun_s) * 1000)
                costs[name].append(server.cpu_s())
                if number == 0 and name != "bare_":
                    sizes[name] = server.settled_mb()
    return {
        **{f"{name}start_ms": median(found) for name, found in starts.items()},
        "start_ratio": median(a / b for a, b in zip(starts[""], starts["earlier_"], strict=True)),
        "start_cpu_ratio": median(costs[""]) / median(costs["earlier_"]),
        "bare_start_ratio": median(a / b for a, b in zip(starts["bare_"], starts["earlier_"], strict=True)),
        "bare_start_cpu_ratio": median(costs["bare_"]) / median(costs["earlier_"]),
        "start_to_bare_ratio": median(a / b for a, b in zip(starts[""], starts["bare_"], strict=True)),
        **{f"{name}resident_mb": found for name, found in sizes.items()},
        "resident_ratio": sizes[""] / sizes["earlier_"],
    }


def _shared(folder: str, environment: dict[str, str], vendor: int) -> dict[str, Any]:
    """Two processes, one limit of all clients together, and a load on both at the same time."""
    limit = {"TOKEN_RATE_PER_CLIENT_PER_MINUTE": "100000", "TOKEN_RATE_TOTAL_PER_MINUTE": str(SHARED_LIMIT)}
    each = SHARED_LIMIT // CONNECTIONS + 1
    with _ours(folder, environment | limit) as one, _ours(folder, environment | limit) as other:
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda server: _load(server.port, each=each), (one, other)))
        granted = sum(answer.counts().get(200, 0) for answer in answers)
        refused = sum(answer.counts().get(429, 0) for answer in answers)
        if granted + refused != 2 * each * CONNECTIONS:
            raise BenchError(f"two processes answered {[answer.counts() for answer in answers]}")
        return {
            "shared_limit": SHARED_LIMIT,
            "shared_granted": granted,
            "shared_refused": refused,
            "shared_granted_to_limit_ratio": granted / SHARED_LIMIT,
            "shared_upstream_calls_per_grant": _calls(vendor) / granted,
        }


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
        **_ratio_redis(rates),
        **{f"{name}_cpu_us": median(found) for name, found in costs_us.items()},
        "cpu_ratio": median(costs_us["baseline"]) / median(costs_us["ours"]),
        "cpu_ratio_gated": median(costs_us["baseline_gated"]) / median(costs_us["ours"]),
        "p99_ms": spreads["ours"]["p99"],
        "baseline_p99_ms": spreads["baseline"]["p99"],
        "p99_ratio": spreads["ours"]["p99"] / spreads["baseline"]["p99"],
        "upstream_calls_per_grant": calls / grants,
        "grants": grants,
    }


def _ratio_redis(rates: dict[str, list[float]]) -> dict[str, float]:
    if "ours_redis" not in rates:
        return {}
    return {"ratio_redis": median(a / b for a, b in zip(rates["ours_redis"], rates["baseline"], strict=True))}


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
    """Calls per refusal over a foreign page, a bad value, a body that is too large, and a
    client that asks too often.
    """
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

    def settled_mb(self) -> float:
        """Memory of it and its children (proportional, so that what they share counts once), when
        that has stopped growing.
        """
        deadline_s = time.monotonic() + LONGEST_SETTLING_S
        before, now = 0.0, self._resident_mb()
        while now > before * 1.01 or time.monotonic() < deadline_s - LONGEST_SETTLING_S + 3 * SETTLED_S:
            if time.monotonic() > deadline_s:
                raise BenchError(f"the memory of a server does not stop growing: {now:.0f} MB")
            time.sleep(SETTLED_S)
            before, now = now, self._resident_mb()
        return now

    def _resident_mb(self) -> float:
        kilobytes = 0
        for pid in _family(self.pid):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            kilobytes += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        return kilobytes / 1024


def _family(pid: int) -> list[int]:
    """A process and all that it started."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    return [pid, *(member for child in children for member in _family(child))]


@contextlib.contextmanager
def _ours(folder: str, variables: dict[str, str], python: str = sys.executable) -> Iterator[_Server]:
    """Our server as a person starts it, in a folder without an `.env`. Its log is written and thrown away."""
    command = [python, "-m", "server", "--host", "127.0.0.1", "--port", "0"]
    with _started(command, folder, variables) as (pid, ready):
        yield _Server(port=int(ready.rsplit(":", 1)[1].strip("/\n")), pid=pid)


@contextlib.contextmanager
def _process(*arguments: str) -> Iterator[_Server]:
    """One role of `mint_processes`."""
    with _started([sys.executable, "-m", "tests.bench.mint_processes", *arguments], str(ROOT), {}) as (pid, ready):
        yield _Server(port=int(json.loads(ready)["port"]), pid=pid)


@contextlib.contextmanager
def _started(command: list[str], folder: str, variables: dict[str, str]) -> Iterator[tuple[int, str]]:
    """A process: its id and its first line.

    A pipe that nobody reads would fill up and stop it, so stderr goes to a file.
    """
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
