"""Shutdown: what open requests get when the server is stopped.

A 503 in our own words and not the bare 500 of a cancelled task: the page then tries again, and finds the next server.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.errors import ApiError, error_response

__all__ = ["AnswerWhenStopped", "Interruptible", "stopping"]


def stopping() -> ApiError:
    """The refusal."""
    message = "The server is being stopped or restarted; try again in a few seconds."
    return ApiError(503, "stopping", message, headers={"Retry-After": "2"})


class Interruptible:
    """What waits for somebody else, and is not to hold up the end: `stop` breaks all of it off at once."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Task[object]] = set()
        self._stopped = False

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        """For one request. Raises `ApiError` 503 where the server is being stopped, before or meanwhile."""
        task = asyncio.current_task()
        if self._stopped or task is None:
            raise stopping()
        self._waiting.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if not self._stopped:
                raise
            task.uncancel()
            raise stopping() from None
        finally:
            self._waiting.discard(task)

    def stop(self) -> None:
        self._stopped = True
        for task in self._waiting:
            task.cancel()


class AnswerWhenStopped:
    """ASGI middleware: a request that the HTTP server cancels at its end, before it was answered, gets the refusal."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except asyncio.CancelledError:
            if begun:
                raise
            error = stopping()
            await error_response(error.status, error.code, error.message, error.headers)(scope, receive, send)
