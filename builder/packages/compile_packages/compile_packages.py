"""Run in the browser's Python, in Node: each Python source of the packages becomes bytecode, which needs no
compiler in a page.

What cannot be compiled stays as it is: templates of sources, and tests of other versions. So do the docstrings: some
packages read theirs. Files and lines are named as they would be in the page.
"""

import importlib.util
import json
import marshal
import site
import sys
import warnings

sys.path.insert(0, "/home/pyodide")

import flat_archive  # type: ignore[import-not-found]  # beside this script, where it runs

FOLDER = site.getsitepackages()[0]


def compiled(name: str, source: bytes) -> bytes | None:
    try:
        code = compile(source, f"{FOLDER}/{name}", "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError):
        return None
    # Flags 1: checked against a hash, and never checked (PEP 552): there is no source to check against.
    head = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + importlib.util.source_hash(source)
    return head + marshal.dumps(code)


def main() -> None:
    warnings.simplefilter("ignore")
    with open("/tmp/packages.bin", "rb") as file:
        line, _, content = file.read().partition(b"\n")
    files: dict[str, bytes] = {}
    for name, (begin, end) in json.loads(line).items():
        data = content[begin:end]
        code = compiled(name, data) if name.endswith(".py") else None
        files[name + "c" if code is not None else name] = data if code is None else code
    with open("/tmp/compiled.bin", "wb") as file:
        file.write(flat_archive.packed(files))


main()
