"""Import graph: drawn from the imports of today, and only where no arrow runs up or in a circle."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder import import_graph
from builder.environment import SetupError

ROOT = Path(__file__).resolve().parent.parent.parent
FLOORS = [["top"], ["left", "right"], ["base"]]


def imports(**found: str) -> import_graph.Imports:
    """`top__a="base__b"`: pyclient.top.a imports pyclient.base.b."""
    named = {
        f"pyclient.{one.replace('__', '.')}": f"pyclient.{other.replace('__', '.')}" for one, other in found.items()
    }
    return {module: frozenset({named[module]} if module in named else ()) for module in {*named, *named.values()}}


def test_the_drawn_graph_is_that_of_today() -> None:
    assert (ROOT / import_graph.FILE).read_text(encoding="utf-8") == import_graph.text(ROOT), import_graph.STALE


def test_arrows_down_are_drawn_once() -> None:
    found = imports(top__a="base__b", top__c="base__d", left__e="base__b")
    import_graph.check(FLOORS, found)
    page = import_graph.page(FLOORS, found)
    assert page.count("top ==> base") == 1 and page.count("left ==> base") == 1 and "right ==>" not in page
    assert "| `top` | `base` |" in page


@pytest.mark.parametrize("found", [imports(base__a="top__b"), imports(left__a="right__b")])
def test_an_arrow_that_does_not_run_down_is_named(found: import_graph.Imports) -> None:
    with pytest.raises(SetupError, match="which does not stand below it"):
        import_graph.check(FLOORS, found)


def test_a_circle_on_one_floor_is_named() -> None:
    with pytest.raises(SetupError, match=r"in a circle among pyclient\.base\.a, pyclient\.base\.b"):
        import_graph.check(FLOORS, imports(base__a="base__b", base__b="base__a", top__c="base__a"))


def test_without_floors_nothing_is_drawn() -> None:
    with pytest.raises(SetupError, match="no layers contract"):
        import_graph.floors_of({"tool": {"importlinter": {"contracts": [{"type": "forbidden"}]}}})


def test_what_is_not_current_fails_the_check(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(import_graph, "text", lambda root: "another")
    assert import_graph.main(["--check"]) == 1
    assert "build.py graph" in capsys.readouterr().err
