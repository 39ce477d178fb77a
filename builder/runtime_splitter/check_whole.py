"""Run in the browser's Python whose code comes in parts: does what no page has used so far do what it should?"""

import bz2
import decimal
import hashlib
import unicodedata

if str(decimal.Decimal("1.10") * 3) != "3.30":
    raise RuntimeError("decimal numbers are wrong")
if unicodedata.name("\N{SNOWMAN}") != "SNOWMAN" or "ſ".casefold() != "s":
    raise RuntimeError("the names of characters are wrong")
if bz2.decompress(bz2.compress(b"parley")) != b"parley":
    raise RuntimeError("what was compressed is not what comes out")
if hashlib.sha3_256(b"").hexdigest()[:8] != "a7ffc6f8":
    raise RuntimeError("a digest is wrong")
try:
    raise ExceptionGroup("two", [ValueError("one"), KeyError("other")])
except* ValueError as group:
    if len(group.exceptions) != 1:
        raise RuntimeError("a group of exceptions is wrong") from group
except* KeyError:
    pass
