"""The audit log: a line for each token request, its id in the answer, and nothing secret or foreign in it."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import httpx
import pytest

from tests.server.support.server_support import DEADLINE_S, KEY, FakeProvider, RunningServer, server_process
from tests.server.support.vendors import VENDORS

LINE = re.compile(r"^INFO parley\.audit: (at=\S+ request=[0-9a-f]{16} .*)$", re.MULTILINE)


def test_every_token_request_leaves_one_line_that_its_answer_names(tmp_path: Path, provider: FakeProvider) -> None:
    rates = {"TOKEN_RATE_PER_CLIENT_PER_MINUTE": "2"}
    foreign = {"Origin": "https://evil.example", "User-Agent": "evil\tagent"}
    with server_process(tmp_path, **VENDORS["assemblyai"].environment(provider.url), **rates) as server:
        with httpx.Client(base_url=f"http://localhost:{server.port}", timeout=DEADLINE_S, trust_env=False) as http:
            answers = [
                http.post("/api/token", json={"expires_in_seconds": 60}),
                http.get("/api/voice-token"),
                http.post("/api/token"),
                http.post("/api/token", json={"provider": "outcome=granted\nINFO parley.audit: at=1"}),
                http.post("/api/token", headers=foreign),
            ]
            http.get("/api/config")
        assert server.stop(signal.SIGTERM) == 0
    lines = [dict(part.split("=", 1) for part in line.split(" ")) for line in LINE.findall(server.stderr)]
    assert [line["request"] for line in lines] == [answer.headers["x-request-id"] for answer in answers]
    assert len({line["request"] for line in lines}) == len(answers)
    outcomes = ["granted", "granted", "rate_limited", "invalid_value", "forbidden_origin"]
    assert [line["outcome"] for line in lines] == outcomes
    assert {line["client"] for line in lines} <= {"127.0.0.1", "::1"}
    granted = lines[0]
    assert (granted["provider"], granted["expires_in_seconds"], granted["local_agent"]) == ("assemblyai", "60", "false")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", granted["at"]) and int(granted["took_ms"]) >= 0
    audit = "\n".join(line for line in server.stderr.splitlines() if "parley.audit" in line)
    for secret in (KEY, "fake-token", "evil"):
        assert secret not in audit


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [((503, "{}"), "upstream_overloaded"), ((200, "not json"), "upstream_unusable")],
    ids=["refused", "nonsense"],
)
def test_what_the_vendor_did_is_the_outcome(
    server: RunningServer,
    provider: FakeProvider,
    caplog: pytest.LogCaptureFixture,
    answer: tuple[int, str],
    outcome: str,
) -> None:
    provider.answer_with(*answer)
    with caplog.at_level("INFO", "parley.audit"):
        refused = server.post({"provider": "assemblyai"})
    (line,) = [record.getMessage() for record in caplog.records if record.name == "parley.audit"]
    assert f" outcome={outcome} provider=assemblyai " in line
    assert f" request={refused.headers['x-request-id']} " in line


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_all_that_is_logged_of_a_request_carries_its_id_and_no_secret(
    tmp_path: Path, provider: FakeProvider, log_format: str
) -> None:
    provider.answer_with(500, f'{{"error": "{KEY}"}}')
    variables = VENDORS["assemblyai"].environment(provider.url)
    with server_process(tmp_path, **variables, LOG_FORMAT=log_format, LOG_LEVEL="debug") as server:
        url = f"http://localhost:{server.port}/api/token"
        ids = [httpx.post(url, trust_env=False, timeout=DEADLINE_S).headers["x-request-id"] for _ in range(2)]
        assert server.stop(signal.SIGTERM) == 0
    assert KEY not in server.stderr
    lines = server.stderr.splitlines()
    for one in ids:
        ours = [line for line in lines if one in line and "parley." in line]
        assert len(ours) == 2, "what the vendor did, and the audit line"
        assert any("gave no token: status 500" in line for line in ours)
    if log_format == "json":
        objects = [json.loads(line) for line in lines if line.startswith("{")]
        assert len(objects) >= 4 and all({"at", "level", "logger"} <= set(one) for one in objects)
        audit = [one for one in objects if one["logger"] == "parley.audit"]
        assert [one["request"] for one in audit] == ids
        assert all(one["outcome"] == "upstream_failed" and isinstance(one["took_ms"], int) for one in audit)
    else:
        assert all(line.count("request=") == 1 for line in lines if "parley." in line and ids[0] in line)
