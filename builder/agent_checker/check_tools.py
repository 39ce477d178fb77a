"""Run in the browser's Python, in Node: imports a page's tools and says what is wrong with them, as JSON text."""

import ast
import builtins
import importlib
import inspect
import json
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pyclient.core.errors import ToolDefinitionError
from pyclient.tools import ToolRegistry
from pyclient.tools.docstrings import parameters

FILE = "/home/pyodide/agent_tools.py"
NOT_IN_A_WORKER = ("document", "window", "localStorage", "sessionStorage", "alert", "parent")

found: list[dict[str, object]] = []
imported: set[str] = set()


def tell(kind: str, line: int | None, text: str) -> None:
    found.append({"kind": kind, "line": line, "text": text})


def line_of(error: BaseException) -> int | None:
    """The last line of tools.py that was being done."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == FILE]
    return frames[-1].lineno if frames else None


def line_of_function(name: str, parameter: str = "") -> int | None:
    """Where a function, or one of its parameters, stands; tools.py can be read by now."""
    for node in ast.walk(ast.parse(Path(FILE).read_bytes())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
            return next((one.lineno for one in given if one is not None and one.arg == parameter), node.lineno)
    return None


def told(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def noting(plain: Callable[..., Any]) -> Callable[..., Any]:
    """An import statement that notes which modules of the library it asks for, also of a package; they belong into the page's snapshot."""

    def do(
        name: str, given: object = None, local: object = None, names: Sequence[str] | None = (), level: int = 0
    ) -> Any:
        module = plain(name, given, local, names, level)
        if level == 0 and name.partition(".")[0] in sys.stdlib_module_names:
            imported.update(it for it in (name, *(f"{name}.{inner}" for inner in names or ())) if it in sys.modules)
        return module

    return do


def words_of(error: BaseException) -> str:
    """What went wrong while tools.py was imported, and what to do about it."""
    if isinstance(error, KeyboardInterrupt):
        return f"importing it does not end: after {limit_s} s this line was still being done"  # type: ignore[name-defined]  # noqa: F821
    if isinstance(error, ModuleNotFoundError) and error.name:
        root = error.name.partition(".")[0]
        return (
            f"there is no module '{error.name}' in the page. A tool may import the standard library, pyodide and the packages that "
            + (
                f"agent.toml names: [runtime] packages = [...]. If '{root}' is a file of yours, put what is needed of it into tools.py, "
                "the only one that goes into the page"
                if not root.startswith("_")
                else "agent.toml names: [runtime] packages = [...]"
            )
        )
    if isinstance(error, ImportError) and getattr(error, "name", "") == "js":
        return f"{error}. Tools run in a worker, where there is no {' and no '.join(NOT_IN_A_WORKER[:3])}"
    if isinstance(error, SystemExit):
        return "it ends Python while it is imported (sys.exit)"
    return f"it cannot be imported: {told(error)}"


def definition(error: ToolDefinitionError) -> None:
    """`tool(parameter): problem`, with the line of the parameter."""
    head, _, _ = str(error).partition(":")
    name, _, parameter = head.partition("(")
    line = line_of_function(name, parameter.rstrip(")").removesuffix("[]"))
    tell("error", line or line_of(error), str(error))


def check(registry: ToolRegistry, module: object) -> None:
    for tool in registry.tools():
        function = inspect.unwrap(tool.function)
        line = line_of_function(getattr(function, "__name__", ""))
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            tell("error", line, f"{tool.name}: it yields, and an agent can only be told what a tool returns")
        if not tool.description:
            tell("warning", line, f"{tool.name}: without a docstring the agent does not know what it is for")
        for name in parameters(inspect.getdoc(function) or ""):
            if name not in tool.annotations:
                tell("warning", line, f"{tool.name}: its docstring tells of '{name}', and it has no such parameter")
    names = {tool.function.__name__ for tool in registry.tools() if hasattr(tool.function, "__name__")}
    for node in ast.parse(Path(FILE).read_bytes()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name not in names and marked(node):
            text = f"{node.name}: another decorator hides that it is a tool; write @tool above the others"
            tell("error", node.lineno, text)
    if not registry.tools():
        tell("warning", None, "no function carries @tool, so the agent has no tools")


def marked(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    targets = [one.func if isinstance(one, ast.Call) else one for one in node.decorator_list]
    return any(isinstance(one, ast.Name) and one.id == "tool" for one in targets)


def run() -> None:
    try:
        compile(Path(FILE).read_bytes(), FILE, "exec", dont_inherit=True)
    except SyntaxError as error:
        tell("error", error.lineno, f"it is not Python: {error.msg}")
        return
    except ValueError as error:
        tell("error", None, f"it is not Python: {error}")
        return
    sys.path.insert(0, "/home/pyodide")
    watch()  # type: ignore[name-defined]  # noqa: F821
    try:
        plain = builtins.__import__
        builtins.__import__ = noting(plain)
        try:
            module = importlib.import_module("agent_tools")
        finally:
            builtins.__import__ = plain
    except ToolDefinitionError as error:
        definition(error)
        return
    except BaseException as error:
        tell("error", line_of(error), words_of(error))
        return
    registry = ToolRegistry()
    try:
        registry.register_module(module)
    except ToolDefinitionError as error:
        definition(error)
        return
    check(registry, module)


run()
json.dumps({"found": found, "imported": sorted(imported)})
