"""Branch coverage from a module's own tests: it is complete where `own_coverage.OWN` asks for it, and what is
left out is named.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import coverage
import pytest

from tests.support import own_coverage

ROOT = Path(__file__).resolve().parent.parent
MODULE = """
def sign(value):
    if value < 0:
        return -1
    return 1
"""


@pytest.mark.slow
def test_states_codecs_and_turns_run_every_branch_in_their_own_tests() -> None:
    command = [sys.executable, "-m", "tests.support.own_coverage", "--own"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert done.stdout.endswith("own tests: every branch runs\n")


@pytest.mark.parametrize(
    ("ran", "left"),
    [
        ({"test_sign.py": (-1, 1)}, []),
        ({"test_sign.py": (-1,), "test_sign_more.py": (1,)}, []),
        ({"test_sign.py": (1,)}, ["line 4", "branch 3 -> 4"]),
        ({"test_sign.py": (-1,), "test_other.py": (1,)}, ["line 5", "branch 3 -> 5"]),
        ({"test_sign.py": (-1,), own_coverage.DRAWN: (1,)}, ["line 5", "branch 3 -> 5"]),
    ],
)
def test_a_branch_that_only_other_tests_run_is_named(
    tmp_path: Path, ran: dict[str, tuple[int, ...]], left: list[str]
) -> None:
    module = tmp_path / "room" / "sign.py"
    module.parent.mkdir()
    module.write_text(MODULE)
    for name in ran:
        (tmp_path / name).touch()
    (one,) = own_coverage.own(tmp_path, tmp_path, {"sign.py": "test_sign*.py"})
    measured = coverage.Coverage(data_file=None, branch=True, include=[str(module)], config_file=False)
    space: dict[str, int] = {}
    measured.start()
    try:
        exec(compile(module.read_text(), str(module), "exec"), space)
        for name, values in ran.items():
            measured.switch_context(name)
            for value in values:
                space["sign"](value)  # type: ignore[operator]
    finally:
        measured.stop()
    assert [line.partition(": ")[2] for line in own_coverage.missing(measured, [one])] == left


@pytest.mark.parametrize("names", [{"sign.py": "test_*.py"}, {"sign.py": "sign.py", "nothing.py": "sign.py"}])
def test_a_module_or_a_test_that_was_renamed_is_noticed(tmp_path: Path, names: dict[str, str]) -> None:
    """Else the check would stay green because it looks at nothing."""
    (tmp_path / "sign.py").write_text(MODULE)
    with pytest.raises(ValueError, match=r"there is no (test_\*|nothing)\.py"):
        own_coverage.own(tmp_path, tmp_path, names)
