"""Turn taking: stopping the agent, and replies that have to be asked for: when, how often, and what
if they are refused.
"""

from __future__ import annotations

import pytest

from pyclient.core import events as ev
from pyclient.tools import ToolRegistry
from pyclient.turns.turn_taking import MAX_REFUSALS
from tests.support.fakewire import wire_host
from tests.support.openai_host import OpenAIHost
from tests.support.playbook import FakeHost, sent_types, tone
from tests.support.two_tools import call, finish, weather

OUTPUT, ASK = "conversation.item.create", "response.create"
TYPED = [OUTPUT, ASK]


def live(**config: object) -> OpenAIHost:
    return OpenAIHost(ToolRegistry([weather]), **config).live()


def pass_time(host: FakeHost, until_ms: float) -> None:
    """Let every timer fire that is due within so long."""
    end = host.now_ms + until_ms
    while due := sorted((at, name) for name, at in host.timers.items() if at <= end):
        host.wait(due[0][1])
    host.now_ms = end


# --- a tool's result never makes the agent talk over the person -------------------------------------------------------


def test_a_result_that_comes_while_the_person_speaks_waits_until_they_have_stopped_and_asks_once() -> None:
    host = live()
    host.calls("r1", "c1")
    host.speech()
    host.finish("c1")
    pass_time(host, 20_000)
    assert host.types() == [], "not in mid-sentence, however long the sentence"
    host.silence()
    assert host.types() == [OUTPUT], "known before the reply to what was said is begun"
    pass_time(host, 3_000)
    assert host.types() == [ASK]
    host.created("r2")
    host.done("r2")
    pass_time(host, 20_000)
    assert host.types() == []


def test_a_result_of_an_older_reply_waits_though_the_interrupted_one_is_done() -> None:
    host = live()
    host.calls("r1", "c1")
    host.created("r2")
    host.sound("r2")
    host.speech()
    host.done("r2", "cancelled", status_details={"reason": "turn_detected"})
    host.flushed("r2", 100)
    host.sent.clear()
    host.finish("c1")
    pass_time(host, 9_000)
    assert host.types() == []


def test_a_reply_that_the_server_begins_by_itself_answers_the_results_too() -> None:
    host = live()
    host.calls("r1", "c1")
    host.speech()
    host.finish("c1")
    host.silence()
    host.created("r2")
    host.done("r2")
    pass_time(host, 20_000)
    assert host.types() == [OUTPUT]


def test_a_result_waits_for_the_end_of_speech_on_a_wire_that_answers_unasked() -> None:
    host = FakeHost(ToolRegistry([weather])).go_live()
    host.hear("reply.started", reply_id="p")
    call(host)
    host.hear("reply.done", reply_id="p")
    host.hear("reply.started", reply_id="q")
    host.hear("input.speech.started")
    host.hear("reply.done", reply_id="q", status="interrupted")
    assert sent_types(finish(host)) == [], "the end of a reply is the last thing, and the person speaks all the same"
    host.hear("input.speech.stopped")
    assert sent_types(host.hear("reply.done", reply_id="q2")) == ["tool.result"]


def test_a_held_talk_key_is_speech_too() -> None:
    host = live(turn_style="push_to_talk")
    host.calls("r1", "c1")
    host.tell(ev.TalkPressed())
    host.sent.clear()
    host.finish("c1")
    pass_time(host, 9_000)
    assert host.types() == []
    host.tell(ev.TalkReleased(cancelled=True))
    assert "function_call_output" in str(host.sent), "taken back, and nothing is waited for"
    pass_time(host, 3_000)
    assert host.types().count(ASK) == 1


def test_the_goodbye_before_the_time_limit_waits_for_the_person_too() -> None:
    host = live(max_session_duration_seconds=60, wrap_up_lead_seconds=15)
    host.created("r1")
    host.sound("r1")
    host.wait("wrap_up")
    host.speech()
    host.done("r1", "cancelled", status_details={"reason": "turn_detected"})
    host.flushed("r1", 10)
    assert ASK not in host.types()
    host.silence()
    host.created("r2")
    host.done("r2")
    assert host.types().count(ASK) == 1


# --- a refused request is repeated, and nobody is told to say it again ------------------------------------------------


def test_a_refused_request_is_repeated_after_the_running_reply() -> None:
    host = live()
    host.tell(ev.TextSubmitted(text="hello"))
    host.tell(ev.TextSubmitted(text="what time is it"), after_ms=300)
    assert host.types() == TYPED + TYPED
    host.created("r1")
    host.refuse()
    assert host.view["notice"] is None
    assert host.types() == []
    host.done("r1")
    assert host.types() == [ASK]
    host.created("r2")
    host.done("r2")
    pass_time(host, 20_000)
    assert host.types() == [], "once"


def test_speech_and_text_at_once_are_both_answered() -> None:
    host = live()
    host.speech()
    host.silence()
    host.tell(ev.TextSubmitted(text="and tomorrow?"))
    host.sent.clear()
    host.created("r1")
    host.refuse()
    host.done("r1")
    assert host.types() == [ASK]


def test_a_request_after_tool_results_is_repeated_too() -> None:
    host = live()
    host.calls("r1", "c1")
    host.finish("c1")
    assert host.types() == [OUTPUT, ASK]
    host.created("r2")
    host.refuse()
    host.done("r2")
    assert host.types() == [ASK]


def test_several_refused_requests_become_one() -> None:
    host = live()
    for text in ("one", "two", "three"):
        host.tell(ev.TextSubmitted(text=text))
    host.sent.clear()
    host.created("r1")
    host.refuse()
    host.refuse()
    assert host.session.turn_taking.waiting == 1
    host.done("r1")
    assert host.types() == [ASK]


def test_many_messages_typed_at_once_are_answered_however_many_are_refused_over_one_reply() -> None:
    host = live()
    for number in range(MAX_REFUSALS + 3):
        host.tell(ev.TextSubmitted(text=f"text {number}"))
    host.created("r1")
    for _ in range(MAX_REFUSALS + 2):
        host.refuse()
    host.sent.clear()
    host.done("r1")
    assert host.types() == [ASK]


def test_a_refused_request_waits_for_a_person_who_speaks() -> None:
    host = live()
    host.tell(ev.TextSubmitted(text="hello"))
    host.created("r1")
    host.refuse()
    host.speech()
    host.done("r1", "cancelled", status_details={"reason": "turn_detected"})
    host.sent.clear()
    pass_time(host, 9_000)
    assert host.types() == []
    host.silence()
    pass_time(host, 3_000)
    assert host.types() == [ASK]


@pytest.mark.parametrize("answered", [True, False], ids=["flush answered", "flush never answered"])
def test_a_refused_request_waits_for_an_interruption_and_no_longer(answered: bool) -> None:
    """The reply in the way is cancelled while its sound waits: the request goes out once the speaker's answer
    is in, or overdue.
    """
    host = live()
    host.tell(ev.TextSubmitted(text="hello"))
    host.created("r1")
    host.sound("r1")
    host.refuse()
    host.done("r1", "cancelled", status_details={"reason": "client_cancelled"})
    host.sent.clear()
    if answered:
        host.flushed("r1", 100)
    else:
        host.wait("settle")
    assert host.types() == ["conversation.item.truncate", ASK]


def test_a_refusal_keeps_the_instructions_of_its_request() -> None:
    host = live(max_session_duration_seconds=60, wrap_up_lead_seconds=15)
    host.wait("wrap_up")
    host.sent.clear()
    host.created("r1")
    host.refuse(event_id="parley_instructed")
    host.done("r1")
    (again,) = host.sent
    assert "goodbye" in again["response"]["instructions"]


def test_a_server_that_refuses_without_end_is_asked_a_few_times_and_then_it_is_told() -> None:
    host = live()
    host.tell(ev.TextSubmitted(text="hello"))
    asked = 1
    for _ in range(MAX_REFUSALS + 3):
        host.refuse()
        host.sent.clear()
        pass_time(host, 3_000)
        asked += host.types().count(ASK)
    assert asked == MAX_REFUSALS + 1
    assert host.view["notice"]["code"] == "reply_refused"


def test_a_refused_question_survives_a_broken_line() -> None:
    host = live()
    host.tell(ev.TextSubmitted(text="hello"))
    host.tell(ev.TextSubmitted(text="what time is it"))
    host.created("r1")
    host.refuse()
    host.words("r1", "Hi there, ")
    host.drop()
    host.wait("retry")
    host.grant(token="ek_2")
    host.opened()
    host.sent.clear()
    host.hear("session.updated", session={"id": "sess_2"})
    assert host.types().count(ASK) == 1


# --- turn detection that leaves the answer to us ----------------------------------------------------------------------


def test_a_turn_that_the_server_will_not_answer_by_itself_is_asked_about() -> None:
    host = live(turn_detection={"create_response": False})
    host.speech()
    host.silence()
    assert host.types() == [ASK]


def test_and_not_while_a_reply_is_being_made() -> None:
    host = live(turn_detection={"create_response": False, "interrupt_response": False})
    host.created("r1")
    host.speech()
    host.silence()
    assert host.types() == []
    host.done("r1")
    assert host.types() == [ASK]


def test_the_setting_can_change_in_mid_call() -> None:
    host = live()
    host.tell(ev.SettingsChanged(turn_detection={"create_response": False}))
    host.sent.clear()
    host.speech()
    host.silence()
    assert host.types() == [ASK]


def test_with_a_talk_key_the_turn_is_asked_about_once_as_ever() -> None:
    host = live(turn_style="push_to_talk", turn_detection={"create_response": False})
    host.hear("input_audio_buffer.committed", item_id="u1")
    assert host.types() == []


# --- an agent that calls tools in a circle ----------------------------------------------------------------------------


def test_an_agent_that_calls_tools_in_a_circle_is_stopped_and_it_is_told() -> None:
    host = live(max_tool_rounds=5)
    for number in range(200):
        asked = number == 0 or ASK in host.types()
        if not asked:
            break
        host.calls(f"r{number}", f"c{number}")
        host.finish(f"c{number}")
    assert number == 6
    assert host.view["notice"]["code"] == "tool_circle"
    host.tell(ev.TextSubmitted(text="go on"))
    host.types()
    host.calls("again", "c_again")
    host.finish("c_again")
    assert host.types() == [OUTPUT, ASK], "the person wants it to go on"


def test_a_call_in_the_circle_is_answered_all_the_same() -> None:
    host = live(max_tool_rounds=1)
    host.calls("r1", "c1")
    host.finish("c1")
    host.sent.clear()
    host.calls("r2", "c2")
    (answer,) = host.sent
    assert answer["item"]["call_id"] == "c2" and "row" in answer["item"]["output"]


@pytest.mark.parametrize("around", [True, False], ids=["in replies", "in hold mode"])
def test_a_server_that_answers_results_unasked_is_hung_up_on(around: bool) -> None:
    host = FakeHost(ToolRegistry([weather]), max_tool_rounds=3, max_tool_calls_per_reply=2).go_live()
    for number in range(40):
        if host.view["state"] != "live":
            break
        if around:
            host.hear("reply.started", reply_id=f"r{number}")
        call(host, f"c{number}")
        finish(host, f"c{number}")
        if around and host.view["state"] == "live":
            host.hear("reply.done", reply_id=f"r{number}")
    assert number < 12 and host.view["state"] == "failed"
    assert host.view["notice"]["code"] == "tool_circle"
    assert host.sent[-1]["type"] == "session.end"


# --- stopping the agent before something is asked ---------------------------------------------------------------------


def speaking(host: OpenAIHost) -> None:
    host.created("r1")
    host.sound("r1")
    host.sent.clear()


def test_who_types_over_the_voice_is_heard_once_the_agent_has_stopped() -> None:
    host = live()
    speaking(host)
    host.tell(ev.TextSubmitted(text="stop"))
    assert host.types() == ["response.cancel"]
    host.flushed("r1", 2_400)
    host.done("r1", "cancelled", status_details={"reason": "client_cancelled"})
    assert host.types() == ["conversation.item.truncate", *TYPED]


def test_what_waits_for_the_agent_to_stop_is_lost_with_the_line_and_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was typed is asked again; what was said with the talk key is not."""
    host = wire_host(monkeypatch, {"turn_style": "push_to_talk"}, push_to_talk=True)
    host.tell(ev.ReplyStarted(reply_id="r1"))
    host.tell(ev.ReplyAudio(reply_id="r1", pcm=tone(4_800)))
    host.tell(ev.TalkPressed())
    for _ in range(10):
        host.tell(ev.AudioCaptured(pcm=tone(960)), after_ms=40)
    host.tell(ev.TalkReleased())
    host.tell(ev.CaptureDrained())
    assert "talk end" not in host.brief(), "it waits for the end of the reply"
    host.drop()
    assert host.view["notice"]["code"] == "not_sent_line_lost"


@pytest.mark.parametrize("typed", [True, False], ids=["of the agent", "of nobody"])
def test_a_refused_request_is_repeated_on_a_new_line_only_where_somebody_knows_what_it_was_about(
    monkeypatch: pytest.MonkeyPatch, typed: bool
) -> None:
    host = wire_host(monkeypatch, history=typed)
    host.tell(ev.UserTranscribed(item_id="u1", text="Hello.", final=True))
    host.tell(ev.ReplyStarted(reply_id="r1"))
    host.tell(ev.ReplyRefused())
    host.drop()
    host.wait("retry")
    host.open_wire("another session")
    assert ("create" in host.brief()) is typed
    assert typed or host.view["notice"]["code"] == "not_sent_line_lost"


def test_a_wish_that_waits_for_the_agent_to_stop_waits_for_one_timer() -> None:
    host = live()
    speaking(host)
    host.tell(ev.TextSubmitted(text="stop"))
    due = host.timers["settle"]
    host.refuse()
    assert host.timers["settle"] == due, "begun anew with each, it would never be over"
    host.wait("settle")
    assert ASK in host.types()


def test_the_waits_for_the_first_sound_are_measured_once_from_the_end_of_speech() -> None:
    """`commit`: since the server took the turn; `speech end`: since the microphone fell silent, which was earlier."""
    host = live()
    host.speech()
    host.tell(ev.AudioCaptured(pcm=tone(960)))
    loud_ms = host.now_ms
    host.hear("input_audio_buffer.speech_stopped", item_id="u1", after_ms=300)
    stopped_ms = host.now_ms
    host.created("r1")
    host.sound("r1", tone(24_000))
    host.render("r1", 480, after_ms=500)
    commit_ms, speech_ms = (host.stats[f"{since}_to_first_sound_ms"] for since in ("commit", "speech_end"))
    assert commit_ms is not None and speech_ms is not None
    assert speech_ms - commit_ms == stopped_ms - loud_ms
    host.render("r1", 4_800)
    assert host.stats["commit_to_first_sound_ms"] == commit_ms


def test_a_wait_whose_beginning_nobody_saw_is_not_measured() -> None:
    """A greeting answers nobody; and where the microphone was never loud, the end of
    speech is the server's word alone.
    """
    host = live()
    host.created("greeting")
    host.sound("greeting", tone(2_400))
    host.render("greeting", 2_400)
    host.done("greeting")
    host.tell(ev.PlaybackDrained())
    assert host.stats["commit_to_first_sound_ms"] is None and host.stats["speech_end_to_first_sound_ms"] is None
    host.speech()
    host.silence()
    host.created("r1")
    host.sound("r1", tone(24_000))
    host.render("r1", 480)
    assert host.stats["commit_to_first_sound_ms"] is not None and host.stats["speech_end_to_first_sound_ms"] is None


def test_a_line_that_comes_back_asks_for_nothing_that_nobody_wanted() -> None:
    host = live()
    host.created("r1")
    host.done("r1")
    host.drop()
    host.wait("retry")
    host.grant(token="ek_2")
    host.opened()
    host.hear("session.updated", session={"id": "sess_2"})
    assert host.view["state"] == "live"
    pass_time(host, 20_000)
    assert ASK not in host.types()


@pytest.mark.parametrize(("kind", "activity"), [("reply", "listening"), ("unknown", "thinking")])
def test_who_waits_for_a_reply_that_failed_waits_no_more(
    monkeypatch: pytest.MonkeyPatch, kind: str, activity: str
) -> None:
    host = wire_host(monkeypatch)
    host.tell(ev.TextSubmitted(text="hello"))
    assert host.view["activity"] == "thinking"
    host.tell(ev.SessionFaulted(kind=kind, code="c", message="m", retryable=True))
    assert host.view["activity"] == activity


def test_a_reply_that_never_begins_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    host = wire_host(monkeypatch)
    host.tell(ev.TextSubmitted(text="hello"))
    host.wait("thinking")
    assert host.view["activity"] == "listening"


def test_a_turn_of_nobody_is_given_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    host = wire_host(monkeypatch)
    host.tell(ev.TurnPlaced(turn_id="", after_id="", role="user"))
    assert host.view["turns"] == []
