"""How much a page must fetch before a person can use it: HTML, style and JavaScript, without the runtime."""

from __future__ import annotations

import json
import re
from pathlib import Path

import brotli
import pytest

ROOT = Path(__file__).resolve().parents[2]
# 3,700 of them are what a page says that cannot start, which cannot be fetched when it is needed; another 4,600 check
# and unpack files; 800 measure both voices' spectrum (what draws it comes later), and 1,900 are for pages around this
# one and their tools. 1,400 are the ways of taking turns, its clock and what wakes it, 1,100 texts by their keys, and
# another language; 700 keep what Diagnostics and a session bundle show; 3,400 are the notices and states in words,
# which were Python's, consent and locks; 500 pause the agent and sign in at a token server of another origin,
# 200 are the way into the check of one's sound, 200 tell apart why the token server gives no token, 150 lay out
# only what changes, and 200 keep from a start what can come after it. The digests in the page alone move the sum by 60.
BUDGET_BYTES = 48_500
IMPORT = re.compile(r"""(?:\bfrom|\bimport)\s*["']\./([\w.-]+\.js)["']""")


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from builder import site

    return site.build(ROOT, tmp_path_factory.mktemp("shell") / "dist", "demo")


def shell_files(dist: Path) -> list[Path]:
    """The page, what it refers to; and what an early click needs at once: the worklets and the worker."""
    page = (dist / "index.html").read_text()
    config = re.search(r'id="parley-config">(.*?)</script>', page, re.DOTALL)
    assert config
    boot = json.loads(config.group(1))["boot"]
    waiting = re.findall(r'(?:src|href)="(assets/[^"]+)"', page) + [
        boot[name]["url"] for name in ("worker", "worklets")
    ]
    found = [dist / "index.html", *(dist / name for name in waiting)]
    for path in found:
        assert path.suffix != ".js" or not IMPORT.search(path.read_text()), f"{path.name} wants a file of its own"
    return found


@pytest.mark.slow
def test_the_shell_fits_its_budget(dist: Path) -> None:
    """Compressed as servers and CDNs send it. Who clicks at once on a slow line waits for this and not for Python."""
    sizes = {path.name: len(brotli.compress(path.read_bytes())) for path in shell_files(dist)}
    # A list with a hole would fit any budget.
    kinds = {name.split(".")[0] for name in sizes}
    assert kinds >= {"index", "shell", "style", "worker", "worklets"}
    assert sum(sizes.values()) <= BUDGET_BYTES, sizes
