"""Locks: what a visitor may not change stays as the team configured it, whoever asks."""

from __future__ import annotations

from typing import Any

import pytest

from pyclient.config import LOCKABLE, ClientConfig, changed_settings, for_call
from pyclient.core import commands as cmd
from pyclient.core import events as ev
from pyclient.core.errors import ConfigError
from tests.support.playbook import FakeHost

WISHES: dict[str, Any] = {"voice": "eve", "greeting": "Hi!", "system_prompt": "Be rude.", "turn_style": "text"}
OWN: dict[str, Any] = {"voice": "alba", "greeting": "Good day.", "system_prompt": "Be kind.", "turn_style": "vad"}


def locked_to(*names: str) -> ClientConfig:
    return ClientConfig.from_dict({**OWN, "visitor_may_change": list(names)})


@pytest.mark.parametrize("name", LOCKABLE)
def test_a_call_has_only_those_wishes_that_are_not_locked(name: str) -> None:
    wanted = ev.ConnectRequested(**WISHES)
    for config, changed in ((locked_to(), set()), (locked_to(name), {name}), (ClientConfig(**OWN), set(LOCKABLE))):
        made = for_call(config, wanted)
        assert {key: getattr(made, key) for key in LOCKABLE} == {
            key: (WISHES if key in changed else OWN)[key] for key in LOCKABLE
        }


def test_variables_are_filled_in_although_the_texts_are_locked() -> None:
    filled = {"greeting": "Good day, Ada.", "system_prompt": "Ada is a customer.", "voice": "eve", "token_url": "/x"}
    made = for_call(locked_to(), ev.ConnectRequested(greeting="Hi!", filled=filled))
    assert (made.greeting, made.system_prompt) == ("Good day, Ada.", "Ada is a customer.")
    assert (made.voice, made.token_url) == ("alba", "/api/token")
    assert for_call(locked_to("greeting"), ev.ConnectRequested(greeting="Hi!", filled=filled)).greeting == "Hi!"


def test_in_mid_call_nothing_is_sent_of_a_locked_setting() -> None:
    host = FakeHost(**OWN, visitor_may_change=["voice"]).go_live()
    done = host.tell(ev.SettingsChanged(system_prompt="Be rude.", greeting="Hi!"))
    assert not [it for it in done if isinstance(it, cmd.SendMessage)] and host.view["notice"] is None
    assert host.session.call.config.system_prompt == "Be kind."
    free = FakeHost(**OWN).go_live()
    assert [it for it in free.tell(ev.SettingsChanged(system_prompt="Be rude.")) if isinstance(it, cmd.SendMessage)]


def test_what_a_page_cannot_lock_is_not_touched() -> None:
    assert changed_settings(locked_to(), ev.SettingsChanged(volume=50, voice="eve")) == {"volume": 50}


def test_only_known_names_can_be_given_free() -> None:
    with pytest.raises(ConfigError, match="visitor_may_change: must be a list of: voice, greeting"):
        locked_to("service")
