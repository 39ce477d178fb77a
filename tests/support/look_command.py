"""Open a page of ours in a real browser and tell, as JSON, whether it started; `python3 build.py doctor` asks for that.

    python -m tests.support.look_command --engine firefox https://agent.example/

`{ready, way, why, ready_ms, said, complaints}`, or `{missing}` where the browser is not on this
machine. Nothing is clicked.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from voice_browsers import engines

_SETTLED = (
    """() => ["ready", "failed"].includes(document.body?.dataset.boot) || document.body?.dataset.boot === undefined"""
)
_SAID = """() => [document.getElementById("notice"), document.getElementById("status"), document.body]
  .map((it) => it?.innerText?.trim()).find(Boolean)"""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="look_command")
    parser.add_argument("--engine", choices=engines.ENGINES, default="chromium")
    parser.add_argument(
        "--within", type=int, default=120, metavar="S", help="how long it may take (default %(default)s)"
    )
    parser.add_argument("url")
    options = parser.parse_args(argv)
    try:
        told = look(options.url, options.engine, options.within * 1000)
    except (engines.MissingEngine, RuntimeError) as error:
        told = {"missing": str(error)}
    print(json.dumps(told))
    return 0


def look(url: str, engine: str, within_ms: int) -> dict[str, Any]:
    """Raises MissingEngine."""
    from playwright.sync_api import sync_playwright

    from voice_browsers.webkit_gtk import virtual_display

    found = engines.find(engine)
    with contextlib.ExitStack() as stack:
        driver = stack.enter_context(sync_playwright())
        env = dict(os.environ)
        if engine == "webkit" and found.executable is not None:
            env["DISPLAY"] = stack.enter_context(virtual_display())
        tab = stack.enter_context(engines.open_tab(driver, engine, env=env))
        return _seen(tab, url, within_ms)


def _seen(tab: engines.Tab, url: str, within_ms: int) -> dict[str, Any]:
    told: dict[str, Any] = {"ready": False}
    try:
        tab.page.goto(url, wait_until="load", timeout=within_ms)
        tab.page.wait_for_function(_SETTLED, timeout=within_ms)
        told["ready"] = tab.page.evaluate("() => document.body.dataset.boot") == "ready"
    except Exception as error:  # whatever stops a page from loading is what is asked for
        told["said"] = str(error).splitlines()[0]
    with contextlib.suppress(Exception):
        told["said"] = tab.page.evaluate(_SAID) or told.get("said")
    with contextlib.suppress(Exception):
        facts = tab.page.evaluate("() => globalThis.parley.facts()")
        told |= {"way": facts["Python started from"], "why": facts["Not faster because"]}
        told["ready_ms"] = int(facts["Python ready after"].split()[0])
    tab.settle()
    told["complaints"] = [str(complaint) for complaint in tab.errors.unexpected]
    return told


if __name__ == "__main__":
    sys.exit(main())
