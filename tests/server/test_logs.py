"""Redaction, record by record."""

from __future__ import annotations

import json
import logging

import httpx
import pytest
from uvicorn.logging import AccessFormatter

from server.logs import MASK, JsonFormatter, RedactingFilter, RedactingFormatter, redact

SECRET = "sEcReT-0123456789"

CARRIERS = [
    f"ws://localhost:8000/agent/v1/ws?token={SECRET}",
    f'127.0.0.1:5 - "WebSocket /v1/ws?a=1&token={SECRET}&b=2" [accepted]',
    f"/x?access_token={SECRET}",
    f"token%3D{SECRET}",
    f"Authorization: Bearer {SECRET}",
    f"authorization: {SECRET}",
    f"{{'Authorization': 'Bearer {SECRET}'}}",
    f"(b'authorization', b'Bearer {SECRET}')",
    f"Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.{SECRET}",
    f'< TEXT \'{{"type":"hello","token":"{SECRET}',
    f'{{"token": "{SECRET}", "expires_in_seconds": 60}}',
    f'{{\\"token\\": \\"{SECRET}\\"}}',
    f"client secret ek_{SECRET}",
    f"{{'value': 'ek_{SECRET}', 'expires_at': 1}}",
    f"first frame eyJhbGciOiJIUzI1NiJ9.{SECRET}.sig",
]


@pytest.mark.parametrize("text", CARRIERS)
def test_every_carrier_of_a_token_is_masked(text: str) -> None:
    cleaned = redact(text)
    assert SECRET not in cleaned
    assert MASK in cleaned


@pytest.mark.parametrize(
    "line",
    [
        "?TOKEN%3dCANARY0f6d",
        "openai-insecure-api-key.CANARY0f6d",
        "Bearer CANARY0f6d",
        "BEARER%20CANARY0f6d",
        "use ek_CANARY0f6d now",
        "use sk-CANARY0f6d now",
        "use eyJCANARY0f6d now",
        "Authorization: CANARY0f6d",
        "{'client_\u017fecret': 'CANARY0f6d'}",
        '{"client_secret": "CANARY0f6d"}',
        '{"api_key": "CANARY0f6d"}',
        '{"API_\u212aEY": "CANARY0f6d"}',
    ],
)
def test_a_carrier_is_known_by_itself_alone(line: str) -> None:
    """A line is first looked at for signs; one sign forgotten and that carrier passes. No line here has two of them."""
    assert "CANARY0f6d" not in redact(line)


@pytest.mark.parametrize(
    "text",
    [
        "Application startup complete.",
        '127.0.0.1:5 - "GET /api/token HTTP/1.1" 200',
        "GET /v1/token?expires_in_seconds=60&max_session_duration_seconds=3600",
        "assemblyai gave no token: time-out",
    ],
)
def test_ordinary_lines_stay_as_they_are(text: str) -> None:
    assert redact(text) == text


def test_a_known_secret_is_masked_wherever_it_stands() -> None:
    assert redact(f"x{SECRET}y", [SECRET]) == f"x{MASK}y"


def test_the_arguments_of_an_access_record_keep_their_shape() -> None:
    """The access formatter unpacks exactly five and takes the last as a number."""
    args = ("127.0.0.1:5", "GET", f"/v1/ws?token={SECRET}", "1.1", 200)
    record = logging.LogRecord("uvicorn.access", logging.INFO, "x", 1, '%s - "%s %s HTTP/%s" %d', args, None)
    assert RedactingFilter().filter(record)
    assert isinstance(record.args, tuple)
    assert len(record.args) == 5
    assert record.args[4] == 200
    text = AccessFormatter("%(client_addr)s %(request_line)s %(status_code)s", use_colors=False).format(record)
    assert "GET /v1/ws?token=[redacted] HTTP/1.1" in text


def test_url_objects_are_masked_and_clean_objects_stay_themselves() -> None:
    dirty, clean = httpx.URL(f"https://example.com/?token={SECRET}"), httpx.URL("https://example.com/")
    record = logging.LogRecord("httpx", logging.INFO, "x", 1, "%s %s %d", (dirty, clean, 5), None)
    RedactingFilter().filter(record)
    assert isinstance(record.args, tuple)
    assert record.args[1] is clean
    assert SECRET not in record.getMessage()


def test_a_traceback_is_masked_too() -> None:
    try:
        raise ValueError(f"illegal header value b'Bearer {SECRET}'")
    except ValueError as error:
        info = (type(error), error, error.__traceback__)
    record = logging.LogRecord("x", logging.ERROR, "x", 1, "went wrong", (), info)
    text = RedactingFormatter("%(message)s").format(record)
    assert "ValueError" in text
    assert SECRET not in text


def test_as_json_a_line_stays_json_and_each_of_its_texts_is_cleaned() -> None:
    try:
        raise ValueError(f"illegal header value b'Bearer {SECRET}'")
    except ValueError as error:
        info = (type(error), error, error.__traceback__)
    text = f'{{"token": "{SECRET}"}}\nsecond "line"'
    record = logging.LogRecord("x", logging.ERROR, "x", 1, text, (), info)
    line = JsonFormatter().format(record)
    said = json.loads(line)
    assert SECRET not in line and "\n" not in line
    assert (said["level"], said["logger"]) == ("error", "x")
    assert said["message"] == f'{{"token": "{MASK}"}}\nsecond "line"'
    assert said["traceback"].startswith("Traceback") and MASK in said["traceback"]
