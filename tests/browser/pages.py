"""What several tests do to the page before a call."""

from __future__ import annotations

from tests.harness.talk import Call

# AssemblyAI's wire is what the page speaks unless it is told otherwise.
OPENAI, SDK = "OpenAI Realtime", "SDK voice, 16 kHz"


GREETING = "I am Parley."


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
    """Have the agent greet with `text`: a brief one costs each test less time. The SDK wire's greeting is the server's own."""
    call.page.evaluate("(text) => { document.getElementById('greeting').value = text }", text)


def beep(call: Call) -> None:
    """Greet with one sentence, so that a scenario with a tone says one tone."""
    greet(call, "Beep.")
