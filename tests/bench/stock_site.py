"""Stock Pyodide as a page would use it that follows its documents: its own files, micropip, and the client's wheel.

Nothing of the product's build is in it, so that neither its names nor its pruning can change what we are compared with. Every file
has a brotli copy beside it, as the public CDN of Pyodide sends them, and is kept for ever once it was fetched.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from builder import vendor, wheel
from tests.bench.browser_rig import KEPT, PAGES, compress
from tests.harness.server import ROOT

PAGE = "bench/stock.html"
# For WebAssembly no server can guess that it is brotli: this is what the bench asks before it believes the figures.
LARGEST = "assets/pyodide/pyodide.asm.wasm"
_HEADERS = """/bench/*
  Cache-Control: no-cache
  Cross-Origin-Opener-Policy: same-origin

/assets/*
  Cache-Control: public, max-age=31536000, immutable

/404.html
  Cache-Control: no-cache
  Cross-Origin-Opener-Policy: same-origin
"""


def build() -> Path:
    """Put the site together and return its folder. SetupError where Pyodide cannot be fetched."""
    site = KEPT / "stock"
    shutil.rmtree(site, ignore_errors=True)
    runtime = vendor.fetch(ROOT)
    wheel_name, wheel_bytes = wheel.build(ROOT)
    files = {f"pyodide/{name}": (runtime.pyodide / name).read_bytes() for name in vendor.RUNTIME_FILES}
    files |= {runtime.micropip.name: runtime.micropip.read_bytes(), wheel_name: wheel_bytes}
    for name, data in files.items():
        target = site / "assets" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    shutil.copytree(PAGES, site / "bench")
    boot = {
        "stock": "assets/pyodide/",
        "micropip": f"assets/{runtime.micropip.name}",
        "client": f"assets/{wheel_name}",
    }
    page = site / PAGE
    page.write_text(page.read_text(encoding="utf-8").replace("@CONFIG@", json.dumps({"boot": boot})), encoding="utf-8")
    # The harness goes to a small page first where WebKit needs it, on every site alike.
    (site / "404.html").write_text("<!doctype html><title>Not found</title>\n", encoding="utf-8")
    (site / "_headers").write_text(_HEADERS, encoding="utf-8")
    for path in sorted([*site.glob("assets/**/*"), *site.glob("bench/*")]):
        if path.is_file():
            compress(path)
    return site
