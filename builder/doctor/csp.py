"""What a Content-Security-Policy allows, as far as this page needs it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

# Where a directive is missing, the next of its row speaks.
_FALLBACKS = {
    "worker-src": ("worker-src", "child-src", "script-src", "default-src"),
    "script-src": ("script-src", "default-src"),
    "script-src-elem": ("script-src-elem", "script-src", "default-src"),
    "style-src": ("style-src", "default-src"),
    "connect-src": ("connect-src", "default-src"),
    "frame-ancestors": ("frame-ancestors",),
}
# A page of https may also be asked over wss by the same words.
_SAME = {"http": ("http", "https"), "ws": ("ws", "wss"), "https": ("https",), "wss": ("wss",)}
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


def parse(values: Iterable[str]) -> list[dict[str, list[str]]]:
    """The policies of a response: each header may hold several, and each of them must be obeyed."""
    found = []
    for policy in (part for value in values for part in value.split(",")):
        rules: dict[str, list[str]] = {}
        for rule in policy.split(";"):
            words = rule.split()
            if words:
                rules.setdefault(words[0].lower(), words[1:])
        if rules:
            found.append(rules)
    return found


def sources(policy: dict[str, list[str]], directive: str) -> list[str] | None:
    """What the policy says about it; None where it says nothing, so that all is allowed."""
    for name in _FALLBACKS[directive]:
        if name in policy:
            return policy[name]
    return None


def digest(text: str) -> str:
    """The word that allows an inline script or style of this text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def lacking(
    policy: dict[str, list[str]], *, page: str, scripts: Sequence[str], connect: Sequence[str], worker: bool = False
) -> list[str]:
    """What the policy forbids of what is needed, in words. `scripts`: inline ones.

    `worker`: it is a worker's own policy.
    """
    found = []
    allowed = sources(policy, "script-src")
    if allowed is not None:
        if not allows(allowed, page, page):
            found.append("our scripts ('self' in script-src)")
        if not {"'wasm-unsafe-eval'", "'unsafe-eval'"} & set(allowed):
            found.append("WebAssembly ('wasm-unsafe-eval' in script-src)")
    inline = sources(policy, "script-src-elem")
    if inline is not None and not worker:
        hashed = any(word.startswith(("'sha", "'nonce-")) or word == "'strict-dynamic'" for word in inline)
        for text in scripts:
            if digest(text) not in inline and ("'unsafe-inline'" not in inline or hashed):
                found.append(f"the script that stands in the page ({digest(text)} in script-src)")
    workers = sources(policy, "worker-src")
    if workers is not None and not worker and not allows(workers, page, page):
        found.append("the worker ('self' in worker-src)")
    styles = sources(policy, "style-src")
    if styles is not None and not worker and not allows(styles, page, page):
        found.append("the style sheet ('self' in style-src)")
    targets = sources(policy, "connect-src")
    if targets is not None:
        found += [f"connections to {origin} (connect-src)" for origin in connect if not allows(targets, origin, page)]
    return found


def allows(words: Sequence[str], origin: str, page: str) -> bool:
    """Do these words of a directive let the page at `page` have `origin`?"""
    return any(_matches(word.lower(), origin, page) for word in words)


def _matches(word: str, origin: str, page: str) -> bool:
    here = urlsplit(origin)
    if word == "'self'":
        own = urlsplit(page)
        same_host = (here.hostname, _port(here.scheme, here.port)) == (own.hostname, _port(own.scheme, own.port))
        return same_host and (here.scheme == own.scheme or here.scheme == {"http": "ws", "https": "wss"}[own.scheme])
    if word == "*":
        return here.scheme in ("http", "https", "ws", "wss")
    if word.endswith(":"):
        return here.scheme in _SAME.get(word[:-1], (word[:-1],))
    there = urlsplit(word if "://" in word else f"{urlsplit(page).scheme}://{word}")
    try:
        port = "*" if there.netloc.endswith(":*") else there.port
    except ValueError:
        return False
    if "://" in word and here.scheme not in _SAME.get(there.scheme, (there.scheme,)):
        return False
    name = (there.netloc.rpartition(":")[0] if port is not None else there.netloc).strip("[]")
    matched = (here.hostname or "").endswith(name[1:]) if name.startswith("*.") else here.hostname == name
    return matched and (port in ("*", _port(here.scheme, here.port)) or (port is None and here.port is None))


def _port(scheme: str, port: int | None) -> int | None:
    return port or _PORTS.get(scheme)
