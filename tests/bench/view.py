"""What does the page's view cost for each word that is recognised, and does that grow with the conversation?

From the service's message to the text that is posted to the page: session, codec, view. In CPython, and in
each engine in a Pyodide of its own worker, in calls of 10 and of 1,000 turns, beside the client of commit
9731686 in the same interpreter.

* `word_us_turn_*`: microseconds for one partial word, the median of many short blocks;
* `growth_ratio`: turn 1,000 to turn 10; `ratio_to_9731686`: at turn 1,000. Of the fastest block of each: what another
  program on the machine did meanwhile is not in it;
* `posted_bytes_turn_*`: of the longest of them. Names are ASCII, and so is the text.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench import earlier_build
from tests.bench.browser_rig import PAGES, Rig, bench_site, main, quartiles
from tests.bench.figures import BenchError, median
from tests.support.server import ROOT

COMMIT = "9731686"
BLOCKS = 6  # in each round
DRIVER = PAGES / "view_driver.py"


def measure(engines: Sequence[str], rounds: int) -> dict[str, Any]:
    """Figures of CPython and of the page's Python in each engine."""
    rounds = BLOCKS * max(5, rounds)
    with tempfile.TemporaryDirectory() as folder:
        earlier = earlier_build.unpack(COMMIT, Path(folder) / "earlier")
        found = {"cpython": _figures(_in_cpython(earlier, rounds))}
        site = bench_site()
        for name, home in {"ours": ROOT, "earlier": earlier}.items():
            _pack(home / "pyclient", site / "bench" / f"{name}.zip")
        with Rig(engines, site=site) as rig:
            for engine in engines:
                with rig.tab(engine) as tab:
                    found[engine] = _figures(rig.run(tab, f"bench/view.html?rounds={rounds}"))
    return found


def _in_cpython(earlier: Path, rounds: int) -> dict[str, Any]:
    homes = json.dumps({"ours": str(ROOT), "earlier": str(earlier)})
    command = [sys.executable, "-P", str(DRIVER), homes, str(rounds)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise BenchError(f"the driver failed: {done.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _pack(package: Path, archive: Path) -> None:
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(package.rglob("*.py")):
            packed.write(path, path.relative_to(package.parent))


def _figures(told: dict[str, Any]) -> dict[str, Any]:
    few, many, before = (
        told[build][turn]["us"] for build, turn in (("ours", "10"), ("ours", "1000"), ("earlier", "1000"))
    )
    return {
        "word_us_turn_10": median(few),
        "word_us_turn_1000": median(many),
        "word_us_turn_1000_of_9731686": median(before),
        "growth_ratio": round(min(many) / min(few), 2),
        "ratio_to_9731686": round(min(many) / min(before), 3),
        "posted_bytes_turn_10": told["ours"]["10"]["posted"],
        "posted_bytes_turn_1000": told["ours"]["1000"]["posted"],
        "posted_bytes_turn_1000_of_9731686": told["earlier"]["1000"]["posted"],
        "noise": quartiles(many),
    }


if __name__ == "__main__":
    main(measure)
