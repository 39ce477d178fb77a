"""Stock Pyodide as a page would use it that follows its documents: its own files, micropip, and the client's wheel.

Nothing of the product's build is in it, so that neither its names nor its pruning can change what we are compared with. Every file
has a brotli copy beside it, as the public CDN of Pyodide sends them, and is kept for ever once it was fetched.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import brotli

from builder import vendor, wheel
from tests.harness.server import ROOT

PAGES = Path(__file__).parent / "pages"
KEPT = ROOT / ".cache" / "bench"
# Smaller files gain nothing worth a request header.
SMALLEST_BYTES = 512
PAGE = "bench/stock.html"
# For WebAssembly no server can guess that it is brotli: this is what the bench asks before it believes the figures.
LARGEST = "assets/stock/pyodide.asm.wasm"
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
    """Put a site of nothing else together and return its folder. SetupError where Pyodide cannot be fetched."""
    site = KEPT / "stock"
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir(parents=True)
    add_stock(site)
    # The harness goes to a small page first where WebKit needs it, on every site alike.
    (site / "404.html").write_text("<!doctype html><title>Not found</title>\n", encoding="utf-8")
    (site / "_headers").write_text(_HEADERS, encoding="utf-8")
    for path in sorted([*site.glob("assets/**/*"), *site.glob("bench/*")]):
        if path.is_file():
            compress(path)
    return site


def add_stock(site: Path) -> None:
    """Put the benches' pages into `site`, and what those need that start the stock runtime (`@STOCK@` in a page)."""
    runtime = vendor.fetch(ROOT)
    wheel_name, wheel_bytes = wheel.build(ROOT)
    files = {name: (runtime.pyodide / name).read_bytes() for name in vendor.RUNTIME_FILES}
    files |= {runtime.micropip.name: runtime.micropip.read_bytes(), wheel_name: wheel_bytes}
    folder = site / "assets" / "stock"
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    url = "assets/stock/"
    told = json.dumps({"boot": {"stock": url, "micropip": url + runtime.micropip.name, "client": url + wheel_name}})
    shutil.copytree(PAGES, site / "bench")
    for page in (site / "bench").glob("*.html"):
        page.write_text(page.read_text(encoding="utf-8").replace("@STOCK@", told), encoding="utf-8")


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
