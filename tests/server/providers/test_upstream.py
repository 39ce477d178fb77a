"""502 and 504: what a vendor does is its own affair. The page sees one of a few fixed texts, whichever vendor it is."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from tests.server.support.server_support import (
    CANARY,
    FakeProvider,
    RunningServer,
    assert_error,
    fake_provider,
    running_server,
)
from tests.server.support.vendors import VENDORS, Vendor


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 201, 204])
def test_a_refusal_is_502_without_the_providers_words(
    server: RunningServer, provider: FakeProvider, vendor: Vendor, status: int
) -> None:
    """404 and 422 are how the vendor says bad key and bad parameter; neither may look like our own 404 or 422."""
    provider.answer_with(status, b"" if status == 204 else json.dumps({"detail": f"{CANARY} {vendor.key}"}))
    assert_error(server.post({"provider": vendor.name}), 502, "upstream_refused")
    assert len(provider.calls) == 1


PASSING = [
    (429, 429, "upstream_rate_limited"),
    (503, 503, "upstream_overloaded"),
    (500, 502, "upstream_failed"),
    (502, 502, "upstream_failed"),
    (529, 502, "upstream_failed"),
    (408, 504, "upstream_timeout"),
    (504, 504, "upstream_timeout"),
]


@pytest.mark.parametrize(("status", "told", "code"), PASSING)
def test_row_65_trouble_that_passes_is_told_as_that_and_for_how_long_to_wait(
    server: RunningServer, provider: FakeProvider, vendor: Vendor, status: int, told: int, code: str
) -> None:
    """No word of a key that may be wrong: whoever reads that looks for a fault that is not there."""
    body = json.dumps({"detail": f"{CANARY} {vendor.key}"})
    for headers, wait in (({"Retry_After": "17"}, "17"), ({}, None)):
        provider.answer_with(status, body, **headers)
        answer = server.post({"provider": vendor.name})
        message = assert_error(answer, told, code)
        assert answer.headers.get("retry-after") == wait
        assert "key" not in message
        if told != 504:
            assert ("17 s" in message) is (wait is not None)


# Of a header's value: how long the page is told to wait; None: nothing is passed on.
WAITS: dict[str, str | None] = {
    "0": "1",
    " 5 ": "5",
    "86400": "86400",
    "999999999": "86400",
    "9" * 400: None,
    "-5": None,
    "5.5": None,
    "1e3": None,
    "1_000": None,
    "\u00b2": None,
    "\u00b35": None,
    "soon": None,
    "": None,
    "Wed, 21 Oct 2015 07:28:00 GMT": "1",
    "Fri, 31 Dec 9999 23:59:59 GMT": "86400",
    "Fri, 31 Dec 99999 23:59:59 GMT": None,
}


@pytest.mark.parametrize("text", WAITS)
def test_row_68_a_retry_after_that_makes_no_sense_is_not_passed_on(
    server: RunningServer, provider: FakeProvider, text: str
) -> None:
    provider.answer_with(429, b"", Retry_After=text)
    answer = server.post()
    assert_error(answer, 429, "upstream_rate_limited")
    assert answer.headers.get("retry-after") == WAITS[text]


def test_a_retry_after_that_is_a_date_is_passed_on_in_seconds(server: RunningServer, provider: FakeProvider) -> None:
    provider.answer_with(503, b"", Retry_After=format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True))
    assert 60 <= int(server.post().headers["retry-after"]) <= 90


ODD_TOKENS = ["\ud800", "a\udc00b", "\ud83d\ude00", "\u0661\u0662", "\u00b2", "\uff11"]


@pytest.mark.parametrize("token", ODD_TOKENS, ids=ascii)
def test_row_68_a_token_with_half_a_character_or_foreign_digits_is_refused(
    server: RunningServer, provider: FakeProvider, vendor: Vendor, token: str
) -> None:
    provider.answer_with(200, vendor.answer(token, provider.url))
    assert_error(server.post({"provider": vendor.name}), 502, "upstream_unusable")


@pytest.mark.parametrize("number", ["9" * 400, "-" + "9" * 400, "1e400", "9" * 5000, "NaN", "Infinity"])
def test_row_68_a_number_beyond_all_bounds_in_an_answer_is_refused(
    server: RunningServer, provider: FakeProvider, number: str
) -> None:
    text = VENDORS["openai_realtime"].answer("ek_good", provider.url, expires_at=12345)
    provider.answer_with(200, text.replace("12345", number))
    assert_error(server.post({"provider": "openai_realtime"}), 502, "upstream_unusable")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(server: RunningServer, provider: FakeProvider, vendor: Vendor, status: int) -> None:
    """Following one would carry the key to wherever it points."""
    with fake_provider() as elsewhere:
        provider.answer_with(status, b"", Location=f"{elsewhere.url}{vendor.path}")
        assert_error(server.post({"provider": vendor.name}), 502, "upstream_refused")
        assert elsewhere.calls == []
    assert len(provider.calls) == 1


NO_TOKENS: list[object] = [None, 5, True, "", [], {}, "two words", "line\nbreak", "t\u00f6ken", "tab\t", "x" * 8193]


@pytest.mark.parametrize("token", NO_TOKENS)
def test_a_200_without_a_usable_token_is_502(
    server: RunningServer, provider: FakeProvider, vendor: Vendor, token: Any
) -> None:
    """All else in the answer is as it should be."""
    provider.answer_with(200, vendor.answer(token, provider.url))
    assert_error(server.post({"provider": vendor.name}), 502, "upstream_unusable")


UNUSABLE = [
    f"<html>{CANARY}</html>",
    "",
    "[]",
    '"token"',
    "{}",
    '{"a":' * 250 + "1" + "}" * 250,
    "[" * 60_000,
    '"' + '\\"[' * 40_000,
]


@pytest.mark.parametrize("body", UNUSABLE)
def test_a_200_that_is_not_the_agreed_json_is_502(
    server: RunningServer, provider: FakeProvider, vendor: Vendor, body: str
) -> None:
    provider.answer_with(200, body)
    assert_error(server.post({"provider": vendor.name}), 502, "upstream_unusable")


def test_an_error_sent_as_200_is_502(server: RunningServer, provider: FakeProvider, vendor: Vendor) -> None:
    provider.answer_with(200, json.dumps({"error": {"headers": {"authorization": vendor.authorization}}}))
    assert_error(server.post({"provider": vendor.name}), 502, "upstream_unusable")


@pytest.mark.parametrize("around", ["{}", "x{}", "{}.y"])
def test_a_token_with_the_key_in_it_stays_here(
    server: RunningServer, provider: FakeProvider, vendor: Vendor, around: str
) -> None:
    """A simulator that uses the key as the token would make every page a publisher of the key."""
    provider.answer_with(200, vendor.answer(around.format(vendor.key), provider.url))
    assert_error(server.post({"provider": vendor.name}), 502, "upstream_unusable")


def test_an_answer_of_256_kb_is_read_and_a_larger_one_is_not(
    server: RunningServer, provider: FakeProvider, vendor: Vendor
) -> None:
    asked = {"provider": vendor.name}
    provider.answer_with(200, vendor.answer("ok", provider.url).ljust(256 * 1024))
    assert server.post(asked).json()["token"] == "ok"
    provider.answer_with(200, vendor.answer("ok", provider.url).ljust(256 * 1024 + 1))
    assert_error(server.post(asked), 502, "upstream_unusable")


def test_brackets_in_a_text_are_not_depth(server: RunningServer, provider: FakeProvider) -> None:
    """The vendor repeats the instructions in its answer, and instructions may show what JSON looks like."""
    vendor = VENDORS["openai_realtime"]
    text = '[{"say": "\\\\"}]' * 200
    provider.answer_with(200, vendor.answer("ek_1", provider.url, session={"instructions": text}))
    assert server.post({"provider": vendor.name}).json()["token"] == "ek_1"


def test_a_token_of_the_vendors_size_passes_unchanged(
    server: RunningServer, provider: FakeProvider, vendor: Vendor
) -> None:
    """About 2.6 kB was measured (AssemblyAI's protocol file section 1)."""
    token = "aB3-_." * 430
    provider.answer_with(200, vendor.answer(token, provider.url))
    assert server.post({"provider": vendor.name}).json()["token"] == token


def test_an_endless_answer_is_cut_off(server: RunningServer, provider: FakeProvider, vendor: Vendor) -> None:
    """Without a cap it would fill the memory for as long as the time limit allows."""
    sent = 0

    def endless(handler: BaseHTTPRequestHandler) -> None:
        nonlocal sent
        handler.send_response(200)
        handler.send_header("Content-Length", str(2**31))
        handler.end_headers()
        while sent < 2**28:
            handler.wfile.write(b" " * 65536)
            sent += 65536

    provider.answer = endless
    assert_error(server.post({"provider": vendor.name}), 502, "upstream_unusable")
    assert sent < 2**28


def test_a_compressed_answer_is_not_unpacked(server: RunningServer, provider: FakeProvider, vendor: Vendor) -> None:
    """A few kilobytes could unpack to gigabytes."""
    packed = gzip.compress(vendor.answer("ok", provider.url).encode())
    provider.answer_with(200, packed, Content_Encoding="gzip")
    assert_error(server.post({"provider": vendor.name}), 502, "upstream_unusable")


def test_a_provider_that_is_not_there_is_502(vendor: Vendor) -> None:
    with fake_provider() as gone:
        url = gone.url
    with running_server(**vendor.settings(url)) as server:
        assert_error(server.post({"provider": vendor.name}), 502, "upstream_unreachable")


def test_a_kept_connection_that_was_closed_meanwhile_is_no_reason_to_fail(
    server: RunningServer, provider: FakeProvider, vendor: Vendor
) -> None:
    """Both ends drop an idle connection after some seconds; the next call may come at that very moment."""

    def close_where_kept(handler: BaseHTTPRequestHandler) -> None:
        if handler.connection in seen:
            handler.close_connection = True
            return
        seen.append(handler.connection)
        body = vendor.answer("ok", provider.url).encode()
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    seen: list[Any] = []
    provider.answer = close_where_kept
    for _ in range(2):
        assert server.post({"provider": vendor.name}).json()["token"] == "ok"
    assert (len(provider.calls), len(seen)) == (3, 2)


def test_a_provider_that_hangs_up_in_mid_answer_is_502(
    server: RunningServer, provider: FakeProvider, vendor: Vendor
) -> None:
    def hang_up(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"tok')
        handler.close_connection = True

    provider.answer = hang_up
    assert_error(server.post({"provider": vendor.name}), 502, "upstream_unreachable")


def test_a_provider_that_does_not_answer_is_504_and_the_next_request_works(
    provider: FakeProvider, vendor: Vendor
) -> None:
    asked = {"provider": vendor.name}
    with running_server(**vendor.settings(provider.url), upstream_timeout_seconds=4.0) as server:
        provider.stall()
        assert_error(server.post(asked), 504, "upstream_timeout")
        provider.answer = None
        assert server.post(asked).status_code == 200


def test_a_provider_that_drips_is_504(provider: FakeProvider, vendor: Vendor) -> None:
    """Every byte comes in time, the answer never does: only a limit on the whole call ends this."""

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        while not provider.release.wait(0.1):
            handler.wfile.write(b" ")

    provider.answer = drip
    with running_server(**vendor.settings(provider.url), upstream_timeout_seconds=0.6) as server:
        assert_error(server.post({"provider": vendor.name}), 504, "upstream_timeout")
