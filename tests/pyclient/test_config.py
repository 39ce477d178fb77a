"""Settings are checked once, at the door, with words that name the key."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from pyclient.codecs import PROVIDERS, create_codec
from pyclient.config import _CHECKS, ClientConfig, Voice
from pyclient.core.errors import ConfigError


def test_nothing_needs_to_be_said() -> None:
    config = ClientConfig.from_dict({})
    assert config == ClientConfig()
    assert (config.provider, config.token_url, config.barge_in) == ("assemblyai", "/api/token", "duck")
    assert (config.limits.max_bytes, config.limits.max_depth) == (1 << 20, 64)


def test_everything_can_be_said() -> None:
    raw: dict[str, Any] = {
        "provider": "assemblyai",
        "token_url": "https://tokens.test/api/token",
        "voice": "alba",
        "known_voices": [{"id": "alba", "label": "Alba (US)"}, Voice(id="eve", label="Eve")],
        "system_prompt": "Be brief.",
        "greeting": "Hello.",
        "input": {"keyterms": ["Parley"]},
        "turn_detection": {"min_silence": 600, "interrupt_response": True},
        "volume": 50.5,
        "expires_in_seconds": 60,
        "max_session_duration_seconds": 600,
        "wrap_up_lead_seconds": 0,
        "wrap_up_instructions": "Bye.",
        "tool_result_policy": "immediate",
        "interrupted_tool_policy": "deliver",
        "tool_timeout_ms": 1_000,
        "max_tool_calls_per_reply": 4,
        "max_tool_rounds": 5,
        "barge_in": "flush",
        "verdict_timeout_ms": 1_000,
        "idle_seconds": 60,
        "cost": {"currency": "USD", "per_minute": 0.05},
        "turn_style": "vad",
        "min_talk_ms": 500,
        "preconnect_audio_ms": 0,
        "outage_audio_ms": 0,
        "keepalive_ms": 1_000,
        "frame_ms": 20,
        "open_timeout_ms": 1_000,
        "ready_timeout_ms": 1_000,
        "end_timeout_ms": 1_000,
        "max_message_bytes": 2_048,
        "max_depth": 16,
        "max_turns": 10,
        "visitor_may_change": ["voice"],
    }
    config = ClientConfig.from_dict(raw)
    raw["agent_id"] = ""  # excludes much of the rest
    assert set(raw) == {item.name for item in dataclasses.fields(config)}
    assert config.known_voices == (Voice(id="alba", label="Alba (US)"), Voice(id="eve", label="Eve"))
    settings = config.settings(({"name": "x"},))
    assert (settings.voice, settings.volume, settings.tools) == ("alba", 50.5, ({"name": "x"},))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("system_prompt", "Be brief."),
        ("greeting", "Hello."),
        ("voice", "alba"),
        ("known_voices", [{"id": "alba", "label": "Alba"}]),
        ("input", {"keyterms": ["Parley"]}),
        ("turn_detection", {"min_silence": 600}),
        ("volume", 0),
    ],
)
def test_row_48_a_stored_agent_excludes_what_it_has_itself(key: str, value: Any) -> None:
    ClientConfig.from_dict({key: value})
    with pytest.raises(ConfigError, match="cannot stand beside agent_id") as told:
        ClientConfig.from_dict({"agent_id": "agent_1", key: value})
    assert told.value.key == key


def test_row_48_only_one_provider_has_stored_agents() -> None:
    config = ClientConfig.from_dict({"agent_id": "agent_1", "tool_timeout_ms": 1_000})
    assert config.settings().agent_id == "agent_1"
    assert {name for name in PROVIDERS if create_codec(name).features.stored_agents} == {"assemblyai"}
    for provider in set(PROVIDERS) - {"assemblyai"}:
        with pytest.raises(ConfigError, match=f"{provider} has no stored agents"):
            ClientConfig.from_dict({"agent_id": "agent_1", "provider": provider})


def test_every_setting_has_a_check() -> None:
    assert set(_CHECKS) == {item.name for item in dataclasses.fields(ClientConfig)}


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("provider", "openai", "must be one of: assemblyai"),
        ("provider", None, "must be one of"),
        ("token_url", "", "path that starts with one /"),
        ("token_url", "//evil.test/x", "path that starts with one /"),
        ("token_url", "javascript:x", "path that starts with one /"),
        ("token_url", "/a b", "path that starts with one /"),
        ("token_url", 7, "path that starts with one /"),
        ("voice", None, "text of 0 to 100"),
        ("voice", "x" * 101, "text of 0 to 100"),
        ("known_voices", {}, "a list of at most"),
        ("known_voices", [{"id": ""}], "object with id and label"),
        ("known_voices", [{"id": "", "label": ""}], "object with id and label"),
        ("known_voices", [1], "object with id and label"),
        ("system_prompt", 1, "text of 0 to 100000"),
        ("greeting", "x" * 4_001, "text of 0 to 4000"),
        ("input", [], "must be an object"),
        ("input", {"keyterms": {1, 2}}, "what JSON can hold"),
        ("input", {"voice_focus_threshold": float("nan")}, "what JSON can hold"),
        ("input", {"nope": 1}, "is not known"),
        ("turn_detection", "fast", "must be an object"),
        ("turn_detection", {"vad_threshold": 7}, "number from 0 to 1"),
        ("volume", True, "number from 0 to 100"),
        ("volume", -1, "number from 0 to 100"),
        ("volume", float("nan"), "number from 0 to 100"),
        ("volume", "loud", "number from 0 to 100"),
        ("expires_in_seconds", 0, "whole number from 1 to 600"),
        ("expires_in_seconds", 601, "whole number from 1 to 600"),
        ("expires_in_seconds", 60.0, "whole number from 1 to 600"),
        ("expires_in_seconds", True, "whole number from 1 to 600"),
        ("max_session_duration_seconds", 59, "whole number from 60 to 10800"),
        ("max_session_duration_seconds", 10_801, "whole number from 60 to 10800"),
        ("wrap_up_lead_seconds", 901, "whole number"),
        ("wrap_up_lead_seconds", -1, "whole number"),
        ("wrap_up_instructions", "", "text of 1"),
        ("tool_result_policy", "later", "one of: after_reply_done, immediate"),
        ("interrupted_tool_policy", "", "one of: drop, deliver"),
        ("barge_in", "on", "one of: duck, flush, off"),
        ("barge_in", ["duck"], "one of: duck, flush, off"),
        ("turn_style", "walkie", "one of: vad, half_duplex, push_to_talk, text"),
        ("min_talk_ms", -1, "whole number from 0 to 2000"),
        ("outage_audio_ms", 10_001, "whole number from 0 to 10000"),
        ("keepalive_ms", 499, "whole number from 500 to 120000"),
        ("frame_ms", 19, "whole number from 20 to 50"),
        ("frame_ms", 51, "whole number from 20 to 50"),
        ("max_depth", 201, "whole number from 8 to 200"),
        ("max_turns", 0, "whole number from 1"),
    ],
)
def test_a_bad_value_is_refused_with_its_key_and_what_is_allowed(key: str, value: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        ClientConfig.from_dict({key: value})
    assert caught.value.key.startswith(key)


def test_who_only_types_needs_a_service_that_takes_text() -> None:
    for provider in PROVIDERS:
        if create_codec(provider).features.typed_text:
            assert ClientConfig(provider=provider, turn_style="text").settings().turn_style == "text"
        else:
            with pytest.raises(ConfigError, match=f"typing is not possible with {provider}") as told:
                ClientConfig(provider=provider, turn_style="text")
            assert told.value.key == "turn_style"


def test_too_many_voices_are_refused() -> None:
    with pytest.raises(ConfigError, match="at most 500"):
        ClientConfig.from_dict({"known_voices": [{"id": "a", "label": "A"}] * 501})


def test_voices_given_as_a_list_to_the_class_itself_are_refused() -> None:
    with pytest.raises(ConfigError, match="known_voices"):
        ClientConfig(known_voices=[])  # type: ignore[arg-type]


def test_the_wrap_up_must_leave_time_for_a_call() -> None:
    with pytest.raises(ConfigError, match="half of max_session_duration_seconds"):
        ClientConfig(max_session_duration_seconds=60, wrap_up_lead_seconds=31)


@pytest.mark.parametrize(
    ("key", "words"), [("sytem_prompt", "did you mean system_prompt?"), ("zzzzzzzz", "the keys are: agent_id"), (7, "the keys are")]
)  # fmt: skip
def test_an_unknown_key_is_refused_with_the_one_that_was_meant(key: Any, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ClientConfig.from_dict({key: "x"})
    assert words in str(caught.value)


@pytest.mark.parametrize("raw", [None, [], "x", 7])
def test_what_is_no_object_is_refused(raw: Any) -> None:
    with pytest.raises(ConfigError, match="must be an object"):
        ClientConfig.from_dict(raw)


def test_a_configuration_cannot_be_changed_behind_a_sessions_back() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ClientConfig().voice = "x"  # type: ignore[misc]


def test_every_provider_has_a_codec_of_its_own_name() -> None:
    for provider in PROVIDERS:
        assert create_codec(provider).name == provider
    with pytest.raises(ConfigError, match="use one of: assemblyai"):
        create_codec("nobody")
