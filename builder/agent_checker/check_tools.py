"""Run in the browser's Python, in Node: imports a page's tools and says what is wrong with them, as JSON text."""

import ast
import builtins
import difflib
import functools
import importlib
import inspect
import json
import re
import sys
import traceback
import typing
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from pyclient.core.errors import ToolArgumentError, ToolDefinitionError
from pyclient.tools import ToolRegistry, registry, tool
from pyclient.tools.docstrings import parameters, summary
from pyclient.tools.schema import convert, is_optional

FILE = "/home/pyodide/agent_tools.py"
NOT_IN_A_WORKER = ("document", "window", "localStorage", "sessionStorage", "alert", "parent")
# What the vendors take: a name of an argument is a key of the schema that they are sent.
ARGUMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
MOST_TOOLS = 128
Function = ast.FunctionDef | ast.AsyncFunctionDef

found: list[dict[str, object]] = []
imported: set[str] = set()


def tell(kind: str, line: int | None, text: str) -> None:
    found.append({"kind": kind, "line": line, "text": text})


@functools.cache
def source() -> ast.Module:
    """The file, which can be read by now."""
    return ast.parse(Path(FILE).read_bytes())


def nearest(given: object, known: Iterable[str], cutoff: float = 0.6) -> str:
    near = difflib.get_close_matches(str(given), list(known), n=1, cutoff=cutoff)
    return f"; did you mean {near[0]}?" if near else ""


def line_of(error: BaseException) -> int | None:
    """The last line of tools.py that was being done."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == FILE]
    return frames[-1].lineno if frames else None


def functions() -> list[Function]:
    return [node for node in ast.walk(source()) if isinstance(node, Function)]


def line_of_function(name: str, parameter: str = "") -> int | None:
    """Where a function, or one of its parameters, stands."""
    for node in functions():
        if node.name == name:
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
    """An import statement that notes which modules of the library it asks for, also of a package; they belong
    into the page's snapshot.
    """

    def do(
        name: str, given: object = None, local: object = None, names: Sequence[str] | None = (), level: int = 0
    ) -> Any:
        module = plain(name, given, local, names, level)
        if level == 0 and name.partition(".")[0] in sys.stdlib_module_names:
            imported.update(it for it in (name, *(f"{name}.{inner}" for inner in names or ())) if it in sys.modules)
        return module

    return do


# --- importing it failed


def words_of(error: BaseException) -> str:
    """What went wrong while tools.py was imported, and what to do about it."""
    if isinstance(error, KeyboardInterrupt):
        return f"importing it does not end: after {limit_s} s this line was still being done"  # type: ignore[name-defined]  # noqa: F821
    if isinstance(error, ModuleNotFoundError) and error.name:
        return words_of_module(error.name)
    if isinstance(error, ImportError):
        return words_of_import(error)
    if isinstance(error, SystemExit):
        return "it ends Python while it is imported (sys.exit)"
    hint = ""
    if isinstance(error, NameError) and error.name:
        hint = nearest(error.name, known_names(error), 0.75)
    elif isinstance(error, AttributeError) and (error.name or str(error)) in NOT_IN_A_WORKER:
        # Pyodide gives its own such error no name
        hint = f". Tools run in a worker, where there is no {error.name or error}"
    elif isinstance(error, AttributeError) and error.name:
        hint = nearest(error.name, dir(error.obj))
    elif isinstance(error, TypeError) and (
        unknown := re.search(r"tool\(\) got an unexpected keyword argument '(\w+)'", str(error))
    ):
        known = [name for name, it in inspect.signature(tool).parameters.items() if it.kind is it.KEYWORD_ONLY]
        return f"@tool has no option {unknown[1]}; it takes: {', '.join(known)}{nearest(unknown[1], known)}"
    elif isinstance(error, FileNotFoundError):
        hint = ". A page has no files of yours: put what is needed into tools.py, or fetch it in an `async` tool"
    return f"it cannot be imported: {told(error)}{hint}"


def words_of_module(name: str) -> str:
    root = name.partition(".")[0]
    if root == "pyclient":
        return f"there is no module '{name}'; write `from pyclient.tools import tool`"
    if root in sys.stdlib_module_names:
        return f"there is no module '{name}' in the page: it is a part of the standard library that browsers lack"
    begin = f"there is no module '{name}' in the page"
    hint = nearest(root, [it for it in sys.stdlib_module_names if not it.startswith("_")], 0.8)
    allowed = " A tool may import the standard library, pyodide and the packages that agent.toml names: [runtime] packages = [...]"
    if root.startswith("_"):
        return f"{begin}.{allowed}"
    also = f". If '{root}' is a file of yours, put what is needed of it into tools.py, the only one that goes into the page"
    return f"{begin}{hint or '.'}{allowed}{also}"


def words_of_import(error: ImportError) -> str:
    if "relative import" in str(error):
        return "it imports from a folder (`from . import`), and only tools.py goes into the page; put what is needed into it"
    if error.name == "js":
        return f"{error}. Tools run in a worker, where there is no {' and no '.join(NOT_IN_A_WORKER[:3])}"
    name = getattr(error, "name_from", None)
    module = sys.modules.get(error.name or "")
    hint = nearest(name, dir(module)) if name and module else ""
    return (
        f"it cannot be imported: there is no '{name}' in {error.name}{hint}"
        if name
        else f"it cannot be imported: {told(error)}"
    )


def known_names(error: BaseException) -> list[str]:
    """What could have been meant where a name is not defined."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == FILE]
    return [*(frames[-1].f_globals if frames else ()), *dir(builtins)]


def definition(error: ToolDefinitionError) -> None:
    """`tool(parameter): problem`, with the line of the parameter, and the nearest right spelling."""
    text = str(error)
    head, _, problem = text.partition(":")
    name, _, parameter = head.partition("(")
    parameter = parameter.partition(")")[0]
    line = line_of_function(name, parameter) or line_of(error)
    if parameter == "self":
        text = f"{name}: a tool is a function by itself; this one is a method"
    elif "a tool's name has" in problem:
        plain = re.sub(r"[^A-Za-z0-9_-]+", "_", head.strip("'").translate(GERMAN)).strip("_")[:64]
        text += f"; how about {plain}?" if re.match("[A-Za-z_]", plain) else ""
    elif near := re.search(r"(?:one of|there are): ([^)]*?)(?:\)|, not (.*))$", problem):
        given = near[2] or (re.search(r"\{(.*?)\}", problem) or ["", ""])[1]
        text += nearest(given.strip("'"), near[1].split(", "))
    elif unknown := re.search(r"name '(\w+)' is not defined", problem):
        text += nearest(unknown[1], [*typing.__all__, *dir(builtins), *(node.name for node in defined())], 0.75)
    tell("error", line, text)


GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})


def defined() -> list[ast.ClassDef | Function]:
    return [node for node in source().body if isinstance(node, ast.ClassDef | Function)]


# --- it was imported


def check(tools: Sequence[registry.Tool]) -> None:
    nodes = {node.name: node for node in functions()}
    for it in tools:
        function = inspect.unwrap(it.function)
        node = nodes.get(getattr(function, "__name__", ""))
        line = node.lineno if node else None
        if inspect.isclass(function):
            line = next((one.lineno for one in defined() if one.name == function.__name__), None)
            tell("error", line, f"{it.name}: it is a class, and a tool is a function")
            continue
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            tell("error", line, f"{it.name}: it yields, and an agent can only be told what a tool returns")
        documentation = inspect.getdoc(function) or ""
        if not it.description:
            tell(
                "error",
                line,
                f"{it.name}: without a docstring the agent does not know what it is for; write one sentence",
            )
        most = registry.MAX_DESCRIPTION_CHARS
        if (length := len(summary(documentation))) > most:
            tell(
                "error",
                line,
                f"{it.name}: its docstring begins with {length} characters; an agent is told at most {most}",
            )
        for name in parameters(documentation):
            if name not in it.annotations:
                known = f" (there are: {', '.join(it.annotations) or 'none'})"
                problem = f"its docstring tells of '{name}', and it has no such parameter{known}"
                tell("warning", line, f"{it.name}: {problem}{nearest(name, it.annotations)}")
        if it.page and node and not all(map(says_nothing, node.body)):
            tell("error", line, f"{it.name}: with page=True the page answers it; its body never runs, write `...`")
        check_parameters(it, getattr(function, "__name__", ""))
    if len(tools) > MOST_TOOLS:
        tell("error", None, f"it has {len(tools)} tools; a service takes at most {MOST_TOOLS}")
    if not tools and not found:
        tell("warning", None, "no function carries @tool, so the agent has no tools")


def check_parameters(it: registry.Tool, function: str) -> None:
    """Their names, and whether each default is a value that the agent itself could give."""
    for name, parameter in inspect.signature(it.function).parameters.items():
        where = f"{it.name}({name})"
        line = line_of_function(function, name)
        if not ARGUMENT.fullmatch(name):
            problem = (
                "the name of a parameter has letters a to z, digits and _, at most 64, for all services take it then"
            )
            tell("error", line, f"{where}: {problem}")
        annotation, default = it.annotations[name], parameter.default
        if default is parameter.empty:
            continue
        if default is None and not is_optional(annotation) and annotation is not Any:
            tell("error", line, f"{where}: its default is None, which its type hint does not allow; write `| None`")
        elif default is not None:
            try:
                convert(annotation, plain(default), name)
                json.dumps(plain(default), allow_nan=False)
            except (TypeError, ValueError):
                tell("error", line, f"{where}: its default cannot be written as JSON: {default!r:.60}")
            except ToolArgumentError as error:
                problem = str(error).removeprefix(f"{name} ")
                choices = re.search(r"one of: (.*), not ", problem)
                hint = nearest(default, choices[1].split(", ")) if choices else ""
                tell("error", line, f"{where}: its default does not fit its type hint: it {problem}{hint}")


def plain(value: object) -> object:
    """A default as JSON would bring it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list):
        return [plain(it) for it in value]
    return {key: plain(it) for key, it in value.items()} if isinstance(value, dict) else value


def says_nothing(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def check_marks(tools: Sequence[registry.Tool]) -> None:
    """A function with @tool that did not become one: the agent would lack it, and nobody would know."""
    lines = {getattr(getattr(inspect.unwrap(it.function), "__code__", None), "co_firstlineno", None) for it in tools}
    tree = source()
    inside = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in functions():
        first = min(one.lineno for one in (node, *node.decorator_list))
        if marked(node) and first not in lines:
            tell("error", node.lineno, f"{node.name}: {why_lost(node, inside[node], tree)}")


def why_lost(node: Function, around: ast.AST, tree: ast.Module) -> str:
    if isinstance(around, ast.ClassDef):
        return f"a tool is a function by itself; this one stands in the class {around.name}"
    if not isinstance(around, ast.Module):
        return "it is no tool, for it does not stand at the left margin of tools.py"
    for later in tree.body[tree.body.index(node) + 1 :]:
        if isinstance(later, ast.ClassDef | Function) and later.name == node.name:
            return f"line {later.lineno} defines the same name again, and this tool is lost"
        if any(
            isinstance(it, ast.Name) and it.id == node.name and not isinstance(it.ctx, ast.Load)
            for it in ast.walk(later)
        ):
            return f"line {later.lineno} gives its name to something else, and this tool is lost"
    return "another decorator hides that it is a tool; write @tool above the others"


def marked(node: Function) -> bool:
    targets = [one.func if isinstance(one, ast.Call) else one for one in node.decorator_list]
    names = [
        one.id if isinstance(one, ast.Name) else one.attr if isinstance(one, ast.Attribute) else "" for one in targets
    ]
    return "tool" in names


def register(module: object) -> list[registry.Tool]:
    """All tools of the module, also where two have one name."""
    made: dict[str, registry.Tool] = {}
    every = []
    for function in dict.fromkeys(
        it for it in vars(module).values() if isinstance(getattr(it, "parley_tool", None), registry.Tool)
    ):
        one = ToolRegistry().register(function)
        every.append(one)
        if other := made.get(one.name):
            own = getattr(one.function, "__name__", one.name)
            tell(
                "error",
                line_of_function(own),
                f"{own}: there is a tool named '{one.name}' already ({other.function.__name__})",
            )
        made[one.name] = one
    return every


def run() -> None:
    try:
        compile(Path(FILE).read_bytes(), FILE, "exec", dont_inherit=True)
    except SyntaxError as error:
        line = error.lineno
        if line is None or "null bytes" in str(error.msg):  # the compiler does not say
            line = Path(FILE).read_bytes().partition(b"\0")[0].count(b"\n") + 1
        tell("error", line, f"it is not Python: {error.msg}")
        return
    except ValueError as error:
        line = Path(FILE).read_bytes().partition(b"\0")[0].count(b"\n") + 1
        tell("error", line, f"it is not Python: {error}")
        return
    sys.path.insert(0, "/home/pyodide")
    sys.dont_write_bytecode = True
    sys.modules.pop("agent_tools", None)
    watch()  # type: ignore[name-defined]  # noqa: F821
    try:
        plain_import = builtins.__import__
        builtins.__import__ = noting(plain_import)
        try:
            module = importlib.import_module("agent_tools")
        finally:
            builtins.__import__ = plain_import
        tools = register(module)
    except ToolDefinitionError as error:
        definition(error)
        return
    except BaseException as error:
        tell("error", line_of(error), words_of(error))
        return
    check_marks(tools)
    check(tools)


run()
json.dumps({"found": found, "imported": sorted(imported)})
