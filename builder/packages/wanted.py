"""What `[runtime] packages` in agent.toml may say: names of the package index, each with a range of versions where a
team wants one.
"""

from __future__ import annotations

from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from builder.environment import SetupError

KEY = "[runtime] packages"
EXAMPLE = "a name like snowballstemmer or snowballstemmer==3.1.1"


def parsed(file: str, given: Any) -> tuple[str, ...]:
    """Return the packages in one spelling, sorted.

    SetupError with `file`, the key, what was given and what is allowed.
    """
    if not isinstance(given, list):
        raise SetupError(f"{file}: {KEY} must be a list of package names, not {given!r}")
    found: dict[str, str] = {}
    for index, item in enumerate(given):
        where = f"{file}: {KEY}[{index}]"
        if not isinstance(item, str):
            raise SetupError(f"{where} must be text in quotes, not {item!r}")
        try:
            requirement = Requirement(item)
        except InvalidRequirement:
            raise SetupError(f"{where}: {item!r} is not {EXAMPLE}") from None
        if requirement.url is not None or requirement.marker is not None:
            what = "an address" if requirement.url is not None else "a condition"
            raise SetupError(f"{where}: {item!r} holds {what}; give {EXAMPLE}")
        name = canonicalize_name(requirement.name)
        if name in found:
            raise SetupError(f"{where}: {item!r} names the package {name} a second time")
        found[name] = spelt(requirement)
    return tuple(found[name] for name in sorted(found))


def spelt(requirement: Requirement) -> str:
    """One spelling for what means the same."""
    extras = ",".join(sorted(canonicalize_name(extra) for extra in requirement.extras))
    specifiers = ",".join(sorted(str(it) for it in requirement.specifier))
    return f"{canonicalize_name(requirement.name)}{f'[{extras}]' if extras else ''}{specifiers}"
