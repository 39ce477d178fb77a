"""Nothing is allocated on the render thread: garbage collection there is heard as a crack.

Two checks, because each sees what the other cannot: a scan of the source of everything that `process` reaches, and a
run of the real cores with an eye on the heap.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.worklets.support.node import Node

pytestmark = pytest.mark.slow

WORKLETS = Path(__file__).resolve().parents[2] / "worklets"
ENTRIES = {"capture": ("CaptureProcessor", "CaptureCore"), "playback": ("PlaybackProcessor", "PlaybackCore")}
# What process() may reach although it allocates, and why.
ALLOWED = {
    "newFrame": "only when the pool is empty: a buffer too many is better than a word too few",
}
FORBIDDEN = {
    "new": re.compile(r"\bnew\s"),
    "closure": re.compile(r"=>|\bfunction\b"),
    "spread": re.compile(r"\.\.\."),
    "template": re.compile(r"`"),
    "array literal": re.compile(r"(?<![\w\])])\["),
    "object literal or destructuring": re.compile(r"(?:[=(,:?]|\breturn|\bconst|\blet)\s*\{"),
    "array destructuring": re.compile(r"\b(?:const|let|var)\s*\["),
    "iterator": re.compile(r"\bfor\s*(?:await\s*)?\([^;)]*\b(?:of|in)\b"),
    "allocating call": re.compile(
        r"\.(?:slice|subarray|map|filter|concat|from|splice|push|forEach|reduce|entries|keys|values|split|join|toString|bind|sort)\("
    ),
}
# The resampler's own push takes samples; it is not Array.prototype.push.
HARMLESS = re.compile(r"\bthis\.resampler\.push\(")
# A process() that throws is over anyway.
THROW = re.compile(r"throw new \w+\([^;]*\);")


def without_comments(source: str) -> str:
    return re.sub(r"/\*.*?\*/|//[^\n]*", "", source, flags=re.DOTALL)


def block_after(source: str, start: int) -> str:
    """The text between the brace at or after `start` and its partner."""
    opening = source.index("{", start)
    depth = 0
    for position in range(opening, len(source)):
        depth += {"{": 1, "}": -1}.get(source[position], 0)
        if depth == 0:
            return source[opening + 1 : position]
    raise AssertionError("unbalanced braces")


def functions() -> dict[str, list[str]]:
    """Every method and top-level function of the worklets by name; a name used twice has both bodies."""
    found: dict[str, list[str]] = {}
    for path in sorted(WORKLETS.glob("*.js")):
        source = without_comments(path.read_text())
        for match in re.finditer(r"^(?:  |export function )(\w+)\([^\n]*\) \{$", source, re.MULTILINE):
            if match.group(1) not in {"if", "for", "while", "switch"}:
                found.setdefault(match.group(1), []).append(block_after(source, match.end() - 1))
    return found


def reached_from_process() -> dict[str, list[str]]:
    known = functions()
    reached: dict[str, list[str]] = {}
    waiting = ["process"]
    while waiting:
        name = waiting.pop()
        if name in reached or name in ALLOWED or name not in known:
            continue
        reached[name] = known[name]
        for body in known[name]:
            waiting += re.findall(r"\b(\w+)\(", body)
    return reached


def complaints(name: str, body: str) -> list[str]:
    text = HARMLESS.sub("(", THROW.sub("", body))
    return [f"{name}: {kind}" for kind, pattern in FORBIDDEN.items() if pattern.search(text)]


def test_the_source_of_everything_that_process_reaches_allocates_nothing() -> None:
    """Names are followed through all files, so a helper cannot hide it."""
    reached = reached_from_process()
    # The scan must have seen the whole path, or it proves nothing.
    assert {"process", "renderStretch", "feedReceived", "feedEnding", "read", "pull", "needed", "apply"} <= set(reached)
    assert {"processBlock", "writeFrames", "sendFrame", "measure", "report", "floatsToInt16"} <= set(reached)
    assert {"processHeld", "write", "take", "blocksToSound"} <= set(reached)
    assert len(reached["measure"]) == 3, "the level meter's, the spectrum's and the player's"
    assert [c for name, bodies in reached.items() for body in bodies for c in complaints(name, body)] == []


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("const a = new Float32Array(4);", "new"),
        ("const a = [1, 2];", "array literal"),
        ("this.port.postMessage({ type: 1 });", "object literal or destructuring"),
        ("const { a } = this;", "object literal or destructuring"),
        ("const [a] = this.list;", "array destructuring"),
        ("f(...list);", "spread"),
        ("x.slice(1);", "allocating call"),
        ("list.push(1);", "allocating call"),
        ("for (const a of list) f(a);", "iterator"),
        ("g((a) => a);", "closure"),
        ("f(`${a}`);", "template"),
    ],
)
def test_the_scan_sees_what_it_is_there_for(line: str, kind: str) -> None:
    """A scanner that finds nothing is right only if it can find something."""
    assert f"here: {kind}" in complaints("here", line)


@pytest.mark.parametrize("core", ["capture", "hold", "catch_up", "playback"])
def test_the_heap_does_not_grow_over_a_hundred_thousand_quanta(node: Node, core: str) -> None:
    """Five minutes of audio. One number boxed per quantum would be 1.6 MB; one array per quantum 10 MB and more."""
    # Room for everything that a round could allocate, so that no collection hides it.
    flags = ("--expose-gc", "--min-semi-space-size=64", "--max-semi-space-size=64")
    (result,) = node.run({"kind": "allocation", "core": core, "blocks": 100_000}, flags=flags)
    assert min(result["grown_bytes"]) < 400_000
