"""Run in the browser's Python whose code comes in parts: does what no page has used so far do what it should?"""

import bz2
import decimal
import hashlib
import importlib
import lzma
import marshal
import sqlite3
import types
import unicodedata
from typing import Any

# What another Python may lack, or has undocumented.
zstd: Any = importlib.import_module("compression.zstd")
_imp: Any = importlib.import_module("_imp")
PACKERS: tuple[Any, ...] = (bz2, lzma, zstd)

if str(decimal.Decimal("1.10") * 3) != "3.30":
    raise RuntimeError("decimal numbers are wrong")
if unicodedata.name("\N{SNOWMAN}") != "SNOWMAN" or "ſ".casefold() != "s":
    raise RuntimeError("the names of characters are wrong")
if any(it.decompress(it.compress(b"parley")) != b"parley" for it in PACKERS):
    raise RuntimeError("what was compressed is not what comes out")
if sqlite3.connect(":memory:").execute("select group_concat(x * 2) from (select 3 as x union select 4)").fetchone() != (
    "6,8",
):
    raise RuntimeError("a database is wrong")
if hashlib.sha3_256(b"").hexdigest()[:8] != "a7ffc6f8":
    raise RuntimeError("a digest is wrong")
try:
    raise ExceptionGroup("two", [ValueError("one"), KeyError("other")])
except* ValueError as group:
    if len(group.exceptions) != 1:
        raise RuntimeError("a group of exceptions is wrong") from group
except* KeyError:
    pass
if "\u3042 \uac00 \u4e2d".encode("iso2022_jp_2").decode("iso2022_jp_2") != "\u3042 \uac00 \u4e2d":
    raise RuntimeError("a codec of Japanese is wrong")
for codec, text, encoded in (
    ("shift_jis", "\u3042\u4e9c", b"\x82\xa0\x88\x9f"),
    ("euc_kr", "\uac00\ud79d", b"\xb0\xa1\xc8\xfe"),
    ("big5hkscs", "\u4e00\u4e2d", b"\xa4\x40\xa4\xa4"),
    ("gb18030", "\u4e2d\U0001f600", b"\xd6\xd0\x94\x39\xfc\x36"),
):
    if text.encode(codec) != encoded or encoded.decode(codec) != text:
        raise RuntimeError(f"the codec {codec} is wrong")
for name in _imp._frozen_module_names():
    if not isinstance(_imp.get_frozen_object(name), types.CodeType):
        raise RuntimeError(f"the frozen module {name} is wrong")
frozen, _, _ = _imp.find_frozen("__hello__", withdata=True)
if marshal.loads(frozen) != _imp.get_frozen_object("__hello__"):
    raise RuntimeError("the bytes of a frozen module are wrong")
