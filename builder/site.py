"""Render the pages and put everything together in `dist/`.

The result depends on the sources alone: two builds are equal byte for byte.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from builder import agents, lean, policy, snapshot, split, vendor, verify, wheel, words, worklets
from builder import hosts as host_files
from builder.assets import Assets
from builder.environment import SetupError
from builder.slim import slimmed


def build(root: Path, out: Path, agent_name: str, *, base: str = "/", hosts: Sequence[str] = ()) -> Path:
    """Build the site into `out`, replacing what an earlier build left there. Raises SetupError.

    `base`: the path that the site will have on its host. `hosts`: for which of them to write a configuration beside `out`.
    """
    if out.exists() and any(out.iterdir()) and not (out / "_headers").exists():
        raise SetupError(f"{out} holds something that is not a build of ours; choose another --out or empty it")
    agent = agents.load(root, agent_name)
    runtime = vendor.fetch(root)
    staging = out.with_name(out.name + ".part")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    inline = _inline(root)
    pages = _render(root, staging, agent, _place(root, staging, agent, runtime, inline), inline, base)
    headers = policy.site_headers(agent.connect, agent.embedded_by, inline)
    (staging / "_headers").write_text(policy.headers_file(headers, pages), encoding="utf-8")
    verify.check(staging, agent.connect)
    shutil.rmtree(out, ignore_errors=True)
    staging.rename(out)
    host_files.write(out, hosts, base, headers, pages)
    return out


def _inline(root: Path) -> policy.Inline:
    """What stands in the pages themselves: the two scripts before all others, and all that the page for what is missing needs."""
    read = {
        name: slimmed((root / "templates" / name).read_text(encoding="utf-8"))
        for name in ("_guard.js", "_ahead.js", "_home.js", "_plain.css")
    }
    return policy.Inline(
        scripts=(read["_guard.js"] + read["_ahead.js"], read["_home.js"]), styles=(read["_plain.css"],)
    )


def _place(
    root: Path, out: Path, agent: agents.Agent, runtime: vendor.Runtime, inline: policy.Inline
) -> dict[str, Any]:
    """Write every asset and return what the page must know about them."""
    assets = Assets(out)
    # For hosts whose own policy forbids scripts in pages: the same, as a file.
    assets.place("start.js", inline.scripts[0].encode())
    static = root / "templates" / "static"
    for entry in ("boot.js", "shell.js"):
        assets.place_text(entry, worklets.flatten(static, entry))
    for path in sorted(static.iterdir()):
        if path.suffix == ".css":
            assets.place_text(path.name, path.read_text(encoding="utf-8"))
        elif path.suffix in (".svg", ".png"):
            assets.place_picture(path.name, path.read_bytes())
    for entry in worklets.ENTRIES:
        assets.place_text(entry, worklets.flatten(root / "worklets", entry))
    wheel_name, wheel_bytes = wheel.build(root)
    files = {name: (runtime.pyodide / name).read_bytes() for name in vendor.RUNTIME_FILES}
    stock_url = assets.place_folder("pyodide", files)
    starting = runtime.pyodide if agent.full_runtime else lean.make(root, runtime.pyodide, runtime.acorn)
    kept = snapshot.make(root, runtime.pyodide, starting, wheel_name, wheel_bytes, agent.tools)
    runtime_url, later = stock_url, []
    tools_name, tools_bytes = "tools.py", agent.tools.read_bytes() if agent.tools.exists() else None
    if not agent.full_runtime:
        parts = split.make(root, starting, kept, runtime.pyodide / "python_stdlib.zip", _providers(agent), agent.tools)
        if parts.tools is not None:
            tools_name, tools_bytes = "tools.pyc", parts.tools
        files = {name: (starting / name).read_bytes() for name in lean.FILES}
        files |= {"pyodide.asm.wasm": parts.primary, "call.wasm": parts.call, "rest.wasm": parts.rest}
        runtime_url = assets.place_folder("pyodide-lean", files)
        later = [{"name": name, "url": f"{runtime_url}{name}.wasm"} for name in ("call", "rest")]
    packages = {runtime.micropip.name: runtime.micropip.read_bytes(), wheel_name: wheel_bytes}
    packages_url = assets.place_folder("python", packages)
    return {
        "assets": assets.placed,
        "start": assets.placed["start.js"],
        "microphone_words": words.of_the_microphone(root),
        "boot": {
            "worker": assets.placed["boot.js"],
            "capture": assets.placed["capture.js"],
            "playback": assets.placed["playback.js"],
            "runtime": runtime_url,
            "later": later,
            "stock": stock_url,
            "snapshot": {
                **kept.meta,
                "blocks": assets.place_exact("python.snapshot", kept.blocks),
            },
            "precompiled": assets.place_exact("precompiled.zip", kept.precompiled),
            "library": stock_url + "python_stdlib.zip",
            "micropip": packages_url + runtime.micropip.name,
            "client": packages_url + wheel_name,
            "tools": assets.place(tools_name, tools_bytes) if tools_bytes is not None else None,
        },
    }


def _providers(agent: agents.Agent) -> set[str]:
    return {str(choice["settings"]["provider"]) for choice in agent.choices}


def _render(
    root: Path, out: Path, agent: agents.Agent, facts: dict[str, Any], inline: policy.Inline, base: str
) -> tuple[str, ...]:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(root / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["json_block"] = _json_block
    names = sorted(path.name for path in (root / "templates").glob("*.html") if not path.name.startswith("_"))
    for name in names:
        try:
            text = environment.get_template(name).render(
                page=agent.page,
                base=base,
                config={
                    "boot": facts["boot"],
                    "choices": agent.choices,
                    "microphone_words": facts["microphone_words"],
                    "start": facts["start"],
                    "start_words": words.START,
                    "owner_words": words.OWNER,
                },
                assets=facts["assets"],
                words=words.START,
                inline={
                    "start": Markup(inline.scripts[0]),
                    "home": Markup(inline.scripts[1]),
                    "plain": Markup(inline.styles[0]),
                },
                csp=policy.content_security_policy(agent.connect, page=True, header=False, inline=inline),
            )
        except jinja2.TemplateError as error:
            raise SetupError(f"templates/{name}: {error}") from None
        (out / name).write_text(text, encoding="utf-8")
    return tuple(names)


def _json_block(value: Any) -> Markup:
    """JSON for a `<script type="application/json">`: no character that could end the element."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    for character, escaped in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(character, escaped)
    return Markup(text)
