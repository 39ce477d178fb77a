"""Feature table: each yes names a test or a file that is there, and the page is made of the data."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from builder import feature_table
from builder.environment import SetupError

ROOT = Path(__file__).resolve().parent.parent.parent
ROW = '{ name = "Talk", peers = "Y-", parley = "yes", where = "tests/test_a.py::test_b" }'


def made(tmp_path: Path, row: str) -> str:
    (tmp_path / "docs").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").write_text("def test_b(): ...\n")
    (tmp_path / feature_table.SOURCE).write_text(
        f'[peers]\nA = "one"\nB = "other"\n[[group]]\nname = "Voice"\nfeatures = [{row}]\n'
    )
    return feature_table.text(tmp_path)


def test_the_page_is_that_of_today() -> None:
    assert (ROOT / feature_table.FILE).read_text(encoding="utf-8") == feature_table.text(ROOT), feature_table.STALE


def test_a_row_says_who_has_it_and_where_it_is_shown(tmp_path: Path) -> None:
    page = made(tmp_path, ROW)
    assert "| Talk | yes | [test_a.py](../tests/test_a.py) | yes | – |" in page
    assert re.search(r"Of 1 features Parley has 1,\n0 partly, 0 not; the peer with the most, A, has 1\.", page)


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("test_b", "test_c", "no test or file that is there"),
        ("test_a.py", "test_z.py", "no test or file that is there"),
        ("tests/test_a.py::test_b", "", "no test or file that is there"),
        ('"yes"', '"soon"', "parley is 'soon', not one of yes, partly, no"),
        ('"Y-"', '"Y"', "'Y' is not one of YPN-[?] for each of 2 peers"),
        ('"Y-"', '"YX"', "'YX' is not one of YPN-[?]"),
        ("where", "how", "wants .*where"),
    ],
)
def test_a_row_that_is_not_whole_is_named(tmp_path: Path, good: str, bad: str, said: str) -> None:
    with pytest.raises(SetupError, match=f"Talk: .*{said}"):
        made(tmp_path, ROW.replace(good, bad))
