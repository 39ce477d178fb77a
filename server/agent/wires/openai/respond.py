"""Response text: the items before it and its instructions in, a reply out.

The local agent is no language model: a session's instructions change nothing. A response's own instructions
are obeyed when they ask for something to be said (`skills.asked_to_say`: `Say exactly: ...`, or a verb of
speaking and a quotation), and taken for the user's words when no item waits for an answer. Otherwise the
last item that waits is answered.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

from server.agent.skills import Facts, Reply, answer, answer_tool, asked_to_say, instructed
from server.agent.tools import ToolRequest, ToolSpec
from server.agent.wires.openai.items import Item

__all__ = ["compose"]

# Recognition takes a fraction of a second; a response does not wait for ever for words that never come.
_WORDS_WITHIN_S = 20.0


async def compose(items: Sequence[Item], instructions: str | None, facts: Facts) -> Reply:
    """The reply to a conversation that ends with `items`. Waits until what was said last is understood."""
    said = asked_to_say(instructions) if instructions else None
    if said is not None:
        return said
    results = _open_results(items)
    if results:
        replies = [_spoken_result(items, result) for result in results]
        return Reply(skill=replies[0].skill, sentences=tuple(text for reply in replies for text in reply.sentences))
    last = items[-1] if items else None
    if last is None or last.role != "user":
        return instructed(instructions, facts)
    try:
        await asyncio.wait_for(last.known.wait(), _WORDS_WITHIN_S)
    except TimeoutError:
        return Reply(skill="fallback", sentences=("I am sorry, I did not understand that.",))
    if not last.text:
        return Reply(skill="fallback", sentences=("I did not hear anything.",))
    return answer(last.text, facts, sure=last.sure)


def _open_results(items: Sequence[Item]) -> list[Item]:
    """The outputs of calls at the end of the conversation: nobody has spoken of them yet."""
    found: list[Item] = []
    for item in reversed(items):
        if item.kind != "function_call_output":
            break
        found.insert(0, item)
    return found


def _spoken_result(items: Sequence[Item], result: Item) -> Reply:
    call = next(
        (item for item in items if item.kind == "function_call" and item.shown["call_id"] == result.shown["call_id"]),
        None,
    )
    tool = ToolSpec(name=call.shown["name"] if call else "")
    request = ToolRequest(tool=tool, arguments=call.arguments if call else {}, skill=call.skill if call else "")
    return answer_tool(request, result.text, is_error=_is_error(result.text))


def _is_error(output: str) -> bool:
    """This protocol has no flag for it: an object whose `error` is set says so."""
    try:
        value = json.loads(output)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and bool(value.get("error"))
