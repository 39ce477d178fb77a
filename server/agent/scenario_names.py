"""The scenarios that can be asked for by name, and how a scenario is read from text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from server.agent.scenario_language import scenario_from_sentences
from server.agent.scenarios import Fault, Scenario

__all__ = ["NAMED", "scenario_from_text"]


def _faulty(name: str, *faults: Fault) -> Scenario:
    return Scenario(name=name, faults=faults)


# A page that keeps counting brackets while it reads is what these two are for.
_DEEP = "[" * 6000 + "]" * 6000
_HUGE = json.dumps({"type": "no.such.event", "padding": "x" * (2 << 20)})

_ALL: tuple[Scenario, ...] = (
    Scenario(),
    # As the service was seen in September 2026 (sections 2, 5, 7 and 14).
    Scenario(
        name="live",
        token_reuse=True,
        long_token=True,
        barge_in_ms=1100,
        leading_silence_ms=600,
        deltas="burst",
        preamble="held_open",
        cap="ignored",
    ),
    # As the documents promise it.
    Scenario(
        name="documented",
        auth="upper",
        pace="burst",
        speech_started="early",
        timestamps="iso",
        tool_reply_prefix=True,
        cap="ended",
        audio_rate="enforced",
    ),
    Scenario(name="burst", pace="burst", chunk_ms=50),
    Scenario(name="one_big_chunk", pace="burst", chunk_ms=60_000),
    Scenario(name="leading_silence", leading_silence_ms=1500),
    Scenario(name="delta_burst", deltas="burst"),
    Scenario(name="no_deltas", deltas="none"),
    Scenario(name="token_reuse", token_reuse=True),
    Scenario(name="long_token", long_token=True),
    Scenario(name="unauthorized", refuse=True),
    Scenario(name="unauthorized_upper", refuse=True, auth="upper"),
    Scenario(name="unauthorized_1008", refuse=True, auth="close_1008"),
    Scenario(name="unauthorized_1006", refuse=True, auth="drop"),
    Scenario(name="at_capacity", capacity="at_capacity"),
    Scenario(name="server_error", capacity="server_error"),
    Scenario(name="concurrency_exceeded", capacity="concurrency_exceeded"),
    Scenario(name="ready_before_updated", ready_before_updated=True),
    Scenario(name="ready_without_updated", omit_updated=True),
    Scenario(name="slow_ready", slow_ready_ms=3000),
    Scenario(name="never_ready", never_ready=True),
    Scenario(name="ready_twice", ready_twice=True),
    Scenario(name="slow_barge_in", barge_in_ms=1100),
    Scenario(name="early_speech_started", speech_started="early", barge_in_ms=600),
    Scenario(name="late_audio", late_audio_chunks=20),
    Scenario(name="done_first", interruption_order="done_first", late_audio_chunks=5),
    Scenario(name="bare_reply_done", bare_reply_done=True, omit_reply_id=True),
    Scenario(name="odd_bytes", odd_bytes=True),
    Scenario(name="spoken_preamble", preamble="spoken"),
    Scenario(name="held_preamble", preamble="held_open"),
    Scenario(name="tool_reply_ids", tool_reply_prefix=True),
    Scenario(name="short_cap", cap_s=3.0),
    Scenario(name="short_cap_ended", cap_s=3.0, cap="ended"),
    Scenario(name="audio_rate", audio_rate="enforced"),
    Scenario(name="strict_immutable", immutable_identical="error"),
    Scenario(name="iso_timestamps", timestamps="iso"),
    Scenario(name="no_timestamps", timestamps="none"),
    Scenario(name="error_event", error_event="error"),
    Scenario(name="hang_up", hang_up_after_goodbye=True),
    Scenario(name="deaf", hear=False),
    Scenario(name="slow_reply", reply_delay_ms=4000),
    Scenario(name="real_time", pace="real-time"),
    *(Scenario(name=f"token_{status}", token_status=status) for status in (401, 403, 429, 500)),
    # The OpenAI wire alone.
    Scenario(name="reply_failed", reply_fails="rate_limit_exceeded"),
    Scenario(name="no_quota", reply_fails="insufficient_quota"),
    Scenario(name="transcription_failed", transcription_fails=True),
    Scenario(name="independent_server", dialect="independent"),
    # The SDK wire alone.
    Scenario(name="quick_auth_timeout", auth_timeout_ms=300),
    Scenario(name="no_greeting", greeting=""),
    Scenario(name="odd_frames", frame_bytes=641),
    Scenario(name="large_frames", frame_bytes=5000),
    *(
        Scenario(name=f"end_{reason}", cap_s=3.0, end_reason=reason)
        for reason in ("session_closed", "room_closed", "agent_disconnected", "server_shutdown")
    ),
    Scenario(name="tone", tone_hz=440.0),
    _faulty("close_1000", Fault(after="sound", nth=20, do="close", code=1000)),
    _faulty("close_1008", Fault(after="sound", nth=20, do="close", code=1008, reason="policy")),
    _faulty("close_1011", Fault(after="sound", nth=20, do="close", code=1011, reason="internal")),
    _faulty("close_1012", Fault(after="sound", nth=20, do="close", code=1012)),
    _faulty("close_4001", Fault(after="sound", nth=20, do="close", code=4001)),
    _faulty("drop_mid_reply", Fault(after="sound", nth=20, do="drop")),
    _faulty("drop_before_ready", Fault(after="opening", do="drop")),
    _faulty("drop_at_open", Fault(after="open", do="drop")),
    _faulty("drop_at_ready", Fault(after="ready", do="drop")),
    _faulty("drop_mid_transcript", Fault(after="word", nth=3, do="drop")),
    _faulty("drop_mid_user_transcript", Fault(after="heard", do="drop")),
    _faulty("drop_after_user_transcript", Fault(after="understood", do="drop")),
    _faulty("close_1001", Fault(after="sound", nth=20, do="close", code=1001)),
    _faulty("crash_at_setup", Fault(after="< configure", do="error", code_name="INTERNAL_ERROR", code=1011)),
    _faulty("forbidden", Fault(after="< configure", do="error", code_name="FORBIDDEN", code=1008)),
    _faulty("expired_mid_reply", Fault(after="sound", nth=20, do="error", code_name="session_expired", code=1008)),
    _faulty("stall_before_ready", Fault(after="opening", do="stall")),
    _faulty("stall_mid_reply", Fault(after="sound", nth=20, do="stall")),
    _faulty("jitter", *(Fault(after="sound", nth=n, do="sleep", ms=400) for n in (30, 90, 150))),
    _faulty("truncated_json", Fault(after="ready", do="send", text='{"type":"reply.audio","data":"AAA')),
    _faulty("not_an_object", Fault(after="ready", do="send", text='["reply.audio"]')),
    _faulty("unknown_event", Fault(after="ready", do="send", text='{"type":"no.such.event","x":{"y":[1]}}')),
    _faulty("missing_field", Fault(after="ready", do="send", text='{"type":"transcript.user"}')),
    _faulty("wrong_type", Fault(after="ready", do="send", text='{"type":"reply.audio","reply_id":7,"data":{}}')),
    _faulty("bad_base64", Fault(after="reply", do="send", text='{"type":"reply.audio","data":"%%%"}')),
    *(
        _faulty(f"openai_{name}", Fault(after="ready", do="send", text=json.dumps(message)))
        for name, message in (
            ("missing_field", {"type": "response.output_audio.delta", "event_id": "event_x"}),
            ("wrong_type", {"type": "response.done", "event_id": 7, "response": []}),
            ("bad_base64", {"type": "response.output_audio.delta", "event_id": "event_x", "delta": "%%%"}),
        )
    ),
    _faulty("sdk_wrong_type", Fault(after="ready", do="send", text='{"type":"session_ended","reason":[7]}')),
    _faulty("infinite_number", Fault(after="ready", do="send", text='{"type":"reply.done","timestamp":1e999}')),
    _faulty("deep_message", Fault(after="ready", do="send", text=_DEEP)),
    _faulty("huge_message", Fault(after="ready", do="send", text=_HUGE)),
    _faulty("binary_frame", Fault(after="ready", do="send_binary", text="\x00\x01\x02\x03")),
    _faulty("flood", Fault(after="ready", do="send", text='{"type":"no.such.event"}', repeat=2000)),
)

NAMED: Mapping[str, Scenario] = {scenario.name: scenario for scenario in _ALL}


def scenario_from_text(text: str, base: Scenario | None = None) -> Scenario:
    """A scenario by name (or `drop_after_<n>`: the socket drops after n messages), from sentences (`drops after 3 s`,
    see `scenario_language`), or from a JSON object of switches (`{"base": "live", "cap_s": 5, "faults": [{...}]}`).

    `base` is what a JSON object without its own `base` starts from. Raises ValueError saying what is not understood.
    """
    text = text.strip()
    if not text.startswith("{"):
        counted = _DROP_AFTER.fullmatch(text)
        if counted:
            return _faulty(text, Fault(after="any", nth=int(counted[1]), do="drop"))
        return NAMED[text] if text in NAMED else scenario_from_sentences(text, NAMED)
    try:
        given: dict[str, Any] = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"a scenario is a name or a JSON object: {error}") from error
    start = base or Scenario()
    if "base" in given:
        start = scenario_from_text(str(given.pop("base")))
    known = {item.name: item for item in fields(Scenario)}
    for key in given:
        if key not in known:
            raise ValueError(f"there is no switch {key!r}")
    for key, value in given.items():
        default = getattr(_DEFAULTS, key)
        if key == "faults":
            try:
                given[key] = tuple(Fault(**fault) for fault in value)
            except TypeError as error:
                raise ValueError(f"faults: {error}") from error
        elif key == "cap_s":
            if value is not None and not isinstance(value, int | float):
                raise ValueError("cap_s is a number of seconds or null")
        elif isinstance(default, float) and type(value) is int:
            given[key] = float(value)
        elif type(value) is not type(default):
            raise ValueError(f"{key} is a {type(default).__name__}")
    return replace(start, **{"name": "custom", **given})


_DEFAULTS = Scenario()
_DROP_AFTER = re.compile(r"drop_after_([1-9]\d{0,5})")
