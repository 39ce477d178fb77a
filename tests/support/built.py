"""Read and change what a built page is told, and files that it checks: for tests and benches that put something of
their own there.

with told(site) as config:
    config["boot"]["tools"] = None
put(site, "worklets", "worklets' text")        # a script that the page checks before it runs
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from builder.assets import exactly
from builder.pages import json_block, settings_check

_CONFIG = re.compile(r'(<script type="application/json" id="parley-config">)(.*?)(</script>)', re.DOTALL)
_CHECK = re.compile(r'(<meta name="parley-check" content=")(\d+)(">)')
COPIES = (".br", ".gz")


def config_of(site: Path) -> dict[str, Any]:
    """What `index.html` is told."""
    found = _CONFIG.search((site / "index.html").read_text(encoding="utf-8"))
    assert found, f"{site}/index.html holds no parley-config"
    config: dict[str, Any] = json.loads(found[2])
    return config


@contextlib.contextmanager
def told(site: Path) -> Iterator[dict[str, Any]]:
    """Change what `index.html` is told; its check and its compressed copies are kept right."""
    config = config_of(site)
    yield config
    page = site / "index.html"
    block = str(json_block(config))
    text = _CONFIG.sub(lambda found: found[1] + block + found[3], page.read_text(encoding="utf-8"))
    page.write_text(_CHECK.sub(lambda found: f"{found[1]}{settings_check(block)}{found[3]}", text), encoding="utf-8")
    forget_copies(page)


def put(site: Path, name: str, text: str) -> None:
    """Give a script that stands under `boot` another text; the page takes it for what was built."""
    with told(site) as config:
        described = config["boot"][name]
        file = site / described["url"]
        file.write_text(text, encoding="utf-8")
        forget_copies(file)
        described.update(exactly(file.read_bytes()))


def add(site: Path, name: str, data: bytes) -> dict[str, Any]:
    """Put a file of one's own into `assets/`, and return how the page has to be told of it."""
    (site / "assets" / name).write_bytes(data)
    return {"url": f"assets/{name}", **exactly(data)}


def forget_copies(file: Path) -> None:
    """A file was changed: what a host would send in its place is what it was before."""
    for suffix in COPIES:
        file.with_name(file.name + suffix).unlink(missing_ok=True)
