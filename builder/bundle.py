"""Bundle and minify scripts and styles with esbuild, each entry into one file with a source map.

One file for each: static imports inside a worklet have no evidence of support in Safari and the Web Audio editors
advise against them (github.com/WebAudio/web-audio-api/issues/2194); WebKitGTK now and then fails to load one of a
worker's modules ("access control checks"), and one file needs one request instead of a chain of four; and the page's
script would otherwise come in parts between Python and its files.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builder import npm_tools
from builder.environment import SetupError

# What the sources are written for: modules with `await` at their top level, so no older browser runs them anyway.
MODERN = "es2022"
# What stands in the page says on old browsers why nothing works there, so they must be able to read it. Every browser
# that has `globalThis`, which these scripts need, reads the syntax of 2019; where there is none the HTML has to say it.
OLD = "es2019"
# In developer tools the sources stand below this address.
SOURCE_ROOT = "parley:///"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Entries that are bundled alike: the file of the site, and the source that it begins with."""

    entries: Mapping[str, str]
    form: str
    target: str


# A worklet and what stands in a page export nothing: "iife" leaves no `export` behind.
GROUPS = (
    Group(
        entries={
            "worker.js": "templates/static/worker.js",
            "shell.js": "templates/static/shell.js",
            "orb.js": "templates/static/orb.js",
            "sound.js": "templates/static/sound.js",
            "reload.js": "templates/static/reload.js",
            "voice-agent.js": "templates/static/voice_agent.js",
            "diagnostics.js": "templates/static/diagnostics.js",
            "voice_recording.js": "templates/static/voice_recording.js",
            "transcript_file.js": "templates/static/transcript_file.js",
            "style.css": "templates/static/style.css",
        },
        form="esm",
        target=MODERN,
    ),
    Group(
        entries={"worklets.js": "worklets/main.js"},
        form="iife",
        target=MODERN,
    ),
    Group(
        entries={
            "start.js": "templates/_start.js",
            "home.js": "templates/_home.js",
            "plain.css": "templates/_plain.css",
        },
        form="iife",
        target=OLD,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundled:
    """One script or style sheet (`name`), and its source map. `code` has no link to the map yet."""

    name: str
    code: str
    source_map: bytes

    def linked(self, url: str) -> str:
        """Return the code with the link by which developer tools, and nobody else, find the map."""
        link = f"# sourceMappingURL={url}"
        return self.code + (f"/*{link} */\n" if self.name.endswith(".css") else f"//{link}\n")


def make(root: Path, written: Mapping[str, object] | None = None) -> dict[str, Bundled]:
    """Bundle every entry of the site, by its name. `written`: what names that no script defines stand for.

    Raises SetupError.
    """
    found: dict[str, Bundled] = {}
    for group in GROUPS:
        entries = {name: root / path for name, path in group.entries.items()}
        found |= bundle(root, entries, form=group.form, target=group.target, written=written)
    return found


def bundle(
    root: Path,
    entries: Mapping[str, Path],
    *,
    form: str,
    target: str = MODERN,
    written: Mapping[str, object] | None = None,
) -> dict[str, Bundled]:
    """Bundle files below `root`, by the names that they get. `form`: "esm", or "iife" for what exports nothing.

    Raises SetupError.
    """
    with tempfile.TemporaryDirectory() as folder:
        # Its real name: esbuild writes sources relative to it, and they are made relative to `root` below.
        out = Path(folder).resolve()
        command = [str(npm_tools.program(root, "esbuild").resolve()), f"--outdir={out}"]
        command += [f"{Path(name).stem}={path.resolve()}" for name, path in entries.items()]
        command += ["--bundle", "--minify", f"--format={form}", f"--target={target}", "--charset=utf8"]
        command += [f"--define:{name}={json.dumps(value)}" for name, value in (written or {}).items()]
        command += ["--legal-comments=none", "--sourcemap=external"]
        # Not of the machine: a tsconfig.json somewhere above must change nothing.
        command += ["--tsconfig-raw={}", "--log-level=warning", "--color=false"]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, env=_environment())
        if done.returncode != 0 or done.stderr:
            raise SetupError(f"esbuild cannot bundle {', '.join(entries)}:\n{done.stderr.strip()[-3000:]}")
        return {name: _read(root.resolve(), out / name) for name in entries}


def _read(root: Path, file: Path) -> Bundled:
    code = file.read_text(encoding="utf-8")
    given = json.loads(file.with_name(f"{file.name}.map").read_text(encoding="utf-8"))
    given["sourceRoot"] = SOURCE_ROOT
    given["sources"] = [_named(root, file.parent / source) for source in given["sources"]]
    source_map = json.dumps(given, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    return Bundled(name=file.name, code=code, source_map=source_map)


def _named(root: Path, source: Path) -> str | None:
    """The path below `root`. What `written` holds has no file; esbuild calls it `<define:NAME>`."""
    if source.name.startswith("<define:"):
        return None
    return Path(os.path.normpath(source)).relative_to(root).as_posix()


def _environment() -> dict[str, str]:
    """What a program needs to run at all; esbuild looks at nothing else of ours."""
    return {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR") if name in os.environ}
