"""Texts: every sentence that a visitor reads, in one catalogue per language.

The shipped ones are `templates/languages/en.toml` and `de.toml`; a team adds its own beside its `agent.toml`, in
`languages/`, and replaces single texts in `[texts]` there. English names the keys: every other language has the same
ones, with the same values in braces. The build writes the chosen language into the page; with `language = "auto"` each
other one is a file that a browser asks for only where its person prefers that language.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from builder.bundle import Bundled
from builder.environment import SetupError
from builder.policy import TAG

SHIPPED = Path("templates") / "languages"
REFERENCE = "en"
AUTO = "auto"
MAX_CHARS = 1000
# The bundles whose texts stand in the page: they run before it is ready.
TAG_SECTION = "tag."
PYTHON_SECTIONS = ("notice.", "status.", "line.")
PAGE_SCRIPTS = ("start.js", "shell.js")
_VALUE = re.compile(r"\{(\w+)\}")
_CODE = re.compile(r"[a-z]{2,3}")
# `t("call.mute")` in a page or script, and `t(`start.${kind}.title`)`.
_USE = re.compile(r"\bt\(\s*(?:\"([^\"]+)\"|'([^']+)'|`([^`]+)`)")
_INSERTED = re.compile(r"\$\{[^}]*\}")
# What a person reads or is read to of an element beside its content.
_ATTRIBUTES = ("aria-label", "placeholder", "title", "alt", "label")

Catalogue = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The texts of one site.

    `language`: of the page as it is built, `tag`: what its `lang` says; `others`: what a browser may ask for.
    """

    language: str
    tag: str
    catalogues: Mapping[str, Catalogue]

    @property
    def own(self) -> Catalogue:
        return self.catalogues[self.language]

    @property
    def of_the_tag(self) -> dict[str, dict[str, str]]:
        """What `<voice-agent>` says itself: it is a script in a page that has no texts of ours."""
        codes = [self.language, *self.others]
        return {
            code: {key: text for key, text in self.catalogues[code].items() if key.startswith(TAG_SECTION)}
            for code in codes
        }

    @property
    def others(self) -> list[str]:
        return sorted(code for code in self.catalogues if code != self.language)


def load(root: Path, agent: Path, wanted: str, replaced: Mapping[str, Any]) -> Texts:
    """The texts for the agent in that folder. `wanted`: `[page] language`, `replaced`: `[texts]`. Raises SetupError."""
    file = f"{agent.relative_to(root) if agent.is_relative_to(root) else agent}/agent.toml"
    catalogues = _catalogues(root, agent)
    tag = REFERENCE if wanted == AUTO else wanted
    language = tag.partition("-")[0].lower()
    if language not in catalogues or not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", tag):
        known = [*catalogues, AUTO]
        hyphened = wanted.replace("_", "-")
        near = f"; did you mean {hyphened}?" if hyphened != wanted and language[:2] in catalogues else ""
        raise SetupError(
            f"{file}: [page] language '{wanted}' has no texts (there are: {', '.join(known)}){near or _nearest(wanted, known)}; "
            f"another one is a file {language if _CODE.fullmatch(language) else 'xx'}.toml in languages/ beside agent.toml"
        )
    for code, key, text in _replacements(file, replaced, catalogues):
        catalogues[code] = {**catalogues[code], key: text}
    kept = catalogues if wanted == AUTO else {language: catalogues[language]}
    return Texts(language=language, tag=tag, catalogues=kept)


def languages(root: Path, agent: Path) -> tuple[str, ...]:
    """The languages that there are texts in, shipped ones and the agent's own."""
    return tuple(sorted(it.stem for folder in (root / SHIPPED, agent / "languages") for it in folder.glob("*.toml")))


def _catalogues(root: Path, agent: Path) -> dict[str, Catalogue]:
    shipped = sorted((root / SHIPPED).glob("*.toml"))
    own = sorted((agent / "languages").glob("*.toml"))
    files = {path.stem: path for path in shipped}
    for path in own:
        if not _CODE.fullmatch(path.stem):
            raise SetupError(f"{_name(root, path)}: the file of a language has its code for a name, such as fr.toml")
        if path.stem in files:
            raise SetupError(
                f"{_name(root, path)}: this language is shipped; replace single texts under [texts] in agent.toml"
            )
        files[path.stem] = path
    english = read(files[REFERENCE])
    found: dict[str, Catalogue] = {code: english if code == REFERENCE else read(path) for code, path in files.items()}
    for code, path in files.items():
        problems = differences(english, found[code])
        if problems:
            raise SetupError("\n".join(f"{_name(root, path)}: {problem}" for problem in problems))
    return found


def read(path: Path) -> dict[str, str]:
    """One catalogue, its keys joined by dots. Raises SetupError."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise SetupError(f"{path.name} is not UTF-8; save the file in that encoding") from None
    except tomllib.TOMLDecodeError as error:
        raise SetupError(f"{path.name} is not valid TOML: {error}") from None
    found = dict(_flat(raw))
    for key, text in found.items():
        problem = _problem(text)
        if problem:
            raise SetupError(f"{path.name}: {key} {problem}")
    return found


def differences(english: Catalogue, other: Catalogue) -> list[str]:
    """What another language lacks, has too much, or gets wrong."""
    found = [f"{key} is missing; in English it is: {english[key]}" for key in english if key not in other]
    found += [f"{key} is not a text of the page{_nearest(key, english)}" for key in other if key not in english]
    for key in english:
        if key in other and values(english[key]) != values(other[key]):
            found.append(f"{key} must have {_braces(english[key])} as the English text has, not {_braces(other[key])}")
    return found


def values(text: str) -> set[str]:
    """The names in braces, which the page puts something in for."""
    return set(_VALUE.findall(text))


def _replacements(
    file: str, given: Mapping[str, Any], catalogues: Mapping[str, Catalogue]
) -> Iterable[tuple[str, str, str]]:
    """(language, key, text) of `[texts]`: for all languages, and after these for one, in `[texts.de]`."""
    english = catalogues[REFERENCE]
    whole = [
        (code, key, text)
        for key, text in _flat({k: v for k, v in given.items() if k not in catalogues})
        for code in catalogues
    ]
    single = [
        (code, key, text)
        for code in catalogues
        if isinstance(given.get(code), dict)
        for key, text in _flat(given[code])
    ]
    for name, table in given.items():
        if (
            isinstance(table, dict)
            and name not in catalogues
            and not any(key.startswith(f"{name}.") for key in english)
        ):
            known = ", ".join(catalogues)
            near = _nearest(name, [*catalogues, *{key.partition(".")[0] for key in english}])
            raise SetupError(
                f"{file}: [texts.{name}]: {name} is no language of the page (there are: {known}) and no group of its texts{near}"
            )
    for code, key, text in [*whole, *single]:
        if key not in english:
            inside = next((it for it in english if it.startswith(f"{key}.")), "")
            hint = f"; it is a group of texts, such as {inside}" if inside else _nearest(key, english)
            raise SetupError(f"{file}: [texts] {key} is not a text of the page (given: {_shown(text)}){hint}")
        problem = _problem(text)
        if problem:
            raise SetupError(f"{file}: [texts] {key} {problem} (given: {_shown(text)})")
        strange = values(text) - values(english[key])
        if strange:
            raise SetupError(
                f"{file}: [texts] {key} cannot have {{{min(strange)}}}; it can have {_braces(english[key])}"
            )
        yield code, key, text


def _flat(table: Mapping[str, Any], before: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _problem(text: object) -> str:
    if not isinstance(text, str) or not text.strip():
        return "must be text in quotes"
    if len(text) > MAX_CHARS or any(ord(char) < 32 for char in text):
        return f"must be one line of at most {MAX_CHARS} characters"
    return ""


def _nearest(given: str, allowed: Collection[str]) -> str:
    near = difflib.get_close_matches(given, allowed, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _shown(value: object) -> str:
    return repr(value)[:60]


def _braces(text: str) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(values(text))) or "no value in braces"


def _name(root: Path, path: Path) -> str:
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


# --- which texts a page or script uses


def used(source: str, keys: Collection[str]) -> set[str]:
    """The keys that a page or script uses. Raises SetupError for one that no catalogue has."""
    found: set[str] = set()
    for written in (next(filter(None, groups)) for groups in _USE.findall(source)):
        fixed = [re.escape(part) for part in _INSERTED.split(written)]
        form = re.compile(r"[\w]+".join(fixed))
        named = {key for key in keys if form.fullmatch(key)}
        if not named:
            raise SetupError(f"{written} is used and is in no catalogue{_nearest(written, keys)}")
        found |= named
    return found


def lookup(catalogue: Catalogue) -> Callable[[str], str]:
    """`t` for the templates."""

    def t(key: str) -> str:
        if key not in catalogue:
            raise SetupError(f"{key} is used in templates/ and is in no catalogue{_nearest(key, catalogue)}")
        return catalogue[key]

    return t


@dataclass(frozen=True, slots=True, kw_only=True)
class OfScripts:
    """The keys that scripts use: those that must be in the page, and all."""

    page: frozenset[str]
    all: frozenset[str]


def of_scripts(bundles: Mapping[str, Bundled], texts: Texts) -> OfScripts:
    """Which texts the scripts need, by their sources. Raises SetupError."""
    found = {name: _used_by(it, texts.own) for name, it in bundles.items()}
    page = frozenset(key for name in PAGE_SCRIPTS for key in found[name]) | _of_python(texts.own)
    return OfScripts(page=page, all=page.union(*found.values()))


def completed(bundles: Mapping[str, Bundled], own: Catalogue) -> dict[str, Bundled]:
    """The bundles, where a script that comes later brings the texts that it alone uses. Raises SetupError."""
    in_page = {key for name in PAGE_SCRIPTS for key in _used_by(bundles[name], own)} | _of_python(own)
    made = dict(bundles)
    for name, it in bundles.items():
        also = sorted(_used_by(it, own) - in_page)
        if also:
            known = "globalThis.parleyGuard.config"
            written = json.dumps({key: own[key] for key in also}, ensure_ascii=False, separators=(",", ":"))
            # At the end, where it moves no line of the source map. A text in the page's language is
            # there already, and stays.
            made[name] = replace(it, code=f"{it.code}{known}.texts={{...{written},...{known}.texts}};\n")
    return made


def _of_python(keys: Collection[str]) -> frozenset[str]:
    """The client names its texts, and the page has them in its language."""
    return frozenset(key for key in keys if key.startswith(PYTHON_SECTIONS))


def _used_by(it: Bundled, keys: Collection[str]) -> set[str]:
    if it.name == TAG:
        return set()
    sources = json.loads(it.source_map).get("sourcesContent", [])
    return {key for source in sources for key in used(source, keys)}


# --- the page in another language


def translated(page: str, other: str) -> dict[str, str]:
    """What stands in a page, and the same in another language: by the whole text of a node or an attribute.

    Raises SetupError.
    """
    found: dict[str, str] = {}
    for mine, theirs in zip(_read_by_a_person(page), _read_by_a_person(other), strict=True):
        if found.setdefault(mine, theirs) != theirs:
            raise SetupError(
                f"'{mine}' stands twice in the page and is '{found[mine]}' and '{theirs}' in another language"
            )
    return {mine: theirs for mine, theirs in found.items() if mine != theirs}


def _read_by_a_person(page: str) -> list[str]:
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader.found


class _Reader(HTMLParser):
    """The texts of a page in their order, without those of scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        self.found += [value for name, value in attrs if name in _ATTRIBUTES and value]

    def handle_data(self, data: str) -> None:
        if self.inside not in ("script", "style", "title") and data.strip():
            self.found.append(data.strip())

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""
