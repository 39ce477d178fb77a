"""A whole world around a session: a person, a network, a speaker, tools, and a server of each wire,
all driven by numbers.

`World.step(choice, detail)` does one thing that can happen, and checks what must hold after everything; `settle()` lets
all end that is under way, and checks what must have come of it. A property test draws the numbers, `python -m
tests.support.worlds` throws them: `python -m tests.support.worlds 200000` plays so many sequences, and `... mutate
1000000` hurls mutated messages at each codec.
"""

from __future__ import annotations

import base64
import json
import random
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyclient.audio.reply_log import MAX_REPLIES
from pyclient.codecs import create_codec
from pyclient.core import commands as cmd
from pyclient.core import events as ev
from pyclient.core.safejson import Limits
from pyclient.core.states import State
from pyclient.tools import ToolRegistry, tool
from pyclient.tools.calls import MAX_OPEN_CALLS
from tests.support.playbook import FakeHost, tone

OVER = (State.IDLE, State.ENDED, State.FAILED)
MAX_TURNS = 12
# Timers that run for as long as a call does.
LASTING = frozenset({"cap", "wrap_up", "keepalive"})
WORDS = ("Hello ", "there, ", "今日は", "วันนี้", "👨‍👩‍👧", " ", "\n", "it's ", ".")


@tool
def lookup(word: str = "x") -> str:
    """Look a word up."""
    return word


class Host(FakeHost):
    """Also of the wire whose messages are bytes."""

    def _note(self, command: cmd.Command) -> None:
        if isinstance(command, cmd.SendMessage) and isinstance(command.data, bytes):
            assert command.socket_id in self.open_sockets, "sent to a socket that is not open"
            return
        super()._note(command)


class World:
    """One session from its beginning. Subclasses know what their server says."""

    provider = ""
    rate_hz = 24_000

    def __init__(self, **config: Any) -> None:
        fixed = {"provider": self.provider, "max_turns": MAX_TURNS, "interrupted_tool_policy": "deliver"}
        self.host = Host(ToolRegistry([lookup]), **{**fixed, **config})
        self.made = 0
        self.received: dict[str, int] = {}  # samples per reply of the vendor's
        self.order: dict[str, int] = {}  # when a reply began
        self.finished: set[str] = set()
        self.active: list[str] = []  # replies that the server is making
        self.speaker: deque[list[Any]] = deque()  # [item, samples] that wait
        self.item, self.count = "", 0
        self.voice = ""
        self.calls: dict[str, bool] = {}  # running here
        self.asked: dict[str, int] = {}  # call id -> answers
        self.speaking = self.paused = False
        self.drops = 0
        self.read = 0  # of what the client sent
        self.texts: list[int] = []  # places in the server's log of what was typed and not answered
        self.faulty = False  # since the last complete reply
        self.steps: list[Callable[[int], None]] = self.everything()

    def everything(self) -> list[Callable[[int], None]]:
        return [
            self.connect, self.go_on, self.go_on, self.go_on, self.hang_up, self.type, self.type, self.mute, self.interrupt,
            self.key, self.drop, self.timer, self.timer, self.tool_ends, self.tool_ends, self.render, self.render, self.render,
            self.frame, self.server_reads, self.server_reads, self.server_reads, self.speech, self.speech, self.begin_reply,
            self.sound, self.sound, self.sound, self.say, self.say, self.end_reply, self.end_reply, self.call_tools, self.user_words,
            self.trouble, self.trouble_here, self.pause,
        ]  # fmt: skip

    # --- doing --------------------------------------------------------------------------------------------------------

    def step(self, choice: int, detail: int) -> None:
        before = self.host.session.state
        self.steps[choice % len(self.steps)](detail)
        self.check(before)

    def tell(self, event: ev.Event, after_ms: float = 20) -> None:
        self._done(self.host.tell(event, after_ms))

    def hear(self, **message: Any) -> None:
        if self.host.session.call.socket_up:
            data = json.dumps(message)
            self.tell(ev.MessageReceived(socket_id=self.host.socket_id, data=data))

    def _done(self, commands: list[cmd.Command]) -> None:
        for command in commands:
            if isinstance(command, cmd.PlayAudio):
                self._play(command.item_id, len(command.pcm) // 2)
            elif isinstance(command, cmd.FlushPlayback):
                item, count = (self.item, self.count) if self.speaker or self.item else ("", 0)
                self.speaker.clear()
                self.item, self.count, self.voice = "", 0, ""
                self._later.append(ev.PlaybackFlushed(item_id=item, rendered_samples=count))
            elif isinstance(command, cmd.PausePlayback):
                self.paused = command.on
            elif isinstance(command, cmd.RunTool):
                self.calls[command.call_id] = True
            elif isinstance(command, cmd.CancelTool):
                self.calls.pop(command.call_id, None)
            elif isinstance(command, cmd.OpenSocket):
                self._new_line()
        while self._later:
            self.tell(self._later.pop(0))

    @property
    def _later(self) -> list[ev.Event]:
        waiting: list[ev.Event] = self.__dict__.setdefault("_waiting_events", [])
        return waiting

    def _new_line(self) -> None:
        self.read = len(self.host.sent)
        self.active.clear()
        self.speaking = False
        self.texts.clear()

    def _play(self, item: str, samples: int) -> None:
        other = self.voice
        if other and other != item:
            own, new = other.partition("~")[0], item.partition("~")[0]
            fine = own in self.finished or self.order.get(new, 0) > self.order.get(own, 0)
            assert fine, f"{item} speaks before {other} is complete"
        self.voice = item
        self.speaker.append([item, samples])

    # --- the person and the network -----------------------------------------------------------------------------------

    def connect(self, detail: int) -> None:
        self.tell(ev.ConnectRequested())

    def go_on(self, detail: int) -> None:
        """What would come next if all went well."""
        host, state = self.host, self.host.session.state
        if state in OVER:
            self.connect(detail)
        elif "retry" in host.timers and state is State.DROPPED:
            self._done(host.wait("retry"))
        elif "token" in host.timers:
            self.tell(ev.TokenGranted(attempt=host.attempt, token="t", ws_url="wss://a.example/"))
        elif "open" in host.timers:
            self.tell(ev.SocketOpened(socket_id=host.socket_id))
        elif state in (State.CONFIGURING, State.RESUMING) and host.session.call.socket_up:
            self.ready()

    def ready(self) -> None:
        raise NotImplementedError

    def hang_up(self, detail: int) -> None:
        if detail % 4 == 0:
            self.tell(ev.HangUpRequested())

    def type(self, detail: int) -> None:
        self.tell(ev.TextSubmitted(text=f"text {detail}"))

    def mute(self, detail: int) -> None:
        self.tell(ev.MuteChanged(muted=detail % 2 == 0))

    def pause(self, detail: int) -> None:
        self.tell(ev.PauseChanged(paused=detail % 2 == 0))

    def interrupt(self, detail: int) -> None:
        self.tell(ev.InterruptRequested())

    def key(self, detail: int) -> None:
        self.tell(ev.TalkPressed() if detail % 2 else ev.TalkReleased(cancelled=detail % 3 == 0))

    def drop(self, detail: int) -> None:
        if detail % 3 == 0 and self.host.open_sockets:
            self.drops += 1
            self.finished.update(self.active)  # nothing more of them is coming
            self.tell(ev.SocketClosed(socket_id=self.host.socket_id, code=(1006, 1011, 1000)[detail % 7 % 3]))

    def timer(self, detail: int) -> None:
        if self.host.timers:
            name = min(self.host.timers, key=lambda one: (self.host.timers[one], one))
            self._done(self.host.wait(name))

    def frame(self, detail: int) -> None:
        pcm = tone(320 if self.provider == "sdk_voice" else 960, 9_000 if detail % 2 else 10)
        for _ in range(1 + detail % 14):
            self.tell(ev.AudioCaptured(pcm=pcm))

    def tool_ends(self, detail: int) -> None:
        if self.calls:
            call_id = list(self.calls)[detail % len(self.calls)]
            del self.calls[call_id]
            self.tell(ev.ToolFinished(call_id=call_id, result_json='"x"', is_error=detail % 3 == 0))

    def render(self, detail: int) -> None:
        """The speaker plays some of what waits, as the worklet counts it."""
        if not self.speaker or self.paused:
            return
        left = 480 * (1 + detail % 40)
        claimed = 90_000 if detail % 13 == 0 else 0  # a speaker that counts more than it was given
        while left and self.speaker:
            item, waiting = self.speaker[0]
            if item != self.item:
                self.item, self.count = item, 0
            taken = min(left, waiting)
            left -= taken
            self.count += taken
            self.speaker[0][1] -= taken
            if taken == waiting:
                self.speaker.popleft()
            progress = ev.PlaybackProgressed(item_id=item, rendered_samples=self.count + claimed, queued_samples=0)
            self.tell(progress)
            if not self.speaker or self.speaker[0][0] != item:
                continue
        if not self.speaker:
            self.voice = ""
            self.tell(ev.PlaybackDrained())

    # --- the server ---------------------------------------------------------------------------------------------------

    def server_reads(self, detail: int) -> None:
        """The server takes the next message of the client's."""

    def speech(self, detail: int) -> None: ...
    def begin_reply(self, detail: int) -> None: ...
    def sound(self, detail: int) -> None: ...
    def say(self, detail: int) -> None: ...
    def end_reply(self, detail: int) -> None: ...
    def call_tools(self, detail: int) -> None: ...
    def user_words(self, detail: int) -> None: ...
    def trouble(self, detail: int) -> None: ...

    def trouble_here(self, detail: int) -> None:
        kind = ("silent", "ended", "denied")[detail % 3]
        if detail % 5 == 0:
            self.tell(ev.CaptureFailed(kind="silent", fatal=False))
        elif detail % 40 == 1:
            self.tell(ev.CaptureFailed(kind=kind, fatal=True))

    def new(self, what: str) -> str:
        self.made += 1
        return f"{what}{self.made}"

    def some(self, detail: int) -> str:
        return self.active[detail % len(self.active)] if self.active else ""

    def pcm(self, reply: str, detail: int) -> str:
        samples = 240 * (1 + detail % 30)
        self.received[reply] = self.received.get(reply, 0) + samples
        return base64.b64encode(tone(samples)).decode()

    # --- what must hold -----------------------------------------------------------------------------------------------

    def check(self, before: State) -> None:
        host, call = self.host, self.host.session.call
        state = host.session.state
        if state in OVER:
            assert set(host.timers) <= {"drain"}, "no timer outlives its session"
            assert not host.open_sockets, "no socket outlives its session"
        if state is State.ENDED and call.notice is not None:
            assert not call.notice.until, f"{call.notice.code} outlives the call"
        turns = call.transcript.turns
        assert len(turns) <= MAX_TURNS
        if host.views:
            shown = [(turn["id"], turn["text"], turn["final"], turn["interrupted"]) for turn in host.views[-1]["turns"]]
            true = [(turn.id, turn.text.rstrip(), turn.final, turn.interrupted) for turn in turns]
            assert shown == true, "the page's list is the list"
        for turn in turns:
            heard, name = call.ledger.heard_ms(turn.reply_id), turn.reply_id.partition("~")[0]
            if heard is not None and name in self.received:
                assert heard <= self.received[name] * 1000 / self.rate_hz + 1, "heard what was not received"
        answers = self.answers()
        assert all(count == 1 for count in answers.values()), f"answered twice: {answers}"
        assert host.session.tool_calls.open_calls <= MAX_OPEN_CALLS and len(call.replies) <= MAX_REPLIES
        assert host.session.turn_taking.waiting <= 3 and len(call.replies.owed) <= 40

    def answers(self) -> dict[str, int]:
        """How often each call of this line was answered."""
        return {}

    def settle(self) -> None:
        """Everything that is under way ends, as it would in life."""
        self.tell(ev.PauseChanged(paused=False))
        for round_ in range(60):
            state = self.host.session.state
            for _ in range(max(4, len(self.host.sent) - self.read)):
                self.server_reads(1)
            while self.calls:
                self.tool_ends(1)
            if self.speaking:
                self.speech(1)
            if self.host.session.push_to_talk.held:
                self.tell(ev.TalkReleased())
            if round_ % 2:
                while self.active:
                    self.end_reply(0)
            self.render(39)
            if round_ > 6:
                self.timer(0)
            self.check(state)
            if state in OVER or (round_ > 12 and set(self.host.timers) <= LASTING):
                return

    def settled(self) -> None:
        """What must have come of it all, once nothing is under way."""
        self.settle()
        host = self.host
        if host.session.state is not State.LIVE:
            return
        missing = set(self.asked) - set(self.answers())
        assert not missing, f"calls without an answer: {missing}"
        if not self.drops:
            notice = host.session.call.notice
            told = notice is not None and notice.code in ("reply_refused", "tool_circle")
            assert told or not self.texts, f"typed and never answered: {self.texts}"


class OpenAIWorld(World):
    """A server that refuses what the real one refuses, and answers speech by itself."""

    provider = "openai_realtime"

    def ready(self) -> None:
        self.hear(type="session.updated", session={"id": self.new("sess_")})
        self.read = len(self.host.sent)
        self.asked.clear()

    def answers(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for message in self.host.sent:
            item = message.get("item", {})
            if message["type"] == "conversation.item.create" and item.get("type") == "function_call_output":
                found[item["call_id"]] = found.get(item["call_id"], 0) + 1
        return found

    def server_reads(self, detail: int) -> None:
        if self.read >= len(self.host.sent) or self.host.session.state is not State.LIVE:
            return
        message = self.host.sent[self.read]
        self.read += 1
        if message["type"] == "response.create":
            if self.active and not self.several:
                code = "conversation_already_has_active_response"
                about = {"event_id": message.get("event_id"), "code": code, "message": "busy", "type": "x"}
                self.hear(type="error", error=about)
            else:
                self.begin_reply(0)
        elif message["type"] == "response.cancel":
            if self.active:
                self._end(self.active[-1], "cancelled", {"reason": "client_cancelled"})
        elif message["type"] == "conversation.item.create" and message["item"].get("role") == "user":
            self.texts.append(self.read)
        elif message["type"] == "session.update":
            self.hear(type="session.updated", session={"id": "s"})

    several = False

    def begin_reply(self, detail: int) -> None:
        if (
            self.host.session.state is not State.LIVE
            or (self.active and detail % 5)
            or (self.active and not self.several)
        ):
            return
        reply = self.new("r")
        self.order[reply] = self.made
        self.active.append(reply)
        self.texts.clear()  # it knows all that was said before
        self.hear(type="response.created", response={"id": reply})

    def sound(self, detail: int) -> None:
        if reply := self.some(detail):
            self.hear(
                type="response.output_audio.delta",
                response_id=reply,
                item_id=f"i{reply}",
                delta=self.pcm(reply, detail),
            )

    def say(self, detail: int) -> None:
        if reply := self.some(detail):
            word = WORDS[detail % len(WORDS)]
            self.hear(type="response.output_audio_transcript.delta", response_id=reply, item_id=f"i{reply}", delta=word)

    def end_reply(self, detail: int) -> None:
        if reply := self.some(detail):
            status = ("completed", "completed", "completed", "failed", "incomplete")[detail % 5]
            details = {"reason": "max_output_tokens"} if status == "incomplete" else {}
            self._end(reply, status, details)

    def _end(self, reply: str, status: str, details: dict[str, Any], output: list[Any] | None = None) -> None:
        self.active.remove(reply)
        self.finished.add(reply)
        response = {"id": reply, "status": status, "status_details": details, "output": output or []}
        self.hear(type="response.done", response=response)

    def call_tools(self, detail: int) -> None:
        if reply := self.some(detail):
            output = []
            for _ in range(1 + detail % 3):
                call_id = self.new("c")
                self.asked[call_id] = 0
                arguments = ('{"word":"a"}', '"{}"', "null", "[1]")[detail % 4]
                name = "lookup" if detail % 5 else "nope"
                output.append({"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments})
            self._end(reply, "completed", {}, output)

    def speech(self, detail: int) -> None:
        if self.host.session.state is not State.LIVE or self.host.session.call.config.turn_style != "vad":
            return
        if not self.speaking:
            self.speaking = True
            self.hear(type="input_audio_buffer.speech_started", item_id=self.new("u"))
            if self.active and detail % 2:
                self._end(self.active[-1], "cancelled", {"reason": "turn_detected"})
        else:
            self.speaking = False
            self.hear(type="input_audio_buffer.speech_stopped", item_id=f"u{self.made}")
            if detail % 4:  # else it was noise
                self.hear(type="input_audio_buffer.committed", item_id=f"u{self.made}")
                if not self.active:
                    self.begin_reply(0)

    def user_words(self, detail: int) -> None:
        item = f"u{self.made - detail % 3}"
        kind = "completed" if detail % 2 else "delta"
        field = "transcript" if detail % 2 else "delta"
        self.hear(
            type=f"conversation.item.input_audio_transcription.{kind}", item_id=item, **{field: WORDS[detail % 9]}
        )

    def trouble(self, detail: int) -> None:
        if detail % 3 == 0:
            self.hear(type="error", error={"type": "odd", "code": "weird_code", "message": "m"})
        elif detail % 3 == 1:
            self.hear(type="response.output_audio.delta", response_id=self.some(detail), delta="%%%")
        elif self.finished:
            late = sorted(self.finished)[detail % len(self.finished)]
            self.hear(
                type="response.output_audio_transcript.done", response_id=late, item_id=f"i{late}", transcript="Late."
            )


class SeveralWorld(OpenAIWorld):
    """A server that makes several responses at once."""

    several = True


class AssemblyAIWorld(World):
    """A server that answers results unasked."""

    provider = "assemblyai"

    def ready(self) -> None:
        self.hear(type="session.updated", config={})
        call = self.host.session.call
        asked = self.host.sent[-1]["type"] == "session.resume"
        same = call.session_id if asked and self.made % 3 else ""
        if not same:
            self.asked.clear()  # another session knows nothing of them
        self.hear(type="session.ready", session_id=same or self.new("s"), config={})
        self.read = len(self.host.sent)

    def answers(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for message in self.host.sent:
            if message["type"] == "tool.result":
                found[message["call_id"]] = found.get(message["call_id"], 0) + 1
        return found

    def server_reads(self, detail: int) -> None:
        if self.read >= len(self.host.sent) or self.host.session.state is not State.LIVE:
            return
        message = self.host.sent[self.read]
        self.read += 1
        if message["type"] in ("reply.create", "tool.result"):
            self.begin_reply(0)
        elif message["type"] == "session.end":
            self.finished.update(self.active)
            self.hear(type="session.ended")
        elif message["type"] == "session.update":
            self.hear(type="session.updated", config={})

    def begin_reply(self, detail: int) -> None:
        if self.host.session.state is State.LIVE and not (self.active and detail % 5):
            reply = self.new("r")
            self.order[reply] = self.made
            self.active.append(reply)
            self.hear(type="reply.started", reply_id=reply, item_id=f"m{reply}")

    def sound(self, detail: int) -> None:
        if reply := self.some(detail):
            self.hear(type="reply.audio", reply_id=reply, data=self.pcm(reply, detail))

    def say(self, detail: int) -> None:
        if reply := self.some(detail):
            word = WORDS[detail % len(WORDS)]
            if detail % 5:
                self.hear(type="transcript.agent.delta", reply_id=reply, item_id=f"m{reply}", delta=word)
            else:
                cut = detail % 2 == 0
                self.hear(
                    type="transcript.agent", reply_id=reply, item_id=f"m{reply}", text="All of it.", interrupted=cut
                )

    def end_reply(self, detail: int) -> None:
        if reply := self.some(detail):
            self.active.remove(reply)
            self.finished.add(reply)
            if detail % 7 == 3:
                self.hear(type="reply.error", reply_id=reply, code="x", message="m")
            else:
                status = "interrupted" if detail % 5 == 4 else "completed"
                self.hear(type="reply.done", reply_id=reply, status=status)

    def call_tools(self, detail: int) -> None:
        if self.host.session.state is State.LIVE and (self.active or detail % 4 == 0):
            call_id = self.new("c")
            self.asked[call_id] = 0
            arguments = ({"word": "a"}, '{"word":"a"}', "null", [1])[detail % 4]
            self.hear(type="tool.call", call_id=call_id, name="lookup" if detail % 5 else "", arguments=arguments)

    def speech(self, detail: int) -> None:
        if self.host.session.state is State.LIVE:
            self.speaking = not self.speaking
            self.hear(type="input.speech.started" if self.speaking else "input.speech.stopped")

    def user_words(self, detail: int) -> None:
        kind = "transcript.user" if detail % 2 else "transcript.user.delta"
        self.hear(type=kind, item_id=f"u{detail % 3}", text=WORDS[detail % 9])

    def trouble(self, detail: int) -> None:
        if detail % 3:
            self.hear(type="session.error", code="weird_code", message="m")
        else:
            self.hear(type="reply.audio", reply_id=self.some(detail), data="%%%")

    def settled(self) -> None:
        """A circle of tools may have ended the call; what was typed is answered by the request itself."""
        self.texts.clear()
        super().settled()


class SdkVoiceWorld(World):
    """Sound, and little else."""

    provider = "sdk_voice"
    rate_hz = 16_000

    def ready(self) -> None:
        self.hear(type="connected")
        if self.made % 2 == 0:
            self.hear(type="agent_ready")

    def sound(self, detail: int) -> None:
        if self.host.session.call.socket_up:
            data = tone(160 * (1 + detail % 30))[: -1 if detail % 9 == 0 else None]
            self.host.now_ms += 700 if detail % 11 == 0 else 0
            self.tell(ev.MessageReceived(socket_id=self.host.socket_id, data=data))

    def trouble(self, detail: int) -> None:
        if detail % 6 == 0:
            self.hear(type="error", code=("AUTH_FAILED", "ODD")[detail % 2], message="m")

    def _play(self, item: str, samples: int) -> None:
        self.speaker.append([item, samples])


WORLDS: tuple[type[World], ...] = (OpenAIWorld, SeveralWorld, AssemblyAIWorld, SdkVoiceWorld)
STYLES: tuple[dict[str, Any], ...] = (
    {},
    {"barge_in": "flush"},
    {"barge_in": "off"},
    {"tool_result_policy": "immediate"},
    {"turn_style": "push_to_talk"},
    {"turn_detection": {"create_response": False}},
    {"max_tool_rounds": 2},
)


def world_of(number: int) -> World:
    """A world of some wire in some style that it knows."""
    kind = WORLDS[number % len(WORLDS)]
    style = STYLES[number // len(WORLDS) % len(STYLES)]
    if not issubclass(kind, OpenAIWorld) and ("turn_style" in style or "turn_detection" in style):
        style = {}
    return kind(**style)


def play(number: int, script: list[tuple[int, int]]) -> None:
    """One sequence in a world that is live already, to its end."""
    world = world_of(number)
    for _ in range(4):
        world.go_on(0)
    for choice, detail in script:
        world.step(choice, detail)
    world.settled()


# --- by hand: many ----------------------------------------------------------------------------------------------------


def sequences(count: int, seed: int) -> None:
    begun, chance = time.monotonic(), random.Random(seed)
    steps = 0
    for done in range(count):
        script = [(chance.randrange(1 << 16), chance.randrange(1 << 16)) for _ in range(chance.randrange(8, 60))]
        steps += len(script)
        number = chance.randrange(1 << 10)
        try:
            play(number, script)
        except BaseException:
            print(f"seed {seed}, sequence {done}: play({number}, {script})", flush=True)
            raise
    print(f"{count} sequences, {steps} steps, {time.monotonic() - begun:.0f} s, seed {seed}")


def mutations(count: int, seed: int) -> None:
    """So many mutated messages at each codec: nothing may raise."""
    folder = Path(__file__).parent.parent / "wire"
    for provider in ("assemblyai", "openai_realtime", "sdk_voice"):
        begun, chance = time.monotonic(), random.Random(seed)
        lines = map(json.loads, (folder / f"{provider}.jsonl").read_text(encoding="utf-8").splitlines())
        server = [
            line["message"] for line in lines if line["direction"] == "server" and isinstance(line["message"], dict)
        ]
        limits, codec = Limits(), create_codec(provider)
        odd = [
            None,
            True,
            -1,
            1e300,
            10**40,
            "",
            "\ud83d",
            "A" * 300,
            [],
            [None],
            {},
            {"type": 1},
            "%%%",
            "AAA",
            "null",
            '"{}"',
        ]
        for done in range(count):
            if done % 500 == 0:
                codec = create_codec(provider)
            message = json.loads(json.dumps(chance.choice(server)))
            for _ in range(chance.randrange(1, 4)):
                target: Any = message
                while isinstance(target, dict) and target and chance.random() < 0.4:
                    inner = [value for value in target.values() if isinstance(value, dict) and value]
                    if not inner:
                        break
                    target = chance.choice(inner)
                if isinstance(target, dict) and target:
                    key = chance.choice(list(target))
                    if chance.random() < 0.2:
                        del target[key]
                    else:
                        target[key] = json.loads(json.dumps(chance.choice(odd)))
            text = json.dumps(message)
            if chance.random() < 0.2:
                at = chance.randrange(len(text))
                text = (
                    text[:at]
                    + chance.choice(["", "\ud800", "[" * 90, '"', "\\u", "é"])
                    + text[at + chance.randrange(3) :]
                )
            data: str | bytes = text if chance.random() < 0.95 else text.encode("utf-8", "replace")
            for event in codec.decode(data, limits):
                assert isinstance(event, ev.Event)
        print(f"{provider}: {count} messages, {time.monotonic() - begun:.0f} s, seed {seed}", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "mutate":
        mutations(int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    else:
        sequences(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)
