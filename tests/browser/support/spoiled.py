"""A built site that tests change: something is missing, damaged or configured in another way.

spoiled.spoil(lambda assets: next(assets.glob("python.*.bin")).unlink())
call.open(spoiled.parley.url)
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support import built
from tests.support.server import Parley

Change = Callable[[Path], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoiledSite:
    """A copy of the site behind a server of its own. One server for all changes: starting one costs seconds."""

    original: Path
    parley: Parley

    def spoil(self, *changes: Change, original: Path | None = None) -> str:
        """Undo what was changed before, and do `changes`; each gets the folder of assets. Returns the site's address.

        `original`: the files of another built site instead of this run's.
        """
        self._copy(original or self.original)
        for change in changes:
            change(self.parley.site / "assets")
        _forget_old_copies(self.parley.site, original or self.original)
        (self.parley.site / "_headers").touch()  # the server looks at its files anew
        return self.parley.url

    def _copy(self, source: Path) -> None:
        site = self.parley.site
        wanted = {path.relative_to(source): path for path in source.rglob("*") if path.is_file()}
        for path in [path for path in site.rglob("*") if path.is_file()]:
            if path.relative_to(site) not in wanted:
                path.unlink()
        for name, path in wanted.items():
            there = site / name
            # A copy keeps the date, so that what nobody touched is not copied again.
            if not there.exists() or _stamp(there) != _stamp(path):
                there.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, there)
        _kept_by_nobody(site)


def write_tools(assets: Path, source: str) -> None:
    """Give the page other tools, as source: the built ones are bytecode of the browser's Python."""
    with built.told(assets.parent) as config:
        config["boot"]["tools"] = {
            "bytecode": None,
            "source": built.add(assets.parent, "tools.other.bin", source.encode()),
        }


def _forget_old_copies(site: Path, source: Path) -> None:
    """A compressed copy of a file that a test changed or took away would be sent in its place.

    One that a test itself changed stays.
    """
    for copy in [path for suffix in built.COPIES for path in site.rglob(f"*{suffix}")]:
        file, as_built = copy.with_suffix(""), source / copy.relative_to(site)
        changed = not file.exists() or _stamp(file) != _stamp(source / file.relative_to(site))
        if changed and as_built.exists() and _stamp(copy) == _stamp(as_built):
            copy.unlink()


def _kept_by_nobody(site: Path) -> None:
    """No answer of this server may be kept: the same names will hold something else."""
    headers = site / "_headers"
    headers.write_text(re.sub("Cache-Control: .*", "Cache-Control: no-store", headers.read_text()))


def _stamp(path: Path) -> tuple[int, int]:
    told = path.stat()
    return told.st_size, told.st_mtime_ns
