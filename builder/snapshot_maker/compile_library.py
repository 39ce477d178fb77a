"""Run in the browser's Python, in Node: the standard library and the client as bytecode, in one archive.

Compiling leaves garbage in memory, and a snapshot ships all of it: so it is done in another runtime than the one that is kept.
"""

import importlib.util
import marshal
import zipfile

LIBRARY, CLIENT, TARGET = "/lib/python314.zip", "/tmp/client.whl", "/tmp/compiled.zip"

with zipfile.ZipFile(TARGET, "w", zipfile.ZIP_STORED) as target:
    for path in (LIBRARY, CLIENT):
        with zipfile.ZipFile(path) as source:
            for name in sorted(source.namelist()):
                data = source.read(name)
                if name.endswith(".py"):
                    code = compile(data, f"{LIBRARY}/{name}", "exec", dont_inherit=True, optimize=2)
                    # Flags 1: checked against a hash, and never checked (PEP 552): there is no source to check against.
                    head = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + importlib.util.source_hash(data)
                    name, data = name + "c", head + marshal.dumps(code)
                target.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
