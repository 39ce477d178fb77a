"""What the parts of the runtime bring with them: absent before, right afterwards, and Python never takes
one for the other.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from builder import fetch_runtime, wheel
from builder.pyodide_slim import prune, snapshot, split
from tests.worklets.support.node import find_node

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
DRIVER = Path(__file__).parents[1] / "support" / "parts_driver.mjs"

# Everything that a part knows, as one number. Each runs in a Python that has only the first part yet.
CODES = {
    "names": """
import unicodedata, zlib
total = 0
for number in range(0x110000):
    it = chr(number)
    known = unicodedata.name(it, ""), unicodedata.category(it), unicodedata.bidirectional(it), unicodedata.decomposition(it)
    more = unicodedata.combining(it), unicodedata.mirrored(it), unicodedata.numeric(it, None), unicodedata.east_asian_width(it)
    total = zlib.crc32(repr((known, more)).encode(), total)
    if known[0] and unicodedata.lookup(known[0]) != it:
        total += 1
for form in ("NFC", "NFD", "NFKC", "NFKD"):
    for number in range(0, 0x30000, 3):
        if not 0xD800 <= number < 0xE000:
            total = zlib.crc32(unicodedata.normalize(form, chr(number) + "\\u0301").encode(), total)
total
""",
    "asian": """
import zlib
total = 0
names = "gb2312 gbk gb18030 hz big5 big5hkscs cp950 cp932 shift_jis shift_jis_2004 shift_jisx0213 euc_jp euc_jis_2004 euc_jisx0213"
names += " iso2022_jp iso2022_jp_1 iso2022_jp_2 iso2022_jp_2004 iso2022_jp_3 iso2022_jp_ext iso2022_kr euc_kr cp949 johab"
text = "".join(chr(number) for number in range(0x30000) if not 0xD800 <= number < 0xE000)
pairs = bytes(byte for first in range(0x80, 256) for second in range(0x30, 256) for byte in (first, second))
for name in names.split():
    for begin in range(0, len(text), 977):
        total = zlib.crc32(text[begin : begin + 977].encode(name, "ignore"), total)
    total = zlib.crc32(pairs.decode(name, "replace").encode(), total)
total
""",
    "archive": """
import bz2, lzma, zlib
from compression import zstd
text = b"".join(b"%d %x;" % (number, number * 7919) for number in range(20000))
packed = [it.compress(text) for it in (bz2, lzma, zstd)]
assert all(it.decompress(data) == text for it, data in zip((bz2, lzma, zstd), packed))
zlib.crc32(repr(packed).encode())
""",
    "tables": """
import sqlite3, zlib
with sqlite3.connect(":memory:") as db:
    db.execute("create table t (a integer primary key, b text)")
    db.executemany("insert into t values (?, ?)", [(number, "Köln %d" % (number % 7)) for number in range(500)])
    rows = db.execute("select upper(b), count(*), sum(a), printf('%.3f', avg(a)), json_array(min(a)) from t group by b order by 1 desc").fetchall()
    rows += db.execute("select strftime('%Y-%j', 1e9, 'unixepoch'), sqlite_version(), 'abc' glob 'a*', like('A_C', 'abc')").fetchall()
    rows += db.execute("pragma table_info(t)").fetchall()
zlib.crc32(repr(rows).encode())
""",
    "rare": """
import _imp, runpy, zlib
total = 0
for name in sorted(_imp._frozen_module_names()):
    total = zlib.crc32(_imp.get_frozen_object(name).co_code, total)
    total = zlib.crc32(_imp.find_frozen(name, withdata=True)[0], total)
total
""",
    "frozen bytes": "import _imp, zlib; zlib.crc32(_imp.find_frozen('__phello__', withdata=True)[0])",
    "frozen import": "import __phello__.spam, runpy, zlib; zlib.crc32(__phello__.spam.main.__code__.co_code)",
    "docstrings": """
import builtins, datetime, itertools, math, posix, sys, time, zlib
total = 0
for module in (builtins, datetime, itertools, math, posix, sys, time):
    for name, it in sorted(vars(module).items()):
        for own in (it, *(vars(it)[key] for key in sorted(vars(it)) if isinstance(it, type))) if isinstance(it, type) else (it,):
            if type(own).__name__ in ("type", "builtin_function_or_method", "method_descriptor", "getset_descriptor", "member_descriptor"):
                total = zlib.crc32(repr((name, own.__doc__, getattr(own, "__text_signature__", None))).encode(), total)
total
""",
    "none": """
import json, math, re, time, zlib
total = 0
for number in range(0x110000):
    it = chr(number)
    facts = it.isalpha(), it.isdecimal(), it.isdigit(), it.isnumeric(), it.isspace(), it.isprintable(), it.isidentifier()
    cases = it.upper(), it.lower(), it.title(), it.casefold(), it.swapcase(), it.istitle()
    total = zlib.crc32(repr((facts, cases)).encode("utf-8", "surrogatepass"), total)
for number in range(2000):
    value = math.ldexp(1.1 + number / 7, number - 1000)
    many = math.exp(-number / 9), math.log(value), math.sin(value), math.pow(value, 0.3), math.atan2(value, number + 1), math.log2(value)
    total = zlib.crc32(repr((value, many, json.loads(json.dumps(many)), f"{value:.17g}", f"{value:e}")).encode(), total)
    total = zlib.crc32(time.strftime("%A %d %B %Y %j %U", time.gmtime(number * 2_000_003)).encode(), total)
for name in ("latin-1", "cp1252", "utf-7", "utf-16", "utf-32-be", "koi8_r", "unicode_escape"):
    total = zlib.crc32(("Grüße, 日本".encode(name, "replace")), total)
total
""",
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    stock = fetch_runtime.fetch(ROOT)
    runtime = prune.make(ROOT, stock.pyodide, stock.acorn)
    memory = snapshot.make(ROOT, stock.pyodide, runtime, *wheel.build(ROOT))
    folder = tmp_path_factory.mktemp("parts")
    parts = split.make(
        ROOT, runtime, memory, stock.pyodide / "python_stdlib.zip", ("assemblyai", "openai_realtime"), None
    )
    (folder / "primary.wasm").write_bytes(parts.primary)
    for part in parts.later:
        (folder / f"{part.name}.wasm").write_bytes(part.wasm)
    (folder / "parts.json").write_text(json.dumps([{"name": part.name} for part in parts.later]))
    (folder / "snapshot.bin").write_bytes(memory.blocks)
    (folder / "snapshot.json").write_text(json.dumps(memory.meta))
    (folder / "empty.zip").write_bytes(snapshot.EMPTY_ZIP)
    library = str(stock.pyodide / "python_stdlib.zip")
    asked = {"runtime": str(runtime), "folder": str(folder), "memory": str(folder), "library": library, "codes": CODES}
    command = [find_node(), str(DRIVER)]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.timeout(600)  # Python is started a dozen times, and asked for all that it knows
@pytest.mark.parametrize("name", CODES)
def test_python_knows_the_same_whatever_is_not_there_yet(told: dict[str, Any], name: str) -> None:
    found = told["told"][name]
    assert found["result"] == found["whole"] != 0
    assert found["wrong"] == 0
    assert set(found["tooEarly"].values()) == {0}


def test_a_part_comes_only_for_what_it_knows(told: dict[str, Any]) -> None:
    """And what does not come is not in the memory either."""
    of_code = {name: {*found["brought"]} - {"call", "rest"} for name, found in told["told"].items()}
    kinds = {
        "names": "names",
        "asian": "asian",
        "archive": "archive",
        "rare": "rare",
        "frozen bytes": "rare",
        "docstrings": "rare",
    }
    # A call may need a frozen module too: its code comes with what calls use then.
    assert of_code.pop("frozen import") <= {"rare"}
    assert of_code == {name: {part} for name, part in kinds.items()} | {"none": set(), "tables": {"tables", "rare"}}
    assert set(told["told"]["none"]["absent"]) >= {"asian", "names", "rare"}  # the others have little data
    assert all(told["data"][part] > 200_000 for part in ("asian", "names", "rare"))
