"""What the page sees."""

from __future__ import annotations

import json
import sys
from itertools import product
from typing import get_type_hints

import pytest

from pyclient.config import ClientConfig
from pyclient.core import commands as cmd
from pyclient.core import events as ev
from pyclient.core.states import ACTIVITIES, Activity, State
from pyclient.page import notices
from pyclient.page.notice_texts import Notice
from pyclient.page.transcript import Turn
from pyclient.page.view import NoticeView, TurnView, View, merge_turns, status_words, turn_view
from pyclient.session import Session
from tests.support.playbook import FakeHost, tone

TONES = {"idle", "busy", "good", "speaking", "warn", "error"}


@pytest.mark.parametrize("state", list(State), ids=lambda item: item.value)
def test_every_state_and_activity_has_words_and_a_tone(state: State) -> None:
    for activity, muted in product(ACTIVITIES[state], (False, True)):
        words, tone = status_words(state, activity, muted)
        assert words and tone in TONES


def test_muted_is_said_while_listening_and_nowhere_else() -> None:
    assert "muted" in status_words(State.LIVE, Activity.LISTENING, True)[0]
    assert "muted" not in status_words(State.LIVE, Activity.AGENT_SPEAKING, True)[0]


def test_who_only_types_is_not_told_that_somebody_listens() -> None:
    host = FakeHost(turn_style="text").go_live()
    assert (host.view["status"], host.view["turn_style"]) == ("Type a message", "text")
    host.speak_reply("r1")
    assert host.view["status"] == "Agent is speaking"


def test_a_view_has_exactly_the_documented_keys() -> None:
    view = Session(ClientConfig()).view()
    assert set(view) == set(get_type_hints(View))
    assert set(turn_view(Turn(id="t", role="user"), None)) == set(get_type_hints(TurnView))
    assert set(Notice(tone="info", code="c").view()) == set(get_type_hints(NoticeView))


def test_counters_and_the_countdown_are_no_visible_difference() -> None:
    host = FakeHost().go_live()
    shown = len(host.views)
    host.session.call.stats.frames_sent += 9
    host.session.call.changed = True
    host.tell(ev.PlaybackDrained(), after_ms=5_000)
    assert len(host.views) == shown
    host.tell(ev.MuteChanged(muted=True))
    assert len(host.views) == shown + 1


def cost_of_a_partial(turns: int) -> tuple[int, int]:
    """Python calls and bytes of one live word after so many turns."""
    host = FakeHost(max_turns=2_000).go_live()
    for number in range(turns):
        host.session.call.transcript.user_typed(f"turn {number}")
    host.hear("transcript.user.delta", item_id="now", text="what")
    calls = 0

    def count(frame: object, what: str, argument: object) -> None:
        nonlocal calls
        calls += what == "call"

    data = json.dumps({"type": "transcript.user.delta", "item_id": "now", "text": "what is"})
    event = ev.MessageReceived(socket_id=host.socket_id, data=data)
    sys.setprofile(count)
    commands = host.session.handle(event, host.now_ms)
    sys.setprofile(None)
    (show,) = (command for command in commands if isinstance(command, cmd.ShowView))
    return calls, len(json.dumps(show.view))


def test_a_word_costs_no_more_at_turn_1000_than_at_turn_10() -> None:
    few, many = cost_of_a_partial(10), cost_of_a_partial(1_000)
    assert few == many and many[1] <= 4_000


def test_a_whole_update_begins_the_list_anew() -> None:
    host = FakeHost(max_turns=3).go_live()
    for number in range(5):
        host.tell(ev.TextSubmitted(text=f"text {number}"))
    assert [turn["text"] for turn in host.view["turns"]] == ["text 2", "text 3", "text 4"]
    again = host.session.whole_update(host.now_ms)
    assert merge_turns([], again) == host.session.view(host.now_ms)["turns"]


def test_a_notice_has_a_known_tone_and_a_bounded_length() -> None:
    with pytest.raises(ValueError, match="tone"):
        Notice(tone="loud", code="c")
    shown = notices.bad_setting("h" * 1_000).view()
    assert shown["hint"] == [["notice.bad_setting.hint", {"detail": "h" * 400}]]


def test_spaces_that_wait_for_the_next_word_are_not_shown() -> None:
    assert turn_view(Turn(id="t", role="agent", text="It "), 5)["text"] == "It"


def test_row_48_a_person_is_offered_no_change_of_a_stored_agent() -> None:
    offered = FakeHost().go_live().view["features"]
    stored = FakeHost(agent_id="agent_1").go_live().view["features"]
    assert {key for key in offered if offered[key] != stored[key]} == {"voices", "greeting", "system_prompt"}


def test_the_view_says_how_much_of_a_text_was_heard_as_scripts_count_it() -> None:
    turn = Turn(id="t", role="agent", text="\U0001f600 one two", spoken_at=[(0, 1), (100, 5), (500, 9)])
    assert [turn_view(turn, ms, True)["heard_chars"] for ms in (None, 0, 50, 400, 900)] == [0, 0, 2, 6, 10]
    assert turn_view(turn, 400, False)["heard_chars"] is None


def test_the_text_follows_the_sound_and_no_faster_than_anybody_speaks() -> None:
    """Half a second has come and was played; the text of three seconds is there.

    Then all has come, and the share counts.
    """
    host = FakeHost().go_live()
    text = "A long sentence that takes a while to be said."
    host.hear("reply.started", reply_id="r1")
    host.hear_audio("r1", tone(12_000))
    host.hear("transcript.agent", reply_id="r1", text=text, interrupted=False)
    heard = []
    for samples in (0, 6_000, 12_000):
        host.render("r1", samples)
        heard.append(text[: host.view["turns"][-1]["heard_chars"]])
    assert heard == ["", "A long", "A long sentence"]
    host.hear_audio("r1", tone(60_000))
    host.hear("reply.done", reply_id="r1", status="completed")
    host.render("r1", 36_000)
    assert text[: host.view["turns"][-1]["heard_chars"]] == "A long sentence that takes"
    host.render("r1", 72_000)
    assert host.view["turns"][-1]["heard_chars"] is None
