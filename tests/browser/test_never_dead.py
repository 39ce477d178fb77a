"""A page that cannot start says so, in words that are true and say what to do; and where it can help itself, it does.

Each cause is made on purpose, by a host with that fault or an engine that lacks something. What was read is written into
docs/faults-at-start.md by the run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from builder import words
from tests.browser.faults_table import PROPERTY
from tests.browser.hosts import HANG_UP, NOT_FOUND, Answer, Fault, FaultyHost
from tests.harness.server import build_site

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


PAGE, SHELL, WORKER, STYLE = r"^$|^index\.html$", r"/shell\.", r"/boot\.", r"/style\."


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
    title, hint, owner = words.START[code]
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
    """A host's policy that forbids scripts in pages, an address without its slash, a page that a deploy has made stale."""
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
    tab.page.goto(f"{host.url}unslashed")
    note(request, "the host takes the slash away from the address", expect_words(tab.page, "slash"))
    assert host.asked["/unslashed/"] == 1

    host.faults["around"] = lambda _path, answer: Answer(
        body=f'<!doctype html><title>A shop</title><iframe sandbox="allow-scripts" src="{host.url}locked/" width="900" height="600">'.encode(),
        headers={"Content-Type": "text/html"},
    )
    tab.page.goto(f"{host.url}around/")
    note(request, "a frame with sandbox=&quot;allow-scripts&quot;", expect_words(tab.page.frames[1], "sandbox"))

    tab.page.goto((host.site / "index.html").as_uri())
    note(request, "the page opened as a file", expect_words(tab.page, "file"))
