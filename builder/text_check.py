"""Text check: no text that a visitor reads stands in the code, and none in the catalogues that nothing uses.

A step of `build.py check`. What scripts say to a person is found by how it is written: a sentence, or a word
where words are shown. What machines say to each other, and errors that only reach Diagnostics, is English and
may stand where it arises.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

from builder import texts
from builder.environment import SetupError

_JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_TAG = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.DOTALL)
_ATTRIBUTE = re.compile(r"\b(?:aria-label|placeholder|title|alt|label)=\"([^\"]*)\"")
# A name of an application's part, or of a key of the keyboard, is the same in every language.
_SAME_EVERYWHERE = re.compile(r"\b(?:M|Esc)\b|[^\w\s]|[\d_]")
_LETTERS = re.compile(r"[^\W\d_]{2,}")

_SENTENCE = re.compile(r"[^\W\d_]{2,}[,:]? [^\W\d_]{2,}|^[A-Z][a-z]+…$")
# A query of the style sheet, or selectors.
_NO_SENTENCE = re.compile(r"^\(|^input, ")
_WORD = re.compile(r"^[A-Z][a-z]+$")
# Where a word is shown to a person, by what stands before its quote.
_SHOWN = re.compile(r"(textContent\s*[:=]|\btitle\s*[:=]|setText\([^;]*,|\"aria-label\",|new Option\()\s*$")
# What a programmer, a machine or the site's owner reads: an error, a log, a message to another page's script.
_TECHNICAL = re.compile(
    r"(Error\(|Fault\(|\bfailed\(|damaged\(|console\.\w+\(|\bdetail:|\blacking\.push\(|FACTS|genuine\(\w+,|headers\.get\(|\bwhat\b.*=|say\()[^;]*$"
)
_VARIABLE_KEY = re.compile(r"(?<!function )\bt\((?!\s*[\"'`])")
# Files whose sentences nobody sees who is not looking for the reason of a fault.
TECHNICAL_FILES = {
    "decoded_copy.js": "the name of a cache",
    "death.js": "why the worker died, for Diagnostics",
    "deferred_wasm.js": "errors",
    "files.js": "what a file is called in an error",
    "genuine.js": "errors",
    "inflate.js": "errors",
    "quirks.js": "selectors of features",
    "reload.js": "what only the author of an agent reads, beside `serve`",
    "restore.js": "errors",
    "runtime.js": "why a faster way was not taken, for Diagnostics",
    "worker.js": "errors",
    "worker_link.js": "why the worker died, for Diagnostics",
    "host.js": "errors, and what the log says",
    "network.js": "errors",
    "embed.js": "what a team's own page or its tool is told",
    "voice_agent_style.js": "a style sheet",
    "_preload.js": "errors",
}


def problems(root: Path) -> list[str]:
    """What is wrong, one line each. Raises SetupError for a catalogue that cannot be read at all."""
    folder = root / texts.SHIPPED
    english = texts.read(folder / f"{texts.REFERENCE}.toml")
    found = []
    for path in sorted(folder.glob("*.toml")):
        found += [f"{path.name}: {problem}" for problem in texts.differences(english, texts.read(path))]
    used: set[str] = set()
    for path in _sources(root):
        source, name = path.read_text(encoding="utf-8"), path.relative_to(root).as_posix()
        try:
            used |= texts.used(source, english)
        except SetupError as error:
            found.append(f"{name}: {error}")
        found += [f"{name}, line {line}: {what}" for line, what in leftover(path.name, source)]
    used |= _named_by_python(root, english)
    found += [f"{texts.REFERENCE}.toml: nothing uses {key}" for key in english if key not in used]
    return found


def _sources(root: Path) -> list[Path]:
    templates = root / "templates"
    return sorted([*templates.glob("*.html"), *templates.glob("*.js"), *templates.glob("static/*.js")])


def _named_by_python(root: Path, keys: Collection[str]) -> set[str]:
    """The keys that the client names: in a string as they are, or by the end of a name that
    it makes (`closed_1006`, `mic_denied`).
    """
    sources = [path.read_text(encoding="utf-8") for path in sorted((root / "pyclient").rglob("*.py"))]
    named = {text for source in sources for text in re.findall(r"[\"']([\w.]+)[\"']", source)}

    def spelt(name: str) -> bool:
        return name in named or any(name.endswith(f"_{it}") for it in named)

    return {key for key in keys if key.startswith(texts.PYTHON_SECTIONS) and spelt(key.split(".")[1])}


def leftover(name: str, source: str) -> Iterator[tuple[int, str]]:
    """(line, what) of texts that stand in a page or script."""
    if name.endswith(".html"):
        yield from _in_page(source)
    elif name not in TECHNICAL_FILES:
        yield from _in_script(name, source)


def _in_page(source: str) -> Iterator[tuple[int, str]]:
    blank = lambda found: re.sub(r"[^\n]", " ", found[0])  # noqa: E731
    plain = _JINJA.sub(blank, source)
    shown = [*((it.start(1), it[1]) for it in _ATTRIBUTE.finditer(plain))]
    shown += [(it.start(), it[0]) for it in re.finditer(r"[^\n]+", _TAG.sub(blank, plain))]
    for at, text in sorted(shown):
        left = _SAME_EVERYWHERE.sub(" ", re.sub(r"&\w+;", " ", text))
        if _LETTERS.search(left):
            yield source.count("\n", 0, at) + 1, f"'{text.strip()}' belongs into the catalogues"


def _in_script(name: str, source: str) -> Iterator[tuple[int, str]]:
    if name != "texts.js":
        for found in _VARIABLE_KEY.finditer(_without_comments(source)):
            yield source.count("\n", 0, found.start()) + 1, "t() needs its key where it is called, not in a variable"
    for at, before, text in strings(source):
        fixed = re.sub(r"\$\{[^}]*\}", "{}", text)
        if _NO_SENTENCE.search(fixed):
            continue
        spoken = _SENTENCE.search(fixed) or (_WORD.match(fixed) and _SHOWN.search(before))
        if spoken and not _TECHNICAL.search(before):
            yield source.count("\n", 0, at) + 1, f"'{text}' belongs into the catalogues"


_TOKEN = re.compile(
    r"""(?P<comment>/\*.*?\*/|//[^\n]*)
    |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)
    |(?P<regexp>(?<=[(,=:\[!&|?{};\n])\s*/(?![*/])(?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*)""",
    re.DOTALL | re.VERBOSE,
)


def strings(source: str) -> Iterator[tuple[int, str, str]]:
    """(where, what stands before it in its statement, its text) of every string of a script."""
    for found in _TOKEN.finditer(source):
        if found["string"]:
            start = max(source.rfind(";", 0, found.start()), source.rfind("\n\n", 0, found.start()), 0)
            yield found.start(), source[start : found.start()], found["string"][1:-1]


def _without_comments(source: str) -> str:
    return _TOKEN.sub(lambda found: re.sub(r"[^\n]", " ", found[0]) if found["comment"] else found[0], source)


def main() -> int:
    try:
        found = problems(Path(__file__).resolve().parents[1])
    except SetupError as error:
        found = [str(error)]
    for line in found:
        print(line)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
