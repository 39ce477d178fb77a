"""Token answer: the token route's answer as an event. Whoever answered, nothing of it raises."""

from __future__ import annotations

import contextlib
import json
import math
from typing import Any

from pyclient.core import events
from pyclient.core.safejson import nesting_depth
from pyclient.tools.jsonable import clean

# A token answer is small; anything else is not ours.
MAX_NUMBER = 10**15
MAX_TOKEN_ANSWER_CHARS, MAX_TOKEN_ANSWER_DEPTH = 64 * 1024, 8


def token_event(attempt: int, status: int, body: str, retry_after: str) -> events.Event:
    """Turn the token route's answer into an event.

    A body that is not what the route promises is a refusal, never an exception.
    """
    answer: Any = None
    # Bounded before json.loads: deep nesting kills Pyodide.
    if (
        status
        and len(body) <= MAX_TOKEN_ANSWER_CHARS
        and nesting_depth(body, MAX_TOKEN_ANSWER_DEPTH) <= MAX_TOKEN_ANSWER_DEPTH
    ):
        with contextlib.suppress(ValueError):
            answer = json.loads(body)
    if why := _not_by_a_token_server(status, body, answer):
        return events.TokenRefused(attempt=attempt, status=status, code=why)
    if not isinstance(answer, dict):
        answer = {}
    token, ws_url = answer.get("token"), answer.get("ws_url")
    if (
        status == 200
        and isinstance(token, str)
        and token
        and clean(token) == token
        and isinstance(ws_url, str)
        and ws_url.startswith(("ws://", "wss://"))
        and clean(ws_url) == ws_url
    ):
        return events.TokenGranted(
            attempt=attempt,
            token=token,
            ws_url=ws_url,
            expires_at=_number(answer.get("expires_at")),
            max_session_s=_number(answer.get("max_session_seconds")),
        )
    fault = answer.get("error")
    fault = fault if isinstance(fault, dict) else {}
    return events.TokenRefused(
        attempt=attempt,
        status=status,
        code=_text(fault.get("code")) or ("bad_answer" if status == 200 else ""),
        message=_text(fault.get("message")),
        # isdigit alone takes digits of other scripts, and superscripts that are no number
        retry_after_s=float(retry_after) if retry_after.isascii() and retry_after.isdigit() else None,
    )


def _text(value: Any) -> str:
    return clean(value)[:500] if isinstance(value, str) else ""


def _not_by_a_token_server(status: int, body: str, answer: Any) -> str:
    """A word for `notices` where somebody else answered, or nobody: what the host found out, or a site
    without a token server.
    """
    if status == 0:
        return body if body in ("redirected", "offline", "policy", "no_bearer") else ""
    # A static host answers a POST with a page, with 404, or with "not for this method".
    return "absent" if status in (200, 404, 405, 501) and not isinstance(answer, dict) else ""


def _number(value: Any) -> float | None:
    """A number that a clock can use. JSON knows no bound for the digits of one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > MAX_NUMBER:
        return None
    return float(value) if math.isfinite(value) else None
