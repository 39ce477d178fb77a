"""`python3 build.py replay BUNDLE`: plays a session bundle and says whether the session core does the same again.

Exits with 0 where it does, with 1 at the first difference, and with 2 where the file cannot be played.
"""

from __future__ import annotations

import argparse
import json
import sys
from itertools import zip_longest
from pathlib import Path
from typing import Any

from tests.replay.bundle import Bundle, BundleError, read
from tests.replay.player import Difference, Replay, play

MAX_SHOWN_CHARS = 600


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="build.py replay",
        description="Play a session bundle, which the page saves under Diagnostics, through the session core.",
    )
    parser.add_argument("bundle", type=Path, help="the zip file")
    path = parser.parse_args(argv).bundle
    try:
        bundle = read(path)
        done = play(bundle.lines)
    except BundleError as error:
        print(f"replay failed: {error}", file=sys.stderr)
        return 2
    print(report(bundle, done))
    return 0 if done.difference is None else 1


def report(bundle: Bundle, done: Replay) -> str:
    """What a person reads."""
    about = ", ".join(f"{name} {value}" for name, value in bundle.about.items() if isinstance(value, str))
    lines = [about, *(f"  {step}" for step in done.transitions)]
    if done.left:
        lines.append(f"The recording has a gap; {done.left} lines behind it were not played.")
    if done.difference is None:
        lines.append(
            f"identical: {len(done.transitions)} state transitions, {done.events} lines, "
            f"{done.compared} commands, {done.duration_ms / 1000:.1f} s"
        )
    else:
        lines += _difference(done.difference)
    return "\n".join(lines)


def _difference(it: Difference) -> list[str]:
    now_ms, kind, what = it.line[:3]
    pairs = list(zip_longest(it.recorded, it.replayed))
    at = next(index for index, (one, other) in enumerate(pairs) if one != other)
    return [
        f"different at line {it.number}, {now_ms / 1000:.3f} s: {kind} {_short(what)}",
        f"command {at + 1} of {len(pairs)}",
        f"  recorded: {_short(pairs[at][0])}",
        f"  replayed: {_short(pairs[at][1])}",
    ]


def _short(value: Any) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=True)
    return text if len(text) <= MAX_SHOWN_CHARS else f"{text[:MAX_SHOWN_CHARS]}…"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
