"""Metrics: what is counted, in Prometheus' own format, and who may read it."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.metrics import Metrics
from server.settings import SettingsError, load_settings
from tests.server.support.server_support import (
    DEADLINE_S,
    KEY,
    FakeProvider,
    RunningServer,
    assert_error,
    running_server,
    server_process,
    wait_until,
)
from tests.server.support.vendors import VENDORS

TOKEN = "a-token-for-metrics"
SAMPLE = re.compile(r'([a-z_]+)(\{[a-z_]+="[^"\\]*"(?:,[a-z_]+="[^"\\]*")*\})? (-?[0-9.e+-]+|\+Inf)')


def samples(text: str) -> dict[str, float]:
    """Checks the format line by line: each family has its HELP and TYPE first."""
    known: set[str] = set()
    found = {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            known.add(line.split(" ")[2])
        if line.startswith("#"):
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        assert re.sub(r"_(bucket|sum|count)$", "", match[1]) in known or match[1] in known, line
        found[match[1] + (match[2] or "")] = float(match[3])
    assert text.endswith("\n")
    return found


def read(server: RunningServer, **headers: str) -> httpx.Response:
    return server.http.get("/metrics", headers={name.replace("_", "-"): value for name, value in headers.items()})


@pytest.fixture
def open_here(provider: FakeProvider) -> Iterator[RunningServer]:
    with running_server(**VENDORS["assemblyai"].settings(provider.url), metrics="loopback") as server:
        yield server


def test_each_token_request_is_counted_by_provider_and_outcome(
    open_here: RunningServer, provider: FakeProvider
) -> None:
    for _ in range(3):
        assert open_here.post().status_code == 200
    open_here.post({"provider": "nonsense"})
    open_here.post(headers={"Origin": "https://evil.example"})
    provider.answer_with(503, "{}")
    open_here.post()
    answer = read(open_here)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    found = samples(answer.text)
    counts = {name: value for name, value in found.items() if name.startswith("parley_token_requests_total")}
    assert counts == {
        'parley_token_requests_total{provider="assemblyai",outcome="granted"}': 3,
        'parley_token_requests_total{provider="assemblyai",outcome="upstream_overloaded"}': 1,
        'parley_token_requests_total{provider="none",outcome="invalid_value"}': 1,
        'parley_token_requests_total{provider="none",outcome="forbidden_origin"}': 1,
    }
    assert found["parley_token_request_seconds_count"] == found['parley_token_request_seconds_bucket{le="+Inf"}'] == 6
    assert (found["parley_upstream_busy"], found["parley_upstream_waiting"]) == (0, 0)
    assert KEY not in answer.text and "fake-token" not in answer.text and "127.0.0.1" not in answer.text


def test_what_is_under_way_is_seen(open_here: RunningServer, provider: FakeProvider) -> None:
    provider.stall()
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(open_here.post)
        wait_until(lambda: len(provider.calls) == 1)
        assert samples(read(open_here).text)["parley_upstream_busy"] == 1
        provider.release.set()
        asking.result(DEADLINE_S)
    assert samples(read(open_here).text)["parley_upstream_busy"] == 0


def test_the_buckets_of_the_histogram_add_up() -> None:
    metrics = Metrics()
    for took_s in (0.001, 0.03, 0.3, 60.0):
        metrics.count("assemblyai", "granted", took_s)
    found = samples(metrics.text())
    named = {name: value for name, value in found.items() if "_bucket" in name}
    assert list(named.values()) == sorted(named.values())
    assert named['parley_token_request_seconds_bucket{le="0.05"}'] == 2
    assert named['parley_token_request_seconds_bucket{le="10.0"}'] == 3
    assert named['parley_token_request_seconds_bucket{le="+Inf"}'] == 4
    assert found["parley_token_request_seconds_sum"] == pytest.approx(60.331)


def test_they_are_off_unless_the_owner_says_otherwise(server: RunningServer) -> None:
    assert_error(read(server), 404, "not_found")
    assert_error(read(server, Authorization=f"Bearer {TOKEN}"), 404, "not_found")


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Forwarded_For": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"Via": "1.1 proxy"},
        {"X_Real_IP": "::1"},
        {"Host": "voice.example.com"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_loopback_is_not_who_came_through_a_proxy_of_this_machine(
    provider: FakeProvider, headers: Mapping[str, str]
) -> None:
    more: dict[str, Any] = {"metrics": "loopback", "allowed_hosts": "voice.example.com"}
    with running_server(**VENDORS["assemblyai"].settings(provider.url), **more) as server:
        assert read(server).status_code == 200
        assert_error(read(server, **headers), 404, "not_found")


def test_with_a_proxy_that_is_believed_its_visitors_address_counts(provider: FakeProvider) -> None:
    more: dict[str, Any] = {"metrics": "loopback", "trust_proxy": True}
    with running_server(**VENDORS["assemblyai"].settings(provider.url), **more) as server:
        assert_error(read(server, X_Forwarded_For="192.0.2.1"), 404, "not_found")
        assert read(server).status_code == 200


def test_with_a_token_nobody_else_reads_them(tmp_path: Path, provider: FakeProvider) -> None:
    variables = {**VENDORS["assemblyai"].environment(provider.url), "METRICS": "token", "METRICS_TOKEN": TOKEN}
    shown = {f"Bearer {TOKEN}": 200, f"Bearer {TOKEN}x": 404, TOKEN: 404, "Bearer": 404, "": 404}
    with server_process(tmp_path, **variables, LOG_LEVEL="debug") as server:
        url = f"http://localhost:{server.port}/metrics"
        answers = [httpx.get(url, headers={"Authorization": text} if text else {}, trust_env=False) for text in shown]
        assert [answer.status_code for answer in answers] == list(shown.values())
        assert server.stop(signal.SIGTERM) == 0
        assert TOKEN not in server.stdout + server.stderr


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"metrics": "token"}, "METRICS_TOKEN"),
        ({"metrics_token": TOKEN}, "METRICS=token"),
        ({"metrics": "token", "metrics_token": "short"}, "METRICS_TOKEN: must have at least 16 characters"),
        ({"metrics": "everybody"}, "METRICS: "),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused(given: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(None, **given)
    assert named in str(caught.value)
    assert TOKEN not in str(caught.value)
