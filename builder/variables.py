"""Dynamic variables: `[variables]` of agent.toml, which prompt and greeting name as `{{customer}}`.

The page is built with their defaults. Where `<voice-agent>` carries `data-customer`, the page fills the text anew for
its calls; it takes no other names, and no other text than these two.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from builder.environment import SetupError

TEXTS = ("greeting", "system_prompt")
MAX_DEFAULT_CHARS = 500
_NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_STRAY = re.compile(r"\{\{|\}\}")
_FIELD = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")


def checked(file: str, given: Mapping[str, Any]) -> dict[str, str]:
    """Return the section as it is used. Raises SetupError with the name at fault."""
    for name, default in given.items():
        if not _NAME.fullmatch(name):
            raise SetupError(
                f"{file}: [variables] '{name}': a name is like customer or first_name (data-first-name in the tag)"
                f"{_nearest_name(name)}"
            )
        if not isinstance(default, str) or len(default) > MAX_DEFAULT_CHARS or "\n" in default:
            allowed = f"a text of one line and at most {MAX_DEFAULT_CHARS} characters"
            raise SetupError(f"{file}: [variables] {name} must be {allowed}, not {str(default)[:60]!r}")
    return dict(given)


def _nearest_name(given: str) -> str:
    near = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", given).lower()).strip("_")
    return f"; did you mean {near}?" if _NAME.fullmatch(near) else ""


def filled(file: str, choice: dict[str, Any], variables: Mapping[str, str]) -> dict[str, Any]:
    """Return a choice with the defaults in its texts, and the texts as they were in `templates`. Raises SetupError."""
    settings = choice["settings"]
    for key in TEXTS:
        if isinstance(settings.get(key), str) and (stray := _STRAY.search(_FIELD.sub("", settings[key]))):
            raise SetupError(
                f"{file}: {key} holds a {stray[0]} that belongs to no name; write {{{{first_name}}}}, with both pairs"
            )
    templates = {
        key: settings[key] for key in TEXTS if isinstance(settings.get(key), str) and _FIELD.search(settings[key])
    }
    for key, text in templates.items():
        for name in _FIELD.findall(text):
            if name not in variables:
                near = difflib.get_close_matches(name, variables, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                known = ", ".join(variables) or "none"
                raise SetupError(
                    f"{file}: {key} names {{{{{name}}}}}, which is not in [variables] (there are: {known}){hint}"
                )
    made = {key: _FIELD.sub(lambda found: variables[found[1]], text) for key, text in templates.items()}
    return {**choice, "settings": {**settings, **made}, "templates": templates}
