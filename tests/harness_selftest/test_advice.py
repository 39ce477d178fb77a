"""What follows from what was seen in a page: sentences for its authors, without a browser."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from voice_browsers.advice import advice
from voice_browsers.observer import facts_in_words

SENT = {"type": "audio.in", "field": "audio", "count": 300, "zeros": 0}
CAME = {"type": "audio.out", "field": "data", "count": 170, "zeros": 0}
# As `facts` has it of a call that went well.
WELL: dict[str, Any] = {
    "secure": True,
    "acted": True,
    "contexts": [
        {"asked": 0, "acted": True, "mic": "connected", "plays": True, "rate": 48000, "state": "running", "ran": 9.5}
    ],
    "microphones": [
        {"wanted": "{}", "wrong": "", "tracks": [{"enabled": True, "muted": False, "state": "live"}]},
    ],
    "worklets": [{"url": "both.js", "wrong": ""}],
    "processors": [
        {"name": "take", "wrong": "", "failed": "", "given": 0, "gave": 300, "hears": True, "reaches": False},
        {"name": "play", "wrong": "", "failed": "", "given": 170, "gave": 0, "hears": False, "reaches": True},
    ],
    "started": 0,
    "lonely": 0,
    "elements": [],
    "thrown": [],
    "blocked": [],
    "elsewhere": [],
    "sockets": [
        {"url": "ws://x/", "sent": 300, "came": 170, "code": 0, "reason": "", "opened": True, "errors": []}
        | {"out": [SENT], "in": [CAME]}
    ],
    "recorded": {"said": 1, "silent": False},
}


def told(**changed: Any) -> list[str]:
    """The advice where `changed` was seen: `take=` and `play=` are fields of a processor, the rest of the facts."""
    seen = copy.deepcopy(WELL)
    for number, name in enumerate(("take", "play")):
        seen["processors"][number].update(changed.pop(name, {}))
    for key, value in changed.items():
        if isinstance(value, dict) and isinstance(seen[key], list):
            seen[key][0].update(value)
        else:
            seen[key] = value
    assert facts_in_words(seen)
    return advice(seen, "chromium")


def test_where_nothing_is_wrong_the_messages_are_the_best_lead() -> None:
    (only,) = told()
    assert "No call failed in the page" in only
    assert "it sent `audio.in` ×300 (base64 in `audio`); what came was `audio.out` ×170" in only
    (only,) = told(sockets={"out": [{"type": "binary", "field": "binary", "count": 300, "zeros": 0}]})
    assert "it sent `binary` ×300; what came" in only


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (
            {"blocked": [{"directive": "connect-src", "what": "wss://x/"}]},
            "blocked wss://x/: its `connect-src` does not",
        ),
        ({"sockets": {"opened": False}}, "is not open yet: the server has neither accepted nor refused it"),
        ({"microphones": {"wrong": "not answered"}}, "getUserMedia is still waiting"),
        ({"contexts": {"state": "suspended"}}, "is suspended; it was made in a click"),
        (
            {"microphones": {"tracks": [{"enabled": False, "muted": False, "state": "live"}]}},
            "track is switched off (`track.enabled` is false)",
        ),
        ({"play": {"failed": "RangeError: x"}}, "processor of AudioWorkletNode 'play' threw (RangeError: x)"),
        (
            {"elements": [{"kind": "audio", "wrong": "NotAllowedError: x"}]},
            "<audio>.play() was refused with NotAllowed",
        ),
        ({"microphones": {"wrong": "OverconstrainedError:  (deviceId)"}}, "meets what was asked for, {}"),
        (
            {"thrown": [{"text": "TypeError: x", "where": "a.js:3:1", "during": "audio.out from ws://x/", "count": 7}]},
            "threw TypeError: x at a.js:3:1, 7 times, while it handled the message `audio.out` from ws://x/",
        ),
        (
            {"thrown": [{"text": "TypeError: x.", "where": "", "during": "", "count": 1}]},
            "threw TypeError: x: nobody caught it",
        ),
        (
            {"sockets": {"errors": ["bad: no audio"]}},
            "answered with an error: 'bad: no audio'. The page had sent `audio.in`",
        ),
        (
            {"microphones": {"tracks": [{"enabled": True, "muted": True, "state": "live"}]}},
            "muted by the browser or the system",
        ),
        ({"take": {"hears": False}}, "leads to no AudioWorkletNode; the page has made 'take', 'play'"),
        ({"take": {"gave": 0}}, "'take' hears the microphone, and none of its messages came"),
        (
            {"sockets": {"out": [{**SENT, "field": ""}]}},
            "gave the page 300 messages, and the page sent nothing binary and no long base64",
        ),
        (
            {"sockets": {"out": [{**SENT, "zeros": 300}]}},
            "all 300 messages with sound that the page sent were digital silence",
        ),
        (
            {"contexts": {"plays": False}, "play": {"reaches": False}},
            "destination. From AudioWorkletNode 'play', which was given 170 messages with samples, no way led",
        ),
        (
            {"contexts": {"plays": False}, "play": {"given": 0}, "sockets": {"in": []}},
            "so nothing could sound.",
        ),
        (
            {"contexts": {"plays": False}, "play": {"reaches": False}},
            "The page received 170 messages with sound (`audio.out` ×170 (base64 in `data`)), and nothing of it reached",
        ),
        (
            {"play": {"reaches": False}},
            "From AudioWorkletNode 'play', which was given 170 messages with samples, no way led",
        ),
        ({"started": 9, "lonely": 4}, "From 4 of 9 sources that were started, no way led"),
        ({"play": {"given": 0}, "recorded": {"said": 1, "silent": True}}, "170 messages with sound (`audio.out` ×170"),
        (
            {"recorded": {"said": 1, "silent": True}},
            "to AudioWorkletNode 'play' (170 messages), which leads to a destination",
        ),
    ],
)
def test_what_was_seen_is_told_first(changed: dict[str, Any], words: str) -> None:
    first, *rest = told(**changed)
    assert words in first
    assert not any("No call failed" in sentence for sentence in rest)


@pytest.mark.parametrize(
    "changed",
    [
        {"contexts": {"plays": False}, "elements": [{"kind": "audio", "wrong": ""}]},
        {"contexts": {"plays": False}, "elsewhere": ["RTCPeerConnection"]},
        {"take": {"gave": 0}, "elsewhere": ["Worker"]},
        {"play": {"given": 0}, "recorded": {"said": 1, "silent": True}, "elsewhere": ["Worker"]},
        {"sockets": {"out": [{**SENT, "zeros": 300}]}, "recorded": {"said": 0, "silent": False}},
        {"contexts": {"mic": ""}, "elsewhere": ["MediaRecorder"], "take": {"hears": False}},
    ],
)
def test_where_it_cannot_see_it_accuses_nobody(changed: dict[str, Any]) -> None:
    """Sound may go through a worker, an element or WebRTC, and silence may be what was said."""
    assert [sentence for sentence in told(**changed) if "No call failed" not in sentence] == []


def test_what_follows_from_a_failure_stands_behind_it() -> None:
    """A click handler that ended early asked for no microphone; it is told, and not as the cause."""
    first, second, *_ = told(microphones=[], sockets=[], play={"wrong": "InvalidStateError: no such name"})
    assert "new AudioWorkletNode(context, 'play') failed with InvalidStateError" in first
    assert second == "The page never asked for the microphone (no getUserMedia)."
