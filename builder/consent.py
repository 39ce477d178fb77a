"""Consent: `[consent]` of agent.toml, what a visitor agrees to before a microphone is
opened and anything is connected.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from builder import origins
from builder.environment import SetupError

KEYS = ("text", "link", "remember")
REMEMBER = ("session", "version")
MAX_CHARS = 4000
_LANGUAGE = re.compile(r"[a-z]{2,3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """`texts` by language, "" for all others; `remember`: for this session of the browser, or until the
    text is another one.
    """

    texts: Mapping[str, str]
    link: str
    remember: str

    @property
    def version(self) -> str:
        """Another text has another one."""
        return hashlib.sha256(json.dumps([dict(self.texts), self.link]).encode()).hexdigest()[:12]

    def paragraphs(self, language: str) -> list[str]:
        text = self.texts.get(language, self.texts[""])
        return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text.strip())]

    def told(self) -> dict[str, str]:
        """What the page's scripts must know."""
        return {"version": self.version, "remember": self.remember}


def checked(file: str, given: Mapping[str, Any], languages: Sequence[str]) -> Consent:
    """Read the section. `languages`: those that the page has texts in. Raises SetupError with the key at fault."""
    texts = {"": given.get("text")}
    for key, value in given.items():
        if isinstance(value, dict) and _LANGUAGE.fullmatch(key):
            if key not in languages:
                known = ", ".join(languages)
                raise SetupError(f"{file}: [consent.{key}]: the page has no texts in '{key}' (there are: {known})")
            texts[key] = value.get("text")
            _known(file, f"[consent.{key}]", value, ("text",))
        elif key not in KEYS:
            _known(file, "[consent]", {key: value}, KEYS)
    for language, text in texts.items():
        if not isinstance(text, str) or not text.strip() or len(text) > MAX_CHARS:
            where = f"[consent.{language}]" if language else "[consent]"
            raise SetupError(
                f"{file}: {where} text must be text in quotes of 1 to {MAX_CHARS} characters{_shown(text)}"
            )
    link = given.get("link", "")
    if link != "" and not origins.is_link(link):
        raise SetupError(f"{file}: [consent] link must be an address that begins with https:// or with /{_shown(link)}")
    remember = given.get("remember", "session")
    if remember not in REMEMBER:
        near = difflib.get_close_matches(str(remember), REMEMBER, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise SetupError(f"{file}: [consent] remember must be one of: {', '.join(REMEMBER)}{_shown(remember)}{hint}")
    return Consent(texts={key: str(text) for key, text in texts.items()}, link=link, remember=remember)


def _shown(value: object) -> str:
    return "; it is missing" if value is None else f", not {value!r:.60}"


def _known(file: str, section: str, found: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
    for key in found:
        if key not in allowed:
            near = difflib.get_close_matches(key, allowed, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise SetupError(f"{file}: unknown {section} key '{key}' (known: {', '.join(allowed)}){hint}")
