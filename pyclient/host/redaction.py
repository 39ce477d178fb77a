"""Redaction: replaces secrets by placeholders of the same form, the same one each time, so that a
session can be replayed.

What counts as one: the token of a call, a long text that JSON names as a secret, and what has the shape of a key. What
is written once as a secret is a secret wherever it stands.
"""

from __future__ import annotations

import json
import re
from itertools import chain, repeat

# Shorter ones are not looked for elsewhere: they would be found in words.
MIN_SECRET_CHARS = 12
# A call knows one for each attempt to connect. What is older was replaced long ago.
MAX_SECRETS = 200
_WORDS = r"(?:token|secret|password|credential|authorization|api_?key)"
# Each of them has one of these in it. Looking for a plain text is many times faster than for a pattern, and
# most texts have none.
_HINTS = ("token", "secret", "password", "credential", "authorization", "key")
# Every repetition has a bound: a server could send what takes for ever otherwise.
_NAMED = re.compile(
    rf'"[\w-]{{0,40}}{_WORDS}[\w-]{{0,40}}"\s{{0,9}}:\s{{0,9}}"([^"\\]{{{MIN_SECRET_CHARS},4096}})"', re.I
)
_OPENING = re.compile(rf'("[\w-]{{0,40}}{_WORDS}[\w-]{{0,40}}"\s{{0,9}}:\s{{0,9}})"[^"\\]{{1,4096}}"', re.I)
_SHAPED = re.compile(
    r"\b(?:sk|ek|pk|rk|xox[a-z])[-_][\w-]{16,400}"
    r"|\beyJ[\w-]{8,2000}\.[\w-]{4,2000}\.[\w-]{0,1000}"
    r"|\bBearer (?P<bearer>[^\s\"'\\]{12,2000})"
)
_LONG_SEGMENT = re.compile(r"[^/]{20,}")


class Secrets:
    """The secrets that were met, and what stands for them."""

    def __init__(self) -> None:
        self._placeholders: dict[str, str] = {}
        self._met = 0

    def add(self, secret: str) -> str:
        """`secret` is one from now on, unless it is short. Returns its placeholder."""
        known = self._placeholders.get(secret)
        if known is None:
            known = _placeholder(secret, self._met + 1)
            if len(secret) >= MIN_SECRET_CHARS:
                self._met += 1
                self._placeholders[secret] = known
                if len(self._placeholders) > MAX_SECRETS:
                    del self._placeholders[next(iter(self._placeholders))]
        return known

    def find_named(self, text: str) -> None:
        """Whatever this JSON text names as a secret is one from now on."""
        if _may_name(text):
            for found in _NAMED.finditer(text):
                self.add(found[1])

    def hide(self, text: str) -> str:
        """`text` without any secret that was met, or that has the shape of one. It may be JSON text of JSON text."""
        for found in _SHAPED.finditer(text):
            self.add(found["bearer"] or found[0])
        for secret, placeholder in self._placeholders.items():
            if secret in text:
                text = text.replace(secret, placeholder)
            elif '"' in secret or "\\" in secret:
                text = text.replace(json.dumps(secret)[1:-1], placeholder)
        return text


def _may_name(text: str) -> bool:
    low = text.lower()
    return any(hint in low for hint in _HINTS)


def _placeholder(secret: str, number: int) -> str:
    """As long, with letters and digits in the same places: what may be refused of the one is refused of the other."""
    letters = chain(f"secret{number}", repeat("x"))
    return "".join((next(letters) if char.isascii() else "ä") if char.isalnum() else char for char in secret)


def without_named(text: str) -> str:
    """JSON text without the values of whatever it names as a secret, however short."""
    return _OPENING.sub(r'\1"(secret)"', text) if _may_name(text) else text


def without_secrets(url: str) -> str:
    """An address without account, query, fragment and long parts of its path."""
    scheme, separator, rest = re.split("[?#]", url, maxsplit=1)[0].rpartition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{_LONG_SEGMENT.sub('(secret)', path)}"
