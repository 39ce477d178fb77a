"""Consent: what `[consent]` of agent.toml may say, and when a visitor is asked again."""

from __future__ import annotations

from typing import Any

import pytest

from builder import consent
from builder.environment import SetupError

FILE = "agents/mine/agent.toml"
LANGUAGES = ("de", "en")


def checked(**given: Any) -> consent.Consent:
    return consent.checked(FILE, given, LANGUAGES)


def test_a_section_without_a_text_asks_nothing_and_nobody_meant_that() -> None:
    with pytest.raises(SetupError, match=r"\[consent\] text must be .*; it is missing"):
        checked()


def test_a_text_has_paragraphs_and_may_be_another_one_in_another_language() -> None:
    found = checked(text="One\nline.\n\nTwo.", link="https://site.example/privacy", de={"text": "Eins."})
    assert found.paragraphs("en") == ["One line.", "Two."] and found.paragraphs("de") == ["Eins."]
    assert found.told() == {"version": found.version, "remember": "session"}


def test_another_text_or_link_is_another_version() -> None:
    texts = [
        checked(text="A."),
        checked(text="B."),
        checked(text="A.", link="/privacy"),
        checked(text="A.", de={"text": "C."}),
    ]
    assert len({it.version for it in texts}) == 4
    assert checked(text="A.", remember="version").version == checked(text="A.").version


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"text": ""}, r"\[consent\] text must be text in quotes"),
        ({"link": "https://a.example/"}, r"\[consent\] text must be text"),
        ({"text": "A.", "txt": "B."}, r"unknown \[consent\] key 'txt' .* did you mean text\?"),
        ({"text": "A.", "de": {"link": "/x"}}, r"unknown \[consent.de\] key 'link'"),
        ({"text": "A.", "de": {}}, r"\[consent.de\] text must be text"),
        ({"text": "A.", "link": "javascript:alert(1)"}, r"link must be an address that begins with https:// or with /"),
        (
            {"text": "A.", "remember": "sesion"},
            r"must be one of: session, version, not 'sesion'; did you mean session\?",
        ),
    ],
)
def test_a_mistake_stops_the_build(given: dict[str, Any], told: str) -> None:
    with pytest.raises(SetupError, match=told):
        consent.checked(FILE, given, LANGUAGES)
