"""Run in the browser's Python, in Node: a page's tools as bytecode, where they are Python at all; if not,
the page says why.

A page would have to compile them before it is ready, and bring the whole of Python's compiler for that.
"""

import contextlib
import importlib.util
import marshal
from pathlib import Path

SOURCE = Path("/tmp/tools.py")

with contextlib.suppress(SyntaxError, ValueError):
    source = SOURCE.read_bytes()
    code = compile(source, "/home/pyodide/agent_tools.py", "exec", dont_inherit=True)
    # Flags 1: checked against a hash, and never checked (PEP 552).
    head = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + importlib.util.source_hash(source)
    SOURCE.with_suffix(".pyc").write_bytes(head + marshal.dumps(code))
