"""Sign-in: a team's own check of who asks for a token (SIGN_IN names the function).

    # team_sign_in.py, in the folder that the server is started in; SIGN_IN=team_sign_in:who
    async def who(visitor):
        session = await sessions.find(visitor.cookies.get("session"))     # or visitor.bearer
        return session.user_id if session else None

What it returns names the user: for the rate limit, in the place of the address, and for the audit log. None: 401.
Where it raises or takes longer than UPSTREAM_TIMEOUT_SECONDS, no token is given (503). A function without `async`
runs in a thread.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from server.errors import ApiError
from server.origins import client_of
from server.settings import SettingsError

__all__ = ["SignIn", "Visitor", "load_sign_in"]

log = logging.getLogger("parley.sign_in")

_USER = re.compile(r"[\x21-\x7e]{1,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """What a token request shows of who sends it. Names of `headers` are in lower case."""

    headers: Mapping[str, str] = field(repr=False)
    cookies: Mapping[str, str] = field(repr=False)
    client: str

    @property
    def bearer(self) -> str | None:
        """What stands behind `Authorization: Bearer`."""
        kind, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() or None if kind.lower() == "bearer" else None


class SignIn:
    """Asks the team's function, within a time."""

    def __init__(self, function: Callable[[Visitor], Any], timeout_s: float) -> None:
        self._function = function
        self._timeout_s = timeout_s

    async def user(self, request: Request) -> str:
        """Who asks. Raises `ApiError` 401 for nobody, 503 where the function does not say."""
        visitor = Visitor(headers=dict(request.headers), cookies=dict(request.cookies), client=client_of(request.scope))
        try:
            async with asyncio.timeout(self._timeout_s):
                user = await self._ask(visitor)
        except Exception as error:
            # The name of the class only: the text may hold a cookie or a token.
            log.error("the function of SIGN_IN failed: %s", type(error).__name__)
            raise _failed() from None
        if user is None:
            message = "Sign in first, then connect."
            raise ApiError(401, "sign_in_needed", message, headers={"WWW-Authenticate": "Bearer"})
        if not isinstance(user, str) or not _USER.fullmatch(user):
            log.error("the function of SIGN_IN returned neither None nor 1 to 128 visible ASCII characters")
            raise _failed()
        return user

    async def _ask(self, visitor: Visitor) -> Any:
        if inspect.iscoroutinefunction(self._function):
            return await self._function(visitor)
        answer = await asyncio.to_thread(self._function, visitor)
        return await answer if isinstance(answer, Awaitable) else answer


def load_sign_in(name: str, timeout_s: float) -> SignIn:
    """`module:function`. Raises `SettingsError` where there is no such thing."""
    module, _, function = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), function, None)
    except ImportError as error:
        raise SettingsError(f"SIGN_IN: {module} cannot be imported ({type(error).__name__}: {error})") from None
    if not callable(found):
        raise SettingsError(f"SIGN_IN: {module} has no function {function}")
    return SignIn(found, timeout_s)


def _failed() -> ApiError:
    message = "The server cannot find out who you are for now; try again in a few seconds."
    return ApiError(503, "sign_in_failed", message, headers={"Retry-After": "5"})
