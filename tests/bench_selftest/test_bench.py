"""The benches' frame: the command line, the budget that turns red, the table.

What they measure is no test's business.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from builder import cli
from tests.bench import __main__ as command
from tests.bench import budget, earlier_build, line, table
from tests.bench.figures import BenchError, median, percentiles, tidy

LIMIT = {"figure": "frame.*.objects_per_frame", "limit": 0, "direction": "exactly", "reason": "leaks"}


def limits(*entries: dict[str, Any]) -> list[budget.Limit]:
    return [budget.Limit(**entry) for entry in entries]


def stand_in(monkeypatch: pytest.MonkeyPatch, name: str, figures: Any) -> None:
    """A bench that measures nothing and returns `figures`, or raises it."""
    module = ModuleType(f"tests.bench.{name}")

    def measure(engines: Any, rounds: int) -> Any:
        if isinstance(figures, Exception):
            raise figures
        return figures

    module.measure = measure  # type: ignore[attr-defined]
    monkeypatch.setattr(command, "_module", lambda asked: module)


@pytest.fixture
def our_budget(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A budget file of the test's own: the ratio of the token route must be 0.8."""
    path = tmp_path / "budget.json"
    entry = {"figure": "mint.ratio", "limit": 0.8, "direction": "at least", "reason": "the goal"}
    path.write_text(json.dumps({"limits": [entry]}))
    monkeypatch.setattr(budget.load, "__defaults__", (path,))
    return path


@pytest.mark.parametrize(("ratio", "code"), [(0.81, 0), (0.79, 1), (float("nan"), 1)])
def test_a_worse_figure_turns_the_check_red(
    monkeypatch: pytest.MonkeyPatch, our_budget: Path, capsys: pytest.CaptureFixture[str], ratio: float, code: int
) -> None:
    """That is all that the budget is for."""
    stand_in(monkeypatch, "mint", {"ratio": ratio})
    assert command.main(["mint", "--check"]) == code
    assert ("over budget: mint.ratio is" in capsys.readouterr().err) == (code == 1)


@pytest.mark.parametrize(
    ("direction", "kept", "broken"), [("at most", (4, 5), (6,)), ("at least", (5, 6), (4,)), ("exactly", (5,), (4, 6))]
)
def test_each_direction_means_what_it_says(direction: str, kept: tuple[int, ...], broken: tuple[int, ...]) -> None:
    (limit,) = limits({**LIMIT, "direction": direction, "limit": 5})
    assert all(limit.keeps(value) for value in kept)
    assert not any(limit.keeps(value) for value in (*broken, float("nan")))


def test_without_check_a_worse_figure_is_only_told(monkeypatch: pytest.MonkeyPatch, our_budget: Path) -> None:
    stand_in(monkeypatch, "mint", {"ratio": 0.1})
    assert command.main(["mint"]) == 0


def test_a_figure_that_was_to_be_measured_and_was_not_is_named() -> None:
    """A renamed key would otherwise switch its limit off without a word."""
    (told,) = budget.faults({"mint": {"rate": 1}}, limits({**LIMIT, "figure": "mint.ratio"}), [])
    assert "mint.ratio was not measured" in told
    (told,) = budget.faults({"mint": {"ratio": None}}, limits({**LIMIT, "figure": "mint.ratio"}), [])
    assert "not a number" in told


def test_a_star_looks_at_every_engine_and_names_the_one() -> None:
    figures = {"frame": {"chromium": {"objects_per_frame": 0}, "webkit": {"objects_per_frame": 2}}}
    (told,) = budget.faults(figures, limits(LIMIT), ["chromium", "webkit"])
    assert told.startswith("frame.webkit.objects_per_frame is 2, allowed is exactly 0: leaks")


def test_what_was_not_asked_for_is_not_missed() -> None:
    """A run of one bench in one engine judges that one."""
    named = {**LIMIT, "figure": "frame.firefox.objects_per_frame"}
    assert budget.faults({"mint": {}}, limits(LIMIT), ["chromium"]) == []
    assert budget.faults({"frame": {"chromium": {}}}, limits(named), ["chromium"]) == []
    assert budget.faults({"frame": {"firefox": {}}}, limits(named), ["firefox"]) != []


@pytest.mark.parametrize(
    "figure", ["mint.p99_ms", "mint.ours_rps", "resampler.*.ns_per_sample", "latency.*.capture_to_send_ms.p99"]
)
def test_a_budget_cannot_promise_a_time(figure: str) -> None:
    """A time is a property of the machine: the check would be red on a slow one and asleep on a fast one."""
    with pytest.raises(BenchError, match="is a time"):
        budget.Limit(figure=figure, limit=1, direction="at most", reason="none")


def test_the_committed_budget_is_fit_to_use() -> None:
    found = budget.load()
    assert {limit.figure.split(".")[0] for limit in found} <= set(cli.BENCHES)
    assert len({limit.figure for limit in found}) == len(found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read"),
        ('{"limits": [{"figure": "a"}]}', "cannot be read"),
        (json.dumps({"limits": [{**LIMIT, "direction": "under"}]}), "direction must be"),
        (json.dumps({"limits": [{**LIMIT, "reason": " "}]}), "needs its reason"),
    ],
)
def test_a_budget_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "budget.json"
    path.write_text(text)
    with pytest.raises(BenchError, match=said):
        budget.load(path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mnit"], "there is no bench 'mnit'; there are start, line, bytes"),
        (["mint", "--engine", "opera"], "there is no engine 'opera'"),
        (["mint", "--rounds", "0"], "at least one round"),
    ],
)
def test_wrong_arguments_are_named(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_missing_bench_is_named_before_an_hour_is_spent_on_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert command.main(["mint"]) == 2
    assert "tests/bench/mint.py is missing" in capsys.readouterr().err


@pytest.mark.parametrize("fault", [BenchError("no Node here"), ValueError("odd")])
def test_a_bench_that_fails_is_named_and_what_was_measured_before_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: Exception
) -> None:
    earlier, out = tmp_path / "earlier.json", tmp_path / "out.json"
    earlier.write_text(json.dumps({"about": {}, "bytes": {"shell_sent": 1}}))
    stand_in(monkeypatch, "mint", fault)
    assert command.main(["mint", "--from", str(earlier), "--json", str(out)]) == 2
    assert f"mint{':' if isinstance(fault, BenchError) else ' failed: ValueError:'} {fault}" in capsys.readouterr().err
    assert json.loads(out.read_text())["bytes"] == {"shell_sent": 1}


def test_which_browsers_are_made_sure_of() -> None:
    """None for the benches that need none: they run on a server without a screen."""
    needed = {name: cli.engines_for_bench(cli.parse(["bench", name, "--engine", "firefox"])) for name in cli.BENCHES}
    assert needed["mint"] == needed["resampler"] == needed["end_of_turn"] == ()
    assert needed["start"] == needed["latency"] == ("firefox",)
    assert needed["bytes"] == ("chromium",)
    assert cli.parse(["bench"]).names == list(cli.BENCHES)
    both = cli.parse(["bench", "--engine", "firefox,webkit", "--engine", "firefox"])
    assert both.engines == ("firefox", "webkit")


def test_the_json_and_the_table_hold_what_was_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spread = {"p50": 1.0, "p95": 2.0, "p99": 3.25}
    figures = {"48000_24000": {"snr_db": 99.1512, "took": spread}, "24000_48000": {"snr_db": 98.0}}
    stand_in(monkeypatch, "resampler", figures)
    out, page = tmp_path / "out.json", tmp_path / "docs" / "bench.md"
    assert command.main(["resampler", "--rounds", "7", "--json", str(out), "--table", str(page)]) == 0
    found = json.loads(out.read_text())
    assert found["resampler"]["48000_24000"] == {"snr_db": 99.15, "took": spread}
    assert found["about"]["resampler"]["rounds"] == 7
    text = page.read_text()
    assert "| figure | 48000_24000 | 24000_48000 |" in text
    assert "| took p50 / p95 / p99 | 1 / 2 / 3.25 | – |" in text
    assert "do not edit it" in text and sys.executable not in text
    assert re.search(r", commit \w+\+?, 7 rounds, ", text), text
    assert "snr_db" in capsys.readouterr().out


def test_a_table_keeps_what_it_says_of_benches_that_were_not_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = tmp_path / "bench.md"
    for name, rate in (("resampler", 99.0), ("bytes", 4.0), ("resampler", 98.0)):
        stand_in(monkeypatch, name, {"rate": {"a": rate}, "other": {"a": 1.0}})
        assert command.main([name, "--table", str(page)]) == 0
        once = page.read_text()
        assert command.main([name, "--table", str(page)]) == 0
        assert page.read_text() == once  # writing it again changes nothing
    sections = once.split("\n## ")
    assert [section.partition("\n")[0] for section in sections[1:]] == ["bytes", "resampler"]
    assert "| a | 4 | 1 |" in sections[1]
    assert "| a | 98 | 1 |" in sections[2] and "| a | 99 |" not in once


def test_the_arithmetic() -> None:
    assert percentiles(range(1, 101)) == {"p50": 50, "p95": 95, "p99": 99}
    assert percentiles([3, 1, 2])["p99"] == 3
    assert median([5, 1, 3]) == 3
    assert tidy({"a": 1234.5678, "n": 1234567, "l": [0.000123456]}) == {"a": 1235.0, "n": 1234567, "l": [0.0001235]}
    for empty in (median, percentiles):
        with pytest.raises(BenchError, match="nothing was measured"):
            empty([])


def visits(*ready_ms: float, size: int = 100) -> list[tuple[line.Visit, line.Visit]]:
    """First visits with these times, and second ones that took a tenth of it."""
    pairs = []
    for ms in ready_ms:
        first = line.Visit(ready_ms=ms, before_ready=size, whole=2 * size, assets=size)
        pairs.append((first, line.Visit(ready_ms=ms / 10, before_ready=5, whole=7, assets=0)))
    return pairs


def test_what_a_visitor_waits_for_is_told_by_medians_and_against_the_others() -> None:
    found = line.figures({"ours": visits(100, 90, 300), line.EARLIER: visits(400, 500), "stock": visits(200, size=50)})
    assert found["ours"] == {
        "ready_ms": 100, "bytes_before_ready": 100, "bytes_first_visit": 200,
        "second_ms": 10, "second_bytes": 7, "second_asset_bytes": 0,
    }  # fmt: skip
    assert found["ratio_to_9731686"] == pytest.approx(100 / 450)
    assert (found["ratio_to_stock"], found["second_ratio_to_9731686"]) == (0.5, pytest.approx(10 / 45))
    assert (found["noise"], found["rounds"]) == (2.0, 3)


def test_the_budget_holds_each_engine_and_each_line() -> None:
    """A limit whose path misses what the bench tells would promise nothing."""
    kinds = {"ours": visits(100), line.EARLIER: visits(500), "stock": visits(400)}
    tree = {engine: {one.name: line.figures(kinds) for one in line.LINES} for engine in ("chromium", "webkit")}
    ours = [limit for limit in budget.load() if limit.figure.startswith("line.")]
    assert len(ours) >= 7
    assert budget.faults({"line": tree}, ours, ["chromium", "webkit"]) == []
    tree["webkit"]["mbit_10"] = line.figures(kinds | {"ours": visits(300, size=4_000_000)})
    found = budget.faults({"line": tree}, ours, ["chromium", "webkit"])
    assert {told.split()[0].rpartition(".")[2] for told in found} == {
        "ratio_to_9731686", "ratio_to_stock", "bytes_before_ready", "bytes_first_visit",
    }  # fmt: skip
    assert all(told.startswith("line.webkit.mbit_10.") for told in found)


def test_the_table_of_lines_has_a_row_for_all_that_is_compared() -> None:
    kinds = {"ours": visits(100, size=2_000_000), line.EARLIER: visits(500), "stock": visits(400)}
    tree = {"firefox": {one.name: line.figures(kinds) for one in line.LINES}}
    head, rows = table.line_grid(tree)
    assert head[:4] == ["engine", "line", "what", "ready_ms"] and head[-1] == "rounds"
    assert [row[1:3] for row in rows] == [[one.name, kind] for one in line.LINES for kind in line.KINDS]
    assert all(len(row) == len(head) for row in rows)
    assert rows[0][head.index("bytes_before_ready")] == "2 000 000"
    assert [row[head.index("ratio_to_stock")] for row in rows[:3]] == ["0.25", "", ""]
    assert "ratio_to_stock" in table.text("line", tree)


def test_each_bench_has_its_own_number_of_rounds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What takes a quarter of an hour is not done as often as what takes a second; a person may say otherwise."""
    monkeypatch.setattr(command, "_versions", lambda engines: [])  # a machine without browsers has none to name
    for given, expected in (([], line.ROUNDS), (["--rounds", "1"], 1)):
        stand_in(monkeypatch, "line", {"chromium": {}})
        monkeypatch.setattr(command._module("line"), "ROUNDS", line.ROUNDS, raising=False)
        out = tmp_path / "out.json"
        assert command.main(["line", *given, "--json", str(out)]) == 0
        assert json.loads(out.read_text())["about"]["line"]["rounds"] == expected


def test_a_clone_without_the_earlier_build_is_told_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A shallow clone is what most CI makes."""
    monkeypatch.setattr(earlier_build, "KEPT", tmp_path)
    with pytest.raises(BenchError, match=r"0000000.*git fetch --unshallow"):
        earlier_build.build("0000000")
    assert list(tmp_path.iterdir()) == []


def test_a_number_in_the_table_can_be_read() -> None:
    assert dict(table.rows({"bytes": 5568526, "ratio": 0.97661})) == {"bytes": "5 568 526", "ratio": "0.9766"}
