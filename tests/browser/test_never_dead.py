"""A page that cannot start says so, in words that are true and say what to do; and where it can help itself, it does.

Each cause is made on purpose, by a host with that fault or an engine that lacks something. What was read is written
into docs/faults-at-start.md by the run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from builder import site
from server.site import headers_for, parse_headers_file
from tests.browser.support.faults_table import PROPERTY
from tests.browser.support.hosts import HANG_UP, NOT_FOUND, TYPES, Answer, Fault, FaultyHost
from tests.browser.support.pages import expect_notice
from tests.support.framed import FramedCall
from tests.support.server import Parley, build_site, copy_of_sources
from tests.support.talk import Call
from tests.support.texts import of_start

pytestmark = pytest.mark.browser

ALL = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self' ws:; script-src "
# What an engine lacks in a page of that folder.
LACKING = """
(() => {
  const folder = location.pathname.split("/")[1];
  if (folder === "offline") Object.defineProperty(navigator, "onLine", { get: () => Boolean(window.network_is_back) });
  if (folder === "old") delete window.WebAssembly;
  if (folder === "insecure") Object.defineProperty(window, "isSecureContext", { value: false });
})();
"""


def of(pattern: str, change: Callable[[Answer], Answer]) -> Fault:
    """The fault of one kind of file."""
    return lambda path, answer: change(answer) if re.search(pattern, path) else answer


def policy(script_src: str, **more: str) -> Fault:
    """A host that sends a policy of its own with everything."""
    rules = ALL + script_src + "".join(f"; {name.replace('_', '-')} {value}" for name, value in more.items())
    return lambda _path, answer: answer.with_headers(Content_Security_Policy=rules)


PAGE, SHELL, WORKER, STYLE = r"^$|^index\.html$", r"/shell\.", r"/worker\.", r"/style\."


def octets(answer: Answer) -> Answer:
    return answer.typed("application/octet-stream")


def gone(_answer: Answer) -> Answer:
    return NOT_FOUND


def optimised(answer: Answer) -> Answer:
    """As optimisers do that mean to start scripts later, and then do not."""
    text = answer.body.decode()
    text = re.sub(r'<script (?:type="module" )?data-cfasync="false"', '<script type="4711-text/javascript"', text)
    return Answer(body=text.encode(), headers=answer.headers)


# The folder, what is told in the table, the fault, and which of the words are read.
CAUSES: dict[str, tuple[str, Fault, str]] = {
    "optimised": ("an optimiser changed the script elements", of(PAGE, optimised), "not_started"),
    "bare": (
        "the same, and the style sheet is missing",
        lambda path, it: of(STYLE, gone)(path, of(PAGE, optimised)(path, it)),
        "not_started",
    ),
    "nowasm": ("a policy of the host's without 'wasm-unsafe-eval'", policy("'self' 'unsafe-inline'"), "policy"),
    "inlineonly": ("a policy of the host's without 'self' for scripts", policy("'unsafe-inline'"), "policy"),
    "noworker": (
        "a policy of the host's without workers",
        policy("'self' 'unsafe-inline'", worker_src="'none'"),
        "policy",
    ),
    "stale": ("a script is missing (a page from before a deploy)", of(SHELL, gone), "missing"),
    "spa": (
        "a page comes in the script's place",
        of(SHELL, lambda _: Answer(body=b"<!doctype html>", headers={"Content-Type": "text/html"})),
        "missing",
    ),
    "octets": ("scripts are sent as application/octet-stream", of(SHELL, octets), "mistyped"),
    "refused": ("the host refuses a script", of(SHELL, lambda _: Answer(status=403)), "refused"),
    "staleworker": ("the worker's script is missing", of(WORKER, gone), "missing"),
    "octetworker": ("the worker's script is sent as application/octet-stream", of(WORKER, octets), "mistyped"),
    "hangup": ("the host hangs up on a script", of(SHELL, lambda _: HANG_UP), "network"),
    "offline": ("no network when a script is asked for", of(SHELL, lambda _: HANG_UP), "offline"),
    "old": ("a browser without WebAssembly", of("^never$", gone), "old"),
    "insecure": ("an address that is not secure", of("^never$", gone), "insecure"),
}


@pytest.fixture(scope="module")
def host(shared_folder: Path) -> Iterator[FaultyHost]:
    with FaultyHost(build_site(shared_folder)).serving() as host:
        host.faults |= {name: fault for name, (_, fault, _) in CAUSES.items()}
        yield host


def read(page: Any) -> str:
    """What a person sees of it: the notice, as text."""
    title, hint = (page.locator(f"#notice-{part}").inner_text().strip() for part in ("title", "hint"))
    return f"**{title}.** {hint}"


def expect_words(page: Any, code: str, *, timeout_ms: float = 15_000) -> str:
    title, hint, owner = of_start(code)
    notice = page.locator("#notice")
    expect(notice).to_contain_text(title, timeout=timeout_ms)
    expect(notice).to_be_visible(timeout=timeout_ms)
    expect(notice).to_contain_text(hint)
    expect(page.get_by_role("button", name="Connect", exact=True, include_hidden=True)).not_to_be_enabled()
    for promise in ("Ready when you are", "Connecting"):
        assert promise not in page.locator("body").inner_text()
    page.locator("#diagnostics summary").click()
    expect(page.locator("#diagnostics")).to_contain_text(owner[:40])
    return read(page)


@pytest.mark.tab(init_scripts=[LACKING])
def test_a_page_that_cannot_start_says_why_and_what_to_do(
    tab: Any, host: FaultyHost, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """One page after the other; where a page loads itself again it does so once."""
    tab.errors.expect(".")
    for folder, (cause, _, code) in CAUSES.items():
        host.asked.clear()
        tab.page.goto(f"{host.url}{folder}/")
        request.node.user_properties.append((PROPERTY, [cause, expect_words(tab.page, code)]))
        if code == "missing":
            assert host.asked[f"/{folder}/"] >= 2, "a stale page loads itself again"
            loads = host.asked[f"/{folder}/"]
            tab.page.wait_for_timeout(700)
            assert host.asked[f"/{folder}/"] == loads, "and does so once"


def note(request: pytest.FixtureRequest, cause: str, text: str) -> None:
    request.node.user_properties.append((PROPERTY, [cause, text]))


def wait_started(page: Any) -> str:
    """It is ready, and no word about a fault is left."""
    expect(page.locator("body")).to_have_attribute("data-boot", "ready", timeout=30_000)
    expect(page.locator("#notice")).to_be_hidden()
    expect(page.get_by_role("button", name="Connect", exact=True)).to_be_enabled()
    assert "Start-up detail" not in page.locator("#diagnostics").inner_text()
    return "the page starts"


def test_a_page_helps_itself_where_it_can(tab: Any, host: FaultyHost, request: pytest.FixtureRequest) -> None:
    """A host's policy that forbids scripts in pages, an address without its slash, a page
    that a deploy has made stale.
    """
    tab.errors.expect(".")
    seen: list[str] = []

    def at_first(_path: str, answer: Answer) -> Answer:
        seen.append("")
        return answer.rewritten("assets/shell.", "assets/shell.before.") if len(seen) == 1 else answer

    host.faults["files"] = policy("'self' 'wasm-unsafe-eval'")
    host.faults["deployed"] = lambda path, answer: at_first(path, answer) if re.search(PAGE, path) else answer
    tab.page.goto(f"{host.url}files/")
    note(request, "a policy of the host's that allows no script in the page", wait_started(tab.page))
    tab.page.goto(f"{host.url}deployed/")
    note(request, "a page from before a deploy, kept by the browser", wait_started(tab.page))
    assert len(seen) == 2
    tab.page.goto(f"{host.url}voice?a=b#c")
    note(request, "the address lacks its slash, and the host does not mind", wait_started(tab.page))
    assert tab.page.url == f"{host.url}voice/?a=b#c", "what followed the address is kept"


def test_a_page_that_cannot_help_itself_says_so(
    tab: Any, host: FaultyHost, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """A host that takes the slash away again, a frame that locks the page in, a file, and a network that comes back."""
    tab.errors.expect(".")
    elsewhere = Answer(status=301, headers={"Location": f"{host.url}unslashed"})
    host.faults["unslashed"] = lambda path, answer: elsewhere if path == "" else answer
    host.asked.clear()
    tab.page.goto(f"{host.url}unslashed")
    note(request, "the host takes the slash away from the address", expect_words(tab.page, "slash"))
    assert host.asked["/unslashed/"] == 1, "it tries once, and not for ever"

    host.faults["around"] = lambda _path, answer: Answer(
        body=f'<!doctype html><title>A shop</title><iframe sandbox="allow-scripts" src="{host.url}locked/" width="900" height="600">'.encode(),
        headers={"Content-Type": "text/html"},
    )
    tab.page.goto(f"{host.url}around/")
    note(request, "a frame with sandbox=&quot;allow-scripts&quot;", expect_words(tab.page.frames[1], "sandbox"))

    if tab.engine != "webkit":  # WebKitGTK opens no file over its inspector
        tab.page.goto((host.site / "index.html").as_uri())
        note(request, "the page opened as a file", expect_words(tab.page, "file"))


def answered(status: int, body: str = "", kind: str = "text/html", **headers: str) -> Answer:
    return Answer(status=status, body=body.encode(), headers={"Content-Type": kind, **headers})


# What answers where the page asks for a token, and the notice.
TOKENS: dict[str, tuple[Answer, str]] = {
    "a static host that answers with a page": (answered(200, "<!doctype html><title>Parley</title>"), "token_absent"),
    "a static host without that file": (answered(404, "<h1>Not found</h1>"), "token_absent"),
    "a static host that takes no POST (405)": (answered(405, "<Error/>", "application/xml"), "token_absent"),
    "a static host that knows no POST (501)": (answered(501), "token_absent"),
    "a sign-in that expired, and redirects": (answered(302, Location="/sign-in"), "token_redirected"),
    "a sign-in that expired (401)": (answered(401, "<h1>Sign in</h1>"), "token_401"),
    "too many calls, with Retry-After": (answered(429, **{"Retry-After": "7"}), "token_429"),
    "a server that fails (500)": (answered(500), "token_500"),
    "a server that is busy (503)": (answered(503), "token_503"),
    "a server that hangs up": (HANG_UP, "token_unreachable"),
}


def press_and_read(call: Call, code: str) -> str:
    call.press("Connect")
    expect_notice(call, code)
    call.sound.wait_unused()
    return read(call.page)


def test_what_answers_in_the_token_servers_place_is_told(
    tab: Any, sound: Any, host: FaultyHost, request: pytest.FixtureRequest, foreign_site: Path
) -> None:
    """All but the last from one page.

    The last is a page at another address than its token server's, which does not know it.
    """
    tab.errors.expect(".")
    call = Call(tab, sound)
    call.open(f"{host.url}tokens/")
    call.wait_booted()
    for cause, (answer, code) in TOKENS.items():
        host.token = answer
        text = press_and_read(call, code)
        assert code != "token_429" or "7 seconds" in text
        note(request, f"asking for a token: {cause}", text)

    host.faults["foreign"] = served(foreign_site)
    call.open(f"{host.url}foreign/")
    call.wait_booted()
    text = press_and_read(call, "token_forbidden_origin")
    assert "ALLOWED_ORIGINS" in text
    note(request, "asking for a token: a page that is not in ALLOWED_ORIGINS", text)


@pytest.fixture(scope="module")
def foreign_site(_server: Parley, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo with its token server at another address; a page whose settings were changed after the
    build does not start.
    """
    root = copy_of_sources(tmp_path_factory.mktemp("foreign") / "root")
    toml = root / "agents" / "demo" / "agent.toml"
    text = toml.read_text()
    assert 'token_url = "/api/token"' in text
    toml.write_text(text.replace('token_url = "/api/token"', f'token_url = "{_server.url}api/token"'))
    return site.build(root, root.parent / "site", "demo")


def served(folder: Path) -> Fault:
    """Another site in this one's place."""

    def answer(path: str, _answer: Answer) -> Answer:
        kind = TYPES.get(Path(path or "index.html").suffix, "application/octet-stream")
        return Answer(body=(folder / (path or "index.html")).read_bytes(), headers={"Content-Type": kind})

    return answer


def test_a_socket_that_the_pages_policy_forbids_is_told_at_once(
    tab: Any, sound: Any, host: FaultyHost, request: pytest.FixtureRequest
) -> None:
    """The policy of the worker forbids it, as the one that is built does where `connect` lacks the address."""
    tab.errors.expect(".")
    grant = {
        "provider": "assemblyai",
        "token": "t",
        "ws_url": "ws://127.0.0.1:9/ws",
        "expires_at": 0,
        "max_session_seconds": 60,
    }
    host.token = answered(200, json.dumps(grant), "application/json")
    host.faults["nosocket"] = of(
        WORKER,
        lambda it: it.with_headers(Content_Security_Policy="script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'"),
    )
    call = Call(tab, sound)
    call.open(f"{host.url}nosocket/")
    call.wait_booted()
    text = press_and_read(call, "socket_policy")
    assert "connect in agent.toml" in text and "ws://127.0.0.1:9" in text
    note(request, "the service's address is not in `connect`", text)


def around(host: FaultyHost, folder: str, **attributes: str) -> Answer:
    """A page of another site (127.0.0.1 is one to localhost) with that folder's page in a frame."""
    said = " ".join(f'{name}="{value}"' for name, value in attributes.items())
    frame = f'<iframe {said} src="{host.url}{folder}/" width="900" height="600"></iframe>'
    return answered(200, f'<!doctype html><title>A shop</title><link rel="icon" href="data:,">{frame}')


def test_a_microphone_that_the_site_forbids_is_not_called_the_address_bar(
    tab: Any, sound: Any, host: FaultyHost, request: pytest.FixtureRequest
) -> None:
    """A header of the host's own, and a frame that passes no microphone on.

    Nobody can allow anything in the address bar there.
    """
    tab.errors.expect(".")
    host.token = answered(501)
    host.faults["nomic"] = lambda _path, answer: answer.with_headers(Permissions_Policy="microphone=()")
    call = Call(tab, sound)
    call.open(f"{host.url}nomic/")
    call.wait_booted()
    knows = tab.engine == "chromium"  # the others do not know the header, and hand the microphone out
    text = press_and_read(call, "mic_forbidden" if knows else "token_absent")
    assert "address bar" not in text
    tab.page.locator("#diagnostics summary").click()
    expect(tab.page.locator("#facts")).to_contain_text("microphone=(self)" if knows else "token_url")
    cause = "Permissions-Policy: microphone=() from the host"
    note(request, cause, text if knows else "the microphone works: the engine does not know this header")

    host.faults["shop"] = lambda _path, _answer: around(host, "plain")
    tab.page.goto(f"{host.url}shop/".replace("localhost", "127.0.0.1"))
    framed = FramedCall(tab, sound)
    framed.wait_booted()
    text = press_and_read(framed, "mic_framed")
    assert "tab of its own" in text
    note(request, "a frame without allow=&quot;microphone&quot;", text)


@pytest.fixture(scope="module")
def framed_site(host: FaultyHost, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo, which the page around it may show."""
    root = copy_of_sources(tmp_path_factory.mktemp("framed") / "root")
    toml = root / "agents" / "demo" / "agent.toml"
    outer = host.url.rstrip("/").replace("localhost", "127.0.0.1")
    text, changed = re.subn(r"embedded_by = \[\]", f'embedded_by = ["{outer}"]', toml.read_text())
    assert changed
    toml.write_text(text)
    return site.build(root, root.parent / "site", "demo")


def test_a_page_starts_inside_a_page_that_asks_all_for_consent(
    tab: Any, host: FaultyHost, framed_site: Path, request: pytest.FixtureRequest
) -> None:
    """COEP: require-corp holds for whatever is in the page around ours, and for our worker."""
    blocks = parse_headers_file((framed_site / "_headers").read_text())

    def with_headers(path: str, _answer: Answer) -> Answer:
        sound = Answer(
            body=(framed_site / (path or "index.html")).read_bytes(), headers=headers_for(blocks, f"/{path}")
        )
        return sound.with_headers(Content_Type=TYPES.get(Path(path or "index.html").suffix, "application/octet-stream"))

    isolating = {"Cross-Origin-Embedder-Policy": "require-corp", "Cross-Origin-Opener-Policy": "same-origin"}
    host.faults["consenting"] = with_headers
    host.faults["isolated"] = lambda _path, _answer: around(
        host, "consenting", allow="microphone; autoplay"
    ).with_headers(**isolating)
    tab.page.goto(f"{host.url}isolated/".replace("localhost", "127.0.0.1"))
    assert tab.page.evaluate("crossOriginIsolated")
    frame = tab.page.frames[1]
    note(request, "a page around it with Cross-Origin-Embedder-Policy: require-corp", wait_started(frame))


def test_the_page_for_what_is_missing_is_whole_at_any_depth(tab: Any, host: FaultyHost) -> None:
    """Its style and its way back, in a sub-path that nobody configured.

    The host answers no HEAD: WebKit's cache would lose the file.
    """
    tab.errors.expect("404|Failed to load resource")
    tab.page.goto(f"{host.url}voice/nope/deep/x?a=b")
    way_back = tab.page.get_by_role("link", name="Go to the start page")
    expect(way_back).to_have_attribute("href", "/voice/")
    assert tab.page.evaluate("getComputedStyle(document.querySelector('main')).display") == "block"
    assert float(tab.page.evaluate("getComputedStyle(document.body).maxWidth").removesuffix("px")) < 700, "no style"
    way_back.click()
    wait_started(tab.page)
