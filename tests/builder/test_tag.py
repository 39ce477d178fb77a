"""The tag as the build makes it: one small file at the site's root, for pages of others, and its types."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import brotli
import pytest

from builder import bundle, npm_tools, policy, tag_types
from builder.environment import SetupError
from pyclient.core.states import Activity, State
from pyclient.page.view import NoticeView, TurnView

ROOT = Path(__file__).resolve().parents[2]
# What a page of others pays for a visitor who never talks.
BUDGET_BYTES = 8 * 1024


def test_the_tag_is_small_and_alone() -> None:
    code = bundle.make(ROOT)[policy.TAG].code
    assert len(brotli.compress(code.encode())) <= BUDGET_BYTES
    assert "import.meta.url" in code, "it must find its site"
    assert not re.search(r"^import |\bimport\(", code, re.MULTILINE)
    forbidden = ("innerHTML", "insertAdjacentHTML", "document.write", "eval(", ".style.", "localStorage")
    assert [word for word in forbidden if word in code] == []


def test_pages_of_any_origin_may_load_the_tag_and_nothing_else() -> None:
    headers = policy.site_headers(())
    assert headers.tag["Access-Control-Allow-Origin"] == "*"
    assert headers.tag["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "immutable" not in headers.tag["Cache-Control"], "its name stays when it changes"
    text = policy.headers_file(headers, ("index.html",), "/voice/")
    blocks = {block.splitlines()[0]: block for block in text.split("\n\n")}
    assert [path for path, block in blocks.items() if "Access-Control" in block] == [f"/voice/{policy.TAG}"]


def checked(folder: Path, script: str) -> str:
    """What the type checker says of a team's script."""
    (folder / tag_types.NAME).write_text(tag_types.make(ROOT))
    (folder / "shop.ts").write_text(f'import type {{}} from "./voice-agent";\n{script}\n')
    command = [str(npm_tools.program(ROOT, "tsc").resolve()), "--strict", "--noEmit", "--target", "es2022"]
    command += ["--moduleResolution", "bundler", "--module", "esnext", "--types", "", "shop.ts"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


@pytest.mark.slow  # runs the type checker four times
def test_a_team_has_types_of_the_tag_and_its_events(tmp_path: Path) -> None:
    right = """
      const tag = document.querySelector("voice-agent")!;
      tag.addEventListener("voice-agent:transcript", ({ detail }) => {
        const words: string = detail.text;
        const heard: number | null = detail.heard_ms;
        if (detail.final) console.log(words, heard);
      });
      document.addEventListener("voice-agent:error", ({ detail }) => console.log(detail.code, detail.retry));
      if (tag.state === "live") tag.sendText("hello");
      tag.setVolume(0.5);
    """
    assert checked(tmp_path, right) == ""
    for wrong, complaint in (
        ('tag.state === "lively"', "no overlap"),
        ("tag.transcript[0].words", "words"),
        ('tag.setVolume("loud")', "not assignable"),
    ):
        assert complaint in checked(tmp_path, f'const tag = document.querySelector("voice-agent")!;\n{wrong};'), wrong


def test_the_types_say_what_python_says() -> None:
    text = tag_types.make(ROOT)
    for name in [*(state.value for state in State), *(activity.value for activity in Activity)]:
        assert f'"{name}"' in text
    for view in (TurnView, NoticeView):
        assert [name for name in view.__annotations__ if f"  {name}: " not in text] == []


def test_a_type_without_a_word_stops_the_build(tmp_path: Path) -> None:
    for name in ("page/view.py", "core/states.py"):
        text = (ROOT / "pyclient" / name).read_text()
        (tmp_path / "pyclient" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pyclient" / name).write_text(text.replace("heard_ms: int | None", "heard_ms: set[int]"))
    with pytest.raises(SetupError, match=r"TurnView: voice-agent\.d\.ts has no word for set\[int\]"):
        tag_types.make(tmp_path)
