"""One page, several vendors: the provider may change between calls."""

from __future__ import annotations

from typing import Any

import pytest

from pyclient import codecs, config
from pyclient import commands as cmd
from pyclient import events as ev
from tests.unit.fakewire import FakeWire, WireHost
from tests.unit.playbook import of_type


class Other(FakeWire):
    """A second vendor: half the rate, its own frame length, no typed text."""

    name = "other"
    wire_rate_hz = 16_000


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> WireHost:
    made = {
        "assemblyai": lambda: FakeWire(resume=True),
        "other": lambda: Other(frame_ms=20, typed_text=False, push_to_talk=True),
    }
    monkeypatch.setattr(codecs, "_CODECS", made)
    monkeypatch.setitem(config._CHECKS, "provider", config._one_of(*made))  # type: ignore[index]
    return WireHost(voice="alba", input={"keyterms": ["Parley"]})


def asked(commands: list[cmd.Command]) -> dict[str, Any]:
    (request,) = of_type(commands, cmd.RequestToken)
    assert isinstance(request, cmd.RequestToken)
    return request.body


def test_the_page_may_choose_the_provider_of_a_call(host: WireHost) -> None:
    commands = host.click(provider="other")
    assert asked(commands)["provider"] == "other"
    assert cmd.StartPlayback(rate_hz=16_000) in commands
    assert cmd.StartCapture(rate_hz=16_000, frame_samples=320) in commands
    assert host.view["provider"] == "other" and host.view["features"]["typed_text"] is False


def test_the_next_call_goes_to_the_configured_one_again(host: WireHost) -> None:
    host.click(provider="other")
    host.tell(ev.HangUpRequested())
    commands = host.click()
    assert asked(commands)["provider"] == "assemblyai"
    assert cmd.StartCapture(rate_hz=24_000, frame_samples=960) in commands
    assert host.view["features"]["resume"] is True


def test_the_settings_of_one_vendor_are_not_sent_to_another(host: WireHost) -> None:
    host.click(provider="other")
    assert host.session._life.config.voice == "" and host.session._life.config.input == {}
    host.tell(ev.HangUpRequested())
    host.click()
    assert host.session._life.config.voice == "alba" and host.session._life.config.input == {"keyterms": ["Parley"]}


def test_a_voice_chosen_with_the_provider_holds(host: WireHost) -> None:
    host.click(provider="other", voice="cedar")
    assert host.session._life.config.voice == "cedar"


def test_an_unknown_provider_is_refused_in_words(host: WireHost) -> None:
    assert host.click(provider="nobody") == []
    assert host.view["state"] == "failed" and "provider" in host.view["notice"]["hint"]
    assert host.view["provider"] == "assemblyai"


def test_in_mid_call_nothing_changes(host: WireHost) -> None:
    host.open_wire("sess_1")
    assert host.click(provider="other") == []
    assert host.view["provider"] == "assemblyai"


def test_a_lost_line_is_mended_with_the_same_provider(host: WireHost) -> None:
    host.click(provider="other")
    host.grant()
    host.opened()
    host.tell(ev.SessionReady(session_id="s"))
    host.drop()
    assert asked(host.wait("retry"))["provider"] == "other"


def test_the_voices_that_one_provider_named_are_not_shown_for_another(host: WireHost) -> None:
    host.click()
    host.grant()
    host.opened()
    host.tell(
        ev.SessionFaulted(
            kind="invalid_setting", code="c", message="m", param="output.voice", closes=True, choices=("alba",)
        )
    )
    assert host.view["voices"] == ["alba"]
    host.click(provider="other")
    assert host.view["voices"] is None
