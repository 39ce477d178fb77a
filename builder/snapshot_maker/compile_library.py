"""Run in the browser's Python, in Node: the standard library and the client as bytecode.

Compiling leaves garbage in memory, and a snapshot ships all of it: so it is done in another runtime than the one that is kept.
Columns of lines are left out (PYTHONNODEBUGRANGES): they are for showing source, and a browser has none.

Writes `compiled.zip`, and `deferring.zip`: the same, with `deferred_module.py` in the place of each module in `deferred.txt`.
"""

import importlib.util
import marshal
import zipfile

LIBRARY, CLIENT, FOLDER = "/lib/python314.zip", "/tmp/client.whl", "/tmp/"
DATES = (1980, 1, 1, 0, 0, 0)


def compiled(name: str, source: bytes) -> bytes:
    code = compile(source, f"{LIBRARY}/{name}", "exec", dont_inherit=True, optimize=2)
    # Flags 1: checked against a hash, and never checked (PEP 552): there is no source to check against.
    head = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + importlib.util.source_hash(source)
    return head + marshal.dumps(code)


def main() -> None:
    with open(FOLDER + "deferred.txt") as file:
        deferred = set(file.read().split())
    with open(FOLDER + "deferred_module.py", "rb") as file:
        stand_in = compiled("deferred_module.py", file.read())
    with (
        zipfile.ZipFile(FOLDER + "compiled.zip", "w", zipfile.ZIP_STORED) as whole,
        zipfile.ZipFile(FOLDER + "deferring.zip", "w", zipfile.ZIP_STORED) as deferring,
    ):
        for path in (LIBRARY, CLIENT):
            with zipfile.ZipFile(path) as archive:
                for name in sorted(archive.namelist()):
                    data = archive.read(name)
                    if name.endswith(".py"):
                        data = compiled(name, data)
                    module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
                    target = name + "c" if name.endswith(".py") else name
                    whole.writestr(zipfile.ZipInfo(target, DATES), data)
                    if module in deferred:
                        deferred.remove(module)
                        data = stand_in
                    deferring.writestr(zipfile.ZipInfo(target, DATES), data)
    if deferred:
        raise RuntimeError(f"to be deferred, but not in the library: {', '.join(sorted(deferred))}")


main()
