"""Which data may leave with a part of the runtime: what only that part can read, and not a byte more."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.worklets.support.node import find_node

DRIVER = Path(__file__).parents[1] / "support" / "ownership_driver.mjs"
VARIABLE = 65536 + 512
TABLE = 8192
ONE, TWO, THREE, FOUR, FIVE = (TABLE * number for number in range(1, 6))


def told(
    first: list[int],
    later: list[int],
    *,
    compares: list[int] | None = None,
    pointers: dict[int, int] | None = None,
    held: list[int] | None = None,
) -> dict[str, Any]:
    asked = {"reads": [first, later], "compares": compares or [], "pointers": pointers or {}, "held": held or []}
    done = subprocess.run(
        [find_node(), str(DRIVER)], input=json.dumps(asked), capture_output=True, text=True, check=True, timeout=60
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


# The first part reads tables one and five, a later one the others. Table four stays: where five begins is its end, and
# code may count down from there.
BOTH = [[TWO, FOUR]]


def test_what_only_the_later_part_reads_leaves_with_it() -> None:
    found = told([ONE, FIVE], [TWO, THREE, FOUR])
    assert found["own"] == BOTH
    assert found["read"] == [ONE, FIVE]


@pytest.mark.parametrize(
    "change",
    [
        {"first": [ONE, THREE, FIVE]},
        {"first": [ONE, FIVE, VARIABLE], "pointers": {VARIABLE: THREE}},
        {"first": [ONE, FIVE, VARIABLE], "pointers": {VARIABLE: VARIABLE + 64, VARIABLE + 64: THREE}},
        {"held": [THREE]},
        {"pointers": {VARIABLE: THREE}},
    ],
    ids=["code", "variable", "variable behind a variable", "running Python", "variable of nobody"],
)
def test_what_others_come_by_the_address_of_stays(change: dict[str, Any]) -> None:
    found = told(**{"first": [ONE, FIVE], "later": [TWO, THREE, FOUR], **change})
    assert not any(begin < FOUR and end > THREE for begin, end in found["own"]), found


def test_a_variable_that_only_the_later_part_reads_leads_to_its_data() -> None:
    assert told([ONE, FIVE], [TWO, VARIABLE, FOUR], pointers={VARIABLE: THREE})["own"] == BOTH


def test_a_number_that_is_compared_is_no_address() -> None:
    assert told([ONE, FIVE], [TWO, THREE, FOUR], compares=[THREE + 96])["own"] == BOTH


def test_what_may_be_the_middle_of_a_table_stays() -> None:
    """After the first part's own table begins what it might read: only an aligned address is sure to be another's."""
    assert told([ONE, FIVE], [TWO + 4, THREE, FOUR])["own"] == [[THREE, FOUR]]
