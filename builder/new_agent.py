"""A new agent: writes `agents/NAME/` with commented settings, one tool and its tests, for
`python3 build.py new NAME`.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from builder.environment import SetupError

TEMPLATE = Path(__file__).parent / "agent_template"
FILES = ("agent.toml", "tools.py", "test_tools.py")
MAX_NAME_CHARS = 40
# A page of the site has the first of these names; the others are addresses of the server.
RESERVED = ("index", "404", "assets", "api", "agent", "healthz")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


def write(root: Path, name: str) -> Path:
    """Write the agent and return its folder.

    Raises SetupError where the name is no good or taken; nothing is written then.
    """
    folder = root / "agents" / name
    if problem := problem_with(name):
        suggestion = suggested(name)
        hint = f"; how about {suggestion}?" if suggestion else ""
        raise SetupError(f"'{name}' cannot be an agent's name: {problem}{hint}")
    if folder.exists():
        raise SetupError(f"agents/{name}/ is there already, and nothing in it was changed; choose another name")
    folder.parent.mkdir(exist_ok=True)
    # All of it or nothing: a half-written agent would stop the next try.
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as scratch:
        made = Path(scratch) / name
        made.mkdir()
        for file in FILES:
            text = (TEMPLATE / file).read_text(encoding="utf-8")
            (made / file).write_text(text.replace("@NAME@", name).replace("@TITLE@", title(name)), encoding="utf-8")
        made.rename(folder)
    return folder


def problem_with(name: str) -> str:
    """Why an agent cannot have this name; empty if it can."""
    if not _NAME.fullmatch(name):
        return "it may hold small letters a to z, digits, - and _, and begins with a letter or a digit"
    if len(name) > MAX_NAME_CHARS:
        return f"it may have at most {MAX_NAME_CHARS} characters"
    if name in RESERVED:
        return "the site uses that word for an address of its own"
    return ""


def suggested(name: str) -> str:
    """The nearest name that would do; empty where there is none."""
    near = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:MAX_NAME_CHARS].strip("-")
    near = f"{near}-agent" if near in RESERVED else near
    return "" if not near or problem_with(near) else near


def title(name: str) -> str:
    """What the page is called until somebody writes something better."""
    return " ".join(word.capitalize() for word in re.split(r"[-_]+", name) if word)
