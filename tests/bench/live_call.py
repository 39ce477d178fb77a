"""The real page in a real browser with real sound, in a call with the probe server, and what its probes noted."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from builder import bundle
from tests.bench.browser_rig import KEPT, Rig, bench_site
from tests.bench.probe_server import ProbeServer
from tests.support import built
from tests.support.framed import FramedCall, embedder
from tests.support.talk import Call

ROOT = Path(__file__).resolve().parents[2]
PROBES = Path(__file__).parent / "probes"

# The page's side of the probes: the worker's notes, and what holds up the main thread.
PAGE = """
(() => {
  const PlainWorker = window.Worker;
  window.Worker = class Worker extends PlainWorker {
    constructor(url, options) {
      super(url, options);
      window.probed = () => new Promise((resolve) => {
        const listen = ({ data }) => {
          if (data.type !== "probe") return;
          this.removeEventListener("message", listen);
          resolve(data.events);
        };
        this.addEventListener("message", listen);
        this.postMessage({ type: "probe" });
      });
    }
  };
  window.watchTasks = () => {
    let longest = 0;
    if (PerformanceObserver.supportedEntryTypes.includes("longtask")) {
      const observer = new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
      });
      observer.observe({ type: "longtask" });
      return () => { observer.disconnect(); return longest; };
    }
    let last = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      longest = Math.max(longest, now - last - 5);
      last = now;
    }, 5);
    return () => { clearInterval(timer); return longest; };
  };
})();
"""

BLOCK = """() => {
  window.blocker = setInterval(() => { const end = performance.now() + 200; while (performance.now() < end); }, 1000);
}"""


def probed_site(probe_url: str) -> Path:
    """The built site with a probe before its worker and one in each worklet, allowed to talk to the probe server."""
    site = KEPT / "probed"
    shutil.rmtree(site, ignore_errors=True)
    shutil.copytree(bench_site(), site)
    (worker,) = site.glob("assets/worker.*.js")
    probe = (PROBES / "boot.js").read_text(encoding="utf-8").replace("@PROBE_URL@", probe_url)
    built.put(site, "worker", probe + worker.read_text(encoding="utf-8"))
    # Bundled worklets show nothing of their inside, so these are bundled anew, from the sources.
    worklets = {"worklets.js": PROBES / "worklets.js"}
    built.put(site, "worklets", bundle.bundle(ROOT, worklets, form="iife")["worklets.js"].code)
    origin = probe_url.rstrip("/")
    for file in (site / "_headers", site / "index.html"):
        text = file.read_text(encoding="utf-8").replace("frame-ancestors 'none'", "frame-ancestors http://127.0.0.1:*")
        file.write_text(re.sub(r"connect-src (?:&#39;|')self(?:&#39;|')", rf"\g<0> {origin}", text), encoding="utf-8")
    for compressed in site.glob("index.html.*"):
        compressed.unlink()
    return site


@contextlib.contextmanager
def calls(engines: Sequence[str]) -> Iterator[tuple[Rig, ProbeServer]]:
    """A rig whose site is probed, and the server that its calls go to."""
    with ProbeServer() as server, Rig(engines, sound=True, site=probed_site(server.url)) as rig:
        yield rig, server


@contextlib.contextmanager
def live(rig: Rig, engine: str, *, framed: bool = False, init_scripts: Sequence[str] = ()) -> Iterator[Call]:
    """A live call, also in a frame of another site's page; hung up at the end."""
    with contextlib.ExitStack() as stack:
        tab = stack.enter_context(rig.tab(engine, init_scripts=[PAGE, *init_scripts]))
        if framed:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            tab.page.goto(stack.enter_context(embedder(Path(folder), rig.url)))
        else:
            tab.page.goto(rig.url)
        call = (FramedCall if framed else Call)(tab, rig.pulse)
        call.wait_booted()
        call.connect()
        call.page.wait_for_timeout(1_500)  # the first second of a context is not like the others
        noted(call)
        yield call


def noted(call: Call) -> list[dict[str, Any]]:
    """What the probes noted since the last time."""
    events: list[dict[str, Any]] = call.page.evaluate("() => window.probed()")
    return events
