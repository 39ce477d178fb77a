"""The catalogues of texts: what a team can add and replace, what stops the build, and what reaches the page."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from builder import text_check as check
from builder import texts
from builder.bundle import Bundled
from builder.environment import SetupError
from tests.support.texts import ENGLISH, LANGUAGES

ROOT = Path(__file__).resolve().parents[2]
GERMAN = texts.read(LANGUAGES / "de.toml")


def loaded(tmp_path: Path, wanted: str, replaced: dict[str, Any] | None = None, **own: str) -> texts.Texts:
    """The texts of an agent whose folder has these files in `languages/`."""
    folder = tmp_path / "agents" / "mine"
    for name, content in own.items():
        (folder / "languages").mkdir(parents=True, exist_ok=True)
        (folder / "languages" / f"{name}.toml").write_text(content, encoding="utf-8")
    if not (tmp_path / texts.SHIPPED).exists():
        shutil.copytree(LANGUAGES, tmp_path / texts.SHIPPED)
    return texts.load(tmp_path, folder, wanted, replaced or {})


def as_file(catalogue: dict[str, str]) -> str:
    return "\n".join(f"{key} = {json.dumps(text)}" for key, text in catalogue.items())


def test_no_key_is_missing_and_none_unused_and_no_text_stands_in_the_code() -> None:
    assert check.problems(ROOT) == []


def test_german_says_something_else_everywhere_where_it_has_words_of_its_own() -> None:
    own = {key: re.sub(r"\{\w+\}", "", text) for key, text in ENGLISH.items()}
    same = {key for key, text in own.items() if ENGLISH[key] == GERMAN[key] and re.search(r"\w", text)}
    assert same == {"who.agent", "saving.text", "diagnostics.browser", "check.server"}


@pytest.mark.parametrize(
    ("wanted", "language", "tag", "others"),
    [
        ("en", "en", "en", []),
        ("de", "de", "de", []),
        ("de-AT", "de", "de-AT", []),
        ("auto", "en", "en", ["de"]),
    ],
)
def test_the_page_has_the_language_that_was_asked_for(
    tmp_path: Path, wanted: str, language: str, tag: str, others: list[str]
) -> None:
    found = loaded(tmp_path, wanted)
    assert (found.language, found.tag, found.others) == (language, tag, others)
    assert found.own == (GERMAN if language == "de" else ENGLISH)


def test_a_team_adds_a_language_by_one_file(tmp_path: Path) -> None:
    french = {key: f"« {text} »" for key, text in ENGLISH.items()}
    assert loaded(tmp_path, "fr", fr=as_file(french)).own == french
    assert loaded(tmp_path, "auto").others == ["de", "fr"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda it: it.pop("call.mute"),
            r"agents/mine/languages/fr.toml: call.mute is missing; in English it is: Mute",
        ),
        (lambda it: it.update({"call.mutte": "x"}), r"call.mutte is not a text of the page; did you mean call.mute\?"),
        (
            lambda it: it.update({"call.ends_in": "bientôt"}),
            r"call.ends_in must have \{time\} .* not no value in braces",
        ),
        (lambda it: it.update({"call.mute": "{who}"}), r"call.mute must have no value in braces .* not \{who\}"),
        (lambda it: it.update({"call.mute": " "}), r"fr.toml: call.mute must be text in quotes"),
        (lambda it: it.update({"call.mute": "a\nb"}), r"fr.toml: call.mute must be one line"),
    ],
)
def test_a_language_with_a_mistake_stops_the_build(tmp_path: Path, change: Any, told: str) -> None:
    french = dict(ENGLISH)
    change(french)
    with pytest.raises(SetupError, match=told):
        loaded(tmp_path, "en", fr=as_file(french))


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("fr", r"\[page\] language 'fr' has no texts \(there are: de, en, auto\).* fr.toml in languages/"),
        ("English", r"language 'English' has no texts .* xx.toml"),
        ("audo", r"did you mean auto\?"),
        ("", r"language '' has no texts"),
        ("de_AT", r"language 'de_AT' has no texts"),
    ],
)
def test_an_unknown_language_stops_the_build(tmp_path: Path, wanted: str, told: str) -> None:
    with pytest.raises(SetupError, match=told):
        loaded(tmp_path, wanted)


def test_files_that_are_no_languages_stop_the_build(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"languages/french.toml: the file of a language has its code for a name"):
        loaded(tmp_path, "en", french=as_file(dict(ENGLISH)))
    (tmp_path / "agents/mine/languages/french.toml").unlink()
    with pytest.raises(SetupError, match=r"languages/de.toml: this language is shipped; replace single texts"):
        loaded(tmp_path, "en", de=as_file(GERMAN))
    with pytest.raises(SetupError, match=r"de.toml is not valid TOML"):
        texts.read(_written(tmp_path / "de.toml", "x ="))


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_team_replaces_single_texts(tmp_path: Path) -> None:
    replaced = {"call": {"connect": "Go", "mute": "Psst"}, "de": {"call": {"connect": "Los"}}}
    found = loaded(tmp_path, "auto", replaced)
    assert {code: found.catalogues[code]["call.connect"] for code in ("en", "de")} == {"en": "Go", "de": "Los"}
    assert {code: found.catalogues[code]["call.mute"] for code in ("en", "de")} == {"en": "Psst", "de": "Psst"}
    assert found.own["call.hang_up"] == "Hang up"


@pytest.mark.parametrize(
    ("replaced", "told"),
    [
        (
            {"call": {"conect": "Go"}},
            r"agents/mine/agent.toml: \[texts\] call.conect is not .* did you mean call.connect\?",
        ),
        ({"de": {"call": {"x": "Go"}}}, r"\[texts\] call.x is not a text of the page"),
        ({"call": {"connect": 1}}, r"\[texts\] call.connect must be text in quotes"),
        ({"call": {"ends_in": "{minutes} left"}}, r"call.ends_in cannot have \{minutes\}; it can have \{time\}"),
    ],
)
def test_a_replacement_with_a_mistake_stops_the_build(tmp_path: Path, replaced: dict[str, Any], told: str) -> None:
    with pytest.raises(SetupError, match=told):
        loaded(tmp_path, "en", replaced)


def script(name: str, source: str) -> Bundled:
    return Bundled(name=name, code="code;\n", source_map=json.dumps({"sourcesContent": [source]}).encode())


def test_a_script_that_comes_later_brings_the_texts_that_the_page_does_not_have() -> None:
    bundles = {
        "start.js": script("start.js", 't("call.mute")'),
        "shell.js": script("shell.js", "t(`status.${it}`)"),
        "later.js": script("later.js", 't("call.mute"); t("sound.volume")'),
    }
    found = texts.completed(bundles, ENGLISH)
    assert found["start.js"] == bundles["start.js"] and found["shell.js"] == bundles["shell.js"]
    assert '{"sound.volume":"Volume of the agent"}' in found["later.js"].code and "Mute" not in found["later.js"].code
    keys = texts.of_scripts(bundles, texts.Texts(language="en", tag="en", catalogues={"en": ENGLISH}))
    assert "sound.volume" in keys.all - keys.page and {"call.mute", "status.ready"} <= keys.page


@pytest.mark.parametrize(
    ("name", "source", "told"),
    [
        ("a.html", "<p>{{ t('x') }} Hello</p>", "'Hello'"),
        ("a.html", '<p\n  title="Now">{{ x }}</p>', "'Now'"),
        ("a.js", "const word = `You have ${n} left`;", "You have"),
        ("a.js", 'setText($("mute"), "Mute");', "'Mute'"),
        ("a.js", "element.textContent = 'Copied';", "'Copied'"),
        ("a.js", "const key = 'call.mute'; t(key);", "needs its key"),
    ],
)
def test_a_text_in_the_code_is_found(name: str, source: str, told: str) -> None:
    found = list(check.leftover(name, source))
    assert len(found) == 1 and told in found[0][1]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("a.html", '<p title="{{ t("x") }}">{{ t("y") }}, <kbd>Esc</kbd> &nbsp; 5 %</p><script>say it</script>'),
        ("a.js", 'throw new Error("it is broken");'),
        ("a.js", "/* Don't touch this */ const it = /a \"b c\" d/; // nor that, it's fine\nf('x');"),
        ("a.js", 'if (key === "Escape") t("call.mute");'),
    ],
)
def test_what_nobody_reads_may_stand_in_the_code(name: str, source: str) -> None:
    assert list(check.leftover(name, source)) == []


def test_a_page_in_another_language_has_the_same_places() -> None:
    page = '<h1>Call</h1><p title="Stop">Stop <b>now</b>, <kbd>M</kbd></p><script>Call</script>'
    other = '<h1>Anruf</h1><p title="Halt">Halt <b>jetzt</b>, <kbd>M</kbd></p><script>Call</script>'
    assert texts.translated(page, other) == {"Call": "Anruf", "Stop": "Halt", "now": "jetzt"}
    with pytest.raises(SetupError, match="'Stop' stands twice in the page and is 'Halt' and 'Stopp'"):
        texts.translated(page, other.replace("Halt <b>", "Stopp <b>"))
