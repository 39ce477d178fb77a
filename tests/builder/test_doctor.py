"""`build.py doctor` finds each planted fault, and that one only; a right deployment is called well."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import brotli
import httpx
import pytest

from builder import site
from builder.doctor import fetching, page, reach, tokens
from builder.doctor.__main__ import examine, main
from builder.doctor.csp import lacking, parse
from builder.doctor.fetching import MOST_REQUESTS
from builder.doctor.findings import Finding, Report, Verdict, fault, warning
from tests.builder.support import planted
from tests.builder.support.planted import TOKEN, Fault, Headers, Host, Reply
from tests.support.server import ROOT, Parley

FAULT, WARNING = Verdict.FAULT, Verdict.WARNING


@pytest.fixture
def host() -> Iterator[Host]:
    with planted.running() as running:
        yield running


def wrong(report: Report) -> dict[str, Finding]:
    return {one.check: one for one in report.findings if one.verdict is not Verdict.OK}


def on(name: str, change: dict[str, str | None], *, status: int = 200) -> Fault:
    """Change headers of every reply whose path holds `name`; None takes one away."""

    def plant(host: Host, method: str, path: str, asked: Headers, reply: Reply) -> None:
        if name in (path if path != host.base else f"{path}index") and reply.status == status and method == "GET":
            for header, value in change.items():
                reply.headers.pop(header, None)
                if value is not None:
                    reply.headers[header] = value

    return plant


def answer(name: str, status: int, body: bytes = b"", method: str = "GET", **headers: str) -> Fault:
    """Answer in another way where the path ends so."""

    def plant(host: Host, asked_method: str, path: str, asked: Headers, reply: Reply) -> None:
        if asked_method == method and name in path:
            reply.status, reply.body = status, body
            reply.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    return plant


def refused(status: int, code: str) -> Fault:
    """As our own token server refuses."""
    body = json.dumps({"error": {"code": code, "message": "No, and here is why."}}).encode()
    return answer("/api/token", status, body, "POST", Content_Type="application/json")


def inserted(host: Host, method: str, path: str, asked: Headers, reply: Reply) -> None:
    """A CDN puts its script into the page."""
    if path == host.base and reply.status == 200:
        reply.headers.pop("Content-Encoding", None)
        reply.body = host.files["index.html"].replace(b"</head>", b"<script>track()</script></head>")


def without_meta(host: Host, method: str, path: str, asked: Headers, reply: Reply) -> None:
    if path == host.base and reply.status == 200:
        reply.headers.pop("Content-Encoding", None)
        reply.body = host.files["index.html"].replace(b"http-equiv", b"name")


def flipped(host: Host, method: str, path: str, asked: Headers, reply: Reply) -> None:
    if "assets/shell" in path:
        reply.headers.pop("Content-Encoding", None)
        reply.body = host.files[path.lstrip("/")].replace(b"page", b"Page", 1)


def flipped_memory(host: Host, method: str, path: str, asked: Headers, reply: Reply) -> None:
    if "assets/python" in path:
        reply.body = b"\0" + reply.body[1:]


def uncompressed(host: Host, method: str, path: str, asked: Headers, reply: Reply) -> None:
    if "assets/shell" in path:
        del reply.headers["Content-Encoding"], reply.headers["Vary"]
        reply.body = host.files[path.lstrip("/")]


def named_not_applied(host: Host, method: str, path: str, asked: Headers, reply: Reply) -> None:
    """A host that guesses the encoding from a name."""
    if "assets/python" in path:
        reply.headers |= {"Content-Encoding": "br", "Vary": "Accept-Encoding"}


def twice(host: Host, method: str, path: str, asked: Headers, reply: Reply) -> None:
    if "assets/python" in path:
        reply.headers |= {"Content-Encoding": "br", "Vary": "Accept-Encoding"}
        reply.body = brotli.compress(reply.body, quality=1)


def falls_back(host: Host, method: str, path: str, asked: Headers, reply: Reply) -> None:
    """As a single-page application is often served."""
    if reply.status == 404:
        reply.status, reply.body = 200, host.files["index.html"]


def public_headers(host: Host, method: str, path: str, asked: Headers, reply: Reply) -> None:
    if path.endswith("/_headers"):
        reply.status, reply.body = 200, b"/*\n  Content-Security-Policy: default-src 'none'\n"


def two_policies(second: str) -> Fault:
    def plant(host: Host, method: str, path: str, asked: Headers, reply: Reply) -> None:
        if path == host.base and reply.status == 200:
            reply.headers["Content-Security-Policy"] += f"\n{second}"

    return plant


def other_socket(host: Host, method: str, path: str, asked: Headers, reply: Reply) -> None:
    """The service moved to an address that the policy does not name; something answers there."""
    if method == "POST":
        reply.body = reply.body.replace(b"ws://localhost", b"ws://127.0.0.1")


def closed_socket(host: Host, method: str, path: str, asked: Headers, reply: Reply) -> None:
    """The page's own server answers there, and does not know what a socket is."""
    if method == "POST":
        reply.body = json.dumps({"token": TOKEN, "ws_url": f"ws://localhost:{host.port}/agent"}).encode()


CSP = "Content-Security-Policy"
PLANTED: dict[str, tuple[Fault, dict[str, Verdict], str]] = {
    # what was planted: the fault, what is found, and a word of what is told
    "scripts as bytes": (on("assets/shell", {"Content-Type": "application/octet-stream"}), {"script types": FAULT}, "--for"),
    "style as text": (on("assets/style", {"Content-Type": "text/plain"}), {"style types": FAULT}, "text/plain"),
    "wasm with a parameter": (
        on("assets/rest", {"Content-Type": "application/wasm; charset=utf-8"}), {"wasm types": WARNING}, "rest",
    ),
    "page without type": (on("/index", {"Content-Type": None}), {"page type": FAULT}, "text/html"),
    "file missing": (answer("assets/shell", 404), {"files there": FAULT}, "status 404"),
    "suffix refused": (answer("assets/python", 403), {"files there": FAULT}, "status 403"),
    "script changed": (flipped, {"files whole": FAULT}, "shell"),
    "memory changed": (flipped_memory, {"files whole": FAULT}, "python"),
    "script put in": (inserted, {"page whole": FAULT}, "track()"),
    "policy taken out": (without_meta, {"page whole": FAULT}, "meta element"),
    "encoding not applied": (named_not_applied, {"files readable": FAULT}, "Content-Encoding: br"),
    "compressed twice": (twice, {"compressed once": WARNING}, "again"),
    "not compressed": (uncompressed, {"compression": WARNING}, ".br"),
    "no Vary": (on("assets/shell", {"Vary": None}), {"vary": WARNING}, "gzip_vary"),
    "no nosniff": (on("/", {"X-Content-Type-Options": None}), {"nosniff": WARNING}, "no answer"),
    "host policy without digest": (
        on("/index", {CSP: "script-src 'self' 'wasm-unsafe-eval'; frame-ancestors 'none'"}), {"page policy": FAULT}, "sha256-",
    ),
    "second policy": (two_policies("script-src 'self'"), {"page policy": FAULT}, "WebAssembly"),
    "second policy that allows": (two_policies("img-src *"), {"page policy": WARNING}, "2 policies"),
    "no policy": (
        on("/index", {CSP: None, "X-Frame-Options": "DENY"}), {"page policy": WARNING}, "--for",
    ),
    "worker without policy": (on("assets/worker", {CSP: None}), {"worker policy": WARNING}, "only a header"),
    "worker without WebAssembly": (on("assets/worker", {CSP: "script-src 'self'"}), {"worker policy": FAULT}, "wasm-unsafe-eval"),
    "microphone forbidden": (on("/index", {"Permissions-Policy": "camera=(), microphone=()"}), {"microphone policy": FAULT}, "microphone=(self)"),
    "framed by anybody": (on("/index", {CSP: "img-src *"}), {"framing": WARNING}, "embedded_by"),
    "page kept an hour": (on("/index", {"Cache-Control": "max-age=3600"}), {"page cache": WARNING}, "3600 s"),
    "page kept for ever": (on("/index", {"Cache-Control": "max-age=31536000, immutable"}), {"page cache": FAULT}, "no-cache"),
    "page kept as guessed": (on("/index", {"Cache-Control": None}), {"page cache": WARNING}, "guesses"),
    "changed on the way": (on("/index", {"Via": "1.1 cdn"}), {"no-transform": WARNING}, "via"),
    "no validators": (on("/index", {"ETag": None}), {"validators": WARNING}, "no ETag"),
    "one tag for all": (on("/", {"ETag": '"EMULATOR"'}), {"validators": FAULT}, "same ETag"),
    "never 304": (on("/index", {"ETag": '"other-gzip"'}), {"validators": WARNING}, "DeflateAlterETag"),
    "assets not kept": (on("assets/", {"Cache-Control": None}), {"asset cache": WARNING}, "not kept for long"),
    "missing kept for a year": (
        on("assets/doctor", {"Cache-Control": "max-age=31536000, immutable"}, status=404), {"missing asset": FAULT}, "year",
    ),
    "falls back to the page": (falls_back, {"missing asset": WARNING, "missing page": WARNING}, "fall-back"),
    "_headers public": (public_headers, {"_headers": WARNING}, "public"),
    "no token server": (answer("/api/token", 405, b"<html>", "POST", Content_Type="text/html"), {"token route": FAULT}, "no token server"),
    "token route unknown": (answer("/api/token", 404, b"", "POST"), {"token route": FAULT}, "token_url"),
    "token route is a page": (answer("/api/token", 200, b"<html>", "POST", Content_Type="text/html"), {"token route": FAULT}, "a page"),
    "sign-in before tokens": (answer("/api/token", 302, b"", "POST", Location="/login?next=x"), {"token route": FAULT}, "redirects to /login"),
    "origin refused": (refused(403, "forbidden_origin"), {"token route": FAULT}, "ALLOWED_ORIGINS=http://localhost"),
    "name refused": (refused(403, "forbidden_host"), {"token route": FAULT}, "ALLOWED_HOSTS=localhost"),
    "key missing": (refused(500, "not_configured"), {"token route": FAULT}, "No, and here is why."),
    "asks who it is": (refused(401, "sign_in_needed"), {"token route": WARNING}, "as a visitor"),
    "asked too often": (refused(429, "rate_limited"), {"token route": WARNING}, "TOKEN_RATE"),
    "socket not allowed": (other_socket, {"socket policy": FAULT}, "connect"),
    "no socket there": (closed_socket, {"socket": FAULT}, "Upgrade"),
}  # fmt: skip


def test_a_right_deployment_is_called_well(host: Host) -> None:
    """Not one false alarm, each file asked for once, and the token in nobody's report."""
    report = examine(host.url, None)
    assert wrong(report) == {}
    assert report.summary.startswith("all well") and report.exit_code == 0
    assert len({one.check for one in report.findings}) == len(report.findings) >= 25
    assert TOKEN not in report.as_text() + report.as_json()
    files = [asked for asked in host.asked if "/assets/" in asked]
    assert len(set(files)) == len(files) == len(host.named) + 1  # and the one that is not there
    assert host.asked.count("POST /api/token") == 1


@pytest.mark.parametrize("name", PLANTED)
def test_each_planted_fault_is_found_and_nothing_else(host: Host, name: str) -> None:
    host.fault, expected, told = PLANTED[name]
    report = examine(host.url, None)
    assert {check: one.verdict for check, one in wrong(report).items()} == expected
    assert report.exit_code == (1 if FAULT in expected.values() else 0)
    text = report.as_text()
    assert told in text and TOKEN not in text
    assert all(one.cure for one in wrong(report).values())


FRAMES = "frame-ancestors 'none'"
OF_THE_TAG: dict[str, tuple[Fault, dict[str, Verdict], str]] = {
    "tag not uploaded": (answer("/voice-agent.js", 404), {"tag": FAULT}, "beside index.html"),
    "tag behind a sign-in": (answer("/voice-agent.js", 302, b"", Location="/login"), {"tag": FAULT}, "status 302"),
    "tag as text": (on("/voice-agent.js", {"Content-Type": "text/plain"}), {"tag": FAULT}, "text/plain"),
    "another tag": (
        answer("/voice-agent.js", 200, b"1", Content_Type="text/javascript", Access_Control_Allow_Origin="*"),
        {"tag": FAULT}, "defines no",
    ),
    "tag for nobody else": (
        on("/voice-agent.js", {"Access-Control-Allow-Origin": None}), {"tag origins": FAULT}, "pages of other origins cannot load",
    ),
    "tag for another page": (
        on("/voice-agent.js", {"Access-Control-Allow-Origin": "https://other.example"}), {"tag origins": FAULT}, "https://other.example",
    ),
    "tag not shared": (
        on("/voice-agent.js", {"Cross-Origin-Resource-Policy": "same-origin"}), {"tag origins": WARNING}, "same-origin",
    ),
    "tag kept for ever": (
        on("/voice-agent.js", {"Cache-Control": "max-age=31536000, immutable"}), {"tag cache": WARNING}, "its name stays",
    ),
    "one embedder forgotten": (
        on("/index", {CSP: "frame-ancestors https://shop.example"}), {"tag frame": FAULT}, "https://*.shop.example",
    ),
    "a second policy forbids frames": (
        two_policies(FRAMES), {"tag frame": FAULT, "page policy": WARNING}, "https://shop.example",
    ),
    "old header forbids frames": (
        on("/index", {CSP: None, "X-Frame-Options": "DENY"}), {"tag frame": FAULT, "page policy": WARNING}, "X-Frame-Options: DENY",
    ),
    "not for isolated pages": (
        on("/index", {"Cross-Origin-Embedder-Policy": None}), {"tag isolation": WARNING}, "Cross-Origin-Embedder-Policy",
    ),
}  # fmt: skip


@pytest.fixture
def embedded(host: Host) -> Host:
    host.embedded_by = ["https://shop.example", "https://*.shop.example"]
    host.build()
    return host


def test_an_embedded_page_and_its_tag_are_called_well(embedded: Host) -> None:
    report = examine(embedded.url, None)
    assert wrong(report) == {}
    assert {"tag", "tag origins", "tag cache", "tag frame", "tag isolation"} <= {one.check for one in report.findings}
    assert embedded.asked.count("GET /voice-agent.js") == 1


def test_the_tag_is_no_concern_where_nobody_may_embed_the_page(host: Host) -> None:
    host.fault = answer("/voice-agent.js", 404)
    assert wrong(examine(host.url, None)) == {}
    assert "GET /voice-agent.js" not in host.asked


@pytest.mark.parametrize("name", OF_THE_TAG)
def test_each_planted_fault_of_the_tag_is_found_and_nothing_else(embedded: Host, name: str) -> None:
    embedded.fault, expected, told = OF_THE_TAG[name]
    report = examine(embedded.url, None)
    assert {check: one.verdict for check, one in wrong(report).items()} == expected
    assert report.exit_code == (1 if FAULT in expected.values() else 0)
    assert told in report.as_text()
    assert all(one.cure for one in wrong(report).values())


def test_there_are_faults_enough() -> None:
    """The brief of this command: at least fifteen kinds, one each."""
    assert len({tuple(found) for _, found, _ in PLANTED.values()}) >= 15


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {}),
        ({"OPTIONS": {"Access-Control-Allow-Origin": None}}, {"token route": FAULT}),
        ({"POST": {"Access-Control-Allow-Origin": "https://other.example"}}, {"token origin": FAULT}),
        ({"POST": {"Cache-Control": "public, max-age=60"}}, {"token cache": FAULT}),
    ],
)
def test_a_token_server_of_another_origin(
    host: Host, change: dict[str, dict[str, str | None]], expected: dict[str, Verdict]
) -> None:
    """A browser asks it for leave first, and lets the page read only what is meant for it."""
    with planted.running() as tokens:
        tokens.ws_url = host.ws_url
        host.token_url = f"http://127.0.0.1:{tokens.port}/api/token"
        host.connect += f" http://127.0.0.1:{tokens.port}"
        host.build()

        def plant(_: Host, method: str, path: str, asked: Headers, reply: Reply) -> None:
            for name, value in change.get(method, {}).items():
                reply.headers.pop(name, None)
                if value is not None:
                    reply.headers[name] = value

        tokens.fault = plant
        report = examine(host.url, None)
    assert {check: one.verdict for check, one in wrong(report).items()} == expected


def test_a_token_server_that_the_policy_does_not_name(host: Host) -> None:
    host.token_url = "http://127.0.0.1:9/api/token"
    host.build()
    found = wrong(examine(host.url, None))
    assert found["page policy"].verdict is found["worker policy"].verdict is FAULT
    assert "http://127.0.0.1:9" in found["page policy"].said


@pytest.mark.parametrize(("status", "found"), [(301, {}), (200, {"slash": WARNING}), (404, {"slash": WARNING})])
def test_below_a_path_the_slash_is_put_behind(status: int, found: dict[str, Verdict]) -> None:
    with planted.running("/voice/") as host:

        def plant(_: Host, method: str, path: str, asked: Headers, reply: Reply) -> None:
            if path == "/voice" and status != 301:
                reply.status, reply.headers, reply.body = status, {}, host.files["index.html"]

        host.fault = plant
        report = examine(host.url, None)
        assert {check: one.verdict for check, one in wrong(report).items()} == found
        if status == 301:
            typed = examine(host.url.rstrip("/"), None)
            assert wrong(typed) == {} and "after one redirect" in typed.as_text()


@pytest.mark.parametrize(
    ("plant", "told"),
    [
        (answer("/", 500), "status 500"),
        (answer("/", 200, b"<html>my blog</html>", Content_Type="text/html"), "no block of settings"),
        (answer("/", 302, b"", Location="/"), "again and again"),
        (answer("/", 200, b"plain", Content_Encoding="br"), "Content-Encoding: br"),
    ],
)
def test_what_is_no_page_of_ours_cannot_be_checked(
    host: Host, plant: Fault, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    host.fault = plant
    assert main([host.url, "--no-browser"]) == 2
    said = capsys.readouterr().out
    assert "cannot be checked" in said and told in said


def test_nobody_is_asked_for_ever(host: Host) -> None:
    """A page that names hundreds of files is no reason to fetch them all."""
    names = [f"assets/more.{number:012x}.bin" for number in range(200)]
    host.files["index.html"] = host.files["index.html"].replace(b"<body>", f"<body>{' '.join(names)}".encode())
    found = wrong(examine(host.url, None))
    assert len(host.asked) <= MOST_REQUESTS
    assert found["files asked"].verdict is WARNING


def test_nobody_is_waited_for_for_ever(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "_ALL_S", 0.0)
    report = examine(host.url, None)
    assert report.exit_code == 2 and "were spent" in report.summary


def visit_of_https(host: Host, token_url: str) -> reach.Visit:
    """As if the page had come over https."""
    host.token_url = token_url
    host.build()
    html = host.files["index.html"].decode()
    url = "https://www.example.com/"
    reply = fetching.Answer(url=url, status=200, headers=httpx.Headers(), body=b"", content=html.encode())
    return reach.Visit(fetcher=fetching.Fetcher(), answer=reply, page=page.read(url, html))


def test_a_page_of_https_asks_no_token_server_of_http(host: Host) -> None:
    (found,) = tokens.check(visit_of_https(host, "http://token.example.com/api/token"), Report(url=""))
    assert (found.check, found.verdict) == ("token address", FAULT)


def test_a_page_of_https_is_told_no_socket_without_tls(host: Host) -> None:
    """Behind a proxy that does not say how the page was asked for, a server believes that it was http."""
    grant = tokens.Grant(provider="assemblyai", token=TOKEN, ws_url="ws://www.example.com/agent")
    (found,) = tokens._socket(visit_of_https(host, "/api/token"), grant, "https://www.example.com")
    assert (found.check, found.verdict) == ("socket address", FAULT) and "TRUST_PROXY" in found.cure


def test_the_report_for_programs(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    host.fault = PLANTED["scripts as bytes"][0]
    assert main([host.url, "--no-browser", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["exit_code"], told["summary"].split(",")[0]) == (1, "1 fault")
    (found,) = [one for one in told["findings"] if one["verdict"] == "fault"]
    assert found["check"] == "script types" and found["cure"]


def test_a_secret_is_told_nobody() -> None:
    report = Report(
        url="http://localhost/", secrets=["abc"], findings=[fault("socket", "no abc", "abc"), warning("x", "", "abc")]
    )
    assert "abc" not in report.as_text() + report.as_json()


@pytest.mark.parametrize(
    "wrong_url", ["www.example.com", "ftp://example.com/", "http://", "http://host:99999/", "http://me:pw@host/"]
)
def test_an_address_that_cannot_be_meant_is_named(wrong_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([wrong_url])
    assert ended.value.code == 2
    assert "address" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "secure"), [("https://a.example/", True), ("http://localhost:8000/", True), ("http://a.example/", False)]
)
def test_only_secure_addresses_get_a_microphone(url: str, secure: bool) -> None:
    (found,) = reach._secure(url)
    assert (found.verdict is Verdict.OK) == secure


@pytest.mark.parametrize(
    ("way", "verdict"),
    [
        (["https://a/"], Verdict.OK),
        (["http://a/", "https://a/"], Verdict.OK),
        (["https://a/", "http://a/"], FAULT),
        (["http://a/", "https://a/", "https://a/b/"], WARNING),
    ],
)
def test_the_way_to_the_page(way: list[str], verdict: Verdict) -> None:
    (found,) = reach._way(way)
    assert found.verdict is verdict


@pytest.mark.parametrize(
    ("policy", "connect", "allowed"),
    [
        ("connect-src 'self'", "wss://a.example", True),
        ("connect-src 'self'", "ws://a.example", False),
        ("connect-src wss://b.example", "wss://b.example", True),
        ("connect-src https://b.example", "wss://b.example", False),
        ("connect-src wss:", "wss://b.example", True),
        ("connect-src *.example", "https://b.example", True),
        ("connect-src *.example", "https://example", False),
        ("connect-src https://b.example:*", "https://b.example:8443", True),
        ("connect-src https://b.example", "https://b.example:8443", False),
        ("connect-src https://b.example:443", "https://b.example", True),
        ("connect-src 'none'", "https://a.example", False),
        ("default-src 'none'", "https://a.example", False),
        ("img-src 'none'", "https://a.example", True),
        ("connect-src *, connect-src 'none'", "https://a.example", False),
    ],
)
def test_what_a_policy_allows(policy: str, connect: str, allowed: bool) -> None:
    found = [
        what
        for rules in parse([policy])
        for what in lacking(rules, page="https://a.example", scripts=(), connect=[connect], worker=True)
        if "connect-src" in what
    ]
    assert (found == []) == allowed


@pytest.mark.slow
@pytest.mark.timeout(600)  # it builds the site, which may be the first time
def test_our_own_server_has_no_fault(tmp_path: Path) -> None:
    """What `serve` sends is right by all that this command knows of."""
    dist = site.build(ROOT, tmp_path / "dist", "demo")
    with Parley(site=dist) as parley:
        command = [sys.executable, "-m", "builder", "doctor", parley.url, "--no-browser", "--json"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    told = json.loads(done.stdout)
    assert done.returncode == 0, told
    assert told["summary"].startswith("all well"), told
