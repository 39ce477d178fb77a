"""Tool registry: how a Python function becomes a tool of the agent, and how a call of it is checked.

    @tool(timeout_ms=5_000)
    async def weather(city: Annotated[str, "Name of the city"], days: int = 1) -> dict[str, Any]:
        \"\"\"Tell the weather of a city.\"\"\"

    @tool(page=True, approve="Put {count} x {sku} into the cart?")
    def add_to_cart(sku: str, count: int = 1) -> None:
        \"\"\"Put a product into the shopping cart.\"\"\"

    registry = ToolRegistry([weather, add_to_cart])
    registry.schemas()                                  # flat, vendor-neutral definitions
    registry.invoke("weather", {"city": "Oslo"})        # checks, then calls: a value or an awaitable

Running an awaitable, its time-out and its cancelling are the host's job: nothing here waits. The host turns what comes
out into a `ToolFinished` with `result_json` or `error_json`. So is a tool with `page=True`, which the page around ours
answers (`page_tools.py`): its function only describes it.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar, overload

from pyclient.core.errors import ToolArgumentError, ToolDefinitionError, UnknownToolError
from pyclient.tools.docstrings import parameters, summary
from pyclient.tools.jsonable import clean, to_json
from pyclient.tools.schema import convert, is_optional, schema_of

EXECUTION_MODES = ("interactive", "hold")
MAX_DESCRIPTION_CHARS = 4_000
MAX_APPROVAL_CHARS = 400
MAX_SHOWN_CHARS = 120  # of one argument
MAX_RESULT_CHARS = 64_000  # a result is read by a language model: more than this cannot be of use

_FIELD = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One function that the agent may call. Made by `@tool` or by a registry; checked when made."""

    name: str
    description: str
    function: Callable[..., Any]
    parameters: Mapping[str, Any]
    annotations: Mapping[str, Any]
    required: tuple[str, ...]
    timeout_ms: int | None = None  # None: as configured for the session
    execution_mode: str = "interactive"
    page: bool = False  # the page around ours answers it
    approve: str = ""  # what the person is asked before it runs; {parameter} stands for its value

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise ToolDefinitionError(f"{self.name!r}: a tool's name has letters, digits, _ and -, at most 64")
        if self.execution_mode not in EXECUTION_MODES:
            known = ", ".join(EXECUTION_MODES)
            raise ToolDefinitionError(
                f"{self.name}: execution_mode must be one of: {known}, not {self.execution_mode!r}"
            )
        if self.timeout_ms is not None and not _is_time(self.timeout_ms):
            raise ToolDefinitionError(
                f"{self.name}: timeout_ms must be a whole number from 100 to 300000, not {self.timeout_ms!r}"
            )
        if not isinstance(self.page, bool):
            raise ToolDefinitionError(f"{self.name}: page must be True or False, not {self.page!r}")
        if self.page and not _is_empty(self.function):
            raise ToolDefinitionError(
                f"{self.name}: with page=True the page answers it; its body never runs, write `...`"
            )
        if not isinstance(self.approve, str) or len(self.approve) > MAX_APPROVAL_CHARS or self.approve.isspace():
            raise ToolDefinitionError(
                f"{self.name}: approve must be a text of at most {MAX_APPROVAL_CHARS} characters, not {self.approve!r:.60}"
            )
        for field in _FIELD.findall(self.approve):
            if field not in self.annotations:
                known = ", ".join(self.annotations) or "none"
                raise ToolDefinitionError(
                    f"{self.name}: approve names {{{field}}}, which is no parameter (there are: {known})"
                )
        if "{" in _FIELD.sub("", self.approve) or "}" in _FIELD.sub("", self.approve):
            raise ToolDefinitionError(f"{self.name}: approve holds a brace that belongs to no {{parameter}}")

    def bind(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Keyword arguments for `call`. Raises `ToolArgumentError` naming the first argument that does not fit.

        Models send null for what they leave out, so null counts as not given where there is a default and
        None is no value.
        """
        for key in arguments:
            if key not in self.annotations:
                raise ToolArgumentError(
                    f"{self.name} has no argument {str(key)[:60]!r}; it takes: {', '.join(self.annotations) or 'none'}"
                )
        given = {key: value for key, value in arguments.items() if value is not None or not self._may_be_left_out(key)}
        for key in self.required:
            if key not in given:
                raise ToolArgumentError(f"{self.name} needs the argument {key}")
        return {key: convert(self.annotations[key], value, key) for key, value in given.items()}

    def _may_be_left_out(self, key: str) -> bool:
        return key not in self.required and not is_optional(self.annotations[key])

    def complete(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """As `bind`, with the defaults of what was not given."""
        signature = inspect.signature(self.function)
        defaults = {key: it.default for key, it in signature.parameters.items() if it.default is not it.empty}
        return {**defaults, **self.bind(arguments)}

    def approval(self, arguments: Mapping[str, Any]) -> str:
        """What the person is asked before this call is made; empty where nobody need be asked."""
        if not self.approve:
            return ""
        given = self.complete(arguments)
        return _FIELD.sub(lambda found: _readable(given[found[1]]), self.approve)[: 2 * MAX_APPROVAL_CHARS]

    def call(self, **arguments: Any) -> Any:
        """The function's own return value; an awaitable for an async function. Raises whatever the function raises."""
        return self.function(**arguments)


@overload
def tool(function: Function, /) -> Function: ...
@overload
def tool(
    *,
    name: str | None = None,
    timeout_ms: int | None = None,
    execution_mode: str = "interactive",
    page: bool = False,
    approve: str = "",
) -> Callable[[Function], Function]: ...
def tool(
    function: Function | None = None,
    /,
    *,
    name: str | None = None,
    timeout_ms: int | None = None,
    execution_mode: str = "interactive",
    page: bool = False,
    approve: str = "",
) -> Function | Callable[[Function], Function]:
    """Mark a function as a tool. It stays an ordinary function; a `ToolRegistry` finds the mark.

    `timeout_ms` ends an `async` function. A plain one runs to its end whatever the time, and the whole session waits
    for it: audio already queued plays on and the page stays alive, but nothing is heard or sent meanwhile. What may
    take long is to be `async`.

    `page`: the page around ours answers it (`element.tools` of `<voice-agent>`), and the function only describes it.
    `approve`: the person is shown this text, and the tool runs when they allow it; that time does not count.

    Raises `ToolDefinitionError` at once for a signature that cannot be described.
    """

    def mark(target: Function) -> Function:
        if not callable(target):
            raise ToolDefinitionError(f"@tool stands above a function, and takes options by name, not {target!r:.60}")
        given = getattr(target, "__name__", "") if name is None else name
        made = _describe(target, given, timeout_ms, execution_mode, page, approve)
        target.parley_tool = made  # type: ignore[attr-defined]
        return target

    return mark if function is None else mark(function)


class ToolRegistry:
    """The tools of one page. Order of registration is the order in `schemas`."""

    def __init__(self, functions: Iterable[Callable[..., Any] | Tool] = ()) -> None:
        self._tools: dict[str, Tool] = {}
        for function in functions:
            self.register(function)

    def register(self, function: Callable[..., Any] | Tool) -> Tool:
        """Add a tool, or any function as a tool with defaults. Raises `ToolDefinitionError` for a name taken."""
        made: Tool
        if isinstance(function, Tool):
            made = function
        elif isinstance(mark := getattr(function, "parley_tool", None), Tool):
            # A decorator above @tool copies the mark: what was registered is called, not what it wraps.
            made = mark if mark.function is function else replace(mark, function=function)
        else:
            made = _describe(function, getattr(function, "__name__", ""))
        if made.name in self._tools:
            raise ToolDefinitionError(f"{made.name}: there are two tools of this name")
        self._tools[made.name] = made
        return made

    def register_module(self, module: object) -> list[Tool]:
        """Add every function of `module` that carries the mark of `@tool`, in the order of definition."""
        marked = [item for item in vars(module).values() if isinstance(getattr(item, "parley_tool", None), Tool)]
        return [self.register(item) for item in dict.fromkeys(marked)]

    def tools(self) -> tuple[Tool, ...]:
        """All of them, in the order of registration."""
        return tuple(self._tools.values())

    def __len__(self) -> int:
        return len(self._tools)

    def __contains__(self, name: object) -> bool:
        return name in self._tools

    def lookup(self, name: str) -> Tool:
        """Raises `UnknownToolError`."""
        try:
            return self._tools[name]
        except KeyError:
            known = ", ".join(self._tools) or "none"
            raise UnknownToolError(f"There is no tool {name[:64]!r}; there are: {known}") from None

    def bind(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Check a call. Raises `UnknownToolError` or `ToolArgumentError`."""
        return self.lookup(name).bind(arguments)

    def invoke(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Check a call and make it: a value, or an awaitable that the host must await within the time-out."""
        made = self.lookup(name)
        return made.call(**made.bind(arguments))

    def timeout_ms(self, name: str, default_ms: int) -> int:
        """The tool's own limit, or the session's."""
        made = self.lookup(name)
        return default_ms if made.timeout_ms is None else made.timeout_ms

    def schemas(self, default_timeout_ms: int = 30_000) -> tuple[dict[str, Any], ...]:
        """Flat definitions `{name, description, parameters, execution_mode, timeout_ms}` for a codec."""
        return tuple(
            {
                "name": made.name,
                "description": made.description,
                "parameters": made.parameters,
                "execution_mode": made.execution_mode,
                "timeout_ms": default_timeout_ms if made.timeout_ms is None else made.timeout_ms,
            }
            for made in self._tools.values()
        )


def result_json(value: Any) -> str:
    """What a tool returned, as JSON text: see `jsonable`.

    Raises `ToolArgumentError` where it has none or too much of it.
    """
    try:
        text = to_json(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise ToolArgumentError(f"The tool's result cannot be written as JSON: {type(error).__name__}") from None
    if len(text) > MAX_RESULT_CHARS:
        raise ToolArgumentError(f"The tool's result is longer than {MAX_RESULT_CHARS} characters")
    return text


def error_json(message: str) -> str:
    """JSON text that tells the agent what went wrong, so that it can say so or try again."""
    return json.dumps({"error": clean(message[:500])}, ensure_ascii=False)


def _describe(
    function: Callable[..., Any],
    name: str,
    timeout_ms: int | None = None,
    execution_mode: str = "interactive",
    page: bool = False,
    approve: str = "",
) -> Tool:
    documentation = inspect.getdoc(function) or ""
    notes = parameters(documentation)
    try:
        signature = inspect.signature(function, eval_str=True)
    except Exception as error:  # a type hint in quotes is run as code
        raise ToolDefinitionError(f"{name}: its signature cannot be read ({error})") from None
    properties: dict[str, Any] = {}
    annotations: dict[str, Any] = {}
    required: list[str] = []
    for parameter in signature.parameters.values():
        where = f"{name}({parameter.name})"
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise ToolDefinitionError(
                f"{where}: only named parameters can be described to an agent; give each a name and a type hint"
            )
        if parameter.annotation is parameter.empty:
            raise ToolDefinitionError(f"{where}: needs a type hint, for example `{parameter.name}: str`")
        schema = schema_of(parameter.annotation, where)
        if parameter.name in notes:
            schema = {"description": notes[parameter.name], **schema}
        properties[parameter.name] = schema
        annotations[parameter.name] = parameter.annotation
        if parameter.default is parameter.empty:
            required.append(parameter.name)
            if is_optional(parameter.annotation):
                raise ToolDefinitionError(f"{where}: an optional parameter needs a default; add `= None`")
    return Tool(
        name=name,
        description=summary(documentation)[:MAX_DESCRIPTION_CHARS],
        function=function,
        parameters={"type": "object", "properties": properties, "required": required},
        annotations=annotations,
        required=tuple(required),
        timeout_ms=timeout_ms,
        execution_mode=execution_mode,
        page=page,
        approve=approve,
    )


def _is_time(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 300_000


def _readable(value: Any) -> str:
    """An argument as a person reads it: in one line, and not so long that the rest is lost."""
    text = value if isinstance(value, str) else to_json(value)
    text = " ".join(clean(text).split())
    return text if len(text) <= MAX_SHOWN_CHARS else f"{text[: MAX_SHOWN_CHARS - 1]}…"


def _plain_stub() -> None: ...
def _documented_stub() -> None:
    """Nothing."""


def _passing_stub() -> None:
    pass


async def _async_stub() -> None: ...
async def _async_documented_stub() -> None:
    """Nothing."""


async def _async_passing_stub() -> None:
    pass


def _instructions(function: Callable[..., Any]) -> bytes:
    """The instructions of a function without their arguments; of a callable that is none, nothing."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return bytes(code.co_code[::2]) if code is not None else b""


_STUBS = frozenset(
    map(
        _instructions,
        (
            _plain_stub,
            _documented_stub,
            _passing_stub,
            _async_stub,
            _async_documented_stub,
            _async_passing_stub,
        ),
    )
)


def _is_empty(function: Callable[..., Any]) -> bool:
    """Does its body hold nothing but a docstring, `...` or `pass`?"""
    return _instructions(function) in _STUBS
