"""How long until the page can take a click? Against stock Pyodide, and against what no Python can beat.

Three pages from one server, with the same compression and the same caching, one after the other in each round:

* ours: the built site's own page, from the start of the navigation until its session object is
  built ("Python ready after");
* stock: a module worker does `loadPyodide()`, `micropip.install` of the same wheel, `import pyclient`;
* floor: a module worker does `WebAssembly.compileStreaming` of the unchanged runtime's WebAssembly, and nothing else.

"first": a new browser with a new profile, left alone until it has started: Chromium's own tool bars are pages,
and take half a second of processor time that would be counted as ours. "second": the same page, reloaded when
what the first visit began has come to its end (compiling what runs often, keeping what was compiled). Times are
the page's own `performance.now()`. WebKitGTK's sessions keep no cache on disk; whether its reload finds
anything in memory is its own affair.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.bench.browser_rig import Rig, main, spread
from tests.bench.figures import median

SETTLED_MS = 2500
_READY = """() => new Promise((resolve, reject) => {
  const look = () => {
    const boot = document.body?.dataset.boot;
    if (boot === "failed") reject(new Error("the page could not load Python"));
    if (boot === "ready") setTimeout(() => resolve(window.parley.facts()), 0);
    else setTimeout(look, 20);
  };
  look();
})"""


def measure(engines: Sequence[str], rounds: int) -> dict[str, Any]:
    """Milliseconds and their ratios for each engine; `noise` is the largest distance of a round from the median."""
    told: dict[str, dict[str, list[float]]] = {engine: {} for engine in engines}
    with Rig(engines) as rig:
        for turn in range(rounds):
            for engine in engines:
                # Whoever comes first finds the machine as the last browser left it: the order goes round.
                order = ["stock", "ours", "floor"]
                for kind in order[turn % 3 :] + order[: turn % 3]:
                    for visit, value in zip(("first", "second"), _visit(rig, engine, kind), strict=True):
                        told[engine].setdefault(f"{kind}_{visit}", []).append(value)
    return {engine: _figures(values) for engine, values in told.items()}


def _visit(rig: Rig, engine: str, kind: str) -> list[float]:
    """Milliseconds of the first visit and of the reload."""
    with rig.tab(engine) as tab:
        tab.page.wait_for_timeout(SETTLED_MS)
        tab.page.goto(rig.url + ("" if kind == "ours" else f"bench/{kind}.html"), wait_until="commit")
        first = ready_ms(tab) if kind == "ours" else rig.answer(tab)
        tab.page.wait_for_timeout(SETTLED_MS)
        tab.page.reload(wait_until="commit")
        return [first, ready_ms(tab) if kind == "ours" else rig.answer(tab)]


def ready_ms(tab: Any) -> float:
    """Wait for our page in `tab`; milliseconds from the start of its navigation until Python was ready."""
    facts = tab.page.evaluate(_READY)
    if facts["Python started from"] != "snapshot":
        raise RuntimeError(f"Python was started from {facts['Python started from']!r}: this is not what we ship")
    return float(facts["Python ready after"].split()[0])


def _figures(values: dict[str, list[float]]) -> dict[str, float]:
    middle = {name: median(times) for name, times in values.items()}
    return {
        "stock_ms": round(middle["stock_first"]),
        "ours_first_ms": round(middle["ours_first"]),
        "ours_second_ms": round(middle["ours_second"]),
        "floor_ms": round(middle["floor_first"]),
        "ratio_to_stock": round(middle["ours_first"] / middle["stock_first"], 3),
        "ratio_to_floor": round(middle["ours_first"] / middle["floor_first"], 2),
        "stock_second_ms": round(middle["stock_second"]),
        "floor_second_ms": round(middle["floor_second"]),
        "noise": max(spread(times) for times in values.values()),
        "ours_first_noise": spread(values["ours_first"]),
        "rounds": len(values["ours_first"]),
    }


if __name__ == "__main__":
    main(measure)
