"""Pages: the HTML of the site, from `templates/` and what the build knows; and the files of its other languages."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from builder import agent_config, policy, texts
from builder.assets import Assets, exactly
from builder.bundle import Bundled
from builder.environment import SetupError

PAGE = "index.html"


def render(
    root: Path,
    out: Path,
    agent: agent_config.Agent,
    facts: Mapping[str, Any],
    inline: policy.Inline,
    base: str,
    live: str,
    assets: Assets,
    said: texts.Texts,
    bundles: Mapping[str, Bundled],
    written: Mapping[str, str],
    own_language: bool,
) -> None:
    """Write the pages of one agent. Raises SetupError.

    `written`: the template of each. `own_language`: later scripts bring texts for another agent's language, so this
    page has them all.
    """
    environment = _environment(root)
    of_scripts = texts.of_scripts(bundles, said)
    config: dict[str, Any] = {
        "boot": {**facts["boot"], "sign_in": agent.sign_in},
        "choices": agent.choices if "service" in agent.may_change else agent.choices[:1],
        "consent": agent.consent and agent.consent.told(),
        "embedded_by": agent.embedded_by,
        "variables": agent.variables,
        "microphone_words": facts["microphone_words"],
        "start": facts["start"],
        "texts": {key: said.own[key] for key in (of_scripts.all if own_language else of_scripts.page)},
        "languages": {},
    }
    given = {
        "page": agent.page,
        "base": base,
        "live": live,
        "may_change": agent.may_change,
        "sign_in_page": agent.sign_in_page,
        "config": config,
        "assets": facts["assets"],
        "integrity": facts["integrity"],
        "inline": {
            "start": Markup(inline.scripts[0]),
            "home": Markup(inline.scripts[1]),
            "plain": Markup(inline.styles[0]),
        },
        "csp": policy.content_security_policy(agent.connect, page=True, header=False, inline=inline),
    }

    def rendered(name: str, language: str, tag: str) -> str:
        t = texts.lookup(said.catalogues[language])
        asked = agent.consent and {"text": agent.consent.paragraphs(language), "link": agent.consent.link}
        try:
            return environment.get_template(name).render(**given, t=t, lang=tag, consent=asked)
        except jinja2.TemplateError as error:
            raise SetupError(f"templates/{name}: {error}") from None

    own = said.language
    for code in said.others:
        catalogue = said.catalogues[code]
        page = texts.translated(rendered(PAGE, own, own), rendered(PAGE, code, code))
        config["languages"][code] = _place_language(out, assets, code, catalogue, of_scripts.all, page)
    for name, template in written.items():
        (out / name).write_text(rendered(template, own, said.tag), encoding="utf-8")


def templates(root: Path) -> dict[str, str]:
    """The pages that every site has, each from the template of its name."""
    found = (path.name for path in (root / "templates").glob("*.html") if not path.name.startswith("_"))
    return {name: name for name in sorted(found)}


def _place_language(
    out: Path, assets: Assets, code: str, catalogue: texts.Catalogue, keys: frozenset[str], page: Mapping[str, str]
) -> dict[str, Any]:
    """One file with what `_language.js` puts into the page.

    Only its own scripts read it; a host packs what is named `.js`.
    """
    content = {"texts": {key: catalogue[key] for key in sorted(keys)}, "page": page}
    data = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    url = assets.place(f"language-{code}.js", data)
    return {"url": url, **exactly((out / url).read_bytes())}


def _environment(root: Path) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(root / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"json_block": json_block, "settings_check": settings_check}
    return environment


def settings_check(block: str) -> int:
    """A sum over the text of `json_block` (FNV-1a, over words of four bytes of UTF-8, filled up with zeros);
    `_guard.js` makes the same one before it believes the text.
    """
    data = block.encode()
    total = 0x811C9DC5
    for (word,) in struct.iter_unpack("<I", data + bytes(-len(data) % 4)):
        total = (total ^ word) * 0x01000193 & 0xFFFFFFFF
    return total


def json_block(value: Any) -> Markup:
    """JSON for a `<script type="application/json">`: no character that could end the element."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    for character, escaped in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(character, escaped)
    return Markup(text)
