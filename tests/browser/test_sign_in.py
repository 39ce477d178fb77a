"""A team's own sign-in: a token server of another origin that asks for a cookie, or for a bearer that the
page around ours gives.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from builder import site
from tests.browser.support.outer_page import OuterPage
from tests.browser.support.spoiled import Change, SpoiledSite
from tests.support import built
from tests.support.server import ROOT, Parley, build_once, copy_of_sources
from tests.support.talk import Call
from voice_browsers.tape import poll

pytestmark = pytest.mark.browser

COOKIE, BEARER = "cookie-of-alice", "bearer-of-bob"
WHO = f"""
def who(visitor):
    return {{"{COOKIE}": "alice"}}.get(visitor.cookies.get("session")) or {{"{BEARER}": "bob"}}.get(visitor.bearer)
"""
TAG = "document.querySelector('voice-agent')"
CONNECT = f"() => {{ document.querySelector('h1').onclick = () => {TAG}.connect().catch(() => {{}}); }}"
REFUSED = "Failed to load resource|401"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sign_in")
    (made / "team_sign_in.py").write_text(WHO)
    return made


@pytest.fixture
def tokens(spoiled: SpoiledSite, folder: Path) -> Iterator[Parley]:
    """A token server of another origin than the page's, which knows two visitors."""
    env = {
        "SIGN_IN": "team_sign_in:who",
        "PYTHONPATH": f"{ROOT}:{folder}",
        "ALLOWED_ORIGINS": spoiled.parley.url.rstrip("/"),
    }
    with Parley(site=spoiled.original, env=env) as server:
        yield server


@pytest.fixture(scope="module")
def with_login(shared_folder: Path, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parley]:
    """A page that knows where a visitor signs in, beside a token server that asks for it."""
    root = copy_of_sources(tmp_path_factory.mktemp("with_login") / "root")
    file = root / "agents" / "demo" / "agent.toml"
    file.write_text(file.read_text().replace('sign_in_page = ""', 'sign_in_page = "/login?from=call"'))
    made = build_once(shared_folder / "with_login", lambda folder: site.build(root, folder, "demo"))
    with Parley(site=made, env={"SIGN_IN": "team_sign_in:who", "PYTHONPATH": f"{ROOT}:{folder}"}) as server:
        yield server


def asks(server: Parley, sign_in: str) -> Change:
    """As the build has it with `[server] token_url` and `sign_in`."""
    origin = server.url.rstrip("/")

    def change(assets: Path) -> None:
        site = assets.parent
        with built.told(site) as config:
            config["boot"]["sign_in"] = sign_in
            for choice in config["choices"]:
                choice["settings"]["token_url"] = f"{origin}/api/token"
        for file in (site / "index.html", site / "_headers"):
            text, changed = re.subn(
                r"connect-src ('|&#39;)self('|&#39;)",
                rf"\g<0> {origin} {origin.replace('http', 'ws')}",
                file.read_text(),
            )
            assert changed
            file.write_text(text)
            built.forget_copies(file)

    return change


def refused(tab: Any, title: str) -> None:
    expect(tab.page.locator("#notice")).to_contain_text(title, timeout=30_000)


@pytest.mark.parametrize("sign_in", ["cookie", ""])
def test_a_cookie_crosses_origins_where_agent_toml_says_so(
    tab: Any, sound: Any, spoiled: SpoiledSite, tokens: Parley, sign_in: str
) -> None:
    tab.errors.expect(REFUSED)
    call = Call(tab, sound)
    call.open(spoiled.spoil(asks(tokens, sign_in)))
    if sign_in:
        call.press("Connect")
        refused(tab, "You are not signed in")
    tab.page.evaluate(f"document.cookie = 'session={COOKIE}; SameSite=Lax'")  # cookies know no ports
    if not sign_in:
        call.press("Connect")
        refused(tab, "You are not signed in")
        return
    call.connect()
    call.hang_up()
    assert "outcome=sign_in_needed" in tokens.log and "user=alice" in tokens.log
    assert COOKIE not in tokens.log


def test_who_is_not_signed_in_is_led_to_where_one_can(tab: Any, sound: Any, with_login: Parley) -> None:
    tab.errors.expect(REFUSED)
    call = Call(tab, sound)
    call.open(with_login.url)
    call.wait_booted()
    link = tab.page.get_by_role("link", name="Sign in")
    expect(link).to_have_count(0)  # nobody has asked
    call.press("Connect")
    refused(tab, "You are not signed in")
    notice = tab.page.locator("#notice")
    expect(notice.get_by_role("link", name="Sign in")).to_have_attribute("href", "/login?from=call")
    expect(notice).not_to_contain_text("The server says")
    tab.page.evaluate(f"document.cookie = 'session={COOKIE}; SameSite=Lax'")  # as the page behind the link does it
    call.connect()
    expect(link).to_have_count(0)
    call.hang_up()


def test_a_bearer_comes_from_the_page_around_for_each_token_and_stays_nowhere(
    tab: Any, sound: Any, spoiled: SpoiledSite, tokens: Parley
) -> None:
    tab.errors.expect(f"{REFUSED}|signIn failed")
    with OuterPage(spoiled.parley.url) as outer:
        spoiled.spoil(outer.allow, asks(tokens, "bearer"))
        page = tab.page
        page.goto(outer.url)
        page.wait_for_selector("voice-agent button")
        page.evaluate(CONNECT)

        def connect(sign_in: str, code: str) -> dict[str, Any]:
            """What is told of a call that this function of the page's signs in."""
            page.evaluate(f"{TAG}.signIn = {sign_in}; events.length = 0")
            page.click("h1")
            return outer.wait(tab, lambda name, it: name == "error" and it["code"] == code)

        for nobody in ("null", "() => undefined", f"() => {{ throw Error('{BEARER}') }}", "() => 'two words'"):
            told = connect(nobody, "token_no_bearer")
            assert told["title"] == "You are not signed in" and "the page around this one" in told["hint"], nobody
        assert "outcome=" not in tokens.log, "without a bearer the token server is not asked"
        assert connect("() => 'of-nobody'", "token_401")["title"] == "You are not signed in"

        # What an expression ends with is called where it is a function: so it ends with a number.
        give = f"async () => {{ globalThis.given = (globalThis.given ?? 0) + 1; return '{BEARER}' }}"
        page.evaluate(f"{TAG}.signIn = {give}; events.length = 0")
        page.click("h1")
        outer.wait_state(tab, "live")
        assert page.evaluate("given") == 1
        told = str(outer.events(tab)) + tab.page.frames[1].content() + " ".join(frame.url for frame in page.frames)
        assert BEARER not in told
        page.evaluate(f"{TAG}.disconnect()")
        outer.wait(tab, lambda name, _: name == "end")
        assert poll(lambda: "user=bob" in tokens.log, 5.0), tokens.log
        assert BEARER not in tokens.log


def test_without_a_page_around_nobody_is_signed_in(tab: Any, sound: Any, spoiled: SpoiledSite, tokens: Parley) -> None:
    call = Call(tab, sound)
    call.open(spoiled.spoil(asks(tokens, "bearer")))
    call.press("Connect")
    refused(tab, "You are not signed in")
    assert "outcome=" not in tokens.log
