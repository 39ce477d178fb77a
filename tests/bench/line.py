"""What does a visitor wait for, over a line that is not the machine's own?

Ours, an earlier build of ours, and stock Pyodide.

    ours       this tree's site, as `build.py build` makes it for visitors, from its own server, as
               `build.py serve` runs it
    9731686    the build of that commit, from its own server
    stock      Pyodide's own files with brotli on each, micropip, our wheel (`stock_site.py`)

Over each line, in turns: a first visit with a new browser and an empty profile, left alone until nothing more comes;
then later ones with the browser started anew on the same profile, four of ours and of the earlier build in turns, for
these are short and a machine moves each of them. A proxy (`slow_line.py`) stands between browser and
server, also over loopback, and counts what reaches the browser, headers included.

    ready_ms             from the start of the navigation until Python is ready, by the page's own clock
    bytes_before_ready   what had come by then
    bytes_first_visit    and when all had come that the page asks for by itself
    second_ms            a later visit until ready: the median of all
    second_bytes         all that came for it; the page itself is asked for anew each time
    second_asset_bytes   of that, all but the page: what carries its own hash

WebKitGTK names brotli over TLS only: the proxy names it in its place, for all three, because real sites are reached
over TLS. In WebKitGTK the harness goes to the site's 404.html first. That page and what it asks for are over before
anything is counted; its connection is warm for all three.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from builder.environment import SetupError
from tests.bench import earlier_build, stock_site
from tests.bench.browser_rig import KEPT, Rig, spread
from tests.bench.figures import BenchError, median
from tests.bench.slow_line import SlowLine
from tests.bench.start import SETTLED_MS, ready_ms
from tests.support.server import Parley, ServerError, build

# Rounds unless told otherwise: one takes nearly half an hour.
ROUNDS = 3
LATER_VISITS = 4
EARLIER = "9731686"
_QUIET_S = 2.5
_ENCODINGS = {"webkit": "gzip, deflate, br"}
_VISITS_S = 900.0


@dataclass(frozen=True, slots=True)
class Line:
    """A kind of line. Names hold no dot and no unit of time: they are steps of a path in the budget."""

    name: str
    mbit_per_s: float | None = None
    rtt_ms: float = 0.0


LINES = (Line("loopback"), Line("mbit_10", 10.0, 40.0), Line("mbit_1_6", 1.6, 150.0))
KINDS = ("ours", EARLIER, "stock")


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One visit, in milliseconds and bytes."""

    ready_ms: float
    before_ready: int
    whole: int
    assets: int


def measure(engines: Sequence[str], rounds: int, lines: Sequence[Line] = LINES) -> dict[str, Any]:
    """Per engine and line: the figures of each kind, and how ours compares. Raises BenchError."""
    seen: dict[tuple[str, str, str], list[list[Visit]]] = {}
    with _served(engines) as (rig, ports):
        for turn in range(rounds):
            for engine in engines:
                for line in lines:
                    print(f"  round {turn + 1} of {rounds}: {engine}, {line.name}", file=sys.stderr, flush=True)
                    for kind, visits in _visits(rig, engine, ports, line, turn).items():
                        seen.setdefault((engine, line.name, kind), []).append(visits)
    return {
        engine: {line.name: figures({kind: seen[engine, line.name, kind] for kind in KINDS}) for line in lines}
        for engine in engines
    }


def figures(visits: Mapping[str, Sequence[Sequence[Visit]]]) -> dict[str, Any]:
    """Medians of each kind over one line, and ours against the others. Of each round: the first visit, then the later
    ones.
    """
    told: dict[str, Any] = {kind: _medians(rounds) for kind, rounds in visits.items()}
    ours, earlier, stock = (told[kind] for kind in KINDS)
    return told | {
        f"ratio_to_{EARLIER}": ours["ready_ms"] / earlier["ready_ms"],
        "ratio_to_stock": ours["ready_ms"] / stock["ready_ms"],
        f"second_ratio_to_{EARLIER}": ours["second_ms"] / earlier["second_ms"],
        "noise": max(spread([first.ready_ms for first, *_ in rounds]) for rounds in visits.values()),
        "rounds": len(visits["ours"]),
    }


def _medians(rounds: Sequence[Sequence[Visit]]) -> dict[str, int]:
    first = [visits[0] for visits in rounds]
    later = [visit for visits in rounds for visit in visits[1:]]
    rows: dict[str, list[float]] = {
        "ready_ms": [it.ready_ms for it in first],
        "bytes_before_ready": [it.before_ready for it in first],
        "bytes_first_visit": [it.whole for it in first],
        "second_ms": [it.ready_ms for it in later],
        "second_bytes": [it.whole for it in later],
        "second_asset_bytes": [it.assets for it in later],
    }
    return {name: round(median(values)) for name, values in rows.items()}


@contextlib.contextmanager
def _served(engines: Sequence[str]) -> Iterator[tuple[Rig, dict[str, int]]]:
    """Browsers, and the three servers by their ports."""
    try:
        site, earlier, stock = build(KEPT / "line"), earlier_build.build(EARLIER), stock_site.build()
    except (SetupError, ServerError) as error:
        raise BenchError(str(error)) from None
    with Rig(engines, site=site) as rig, earlier_build.serve(earlier) as before, Parley(site=stock) as theirs:
        _check_compressed(theirs.url + stock_site.LARGEST)
        yield rig, dict(zip(KINDS, map(_port, (rig.url, before.url, theirs.url)), strict=True))


def _port(url: str) -> int:
    return int(url.rstrip("/").rpartition(":")[2])


def _check_compressed(url: str) -> None:
    """Stock without brotli would be a rival that nobody meets."""
    request = urllib.request.Request(url, method="HEAD", headers={"Accept-Encoding": "gzip, br"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        if answer.headers["Content-Encoding"] != "br":
            raise BenchError(f"the server does not send the brotli that stands beside {stock_site.LARGEST}")


def _visits(rig: Rig, engine: str, ports: Mapping[str, int], line: Line, turn: int) -> dict[str, list[Visit]]:
    """One round: of each kind a first visit and later ones, each kind under one address: a cache knows nothing of
    another one.
    """
    # Whoever comes first finds the machine as the last browser left it: the order goes round.
    order = [*KINDS[turn % 3 :], *KINDS[: turn % 3]]
    encodings = _ENCODINGS.get(engine, "")
    told: dict[str, list[Visit]] = {kind: [] for kind in KINDS}
    with contextlib.ExitStack() as stack:
        profiles, ways = {}, {}
        for kind in order:
            profiles[kind] = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
            way = SlowLine(
                ports[kind], mbit_per_s=line.mbit_per_s, rtt_ms=line.rtt_ms, seconds=_VISITS_S, encodings=encodings
            )
            ways[kind] = stack.enter_context(way)
        for visit in range(1 + LATER_VISITS):
            for kind in order:
                if kind == "stock" and visit > 1:
                    continue
                page = ways[kind].url + (stock_site.PAGE if kind == "stock" else "")
                told[kind].append(_visit(rig, engine, ways[kind], page, profiles[kind]))
        if any(way.ended for way in ways.values()):
            raise BenchError(f"a round of visits over {line.name} in {engine} took more than {_VISITS_S:.0f} s")
    return told


def _visit(rig: Rig, engine: str, way: SlowLine, page: str, profile: Path) -> Visit:
    with rig.tab(engine, profile=profile) as tab:
        tab.page.wait_for_timeout(SETTLED_MS)
        if engine == "webkit":
            tab.page.goto(f"{way.url}404.html")
            _until_quiet(tab, way)
        way.forget()
        tab.page.goto(page, wait_until="commit")
        took_ms = float(rig.answer(tab)) if page.endswith(stock_site.PAGE) else ready_ms(tab)
        origin_ms = float(tab.page.evaluate("() => performance.timeOrigin"))
        _until_quiet(tab, way)
        whole = way.received()
        return Visit(
            ready_ms=took_ms,
            before_ready=way.received(until=(origin_ms + took_ms) / 1000),
            whole=whole,
            assets=whole - way.by_path()[urlsplit(page).path],
        )


def _until_quiet(tab: Any, way: SlowLine) -> None:
    while way.quiet_for() < _QUIET_S:
        tab.page.wait_for_timeout(100)


def main() -> None:
    """Part of the bench alone: `python -m tests.bench.line [--rounds N] [--line NAME] [ENGINE ...]`."""
    import argparse
    import json

    from voice_browsers.engines import ENGINES

    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--line", choices=[line.name for line in LINES], action="append")
    parser.add_argument("engines", nargs="*", default=list(ENGINES))
    options = parser.parse_args()
    lines = [line for line in LINES if line.name in (options.line or [line.name])]
    print(json.dumps(measure(options.engines, options.rounds, lines), indent=2))


if __name__ == "__main__":
    main()
