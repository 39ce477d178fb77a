"""Page tools: asks the page to answer a tool call, or the person to allow one.

A tool marked `@tool(page=True)` is not run here: the page around ours answers it, through `<voice-agent>`. One marked
`@tool(approve="...")` runs only when the person has allowed it. Questions leave as JSON text, answers come back as
intents. Nothing here trusts an answer: it is bounded, and one that nobody waits for is ignored.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from pyclient.core.errors import PageToolError
from pyclient.core.safejson import nesting_depth
from pyclient.tools.jsonable import clean, to_json
from pyclient.tools.registry import MAX_RESULT_CHARS

# How long the person may think about it.
APPROVAL_TIMEOUT_MS = 120_000
MAX_RESULT_DEPTH = 40
MAX_ERROR_CHARS = 500


class PageTools:
    """What waits for an answer of the page, by the id of its tool call.

    `ask` takes a message to the page as JSON text.
    """

    def __init__(self, ask: Callable[[str], None]) -> None:
        self._ask = ask
        self._waiting: dict[tuple[str, str], asyncio.Future[dict[str, Any]]] = {}

    async def run(self, call_id: str, name: str, arguments: Mapping[str, Any]) -> Any:
        """What the page answers. Raises `PageToolError` in words for the agent. Cancelled, it tells the page so."""
        given = json.loads(to_json(arguments))
        answer = await self._answer("page_tool", call_id, name=name, arguments=given)
        if not isinstance(result := answer.get("result"), str):
            error = answer.get("error")
            text = clean(error[:MAX_ERROR_CHARS]) if isinstance(error, str) else ""
            raise PageToolError(text or f"The page did not say what became of {name}")
        if len(result) > MAX_RESULT_CHARS or nesting_depth(result, MAX_RESULT_DEPTH) > MAX_RESULT_DEPTH:
            raise PageToolError(f"The page's result of {name} is too long or nested too deep")
        try:
            return json.loads(result)
        except ValueError:
            raise PageToolError(f"The page's result of {name} is not JSON") from None

    async def allow(self, call_id: str, text: str) -> None:
        """Wait for the person to allow what `text` says. Raises `PageToolError` where they refuse, or do not answer."""
        try:
            async with asyncio.timeout(APPROVAL_TIMEOUT_MS / 1000):
                answer = await self._answer("approval", call_id, text=text)
        except TimeoutError:
            raise PageToolError("Not done: the person was asked to allow it and did not answer") from None
        if answer.get("approved") is not True:
            raise PageToolError("Not done: the person was asked to allow it and refused")

    def answered(self, intent: Mapping[str, Any]) -> None:
        """An intent of the page. One that belongs to nothing that waits is ignored."""
        question = "approval" if intent.get("type") == "tool_approved" else "page_tool"
        future = self._waiting.get((question, str(intent.get("call_id"))))
        if future is not None and not future.done():
            future.set_result(dict(intent))

    async def _answer(self, question: str, call_id: str, **said: Any) -> dict[str, Any]:
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[(question, call_id)] = future
        self._ask(json.dumps({"type": question, "call_id": call_id, **said}))
        try:
            return await future
        finally:
            del self._waiting[(question, call_id)]
            if future.cancelled():
                self._ask(json.dumps({"type": "tool_over", "call_id": call_id}))
