"""What every browser bench stands on: one built site with the benches' own pages beside it, one server, fresh browsers.

    with Rig(engines) as rig:
        with rig.tab("firefox") as tab:
            tab.page.goto(rig.url + "bench/floor.html")

The pages of the benches come from the same server with the same compression and caching as the product: everything
below `assets/` and `bench/` has a brotli copy, made once per content and kept in `.cache/bench/`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import brotli

from builder import fetch_runtime, wheel
from builder.pages import json_block
from tests.support import built
from tests.support.server import ROOT, Parley, build
from voice_browsers import engines as harness
from voice_browsers.injected import INJECTION
from voice_browsers.pulse import Pulse
from voice_browsers.webkit_gtk import virtual_display

PAGES = Path(__file__).parent / "pages"
KEPT = ROOT / ".cache" / "bench"
# Smaller files gain nothing worth a request header.
SMALLEST_BYTES = 512
PAGE_MS = 120_000


def spread(values: Sequence[float]) -> float:
    """How far a single round lay from the median, as a share of it: the honest noise of the figure."""
    middle = statistics.median(values)
    return round(max(abs(value - middle) for value in values) / middle, 3) if middle else 0.0


def quartiles(values: Sequence[float]) -> float:
    """The distance of the quartiles, as a share of the median: the noise of many short measurements."""
    low, middle, high = statistics.quantiles(values, n=4)
    return round((high - low) / middle, 3) if middle else 0.0


class Rig:
    """The site, its server, sound and a display, for as long as a bench runs."""

    def __init__(self, engines: Sequence[str], *, sound: bool = False, site: Path | None = None) -> None:
        self.engines = list(engines)
        self._wants_sound = sound
        self._given = site
        self._stack = contextlib.ExitStack()
        self._env = dict(os.environ)
        self.pulse: Pulse | None = None

    def __enter__(self) -> Self:
        from playwright.sync_api import sync_playwright

        with contextlib.ExitStack() as stack:
            self.site = self._given or bench_site()
            self.server = stack.enter_context(Parley(site=self.site))
            self.url = self.server.url
            self._playwright = stack.enter_context(sync_playwright())
            found = [harness.find(engine) for engine in self.engines]
            if self._wants_sound and any(one.real_microphone for one in found):
                self.pulse = stack.enter_context(Pulse())
                self._env |= self.pulse.env
            if any(one.engine == "webkit" and one.executable is not None for one in found):
                self._env["DISPLAY"] = stack.enter_context(virtual_display())
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @contextlib.contextmanager
    def tab(
        self, engine: str, *, init_scripts: Sequence[str] = (), profile: Path | None = None
    ) -> Iterator[harness.Tab]:
        """A page in a fresh browser, with a fresh profile unless one is given; `autoplay` is allowed: a bench page
        needs no click.
        """
        scripts = list(init_scripts)
        if self._wants_sound and not harness.find(engine).real_microphone:
            scripts.insert(0, INJECTION)
        options = harness.TabOptions(init_scripts=scripts, autoplay="allow", profile=profile)
        with harness.open_tab(self._playwright, engine, env=self._env, options=options) as tab:
            tab.page.set_default_timeout(PAGE_MS)
            yield tab

    def run(self, tab: harness.Tab, path: str) -> Any:
        """Open a bench page and wait for what it promises under `window.bench`.

        RuntimeError with the page's own words.
        """
        tab.page.goto(self.url + path, wait_until="commit")
        return self.answer(tab)

    def answer(self, tab: harness.Tab) -> Any:
        """What the bench page that is open promised."""
        told = tab.page.evaluate(
            """async () => {
              while (document.readyState !== "complete") await new Promise((go) => setTimeout(go, 5));
              try { return { value: await window.bench }; } catch (error) { return { error: `${error} ${error?.stack ?? ""}` }; }
            }"""
        )
        if "error" in told:
            raise RuntimeError(f"{tab.page.url}: {told['error']}")
        return told["value"]


def bench_site() -> Path:
    """Build the site as it is now, put the benches' pages beside it and compress everything; return the folder."""
    site = build(KEPT / "site")
    _add_pages(site)
    for path in sorted([*site.glob("assets/**/*"), *site.glob("bench/**/*")]):
        if path.is_file() and path.suffix not in (".br", ".gz", ".zst"):
            compress(path)
    return site


def _add_pages(site: Path) -> None:
    """Copy `pages/`, write into them what the product's page is told (`@CONFIG@`), and serve them like assets."""
    config = built.config_of(site)
    shutil.copytree(PAGES, site / "bench")
    tools = (site / "bench" / "frame_tools.py").read_bytes()
    config["boot"]["tools"] = {"bytecode": None, "source": built.add(site, "frame-tools.bin", tools)}
    told = str(json_block(config))
    names = add_stock(site / "bench")
    for page in (site / "bench").glob("*.html"):
        text = page.read_text(encoding="utf-8")
        for mark, value in {**names, "@CONFIG@": told}.items():
            text = text.replace(mark, value)
        page.write_text(text, encoding="utf-8")
    headers = (site / "_headers").read_text(encoding="utf-8")
    blocks = re.split(r"\n\n(?=/)", headers)
    assets = next(block for block in blocks if block.startswith("/assets/*\n"))
    text = f"{headers}\n{assets.replace('/assets/*', '/bench/*', 1)}"
    (site / "_headers").write_text(text, encoding="utf-8")


def add_stock(folder: Path) -> dict[str, str]:
    """Put Pyodide as its documents say beside the pages, with micropip and our wheel; return what the pages
    have to be told.
    """
    runtime = fetch_runtime.fetch(ROOT)
    (folder / "pyodide").mkdir()
    for name in fetch_runtime.RUNTIME_FILES:
        shutil.copy2(runtime.pyodide / name, folder / "pyodide")
    shutil.copy2(runtime.micropip, folder)
    name, data = wheel.build(ROOT)
    (folder / name).write_bytes(data)
    return {"@MICROPIP@": runtime.micropip.name, "@CLIENT@": name}


def compress(path: Path) -> None:
    """Put a brotli copy beside `path`, unless the build did or it is not worth it."""
    beside = path.with_name(path.name + ".br")
    data = path.read_bytes()
    if beside.exists() or len(data) < SMALLEST_BYTES:
        return
    kept = KEPT / "brotli" / hashlib.sha256(data).hexdigest()
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.with_suffix(".part").write_bytes(brotli.compress(data, quality=11, lgwin=24))
        kept.with_suffix(".part").rename(kept)
    if kept.stat().st_size < len(data):
        shutil.copyfile(kept, beside)


def main(measure: Any) -> None:
    """Run one bench alone: `python -m tests.bench.NAME [--rounds N] [ENGINE ...]`."""
    import argparse

    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("engines", nargs="*", default=list(harness.ENGINES))
    options = parser.parse_args()
    print(json.dumps(measure(options.engines, options.rounds), indent=2))
