"""The English texts of the page, for tests that read it or what the client tells it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from builder import texts
from pyclient.codecs import CloseReason
from pyclient.page import notices
from pyclient.page.notice_texts import Notice

LANGUAGES = Path(__file__).resolve().parents[2] / texts.SHIPPED
ENGLISH = texts.read(LANGUAGES / "en.toml")


def of_start(code: str) -> tuple[str, str, str]:
    """Why a page did not start: title, what the visitor can do, what the site's owner should know."""
    return ENGLISH[f"start.{code}.title"], ENGLISH[f"start.{code}.hint"], ENGLISH[f"start.{code}.owner"]


def say(text: list[Any]) -> str:
    """A text of the client's, as the page says it. KeyError where no catalogue has it."""
    key, values = text
    words = {name: _listed(value) if isinstance(value, list) else value for name, value in values.items()}
    return re.sub(r"\{(\w+)\}", lambda found: str(words[found[1]]), ENGLISH[key])


def _listed(value: list[Any]) -> str:
    return " and ".join(say(text) for text in value) if isinstance(value[0], list) else say(value)


def of_notice(notice: Notice) -> tuple[str, str]:
    """Title and hint of a notice."""
    return say(notice.title), " ".join(map(say, notice.hints))


def of_close(reason: CloseReason) -> tuple[str, str]:
    """The same of a close code."""
    return of_notice(notices.closed(reason, 0))


def worded(view: Mapping[str, Any]) -> dict[str, Any]:
    """A view of the client's as the page shows it, as `worded` in templates/static/texts.js; lines of our
    own keep their names.
    """
    notice = view["notice"]
    if notice is not None:
        notice = {**notice, "title": say(notice["title"]), "hint": " ".join(map(say, notice["hint"]))}
    return {**view, "status": ENGLISH[f"status.{view['status']}"], "notice": notice}
