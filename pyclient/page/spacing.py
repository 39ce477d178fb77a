"""Spacing: puts the words of a transcript together, whether or not they bring their own spaces."""

from __future__ import annotations

from pyclient.core.graphemes import is_mark, is_spaceless, joins

_NO_SPACE_BEFORE = frozenset(".,!?;:%)]}”»…。、，！？：；）」』")
_NO_SPACE_AFTER = frozenset("([{“«¿¡「『（")
_CONTRACTIONS = ("s", "t", "d", "m", "re", "ve", "ll")


def join_words(text: str, delta: str) -> str:
    """Append a delta that may or may not bring its own spaces (protocol file section 5).

    One space between words, none before punctuation, closing quotes or contractions, none after an opening bracket
    or quote, none between characters of scripts that are written without spaces; a line break stays one.
    """
    word = delta.strip()
    kept = text.rstrip()
    if not kept:
        return delta.lstrip()
    if not word:
        return text if text[-1].isspace() else text + delta[:1]
    gap = text[len(kept) :] + delta[: len(delta) - len(delta.lstrip())]
    tail = delta[len(delta.rstrip()) :]
    if "\n" in gap:
        return f"{kept}\n{word}{tail}"
    space = "" if _joins(kept, word, bool(gap)) else " "
    return f"{kept}{space}{word}{tail}"


def _joins(kept: str, word: str, gap: bool) -> bool:
    first, last = word[0], kept[-1]
    if not gap and (is_mark(first) or joins(last + first, 1)):
        return True  # a character that came in two messages
    if first in _NO_SPACE_BEFORE or last in _NO_SPACE_AFTER:
        return True
    if first in "'’":
        return word[1:].rstrip(".,!?;:").lower() in _CONTRACTIONS
    if first == '"' and len(word.rstrip(".,!?;:")) == 1:
        return kept.count('"') % 2 == 1  # a quote mark alone: closes if one is open
    if last == '"':
        return kept.count('"') % 2 == 1  # just opened
    return not gap and is_spaceless(first) and is_spaceless(kept[-1])
