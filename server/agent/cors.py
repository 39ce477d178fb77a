"""CORS: which pages of other origins may read what the REST routes answer. The same that may open sockets
(`allowed_origins`).

The SDK vendor's own example calls its token route from the page, so the vendor answers preflights; so do we, for those
pages and for nobody else.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

__all__ = ["cors_route", "preflight"]

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def cors_route(allowed_origins: tuple[str, ...]) -> type[APIRoute]:
    """A kind of route whose answers an allowed page may read."""

    class CorsRoute(APIRoute):
        def get_route_handler(self) -> Handler:
            handle = super().get_route_handler()

            async def handled(request: Request) -> Response:
                response = await handle(request)
                response.headers["Vary"] = "Origin"
                origin = request.headers.get("origin")
                if origin in allowed_origins:
                    response.headers["Access-Control-Allow-Origin"] = str(origin)
                    response.headers["Access-Control-Expose-Headers"] = "Retry-After"
                return response

            return handled

    return CorsRoute


async def preflight(request: Request) -> Response:
    """May the page send this? Whether it may read the answer, the route's own kind says."""
    asked = request.headers.get("access-control-request-method")
    if asked is None:
        return Response(status_code=405, headers={"Allow": "GET, POST, PUT, DELETE"})
    granted = {
        "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE",
        "Access-Control-Allow-Headers": "Authorization, Content-Type",
        "Access-Control-Max-Age": "600",
        "Cache-Control": "no-store",
    }
    return Response(status_code=204, headers=granted)
