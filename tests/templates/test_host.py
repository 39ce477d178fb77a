"""The worker's host: which audio takes the fast path, and that everything else reaches Python as it came."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from pyclient.codecs.assemblyai import AUDIO
from tests.worklets.support.node import ask, find_node

DRIVER = Path(__file__).parent / "support" / "host_driver.mjs"
SHORT = {**asdict(AUDIO), "most_buffered": 1000, "most_chars": 1000, "loud_peak": 1640}
ALLOWED = {"audio": SHORT, "may_send": True, "item_of": "item_1", "may_play": True}
EVENT = ["timer", "any"]  # the driver tells it last
NOW_MS = 5000
PCM = base64.b64encode(b"\0\0\1\0").decode()


def host(**job: Any) -> dict[str, Any]:
    told = ask((find_node(), str(DRIVER)), json.dumps({**ALLOWED, **job}))
    assert told, "it has ended, and its errors say why"
    return dict(json.loads(told))


def audio(**fields: Any) -> str:
    return json.dumps({"type": "reply.audio", "reply_id": "r1", "data": PCM, **fields})


def test_a_frame_that_may_pass_is_wrapped_sent_and_handed_back() -> None:
    told = host(frames=[[0, 1, 2, 3]])
    assert told["sent"] == [AUDIO.before + base64.b64encode(b"\0\0\1\0\2\0\3\0").decode() + AUDIO.behind]
    assert told["told"] == [["may_send"], ["sent", 1, 0], EVENT] and told["recycled"] == [8]


def test_python_is_asked_once_and_told_the_count_before_the_next_event() -> None:
    told = host(frames=[[1, 2]] * 3, messages=[audio(), audio(), "something else", audio()])
    assert told["told"] == [
        ["may_send"],
        ["sent", 3, 0],
        ["item_of", "r1"],
        ["may_play"],
        ["played", 4, NOW_MS],
        ["message", 1, "something else"],
        ["may_play"],
        ["played", 2, NOW_MS],
        EVENT,
    ]


def test_the_count_of_one_reply_is_told_before_another_is_asked_about() -> None:
    told = host(messages=[audio(), audio(reply_id="r2")])
    assert [name for name, *_ in told["told"]] == [
        "item_of",
        "may_play",
        "played",
        "item_of",
        "may_play",
        "played",
        "timer",
    ]


@pytest.mark.parametrize(
    ("samples", "loud"), [([1640, 9000], 0), ([1641], NOW_MS), ([0, 0, 0, 0, -1641], NOW_MS), ([0, 9000], 0)]
)
def test_loudness_is_judged_by_each_fourth_sample(samples: list[int], loud: Any) -> None:
    """As `pyclient.audio.vad.is_loud` does."""
    assert host(frames=[samples])["told"] == [["may_send"], ["sent", 1, loud], EVENT]


@pytest.mark.parametrize(
    "job", [{"may_send": False}, {"buffered": 1001}, {"audio": {}}], ids=["refused", "slow network", "another wire"]
)
def test_a_frame_that_may_not_pass_goes_to_python_with_its_samples(job: dict[str, Any]) -> None:
    told = host(frames=[[1, 2]], **job)
    assert told["told"][-2] == ["frame", 4] and told["sent"] == [] and told["recycled"] == []


def test_an_empty_frame_goes_to_python() -> None:
    assert host(frames=[[]])["told"] == [["frame", 0], EVENT]


def test_audio_of_a_reply_is_played_and_its_item_asked_for_once() -> None:
    told = host(messages=[audio(), audio()])
    assert told["played"] == [["item_1", PCM]] * 2
    assert told["told"] == [["item_of", "r1"], ["may_play"], ["played", 4, NOW_MS], EVENT]


@pytest.mark.parametrize(
    "text",
    [
        audio(type="reply.done", note="reply.audio"),
        audio(data="AAAB\n"),
        audio(data="AAAA"),
        audio(data=""),
        audio(data="????"),
        audio(data=None),
        audio(reply_id=7),
        audio(data="AAAA" * 300),
        '"reply.audio"',
        "null reply.audio",
        "[" * 900 + "reply.audio",
        json.dumps({"type": "transcript.agent", "text": '"type":"reply.audio","data":"AAABAA=="'}),
        "",
    ],
)
def test_whatever_is_unusual_goes_to_python_as_it_came(text: str) -> None:
    told = host(messages=[text])
    assert told["told"] == [["message", 1, text], EVENT] and told["played"] == []


@pytest.mark.parametrize(
    "text", [PCM.rstrip("="), PCM[:4] + "\r\n" + PCM[4:] + "\n"], ids=["no padding", "line breaks"]
)
def test_untidy_base64_is_played_on_the_fast_path_too(text: str) -> None:
    assert host(messages=[audio(data=text)])["played"] == [["item_1", PCM]]


@pytest.mark.parametrize("job", [{"may_play": False}, {"item_of": ""}, {"audio": {}}])
def test_audio_that_may_not_pass_goes_to_python(job: dict[str, Any]) -> None:
    told = host(messages=[audio()], **job)
    assert told["told"][-2] == ["message", 1, audio()] and told["played"] == []
