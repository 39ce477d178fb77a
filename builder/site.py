"""Render the pages and put everything together in `dist/`.

The result depends on the sources alone: two builds are equal byte for byte.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder import (
    agent_check,
    agent_config,
    bundle,
    fetch_runtime,
    new_agent,
    packages,
    packing,
    pages,
    policy,
    pyodide_slim,
    start_texts,
    tag_types,
    texts,
    verify,
    wheel,
    zones,
)
from builder import hosts as host_files
from builder.assets import Assets, exactly
from builder.environment import SetupError
from builder.packing import Packer

# Files that hardly any page asks for.
WAYS_OUT = ("stock.", "precompiled.", "library.", "micropip.", "client.", "zones.")
# Bundles that stand in a page and are no files.
INLINE_ONLY = ("home.js", "plain.css")
NO_ASSETS = (*INLINE_ONLY, policy.TAG)
# What `serve` alone gives to its pages: a script, and what it asks for.
LIVE_ONLY = "reload.js"
RELOAD_FILE = "reload.json"


def build(
    root: Path,
    out: Path,
    agents: str | Sequence[str],
    *,
    smallest: bool = False,
    remembered: bool = False,
    base: str = "/",
    hosts: Sequence[str] = (),
    live: str = "",
) -> Path:
    """Build the site into `out`, replacing what an earlier build left there. Raises SetupError.

    `agents`: the first is the page at the root. Of several each has a page of its name, too, and they share all that
    they can. `smallest`: for visitors. Compressing takes up to a minute then, once per change of the client.
    `remembered`: as small as a build for visitors has made it before, without waiting for it. `base`: the path that the
    site will have on its host. `hosts`: for which of them to write a configuration beside `out`. `live`: a name for
    this build, for `serve`: its pages follow later ones (`watch.py`), and nothing is made for its tools alone, so that
    a change of them is quickly built.
    """
    if out.exists() and any(out.iterdir()) and not (out / "_headers").exists():
        raise SetupError(f"{out} holds something that is not a build of ours; choose another --out or empty it")
    chosen = _chosen(root, [agents] if isinstance(agents, str) else agents)
    first = chosen[0].said
    runtime = fetch_runtime.fetch(root)
    imports = [
        packages.prepare(root, it.agent.tools.parent, it.agent.packages, runtime.pyodide, runtime.pins) for it in chosen
    ]
    staging = out.with_name(out.name + ".part")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    packer = Packer(root / ".cache" / "packed", smallest=smallest, remembered=remembered)
    assets = Assets(staging, packer)
    bundles = texts.completed(bundle.make(root, {"TAG_TEXTS": first.of_the_tag}), first.own)
    facts = _place(root, staging, assets, bundles, live)
    inline = _inline(assets, bundles)
    source_map = assets.place(f"{policy.TAG}.map", bundles[policy.TAG].source_map)
    (staging / policy.TAG).write_text(bundles[policy.TAG].linked(source_map), encoding="utf-8")
    (staging / tag_types.NAME).write_text(tag_types.make(root), encoding="utf-8")
    shared = _shared([it.agent for it in chosen], live)
    names: list[str] = []
    for it, its_imports in zip(chosen, imports, strict=True):
        python = _place_python(root, assets, it.agent, runtime, its_imports, shared)
        its_facts = {**facts, "boot": {**facts["boot"], **python}}
        written = pages.templates(root) if it is chosen[0] else {}
        if len(chosen) > 1:
            written[f"{it.agent.name}.html"] = pages.PAGE
        own_language = it.said.own != first.own
        pages.render(
            root, staging, it.agent, its_facts, inline, base, live, assets, it.said, bundles, written, own_language
        )
        names += written
    if live:
        (staging / RELOAD_FILE).write_text(json.dumps({"build": live, "problem": ""}), encoding="utf-8")
    # A host has one policy for all pages. What stands in each of them is its own agent's.
    connect = tuple(dict.fromkeys(origin for it in chosen for origin in it.agent.connect))
    embedded_by = tuple(dict.fromkeys(origin for it in chosen for origin in it.agent.embedded_by))
    headers = policy.site_headers(connect, embedded_by, inline)
    (staging / "_headers").write_text(policy.headers_file(headers, tuple(names)), encoding="utf-8")
    # Who ships Pyodide and Python has to say so.
    shutil.copyfile(root / "templates" / "licenses.txt", staging / "licenses.txt")
    packer.copies_beside(staging, WAYS_OUT)
    verify.check(staging, connect)
    shutil.rmtree(out, ignore_errors=True)
    staging.rename(out)
    host_files.write(out, hosts, base, headers, tuple(names))
    return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """An agent of this build, and the texts of its page."""

    agent: agent_config.Agent
    said: texts.Texts


def _chosen(root: Path, names: Sequence[str]) -> list[Chosen]:
    """Read and check the agents. Raises SetupError."""
    found = []
    for name in names:
        if names.count(name) > 1:
            raise SetupError(f"the agent '{name}' was named twice; each has one page")
        if len(names) > 1 and name in new_agent.RESERVED:
            raise SetupError(
                f"agents/{name}/: beside other agents none can have this name, for the site has such an address"
            )
        agent = agent_config.load(root, name)
        agent_check.settings(root, f"agents/{name}/agent.toml", agent.raw, agent.choices)
        agent_check.stored_agent(f"agents/{name}/agent.toml", agent.choices, agent.tools)
        said = texts.load(root, root / "agents" / name, agent.page["language"], agent.texts)
        found.append(Chosen(agent=agent, said=said))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What is made for all agents of a build alike, so that who meets two of them fetches Python once: a
    snapshot with `also`, modules of the library, and a division of the runtime for these `providers`. Their
    tools start from source then.
    """

    also: tuple[str, ...]
    providers: frozenset[str]
    of_packages: bool  # and what an agent's packages import


def _shared(agents: Sequence[agent_config.Agent], live: str) -> Shared | None:
    """None where one agent has all of it for itself, and starts a little faster.

    Making that takes half a minute, too long for `serve`.
    """
    if len(agents) == 1 and not live:
        return None
    also = () if live else tuple(sorted({name for it in agents for name in pyodide_slim.imported_by(it.tools)}))
    providers = frozenset(name for it in agents for name in _providers(it))
    return Shared(also=also, providers=providers, of_packages=not live)


def _inline(assets: Assets, bundles: Mapping[str, bundle.Bundled]) -> policy.Inline:
    """What stands in the pages themselves: the script before all others, and all that the page for
    what is missing needs.

    That page is shown at any address, so nothing in it can say where a source map lies.
    """
    start = bundles["start.js"].linked(assets.placed["start.js.map"])
    return policy.Inline(scripts=(start, bundles["home.js"].code), styles=(bundles["plain.css"].code,))


def _place(
    root: Path,
    out: Path,
    assets: Assets,
    bundles: Mapping[str, bundle.Bundled],
    live: str,
) -> dict[str, Any]:
    """Write every asset but Python's, and return what the pages must know about them."""
    unplaced = NO_ASSETS if live else (*NO_ASSETS, LIVE_ONLY)
    # `start.js` stands in the page too; it is a file for hosts whose own policy forbids scripts in pages.
    scripts = {name: assets.place_bundled(it) for name, it in bundles.items() if name not in unplaced}
    for path in sorted((root / "templates" / "static").iterdir()):
        if path.suffix in (".svg", ".png"):
            assets.place_picture(path.name, path.read_bytes())
    return {
        "assets": assets.placed,
        "integrity": assets.integrity,
        "start": _described(out, scripts["start.js"]),
        "microphone_words": start_texts.of_the_microphone(root),
        "boot": {
            "worker": _described(out, scripts["worker.js"]),
            "worklets": _described(out, scripts["worklets.js"]),
            "orb": _described(out, scripts["orb.js"]),
            "sound": _described(out, scripts["sound.js"]),
            "diagnostics": _described(out, scripts["diagnostics.js"]),
            "voice_recording": _described(out, scripts["voice_recording.js"]),
            "transcript_file": _described(out, scripts["transcript_file.js"]),
        },
    }


def _described(out: Path, url: str) -> dict[str, Any]:
    return {"url": url, **exactly((out / url).read_bytes())}


def _place_python(
    root: Path,
    assets: Assets,
    agent: agent_config.Agent,
    runtime: fetch_runtime.Runtime,
    imports: packages.Packages | None,
    shared: Shared | None,
) -> dict[str, Any]:
    """Write what Python is started from, by each of the ways, the page's tools, and the packages that these import."""
    packer = assets.packer
    whole = pyodide_slim.whole(runtime.pyodide, runtime.version)
    packer.begin(whole.wasm, seldom=True)
    wheel_name, wheel_bytes = wheel.build(root)
    zones_bytes = zones.packed(runtime.tzdata)
    data = imports.data if imports else None
    # Of all that a first build makes, this takes longest. A mistake in the tools is told without waiting for it.
    ahead = ThreadPoolExecutor(1)
    ahead.submit(pyodide_slim.library, root, runtime.pyodide)
    ahead.shutdown(wait=False)
    modules = agent_check.tools(root, runtime.pyodide, wheel_bytes, agent.tools, zones_bytes, data)
    of_packages = modules if imports and (shared is None or shared.of_packages) else ()
    use = pyodide_slim.Use(
        root=root,
        acorn=runtime.acorn,
        wheel_name=wheel_name,
        wheel=wheel_bytes,
        providers=shared.providers if shared else _providers(agent),
        tools=None if shared else agent.tools,
        modules=(*of_packages, *(shared.also if shared else ())),
        zones=zones_bytes,
        packages=data,
        full=agent.full_runtime or bool(imports and imports.compiled),
        begin=lambda made, seldom: packer.begin(made, seldom=seldom),
    )
    starting = pyodide_slim.slim(whole, use)
    # Of the loader each has a copy of its own: it is small, and a way out must not need what another way needs.
    stock = _place_runtime(assets, whole, "stock", packing.BYTES)
    is_first = starting.snapshot is None  # then no page starts another way
    source = agent.tools.read_bytes() if agent.tools.exists() else None
    tools = {
        "bytecode": None if starting.tools is None else assets.place_packed("tools", starting.tools),
        "source": None if source is None else assets.place_packed("tools-source", source),
    }
    return {
        "runtime": stock if is_first else _place_runtime(assets, starting, "pyodide", packing.WASM),
        "later": [
            {"name": it.name, "ahead": it.ahead, **assets.place_packed(it.name, it.wasm)} for it in starting.later
        ],
        "stock": stock,
        **_place_snapshot(assets, starting),
        "library": assets.place_packed("library", (runtime.pyodide / pyodide_slim.LIBRARY).read_bytes()),
        "zones": assets.place_packed("zones", zones_bytes),
        "micropip": assets.place_packed("micropip", runtime.micropip.read_bytes()),
        "client": {"name": wheel_name, **assets.place_packed("client", wheel_bytes)},
        "tools": None if source is None else tools,
        "packages": None if data is None else assets.place_packed("packages", data),
    }


def _place_snapshot(assets: Assets, runtime: pyodide_slim.Runtime) -> dict[str, Any]:
    """Write the kept memory of Python and the small library; both are null for a runtime that has none."""
    kept = runtime.snapshot
    if kept is None:
        return {"snapshot": {"lock": runtime.lock, "blocks": None}, "precompiled": None}
    blocks = {**assets.place_packed("python", kept.blocks), "complete": exactly(kept.complete)["sha256"]}
    return {
        "snapshot": {**kept.meta, "blocks": blocks},
        "precompiled": assets.place_packed("precompiled", kept.precompiled),
    }


def _place_runtime(assets: Assets, runtime: pyodide_slim.Runtime, name: str, suffix: str) -> dict[str, Any]:
    """Write Pyodide's scripts and its WebAssembly.

    `suffix`: what is named `.wasm` a browser may keep compiled; a host that refuses that name has the other one.
    """
    return {
        "loader": None if runtime.loader is None else assets.place_script(f"{name}.js", runtime.loader),
        "script": assets.place_script(f"{name}.asm.js", pyodide_slim.renamed(runtime.script, f"{name}.asm.")),
        "wasm": {
            **assets.place_packed(f"{name}.asm", runtime.wasm, suffix),
            "integrity": assets.integrity_of_forms(runtime.wasm),
        },
    }


def _providers(agent: agent_config.Agent) -> set[str]:
    return {str(choice["settings"]["provider"]) for choice in agent.choices}
