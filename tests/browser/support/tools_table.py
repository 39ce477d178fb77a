"""What a tool can use in the page, as a Markdown table: `pytest --tools-table=docs/tools.md`.

A row per thing, a column per engine, made from the reports of the run itself. A cell says what is so on all three ways
of starting Python, or what each of them does.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

PROPERTY = "what tools can use"
WAYS = ("snapshot", "precompiled", "stock")
HEAD = """# What a tool can use

<!-- Written by a run of the suite; a change by hand is lost with the next one. -->

Written by a run of `tests/browser/test_python_like_stock.py` on {date}. A tool tried each of these in a page; Python was started
from the snapshot, from the precompiled library and from Pyodide's own files. Where the three differ, the cell says how. "stock" is
Pyodide's own start with our client in it: time zones are ours on each of the ways, for Pyodide brings none. The page's agent named no
[packages](#packages).
"""

TAIL = """## Packages

A tool may import the standard library, `pyodide`, and the packages that `agents/NAME/agent.toml` names:

```toml
[runtime]
packages = ["snowballstemmer", "msgspec>=0.22"]
```

They are the same on each way of starting. The build fetches them, with pip, and puts them into the page; no page asks a package index
or a CDN for anything. Which files it took is written into `agents/NAME/packages.lock`, with digests: keep that file with your sources.
From then on exactly these are used, and with `.cache/` no network is needed. One more package leaves the others as they are; for newer
versions delete the lock.

- **Which version:** the newest that the browser's Python can use and that everybody who needs the package agrees with: a wheel of pure
  Python, else one that its makers built for this Pyodide (`pyemscripten_..._wasm32`), else Pyodide's own build. What a package depends on comes
  with it, judged for the browser and not for the machine that builds. No older version is tried to make two packages fit: the build
  names both, and you choose.
- **`numpy`** and others that the package index has in no form for browsers are Pyodide's own builds: Pyodide fetches them at build time, from its
  own address. A machine that cannot reach that puts the file that the message names into a folder: `PYODIDE_PACKAGES=FOLDER`.
- **Which was proven:** `msgspec` 0.23, compiled code from the package index, in three engines and on each way of starting
  (`tests/browser/test_packages.py`). Of `numpy` the index has no form for browsers (looked up on 2026-11-29), and the machine of the
  tests cannot reach Pyodide's address: the way by `PYODIDE_PACKAGES` is tested with a package made for the test, not with `numpy`.
- **Compiled code** makes the page take the full runtime by itself: about 2.7 MB more, with brotli, before it is ready.
- **What a visitor pays:** one file with all of them, as bytecode, fetched beside the rest (`snowballstemmer`: 0.19 MB), and what they import of
  the standard library in the snapshot. Pages whose agents name none are as they were.
- **`micropip`** is one of them: `packages = ["micropip"]`. It can be imported then on each way; to install from an index at run time, that
  index has to be in `[server] connect`, too. Without it, it is there on the stock way only.
- **Not there:** the packages' sources (`inspect.getsource`), programs and `.pth` files; C libraries that Pyodide keeps apart from its packages.
"""


def told(engine: str, found: Mapping[str, Mapping[str, object]]) -> str:
    """What one engine's test found, by way and thing, as the text that a report carries from process to process."""
    return json.dumps({"engine": engine, "found": found})


def cell(by_way: Mapping[str, object]) -> str:
    shown = {way: _shown(by_way.get(way)) for way in WAYS}
    if len(set(shown.values())) == 1:
        return shown[WAYS[0]]
    return "; ".join(f"{way}: {text}" for way, text in shown.items())


def _shown(outcome: object) -> str:
    if outcome is None:
        return "not tried"
    text = str(outcome)
    if text == "False" or text.partition(":")[0].endswith(("Error", "Exception", "NotFound")):
        return "no" if text == "False" else f"no ({text.partition(':')[0]})"
    return "yes"


def write(path: Path, reports: Iterable[Any], *, date: str) -> int:
    """Write the table of all `reports` that carry what was found. Returns how many rows it has."""
    rows: dict[str, dict[str, str]] = {}
    engines: set[str] = set()
    for report in reports:
        text = next((str(value) for name, value in report.user_properties if name == PROPERTY), None)
        if text is None or report.when != "call" or report.outcome == "rerun":
            continue
        said = json.loads(text)
        engines.add(said["engine"])
        for thing in dict.fromkeys(thing for found in said["found"].values() for thing in found):
            by_way = {way: found.get(thing) for way, found in said["found"].items()}
            rows.setdefault(thing, {})[said["engine"]] = cell(by_way)
    columns = sorted(engines)
    lines = [HEAD.format(date=date), f"| thing | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    lines += [f"| `{thing}` | {' | '.join(row.get(it, '–') for it in columns)} |" for thing, row in rows.items()]
    lines += ["", TAIL.rstrip("\n")]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(rows)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("tools")
    group.addoption("--tools-table", metavar="FILE", help="write what a page's tools can use to FILE")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    file = config.getoption("--tools-table")
    if not file or hasattr(config, "workerinput"):
        return
    reports = [r for kind in terminalreporter.stats.values() for r in kind if isinstance(r, pytest.TestReport)]
    if not any(name == PROPERTY for report in reports for name, _ in report.user_properties):
        return  # nothing of it was collected: what is written stands
    rows = write(Path(file), reports, date=time.strftime("%Y-%m-%d"))
    terminalreporter.line(f"table of what tools can use: {file} ({rows} rows)")
