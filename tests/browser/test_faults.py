"""What a person sees when something is missing, refused or breaks: words that say what to do, and nothing left running."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.harness import quirk_scripts
from tests.harness.server import Parley
from tests.harness.talk import Call

pytestmark = pytest.mark.browser


def notice(page: Page) -> Any:
    return page.get_by_role("alert")


def click_connect(page: Page) -> None:
    page.get_by_role("button", name="Connect", exact=True).click()


@pytest.mark.tab(mic="deny")
def test_a_denied_microphone_says_where_to_allow_it(call: Call) -> None:
    click_connect(call.page)
    expect(notice(call.page)).to_contain_text(re.compile("microphone", re.IGNORECASE), timeout=30_000)
    expect(call.page.get_by_role("button", name="Connect", exact=True)).to_be_enabled()
    assert call.snapshot()["notice"]["code"] == "denied"  # type: ignore[index]


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (quirk_scripts.microphone_error("NotFoundError"), "not_found"),
        (quirk_scripts.microphone_error("NotReadableError"), "busy"),
        (quirk_scripts.microphone_error("OverconstrainedError"), "overconstrained"),
        (quirk_scripts.insecure_page(), "insecure"),
        (quirk_scripts.no_audio_worklet(), "no_worklet"),
        (quirk_scripts.context_never_resumes(), "context_suspended"),
    ],
    ids=["no-microphone", "busy", "overconstrained", "insecure", "no-worklet", "no-speaker"],
)
def test_each_reason_for_no_sound_has_its_own_words(open_tab: Any, parley: Parley, script: str, code: str) -> None:
    tab = open_tab(init_scripts=[script])
    tab.page.goto(parley.url)
    click_connect(tab.page)
    expect(notice(tab.page)).to_be_visible(timeout=40_000)
    view = tab.page.evaluate("window.parley.snapshot()")
    assert view["notice"]["code"] == code
    assert len(view["notice"]["hint"]) > 20
    assert view["can_connect"]


@pytest.mark.parametrize("status", [403, 429, 500, 502, 504])
def test_a_refused_token_is_told_in_words(call: Call, status: int) -> None:
    """The page's request is answered here, so that every status can be had; the worker's fetch is routed, too."""
    call.tab.errors.expect(rf"{status}|Failed to load resource")
    body = '{"error": {"code": "some_code", "message": "Some message."}}'
    call.page.route(
        "**/api/token", lambda route: route.fulfill(status=status, body=body, content_type="application/json")
    )
    click_connect(call.page)
    call.wait_state("failed", timeout_s=60)
    expect(notice(call.page)).to_be_visible()
    call.sound.wait_microphone_free()


def test_a_server_that_is_away_is_told_in_words(call: Call) -> None:
    call.tab.errors.expect(r"Failed to load resource|ERR_|NetworkError|access control|cancelled|aborted|Load failed")
    call.wait_booted()
    call.page.route("**/api/token", lambda route: route.abort())
    click_connect(call.page)
    call.wait_state("failed", timeout_s=60)
    expect(notice(call.page)).to_contain_text(re.compile("server|network|connection", re.IGNORECASE))
    call.sound.wait_microphone_free()


def test_a_dead_worker_is_noticed_told_and_restarted(call: Call) -> None:
    """Pyodide can die for good. The person loses the call, hears why, and can call again without reloading."""
    if call.tab.engine != "chromium":
        pytest.skip("only Chromium lets a test reach into a worker; the notice and restart are the same code")
    call.connect()
    (worker,) = call.page.workers
    call.tab.errors.expect("Python|fatal|stack")
    worker.evaluate("self.postMessage({ type: 'dead', reason: 'killed by a test' })")
    expect(notice(call.page)).to_contain_text("crashed", timeout=30_000)
    call.sound.wait_microphone_free()
    call.wait_booted()
    call.connect()
    call.wait_turn("agent", containing="parley")
    call.hang_up()
