"""Make files small in the two forms in which a host may send them.

The page decodes gzip itself, so a packed file is small on every host, whatever that thinks of its type. Brotli is a
fifth smaller still and lies beside (`NAME.br`): a host that negotiates sends it in the file's place with
`Content-Encoding: br`, and the browser decodes it. See docs/adr/0001-packed-files.md. What was compressed once is kept
in `.cache/packed/`: brotli's best takes several seconds per megabyte, a tenth of that for 15 % more bytes: so who waits
for a build (`serve`, most tests), and files that hardly any page asks for, get that.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import os
import threading
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import brotli

from builder.environment import SetupError

GZIP_MAGIC = b"\x1f\x8b"
# Less than this is not worth a second file: an archive that is compressed already, an icon.
LEAST_GAIN = 0.03
SMALLEST_BYTES = 512
TEXTS = (".html", ".css", ".js", ".svg")
BYTES, WASM = ".bin", ".wasm"
PACKED = (BYTES, WASM)
BEST, QUICK = 11, 9
# Brotli has no magic number. A stream in the widest window begins with gzip's first byte where it is of less than
# 64 KiB, and with both, for who guesses a form by its content, where the size less one ends in 8B: one file in 256.
SMALL_BYTES = 1 << 16
NARROW_WINDOW, WIDE_WINDOW = 22, 24
# Of so many results, those that were used last stay. A build has about 60.
KEPT = 400


class Packer:
    """Compresses, or remembers what it compressed before. `folder` is its own part of the cache.

    `smallest`: takes the time for brotli's best. `remembered`: takes the best where another build has made it, and no
    time. `copies_beside` comes last: what was begun has ended when it returns.
    """

    def __init__(self, folder: Path, *, smallest: bool, remembered: bool = False) -> None:
        self.folder = folder
        self.quality = BEST if smallest else QUICK
        self.remembered = remembered
        self._pool = ThreadPoolExecutor(os.cpu_count())
        self._locks: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)

    def begin(self, data: bytes, *, seldom: bool = False) -> None:
        """Compress what will be placed, while the build does something else. `seldom` as in `copies_beside`."""
        quality = QUICK if seldom else self.quality
        self._pool.submit(self.gzip, data)
        self._pool.submit(self.brotli, data, quality)

    def gzip(self, data: bytes) -> bytes:
        """The best that gzip does, with no name and no date in it."""
        return self._once(data, "gz", lambda: gzip.compress(data, 9, mtime=0))

    def brotli(self, data: bytes, quality: int) -> bytes:
        window = NARROW_WINDOW if len(data) <= SMALL_BYTES else WIDE_WINDOW
        if self.remembered and self._kept(data, f"br{window}-{BEST}").exists():
            quality = BEST
        compress = functools.partial(brotli.compress, data, quality=quality, lgwin=window)
        return self._once(data, f"br{window}-{quality}", compress)

    def packed(self, data: bytes) -> bytes:
        """What a page can read without a host's help: gzip, or `data` as it is where that gains nothing.

        Raises SetupError.
        """
        if data.startswith(GZIP_MAGIC):
            raise SetupError("a file for Python begins like gzip; the page would decode it once too often")
        small = self.gzip(data)
        return small if gains(small, data) else data

    def copies_beside(self, site: Path, seldom: tuple[str, ...] = ()) -> None:
        """Put `.br` and, of texts, `.gz` beside each file of `site`, where that is smaller.

        `seldom`: how names begin that are not worth our time.
        """
        jobs: list[tuple[Path, str, Callable[[], bytes]]] = []
        for path in sorted(site.rglob("*")):
            if path.suffix not in (*TEXTS, *PACKED) or path.stat().st_size < SMALLEST_BYTES:
                continue
            data = unpacked(path.read_bytes()) if path.suffix in PACKED else path.read_bytes()
            quality = QUICK if path.name.startswith(seldom) else self.quality
            jobs.append((path, "br", functools.partial(self.brotli, data, quality)))
            if path.suffix not in PACKED:
                jobs.append((path, "gz", functools.partial(self.gzip, data)))
        for (path, form, _), small in zip(jobs, self._pool.map(lambda job: job[2](), jobs), strict=True):
            if gains(small, path.read_bytes()):
                path.with_name(f"{path.name}.{form}").write_bytes(small)
        self._pool.shutdown()  # a build has nothing to compress after this
        self._forget_oldest()

    def _once(self, data: bytes, form: str, compress: Callable[[], bytes]) -> bytes:
        kept = self._kept(data, form)
        with self._locks[kept]:  # who asks for what was begun waits for it
            try:
                os.utime(kept)  # the last to be forgotten
                return kept.read_bytes()
            except FileNotFoundError:
                pass
            small = compress()
            self.folder.mkdir(parents=True, exist_ok=True)
            staging = kept.with_name(f"{kept.name}.{os.getpid()}")  # another build may be making the same
            staging.write_bytes(small)
            staging.replace(kept)
            return small

    def _kept(self, data: bytes, form: str) -> Path:
        return self.folder / f"{hashlib.sha256(data).hexdigest()}.{form}"

    def _forget_oldest(self) -> None:
        found: Iterable[Path] = self.folder.iterdir() if self.folder.exists() else ()
        for path in sorted(found, key=_used_ns, reverse=True)[KEPT:]:
            path.unlink(missing_ok=True)


def gains(small: bytes, data: bytes) -> bool:
    """Is `small` worth to be sent instead of `data`?"""
    return len(small) <= (1 - LEAST_GAIN) * len(data)


def unpacked(data: bytes) -> bytes:
    """The content of a packed file, as the page would see it. Raises SetupError."""
    if not data.startswith(GZIP_MAGIC):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise SetupError(f"a packed file is damaged: {error}") from None


def _used_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:  # another build has just forgotten it
        return 0
