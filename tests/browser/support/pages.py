"""What several tests do to the page before a call."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.talk import Call

# AssemblyAI's wire is what the page speaks unless it is told otherwise.
OPENAI, SDK = "OpenAI Realtime", "SDK voice, 16 kHz"


GREETING = "I am Parley."

# Said over a reply. Echo cancellation takes much of it away while the agent sounds, Firefox's most of all, so it is
# long; its end is a question with a brief answer; what remains of it is often answered with "I heard: ...".
OVER = "please stop talking now and tell me what time is it"


def select(call: Call, label: str) -> None:
    """Choose the service in the settings, as a person does. The fields hold its configuration then."""
    call.wait_booted()
    call.page.evaluate("document.getElementById('settings').open = true")
    call.page.get_by_label("Service").select_option(label=label)


def choose(call: Call, label: str) -> None:
    """Choose the service, and have it greet briefly."""
    select(call, label)
    greet(call)


def greet(call: Call, text: str = GREETING) -> None:
    """Have the agent greet with `text`: a brief one costs each test less time.

    The SDK wire's greeting is the server's own.
    """
    call.page.evaluate("(text) => { document.getElementById('greeting').value = text }", text)


def beep(call: Call) -> None:
    """Greet with one sentence, so that a scenario with a tone says one tone."""
    greet(call, "Beep.")


def expect_notice(call: Call, code: str) -> None:
    """The notice with this code is shown, says what to do, and the person may try again at once."""
    notice = call.page.get_by_role("alert")
    expect(notice).to_have_attribute("data-code", code, timeout=40_000)
    expect(notice).to_be_visible()
    view = call.snapshot()
    assert view is not None
    assert len(view["notice"]["hint"]) > 20 and view["can_connect"] and not view["audio_wanted"], view
    expect(call.page.get_by_role("button", name="Connect", exact=True)).to_be_enabled()
