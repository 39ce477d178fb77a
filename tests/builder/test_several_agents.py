"""Several agents in one site: a page each by its own rules, and one Python for all."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from builder import cli, commands, new_agent, site
from builder.environment import SetupError
from tests.support.server import copy_of_sources

ROOT = Path(__file__).resolve().parents[2]


def config_of(page: Path) -> dict[str, Any]:
    found = re.search(r'id="parley-config">(.*?)</script>', page.read_text(), re.DOTALL)
    assert found
    config: dict[str, Any] = json.loads(found[1])
    return config


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo, and a second agent with other tools, another language and others who may embed it."""
    folder = tmp_path_factory.mktemp("several")
    root = copy_of_sources(folder / "root")
    other = new_agent.write(root, "other")
    text = (other / "agent.toml").read_text()
    text = text.replace('# language = "en"', 'language = "de"\nembedded_by = ["https://shop.example"]')
    text = text.replace("[server]", '[server]\nconnect = ["wss://special.example"]')
    (other / "agent.toml").write_text(text)
    (other / "tools.py").write_text(
        (other / "tools.py").read_text().replace("\n\n# Your own", "\nimport statistics\n\n# Your own")
    )
    return site.build(root, folder / "site", ["demo", "other"])


@pytest.mark.slow
def test_each_has_a_page_and_the_first_is_the_root(several: Path) -> None:
    names = sorted(path.name for path in several.glob("*.html"))
    assert names == ["404.html", "demo.html", "index.html", "other.html"]
    assert (several / "index.html").read_bytes() == (several / "demo.html").read_bytes()
    other = (several / "other.html").read_text()
    assert "<title>Other</title>" in other and '<html lang="de">' in other and "Anrufen" in other
    blocks = (several / "_headers").read_text().split("\n\n")
    assert [block.splitlines()[0] for block in blocks if "html" in block.splitlines()[0]] == [
        f"/{name}" for name in names
    ]


@pytest.mark.slow
def test_they_share_all_but_what_is_their_own(several: Path) -> None:
    """Who meets two of them fetches Python once."""
    demo, other = (config_of(several / f"{name}.html")["boot"] for name in ("demo", "other"))
    assert demo["tools"] != other["tools"]
    assert {name for name in demo if demo[name] != other[name]} == {"tools"}


@pytest.mark.slow
def test_each_page_obeys_its_own_settings_and_a_host_allows_what_any_may(several: Path) -> None:
    demo, other = (config_of(several / f"{name}.html") for name in ("demo", "other"))
    assert (demo["embedded_by"], other["embedded_by"]) == ([], ["https://shop.example"])
    assert "Other" in other["choices"][0]["settings"]["greeting"]
    pages = {name: (several / f"{name}.html").read_text() for name in ("demo", "other")}
    assert "wss://special.example" in pages["other"] and "wss://special.example" not in pages["demo"]
    blocks = (several / "_headers").read_text().split("\n\n")
    of_pages = [block for block in blocks if block.startswith(("/\n", "/demo.html", "/index.html", "/other.html"))]
    assert len(of_pages) == 4
    for block in of_pages:
        assert "frame-ancestors https://shop.example" in block and "wss://special.example" in block


@pytest.mark.slow
def test_a_page_in_another_language_has_all_its_texts_itself(several: Path) -> None:
    """The scripts that come later bring those of the first agent's language."""
    texts = {name: config_of(several / f"{name}.html")["texts"] for name in ("demo", "other")}
    assert set(texts["demo"]) < set(texts["other"])


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["demo", "demo"], "named twice"),
        (["demo", "dmeo"], "did you mean demo?"),
        (["demo", "api"], "none can have this name"),
    ],
)
def test_what_cannot_be_one_site_is_told(tmp_path: Path, names: list[str], words: str) -> None:
    with pytest.raises(SetupError, match=re.escape(words)):
        site.build(ROOT, tmp_path / "site", names)


def test_the_command_line_names_one_or_several_or_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert commands._agents(cli.parse(["build"])) == ["demo"]
    assert commands._agents(cli.parse(["serve", "--agent", "b", "--agent", "a"])) == ["b", "a"]
    for name in ("zebra", "ant"):
        new_agent.write(tmp_path, name)
    monkeypatch.setattr(commands, "ROOT", tmp_path)
    assert commands._agents(cli.parse(["build", "--agent", "all"])) == ["ant", "zebra"]
