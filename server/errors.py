"""What a refusal looks like: `{"error": {"code", "message"}}`, from our own checks and from the framework alike.

    ApiError                      anything a route refuses; carries status, code, message, headers
        UpstreamError             a provider's answer could not be used; the message is one of a few fixed ones

`code` is for programs and stays stable, `message` is for people. Neither ever holds what a provider said.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

log = logging.getLogger("parley.errors")

# An answer of ours is data: whoever opens it as a page gets a page that can do nothing.
API_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_CODES = {
    400: ("bad_request", "The request could not be read."),
    403: ("forbidden", "This is not allowed."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take this method."),
    413: ("too_large", "The request body is too large."),
    422: ("invalid_value", "A value of the request is not usable."),
}


class ApiError(Exception):
    """Raise it anywhere below a route. `status` is the HTTP status, `headers` are added to the answer."""

    def __init__(self, status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


class UpstreamError(ApiError):
    """The provider refused, was not there, was too slow, or said something that is no token.

    `reason` is for our log only and is made of our own words and status numbers.
    """

    def __init__(
        self, status: int, code: str, message: str, *, reason: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, code, message, headers=headers)
        self.reason = reason


def error_response(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The one shape, with the headers that every answer of ours carries."""
    body = {"error": {"code": code, "message": message}}
    return JSONResponse(body, status_code=status, headers={**API_HEADERS, **(headers or {})})


def install_error_handlers(app: Starlette) -> None:
    """Gives the framework's own refusals (404, 405, 422, 500) the same shape. Call once, while wiring."""
    app.add_exception_handler(ApiError, _on_api_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, _on_unexpected)


async def _on_api_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    return error_response(error.status, error.code, error.message, error.headers)


async def _on_http_exception(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    default = (f"http_{error.status_code}", _phrase(error.status_code))
    code, message = _CODES.get(error.status_code, default)
    # `detail` is only passed on where somebody wrote one; the framework's default is the bare phrase.
    if isinstance(error.detail, str) and error.detail != _phrase(error.status_code):
        message = error.detail
    return error_response(error.status_code, code, message, error.headers)


async def _on_unexpected(request: Request, error: Exception) -> JSONResponse:
    # The traceback is logged by the HTTP server, through the redacting formatter.
    log.error("%s on %s %s", type(error).__name__, request.method, request.url.path)
    return error_response(500, "internal_error", "Something went wrong here; the server's log says what.")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
