"""The values that a session and a single response have in common: tools, modalities, limits, voices.

Protocol file section 5.
"""

from __future__ import annotations

from typing import Any

from server.agent.tools import ToolSpec
from server.agent.wires.checks import Check, an_object, one_of, or_null, whole
from server.agent.wires.openai.errors import Refused, fields, text, wrong

__all__ = [
    "check_choice",
    "check_modalities",
    "check_tokens",
    "check_tools",
    "speaking_voice",
    "tool_specs",
    "voice_of",
]

# The vendor's ten voices on the local agent's own.
_VOICES = {
    "alloy": "eve",
    "ash": "michael",
    "ballad": "george",
    "coral": "jane",
    "echo": "paul",
    "sage": "anna",
    "shimmer": "iris",
    "verse": "charles",
    "marin": "alba",
    "cedar": "reid",
}
_MAX_TOOLS = 128
_TOOL: dict[str, Check] = {
    "type": one_of("function"),
    "name": lambda value: text(value) and bool(value),
    "description": or_null(text),
    "parameters": or_null(an_object),
}


def check_tools(given: Any, path: str) -> list[dict[str, Any]]:
    """A list of function tools, with their defaults.

    Raises Refused; remote MCP tools are refused, nothing here runs them.
    """
    if not isinstance(given, list) or len(given) > _MAX_TOOLS:
        raise wrong(path, f"a list of at most {_MAX_TOOLS} tools")
    tools: list[dict[str, Any]] = []
    for number, tool in enumerate(given):
        where = f"{path}[{number}]"
        fields(tool, _TOOL, where)
        if "name" not in tool:
            raise Refused("missing_required_parameter", f"Missing required parameter: '{where}.name'.", f"{where}.name")
        parameters = tool.get("parameters") or {"type": "object", "properties": {}}
        if not isinstance(parameters.get("properties", {}), dict):
            raise wrong(f"{where}.parameters.properties", "an object")
        tools.append({"type": "function", "description": "", **tool, "parameters": parameters})
    return tools


def check_choice(given: Any, path: str) -> Any:
    """A tool choice. Raises Refused."""
    if given in ("none", "auto", "required") and isinstance(given, str):
        return given
    if isinstance(given, dict) and given.get("type") in ("function", "mcp"):
        return given
    raise wrong(path, "'none', 'auto', 'required' or a tool")


def check_modalities(given: Any, path: str) -> list[str]:
    """Section 5: audio or text, never both. Raises Refused."""
    if given in (["audio"], ["text"]):
        return list(given)
    raise wrong(path, '["audio"] or ["text"]')


def check_tokens(given: Any, path: str) -> Any:
    """1 to 4096 or "inf". Raises Refused."""
    if given == "inf" or whole(1, 4096)(given):
        return given
    raise wrong(path, "1 to 4096 or 'inf'")


def voice_of(given: Any, path: str) -> Any:
    """A known voice's name, or a custom voice's `{"id"}`, as it is echoed. Raises Refused."""
    if (isinstance(given, str) and given in _VOICES) or (isinstance(given, dict) and isinstance(given.get("id"), str)):
        return given
    raise wrong(path, f"one of {', '.join(_VOICES)}")


def tool_specs(tools: list[dict[str, Any]], choice: Any) -> tuple[ToolSpec, ...]:
    """The tools that may be called under a tool choice."""
    if choice == "none":
        return ()
    only = choice.get("name") if isinstance(choice, dict) else None
    return tuple(
        ToolSpec(name=tool["name"], description=tool["description"] or "", parameters=tool["parameters"])
        for tool in tools
        if only is None or tool["name"] == only
    )


def speaking_voice(voice: Any) -> str:
    """The local agent's voice for the vendor's; a custom one sounds like the default."""
    return _VOICES.get(voice, _VOICES["marin"]) if isinstance(voice, str) else _VOICES["marin"]
