"""Branch coverage of `pyclient`: `python3 build.py test --coverage`.

Runs `tests/pyclient` and reports what of each module ran. Of the modules in `OWN` every branch must run in the tests
that carry the module's name: what the tests of other modules happen to pass through says little about this one. Exits
with 1 where a branch is missing, or where a test fails.

Examples that Hypothesis draws do not count, for another run draws others.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import coverage
import pytest

ROOT = Path(__file__).resolve().parents[2]
CLIENT, TESTS = ROOT / "pyclient", ROOT / "tests" / "pyclient"
IMPORTED, DRAWN = "", "drawn"  # names of contexts beside those of test files

# Which modules, as a pattern under pyclient/ (wherever it lies), and the tests that have their name.
OWN = {
    "states.py": "test_states.py",
    "turn_taking.py": "test_turn_taking*.py",
    "barge_in.py": "test_barge_in*.py",
    "client_turn_detection.py": "test_client_turn_detection.py",
    "playback_order.py": "test_playback_order.py",
    "ducking.py": "test_ducking.py",
    "microphone.py": "test_*microphone.py",
    "push_to_talk.py": "test_push_to_talk.py",
    "idle.py": "test_idle.py",
    "cost.py": "test_cost.py",
    "echo_guard.py": "test_echo_guard.py",
    "echo_detector.py": "test_echo_detector.py",
    "text_input.py": "test_text_input.py",
    "preconnect_audio.py": "test_preconnect_audio.py",
    "codecs/*.py": "test_codec*.py",
    "codecs/assemblyai/*.py": "test_codec_assemblyai*.py",
    "codecs/openai_realtime/*.py": "test_codec_openai*.py",
    "codecs/sdk_voice/*.py": "test_codec_sdk_voice*.py",
}


@dataclass(frozen=True, slots=True)
class Own:
    """Modules, and the tests whose runs count for them."""

    modules: tuple[Path, ...]
    tests: tuple[Path, ...]


class Contexts:
    """A pytest plugin: what runs during a test, its fixtures too, is noted under the name of the test's file."""

    def __init__(self, measured: coverage.Coverage, *, with_drawn: bool) -> None:
        self._measured = measured
        self._with_drawn = with_drawn

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """What is drawn shows in the report alone, and takes half of the time."""
        if not self._with_drawn:
            items[:] = [item for item in items if not _drawn(item)]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._measured.switch_context(DRAWN if _drawn(item) else item.path.name)
        try:
            return (yield)
        finally:
            self._measured.switch_context(IMPORTED)


def _drawn(item: pytest.Item) -> bool:
    return bool(getattr(getattr(item, "obj", None), "is_hypothesis_test", False))


def own(client: Path = CLIENT, tests: Path = TESTS, names: Mapping[str, str] = OWN) -> list[Own]:
    """The table `OWN` as files. ValueError where a line of it names no file."""
    found = []
    for module, test in names.items():
        one = Own(tuple(sorted(client.rglob(module))), tuple(sorted(tests.rglob(test))))
        if not one.modules or not one.tests:
            raise ValueError(
                f"there is no {test if one.modules else module}: does tests/support/own_coverage.py follow?"
            )
        found.append(one)
    return found


def missing(measured: coverage.Coverage, wanted: Sequence[Own]) -> list[str]:
    """The lines and branches of each module that its own tests left out, as `file: what`."""
    found = []
    for one in wanted:
        contexts = ["^$", *(f"^{test.name}$".replace(".", r"\.") for test in one.tests)]
        report = _report(measured, [str(module) for module in one.modules], contexts)
        for name, file in sorted(report["files"].items()):
            left = [f"line {line}" for line in file["missing_lines"]]
            left += [
                f"branch {begin} -> {'end' if end < 0 else end}"
                for begin, end in file["missing_branches"]
                if begin not in file["missing_lines"]
            ]
            found += [f"{name}: {what}" for what in left]
    return found


def _report(measured: coverage.Coverage, modules: list[str], contexts: list[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "coverage.json"
        measured.json_report(morfs=modules, outfile=str(file), contexts=contexts)
        report: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return report


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="build.py test --coverage", description="Branch coverage of pyclient.")
    parser.add_argument("--own", action="store_true", help="only what each module's own tests must cover, no report")
    arguments = parser.parse_args(argv)
    wanted = own()
    tests = sorted({str(test) for one in wanted for test in one.tests}) if arguments.own else [str(TESTS)]
    measured = coverage.Coverage(
        data_file=None,
        branch=True,
        source_pkgs=None if arguments.own else ["pyclient"],
        include=[str(module) for one in wanted for module in one.modules] if arguments.own else None,
        config_file=False,
    )
    measured.start()
    try:
        code = pytest.main(
            ["-q", "-p", "no:cacheprovider", *tests], plugins=[Contexts(measured, with_drawn=not arguments.own)]
        )
    finally:
        measured.stop()
    if not arguments.own:
        measured.report(show_missing=True, skip_covered=True)
    left = missing(measured, wanted)
    for line in left:
        print(line)
    print(f"own tests: {len(left)} lines and branches are left out" if left else "own tests: every branch runs")
    return int(code) or int(bool(left))


if __name__ == "__main__":
    sys.exit(main())
