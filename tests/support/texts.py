"""The English texts of the page, for tests that read it."""

from __future__ import annotations

from pathlib import Path

from builder import texts

LANGUAGES = Path(__file__).resolve().parents[2] / texts.SHIPPED
ENGLISH = texts.read(LANGUAGES / "en.toml")


def of_start(code: str) -> tuple[str, str, str]:
    """Why a page did not start: title, what the visitor can do, what the site's owner should know."""
    return ENGLISH[f"start.{code}.title"], ENGLISH[f"start.{code}.hint"], ENGLISH[f"start.{code}.owner"]
