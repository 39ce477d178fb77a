"""Slimmed runtime: Pyodide made smaller and faster to start. One function, `slim(runtime, use) -> runtime`.

  slimming.py  slim: the steps in their order, and the runtime as it is where they cannot be taken
  runtime.py   the browser's Python, whole or slimmed: what a page starts with, and what comes later
  prune.py     pruning: Pyodide without what only compiled packages need
  snapshot.py  snapshot: the memory of a Python that has imported the client, and its fallback
  split.py     code splitting: what a page starts with, what calls use, and the rest

`scripts/` is what Node runs for the last three. README.md says how it works and with which Pyodide it was verified.
"""

from builder.pyodide_slim.runtime import LIBRARY, Runtime, whole
from builder.pyodide_slim.slimming import Use, joined, renamed, slim
from builder.pyodide_slim.snapshot import imported_by, library

__all__ = ["LIBRARY", "Runtime", "Use", "imported_by", "joined", "library", "renamed", "slim", "whole"]
