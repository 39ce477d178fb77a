"""Tools that the page answers, and tools that the person must allow: in CPython, with a fake page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, Literal

import pytest

from pyclient.config import ClientConfig
from pyclient.core import commands
from pyclient.core.errors import ToolDefinitionError
from pyclient.host import page_tools
from pyclient.host import pyodide_host as browser
from pyclient.tools import ToolRegistry, tool
from tests.support.fake_browser import FakeHost


@tool(page=True, timeout_ms=100)
def show_product(sku: str, size: Literal["s", "m"] = "m") -> None:
    """Show a product."""


@tool(approve="Order {count} x {sku}?")
async def order(sku: str, count: int = 1) -> dict[str, object]:
    """Order a product."""
    return {"ordered": sku, "count": count}


@tool(page=True, approve="Empty the cart?")
async def empty_cart() -> None: ...


class Page:
    """The page's side: notes what it is asked, and what the session is told in the end."""

    def __init__(self) -> None:
        self.host = FakeHost()
        self.client = browser.Client(
            self.host, ClientConfig.from_dict({}), ToolRegistry([show_product, order, empty_cart])
        )
        self.told: list[tuple[str, Any, bool]] = []
        self.client.handle = self._handled  # type: ignore[method-assign]

    def _handled(self, event: Any) -> None:
        self.told.append((event.call_id, json.loads(event.result_json), event.is_error))

    @property
    def asked(self) -> list[dict[str, Any]]:
        return [json.loads(values[0]) for values in self.host.said("ask_page")]

    def call(self, name: str, call_id: str = "c1", timeout_ms: int = 5_000, **arguments: Any) -> None:
        command = commands.RunTool(call_id=call_id, name=name, arguments=arguments, timeout_ms=timeout_ms)
        self.client.run_command[commands.RunTool](command)

    def answer(self, **intent: Any) -> None:
        self.client.intent(json.dumps({"type": "tool_answered", "call_id": "c1", **intent}))

    def decide(self, approved: object, call_id: str = "c1") -> None:
        self.client.intent(json.dumps({"type": "tool_approved", "call_id": call_id, "approved": approved}))


def with_page(story: Callable[[Page], Any]) -> Page:
    """Tell `story`, an async function, and return the page when all has settled."""

    async def run() -> Page:
        page = Page()
        await story(page)
        await settle()
        return page

    return asyncio.run(run())


async def settle() -> None:
    for _ in range(8):
        await asyncio.sleep(0)


def test_the_page_answers_with_the_defaults_of_what_was_not_given() -> None:
    async def story(page: Page) -> None:
        page.call("show_product", sku="A-1", size=None)
        await settle()
        assert page.asked == [
            {"type": "page_tool", "call_id": "c1", "name": "show_product", "arguments": {"sku": "A-1", "size": "m"}}
        ]
        page.answer(result='{"shown": "Lamp"}')

    page = with_page(story)
    assert page.told == [("c1", {"shown": "Lamp"}, False)]
    assert len(page.asked) == 1, "nothing is over that was answered"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"error": "Error: there is no A-1"}, "Error: there is no A-1"),
        ({"error": ""}, "did not say what became of show_product"),
        ({}, "did not say what became of show_product"),
        ({"result": {"no": "text"}}, "did not say what became of show_product"),
        ({"result": "{"}, "is not JSON"),
        ({"result": "[" * 50 + "]" * 50}, "too long or nested too deep"),
        ({"result": json.dumps("a" * 64_000)}, "too long or nested too deep"),
        ({"result": "NaN"}, "JSON has no word for"),
    ],
)
def test_what_went_wrong_in_the_page_is_told_as_it_is(answer: dict[str, Any], words: str) -> None:
    async def story(page: Page) -> None:
        page.call("show_product", sku="A-1")
        await settle()
        page.answer(**answer)

    ((_, told, is_error),) = with_page(story).told
    assert is_error and words in told["error"]


def test_a_page_that_does_not_answer_in_time_is_told_that_it_is_over() -> None:
    async def story(page: Page) -> None:
        page.call("show_product", sku="A-1", timeout_ms=10)
        await asyncio.sleep(0.1)
        page.answer(result="1")

    page = with_page(story)
    assert page.told == [("c1", {"error": "show_product took too long"}, True)]
    assert page.asked[1:] == [{"type": "tool_over", "call_id": "c1"}]


@pytest.mark.parametrize("name", ["show_product", "order"])
def test_an_interrupted_call_ends_in_the_page_and_says_nothing(name: str) -> None:
    async def story(page: Page) -> None:
        page.call(name, sku="A-1")
        await settle()
        page.client.run_command[commands.CancelTool](commands.CancelTool(call_id="c1"))
        await settle()
        page.answer(result="1")
        page.decide(True)

    page = with_page(story)
    assert page.told == []
    assert page.asked[1:] == [{"type": "tool_over", "call_id": "c1"}]


def test_an_answer_to_another_question_is_none() -> None:
    async def story(page: Page) -> None:
        page.answer(result="1")
        page.call("order", sku="A-1")
        await settle()
        page.answer(result='"forged"')
        page.decide(True, call_id="c2")
        await settle()

    assert with_page(story).told == []


def test_an_allowed_tool_runs_and_the_person_reads_what_it_will_do() -> None:
    async def story(page: Page) -> None:
        page.call("order", sku="A\n-1" + "!" * 500)
        await settle()
        assert not page.told
        page.decide(True)

    page = with_page(story)
    (asked,) = page.asked
    assert asked["type"] == "approval" and asked["text"].startswith("Order 1 x A -1!!!")
    assert asked["text"].endswith("…?") and len(asked["text"]) < 200
    assert page.told[0][1]["count"] == 1 and not page.told[0][2]


@pytest.mark.parametrize("approved", [False, None, "true", 1])
def test_only_yes_is_yes(approved: object) -> None:
    async def story(page: Page) -> None:
        page.call("order", sku="A-1")
        await settle()
        page.decide(approved)

    ((_, told, is_error),) = with_page(story).told
    assert is_error and "refused" in told["error"]


def test_who_does_not_answer_has_not_allowed_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_tools, "APPROVAL_TIMEOUT_MS", 10)

    async def story(page: Page) -> None:
        page.call("order", sku="A-1")
        await asyncio.sleep(0.1)
        page.decide(True)

    page = with_page(story)
    ((_, told, is_error),) = page.told
    assert is_error and "did not answer" in told["error"]
    assert page.asked[1:] == [{"type": "tool_over", "call_id": "c1"}]


def test_thinking_about_it_takes_no_time_of_the_tool() -> None:
    async def story(page: Page) -> None:
        page.call("empty_cart", timeout_ms=30)
        await asyncio.sleep(0.1)
        page.decide(True)
        await settle()
        page.answer(result="null")

    page = with_page(story)
    assert [it["type"] for it in page.asked] == ["approval", "page_tool"]
    assert page.told == [("c1", None, False)]


def test_two_calls_are_answered_each_by_its_own() -> None:
    async def story(page: Page) -> None:
        page.call("show_product", "c1", sku="A-1")
        page.call("show_product", "c2", sku="B-2")
        await settle()
        page.answer(call_id="c2", result="2")
        page.answer(result="1")

    assert sorted(with_page(story).told) == [("c1", 1, False), ("c2", 2, False)]


def _with_body(sku: str) -> str:
    """Show it."""
    return sku


def _with_a_question(sku: str, count: int = 1) -> None:
    """Order it."""


@pytest.mark.parametrize(
    ("function", "marks", "words"),
    [
        (_with_body, {"page": True}, "its body never runs"),
        (_with_a_question, {"page": "yes"}, "page must be True or False"),
        (_with_a_question, {"approve": True}, "approve must be a text"),
        (_with_a_question, {"approve": "a" * 401}, "approve must be a text"),
        (_with_a_question, {"approve": "Order {cuont}?"}, r"approve names \{cuont\}.*there are: sku, count"),
        (_with_a_question, {"approve": "Order {}?"}, r"approve names \{\}"),
        (_with_a_question, {"approve": "Order {sku?"}, "a brace that belongs to no"),
    ],
)
def test_a_mistake_stops_where_the_tool_is_defined(
    function: Callable[..., Any], marks: dict[str, Any], words: str
) -> None:
    with pytest.raises(ToolDefinitionError, match=words):
        tool(**marks)(function)


def test_every_way_to_write_an_empty_body_is_one() -> None:
    def dots(sku: str) -> None: ...

    def documented(sku: str) -> None:
        """Show it."""

    def both(sku: str) -> None:
        """Show it."""
        ...

    def passing(sku: str) -> None:
        pass

    async def waiting(sku: str) -> None: ...

    async def waiting_and_both(sku: str) -> None:
        """Show it."""
        pass

    for function in (dots, documented, both, passing, waiting, waiting_and_both):
        assert ToolRegistry([tool(page=True)(function)]).tools()[0].page
