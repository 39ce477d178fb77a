"""What may be written down: no token and no key, whoever logs, at whatever level.

A token travels in four places that something likes to log: the query of a WebSocket (the HTTP server prints it through
`uvicorn.error`, so switching the access log off does not help), the sub-protocol `openai-insecure-api-key.…`, the
`Authorization` header, and JSON messages (websockets prints headers and frames at DEBUG). A token that shows its kind
by its first letters (`ek_`, `eyJ`) is known anywhere. Two layers take them out:

* `RedactingFilter` on the loggers of the libraries and on our handler cleans `msg` and `args`, keeping the shape of
  `args` (uvicorn's access formatter unpacks exactly five);
* `RedactingFormatter` cleans the finished text, so that tracebacks are covered too.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

from server.flood import FloodFilter

MASK = "[redacted]"

# Of the token request that is being answered: whatever is logged meanwhile carries it, whoever logs.
request_id: ContextVar[str] = ContextVar("request_id", default="")

# `[^\s"'&...]` and no closing quote: libraries cut long frames in the middle.
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?i)(token(?:=|%3d))[^\s&\"'#;,)\\]+"), rf"\1{MASK}"),
    (re.compile(r"(?i)(openai-insecure-api-key\.)[^\s,\"')\\]+"), rf"\1{MASK}"),
    (re.compile(r"(?i)(bearer(?:\s|%20)+)[^\s,\"')\\]+"), rf"\1{MASK}"),
    (re.compile(r"\b(ek_|sk-|eyJ)[A-Za-z0-9_.-]{6,}"), rf"\1{MASK}"),
    (
        re.compile(r"(?i)(authorization\\?[\"']?\s*[:=,]\s*(?:b?\\?[\"'])?(?:bearer\s+)?)[^\s,\"')\\]+"),
        rf"\1{MASK}",
    ),
    (
        re.compile(
            r"(?i)(\\?[\"'](?:token|access_token|client_secret|api_key|authorization)\\?[\"']\s*:\s*b?\\?[\"'])[^\"'\\]+"
        ),
        rf"\1{MASK}",
    ),
)

# Every pattern needs one of these words. Most lines have none of them, and looking for words costs a
# tenth of the patterns.
_SIGNS = (
    "token",
    "bearer",
    "authorization",
    "openai-insecure-api-key.",
    "client_secret",
    "api_key",
    "ek_",
    "sk-",
    "eyj",
)

# Libraries whose records may carry a URL, a header or a message. A filter works only on the logger it is put on.
_LOGGERS = (
    "uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi", "httpx", "websockets", "websockets.server", "websockets.client", "asyncio",
)  # fmt: skip


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` without tokens and keys; `secrets` are exact values to take out wherever they stand."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, MASK)
    folded = text.casefold()  # as the patterns do, which take a long s for an s
    if not any(sign in folded for sign in _SIGNS):
        return text
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


class RedactingFilter(logging.Filter):
    """Cleans a record in place and lets it through. Arguments keep number, order and, where clean, their type."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._secrets = tuple(secrets)

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.msg, str):
            record.msg = redact(record.msg, self._secrets)
        if isinstance(record.args, tuple):
            record.args = tuple(self._clean(arg) for arg in record.args)
        elif isinstance(record.args, dict):
            record.args = {key: self._clean(value) for key, value in record.args.items()}
        return True

    def _clean(self, arg: Any) -> Any:
        if arg is None or isinstance(arg, int | float):
            return arg
        # URLs, frames and byte strings are objects; they stay themselves unless their text gives something away.
        text = arg if isinstance(arg, str) else str(arg)
        cleaned = redact(text, self._secrets)
        return arg if cleaned == text else cleaned


class RedactingFormatter(logging.Formatter):
    """The last look at the finished line, traceback included. Ends in the id of the request, where there is one."""

    def __init__(self, fmt: str, secrets: Iterable[str] = ()) -> None:
        super().__init__(fmt)
        self._secrets = tuple(secrets)

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record), self._secrets)

    def formatMessage(self, record: logging.LogRecord) -> str:
        line = super().formatMessage(record)
        # The audit line has it in its own place.
        return f"{line} request={request_id.get()}" if request_id.get() and not hasattr(record, "facts") else line


class JsonFormatter(logging.Formatter):
    """One JSON object in a line: at, level, logger, message, request, traceback; of an audit line its
    facts, one by one.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._secrets = tuple(secrets)

    def format(self, record: logging.LogRecord) -> str:
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        said: dict[str, object] = {"at": f"{seconds}.{int(record.msecs):03d}Z"}
        said |= {"level": record.levelname.lower(), "logger": record.name}
        facts = getattr(record, "facts", None)
        said |= facts if facts is not None else {"message": record.getMessage()}
        if request_id.get():
            said["request"] = request_id.get()
        if record.exc_info:
            said["traceback"] = self.formatException(record.exc_info)
        # Each text by itself: what is taken out of a finished line could take a quote along.
        return json.dumps({name: self._cleaned(value) for name, value in said.items()}, ensure_ascii=False)

    def _cleaned(self, value: object) -> object:
        return redact(value, self._secrets) if isinstance(value, str) else value


def install_filters(secrets: Iterable[str] = ()) -> None:
    """Puts the filter on the libraries' loggers, replacing an earlier one of ours. Part of `create_app`."""
    kept = tuple(secrets)
    # At DEBUG it prints every header of the provider's answers, and no pattern knows what a cookie is worth.
    logging.getLogger("httpcore").setLevel(logging.WARNING)
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        for old in [item for item in logger.filters if isinstance(item, RedactingFilter)]:
            logger.removeFilter(old)
        logger.addFilter(RedactingFilter(kept))


def configure_logging(level: str, secrets: Iterable[str] = (), log_format: str = "text") -> None:
    """Everything to stderr in one format; stdout is left to the ready line. Called by `__main__` only."""
    kept = tuple(secrets)
    handler = logging.StreamHandler()
    text = RedactingFormatter("%(levelname)s %(name)s: %(message)s", kept)
    handler.setFormatter(JsonFormatter(kept) if log_format == "json" else text)
    handler.addFilter(FloodFilter())
    handler.addFilter(RedactingFilter(kept))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    if level != "debug":
        # One line per upstream call says nothing that our own log does not.
        logging.getLogger("httpx").setLevel(logging.WARNING)
    install_filters(kept)
