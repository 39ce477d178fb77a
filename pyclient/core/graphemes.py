"""Grapheme boundaries: where a text may be cut, also in scripts without spaces.

Unicode Standard Annex 29 without its tables, because the page's start does not pay for them: marks are
recognised by how Python itself classifies identifiers, and the few characters that this leaves out are listed.
A test compares it with `unicodedata`.
"""

from __future__ import annotations

from bisect import bisect_right

# Scripts that are written without spaces between words: Thai, Lao, Tibetan, Myanmar, Khmer, Tai Le and New Tai Lue, Tai
# Tham, Han with its radicals, kana, bopomofo, Yi, full-width forms, and Han beyond the first plane. Hangul has spaces.
_SPACELESS = (
    (0x0E00, 0x0EFF),
    (0x0F00, 0x109F),
    (0x1780, 0x17FF),
    (0x1950, 0x19DF),
    (0x1A20, 0x1AAF),
    (0x2E80, 0x2FDF),
    (0x3000, 0x312F),
    (0x31A0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xA000, 0xA4CF),
    (0xF900, 0xFAFF),
    (0xFE30, 0xFE4F),
    (0xFF00, 0xFFEF),
    (0x1B000, 0x1B16F),
    (0x20000, 0x3FFFF),
)
_STARTS = tuple(first for first, _ in _SPACELESS)

# What joins the character before it and is no letter, digit or mark to Python: joiners, enclosing marks, skin tones,
# tags; and four vowels that are letters but have no place of their own.
_JOINING = frozenset(
    "\u200c\u200d\u0488\u0489\ua670\ua671\ua672\u0e33\u0eb3\uff9e\uff9f"
    + "".join(map(chr, (*range(0x20DD, 0x20E5), *range(0x1F3FB, 0x1F400), *range(0xE0020, 0xE0080))))
)
# Connector punctuation and the middle dots: parts of identifiers, but no marks.
_NO_MARKS = frozenset("_\u00b7\u0387\u203f\u2040\u2054\u30fb\ufe33\ufe34\ufe4d\ufe4e\ufe4f\uff3f\uff65")
_JOINER = "\u200d"
# Between two consonants these make one character of both: Devanagari, Bengali, Gujarati, Oriya, Telugu, Malayalam.
_VIRAMAS = frozenset("\u094d\u09cd\u0acd\u0b4d\u0c4d\u0d4d")


def is_spaceless(char: str) -> bool:
    """Is this a character of a script without spaces between words?"""
    code = ord(char)
    at = bisect_right(_STARTS, code) - 1
    return at >= 0 and code <= _SPACELESS[at][1]


def is_mark(char: str) -> bool:
    """Does this character belong to the one before it, whatever that is?"""
    if char < "\u0300":
        return False
    if char in _JOINING:
        return True
    return not char.isalnum() and char not in _NO_MARKS and not char.isidentifier() and ("a" + char).isidentifier()


def joins(text: str, at: int) -> bool:
    """Are the characters before and behind position `at` of one cluster? Both must exist."""
    before, behind = text[at - 1], text[at]
    if is_mark(behind) or (before == "\r" and behind == "\n"):
        return True
    if before == _JOINER:
        return not behind.isalnum() or _after_virama(text, at)  # emoji joined to emoji; letters only after a virama
    if before in _VIRAMAS:
        return behind.isalpha()
    if _is_flag(behind) and _is_flag(before):
        first = at - 1
        while first > 0 and _is_flag(text[first - 1]):
            first -= 1
        return (at - first) % 2 == 1
    return _jamo_joins(before, behind)


def floor(text: str, at: int) -> int:
    """The nearest place at or before `at` where the text may be cut."""
    at = min(at, len(text))
    while 0 < at < len(text) and joins(text, at):
        at -= 1
    return at


def ceiling(text: str, at: int) -> int:
    """The nearest place at or behind `at` where the text may be cut."""
    while 0 < at < len(text) and joins(text, at):
        at += 1
    return min(at, len(text))


def clip(text: str, limit: int) -> str:
    """At most `limit` characters, with an ellipsis where something is missing."""
    return text if len(text) <= limit else text[: floor(text, limit - 1)] + "…"


def heard_part(text: str, share: float) -> str:
    """The beginning of `text` that takes `share` of its sound, up to the end of a word, or of a character where there
    are no words.
    """
    at = ceiling(text, round(len(text) * share))
    while 0 < at < len(text):
        if (
            text[at].isspace()
            or is_spaceless(text[at - 1])
            or (is_spaceless(text[at]) and not _is_opening(text[at - 1]))
        ):
            return text[:at]
        at = ceiling(text, at + 1)
    return text[:at]


def _is_opening(char: str) -> bool:
    return char in "([{“«¿¡"


def _after_virama(text: str, at: int) -> bool:
    return at >= 2 and text[at - 2] in _VIRAMAS


def _is_flag(char: str) -> bool:
    """A regional indicator: two of them are a flag."""
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _jamo_joins(before: str, behind: str) -> bool:
    """Hangul syllables that are written as their parts: lead, vowel, tail."""
    if not ("\u1160" <= behind <= "\u11ff" or "\ud7b0" <= behind <= "\ud7ff" or "\u1100" <= behind <= "\u115f"):
        return False
    if "\u1100" <= behind <= "\u115f":
        return "\u1100" <= before <= "\u115f"
    return "\u1100" <= before <= "\u11ff" or "\uac00" <= before <= "\ud7ff"
