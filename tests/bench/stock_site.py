"""Stock Pyodide as a page would use it that follows its documents: its own files, micropip, and the client's wheel.

Nothing of the product's build is in it, so that neither its names nor its pruning can change what we are
compared with. Every file has a brotli copy beside it, as the public CDN of Pyodide sends them, and is kept for
ever once it was fetched.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.bench.browser_rig import KEPT, PAGES, add_stock, compress

PAGE = "bench/stock.html"
# For WebAssembly no server can guess that it is brotli: this is what the bench asks before it believes the figures.
LARGEST = "bench/pyodide/pyodide.asm.wasm"
_HEADERS = """/bench/*
  Cache-Control: public, max-age=31536000, immutable

/bench/stock.html
  Cache-Control: no-cache
  Cross-Origin-Opener-Policy: same-origin

/404.html
  Cache-Control: no-cache
  Cross-Origin-Opener-Policy: same-origin
"""


def build() -> Path:
    """Put the site together and return its folder. SetupError where Pyodide cannot be fetched."""
    site = KEPT / "stock"
    shutil.rmtree(site, ignore_errors=True)
    bench = site / "bench"
    bench.mkdir(parents=True)
    text = (PAGES / "stock.html").read_text(encoding="utf-8")
    for mark, value in add_stock(bench).items():
        text = text.replace(mark, value)
    (site / PAGE).write_text(text, encoding="utf-8")
    for name in ("start_page.js", "stock_worker.js"):
        shutil.copy2(PAGES / name, bench)
    # The harness goes to a small page first where WebKit needs it, on every site alike.
    (site / "404.html").write_text("<!doctype html><title>Not found</title>\n", encoding="utf-8")
    (site / "_headers").write_text(_HEADERS, encoding="utf-8")
    for path in sorted(bench.glob("**/*")):
        if path.is_file():
            compress(path)
    return site
