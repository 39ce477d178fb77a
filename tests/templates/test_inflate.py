"""The page's own decoder for gzip, for where Python cannot wait for the browser's:
against the one that everybody uses.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import subprocess
import zlib
from pathlib import Path

import pytest

from tests.worklets.support.node import find_node

DRIVER = Path(__file__).parent / "support" / "inflate_driver.mjs"
ROOT = Path(__file__).resolve().parents[2]


def decoded(tmp_path: Path, *asked: tuple[bytes, int]) -> list[str]:
    """What comes of each: the content's SHA-256, or the name of the error."""
    arguments = []
    for number, (data, length) in enumerate(asked):
        file = tmp_path / f"{number}.gz"
        file.write_bytes(data)
        arguments += [str(file), str(length)]
    command = [find_node(), str(DRIVER), *arguments]
    lines = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split()
    assert len(lines) == len(asked)
    return lines


def with_header(content: bytes) -> bytes:
    """Every field that a header may have."""
    out = io.BytesIO()
    with gzip.GzipFile("a name.bin", "wb", fileobj=out, mtime=1) as file:
        file.write(content)
    plain = out.getvalue()
    assert plain[3] == 8
    name_end = plain.index(b"\0", 10) + 1
    return (
        plain[:3]
        + bytes([2 | 4 | 8 | 16])
        + plain[4:10]
        + b"\3\0abc"
        + plain[10:name_end]
        + b"said\0"
        + b"\1\2"
        + plain[name_end:]
    )


def deflated(content: bytes, level: int, strategy: int) -> bytes:
    packer = zlib.compressobj(level, zlib.DEFLATED, 31, 9, strategy)
    return packer.compress(content) + packer.flush()


LOPSIDED = random.Random(2)
CONTENTS = {
    "nothing": b"",
    "a byte": b"a",
    "runs": b"ab" * 40_000 + bytes(70_000),
    "noise": random.Random(1).randbytes(200_000),
    "text": (ROOT / "templates" / "static" / "host.js").read_bytes() * 8,
    "lopsided": bytes(min(255, int(LOPSIDED.expovariate(0.15))) for _ in range(60_000)),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_each_kind_of_block_is_decoded(tmp_path: Path, name: str) -> None:
    """Stored, with the fixed code, with codes of its own; short and far distances."""
    content = CONTENTS[name]
    expected = hashlib.sha256(content).hexdigest()
    packed = [
        deflated(content, 0, zlib.Z_DEFAULT_STRATEGY),
        deflated(content, 9, zlib.Z_DEFAULT_STRATEGY),
        deflated(content, 9, zlib.Z_FIXED),
        deflated(content, 6, zlib.Z_HUFFMAN_ONLY),
        with_header(content),
    ]
    assert decoded(tmp_path, *((data, len(content)) for data in packed)) == [expected] * len(packed)


def test_what_is_no_gzip_of_that_length_is_an_error_and_not_a_crash(tmp_path: Path) -> None:
    content = CONTENTS["text"]
    whole = gzip.compress(content)
    wrong = [(whole, len(content) - 1), (whole, len(content) + 1), (whole[: len(whole) // 2], len(content))]
    assert decoded(tmp_path, *wrong) == ["RangeError"] * len(wrong)
    right = hashlib.sha256(content).hexdigest()
    places = range(10, len(whole) - 8, len(whole) // 12)
    spoilt = [whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :] for at in places]
    for at, told in zip(places, decoded(tmp_path, *((data, len(content)) for data in spoilt)), strict=True):
        assert told == "RangeError" or (len(told) == 64 and told != right), at
