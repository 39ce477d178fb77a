"""Compressing once: what is kept, and who takes what."""

from __future__ import annotations

import gzip
import threading
from pathlib import Path

import brotli
import pytest

from builder import packing
from builder.environment import SetupError
from builder.packing import BEST, QUICK, Packer

DATA = b"".join(b"line %d of a text that repeats itself\n" % number for number in range(2000))


def test_a_build_that_does_not_wait_takes_the_best_where_another_made_it(tmp_path: Path) -> None:
    serve = Packer(tmp_path, smallest=False, remembered=True)
    best = brotli.compress(DATA, quality=BEST, lgwin=24)
    quick = serve.brotli(DATA, QUICK)
    assert quick != best
    assert Packer(tmp_path, smallest=True).brotli(DATA, BEST) == best
    assert serve.brotli(DATA, QUICK) == best
    assert Packer(tmp_path, smallest=False).brotli(DATA, QUICK) == quick, "a build must not depend on earlier ones"


def test_nothing_is_compressed_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packer = Packer(tmp_path, smallest=True)
    first = packer.packed(DATA)

    def never(*_: object, **__: object) -> bytes:
        raise AssertionError("compressed again")

    monkeypatch.setattr(gzip, "compress", never)
    assert packer.packed(DATA) == first
    assert packing.unpacked(first) == DATA


def test_what_was_begun_is_waited_for_and_not_begun_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, may_end = threading.Event(), threading.Event()
    plain, calls = gzip.compress, []

    def slow(data: bytes, *values: int, **named: int) -> bytes:
        calls.append(data)
        begun.set()
        assert may_end.wait(60)
        return plain(data, *values, **named)

    monkeypatch.setattr(gzip, "compress", slow)
    packer = Packer(tmp_path / "cache", smallest=False)
    packer.begin(DATA)
    assert begun.wait(60)
    threading.Timer(0.5, may_end.set).start()  # by then the next line has asked
    assert packing.unpacked(packer.packed(DATA)) == DATA
    (tmp_path / "site").mkdir()
    packer.copies_beside(tmp_path / "site")
    assert calls == [DATA]


def test_what_looks_packed_before_it_is_packed_stops_the_build(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="begins like gzip"):
        Packer(tmp_path, smallest=False).packed(b"\x1f\x8b and more")


def test_no_brotli_file_begins_like_gzip(tmp_path: Path) -> None:
    """Whoever guesses a form by its first bytes would take one in 256 of the small ones for gzip."""
    packer = Packer(tmp_path, smallest=True)
    for size in (0x8C, 0x1A8C, 0xFF8C, 0x10000, 0x1008C):
        assert not packer.brotli(DATA[:size], BEST).startswith(packing.GZIP_MAGIC), size
