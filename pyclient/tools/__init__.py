"""Tools: what the agent may call. A team's `tools.py` imports `tool` from here.

Where what stands:

    registry       tool registry: `@tool`, lookup, calls
    schema         JSON schema of a function's type hints
    docstrings     a function's summary and parameters, read from its docstring
    jsonable       tool results as JSON
    calls          tool calls of the agent and their results
    rounds         tool rounds: how often the agent may call tools in a row
    result_gate    result gate: when a tool's result may be sent
"""

from __future__ import annotations

from pyclient.tools.registry import ToolRegistry, tool

__all__ = ["ToolRegistry", "tool"]
