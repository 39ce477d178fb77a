"""Greeting, turns, transcripts, text, tools of taking turns: what a conversation is made of."""

from __future__ import annotations

from tests.contract.book import SPOKEN, SPOKEN_WITHOUT_TEXT, scenario
from tests.contract.call import GREETING, Call, square_wave

NO_TRANSCRIPTS = "there are no transcripts on this wire, only sound (section 4)"


async def no_turns(call: Call) -> None:
    """A reply was heard, and the transcript stays empty; the features say why."""
    await call.open(greeting=GREETING)
    await call.heard_all(1)
    assert call.view["turns"] == []
    assert not call.view["features"]["user_transcripts"] and not call.view["features"]["agent_transcripts"]


@scenario("greeting", "The agent speaks first, and every sample of it is heard.")
async def greeting(call: Call) -> None:
    await call.open(greeting=GREETING)
    await call.heard_all(1, ms=400)
    assert call.heard_ms == call.received_ms >= 400
    assert "agent_speaking" in call.shown("activity")
    assert (call.view["state"], call.view["activity"], call.notice) == ("live", "listening", "")


@scenario(
    "greeting of the page's choice",
    "The greeting is the page's own text, and stands in the transcript as the agent's turn.",
)
async def own_greeting(call: Call) -> None:
    await call.open(greeting=GREETING)
    await call.heard_all(1)
    (turn,) = call.turns("agent")
    assert (turn["text"], turn["final"], turn["interrupted"]) == (GREETING, True, False)
    await call.happens(lambda: call.turns("agent")[0]["heard_ms"] == call.heard_ms, "all of it to count as heard")


@own_greeting.cannot("sdk_voice", "everything about the agent is configured at the vendor (section 4)")
async def _(call: Call) -> None:
    await call.open(agent={"greeting": "Hello from the vendor."}, greeting=GREETING)
    await call.heard_all(1)
    assert (await call.record())["said"] == ["Hello from the vendor."]
    assert not call.view["features"]["greeting"] and call.view["turns"] == []


@scenario(
    "the person speaks first",
    "Without a greeting the agent is silent until it is asked, and the view says that it listens.",
)
async def no_greeting(call: Call) -> None:
    await call.open()
    await call.wait_ms(2_000)
    assert (call.view["activity"], call.view["stats"]["replies"], call.heard_ms) == ("listening", 0, 0)


@scenario(
    "turn",
    "A spoken question is understood and answered by voice; the view shows speaking, thinking, answering.",
    spoken=SPOKEN,
)
async def turn(call: Call) -> None:
    # The agent goes by the words and may answer before the page has heard half a second of quiet: then nobody thinks.
    await call.open(agent={"reply_delay_ms": 700}, speed=2)
    await call.say("what time is it")
    await call.heard_all(1)
    assert (await call.record())["heard"] == ["what time is it"]
    assert call.heard_ms == call.received_ms >= 400
    seen = call.shown("activity")
    assert seen.index("user_speaking") < seen.index("thinking") < seen.index("agent_speaking")


@scenario(
    "transcript",
    "Question and answer stand in the transcript in the order in which they were said, both settled.",
    spoken=SPOKEN,
)
async def transcript(call: Call) -> None:
    await call.open(speed=2)
    await call.say("thank you very much")
    await call.heard_all(1)
    await call.until(lambda view: len(view["turns"]) == 2 and view["turns"][0]["final"], "both turns")
    turns = [(turn["role"], turn["text"], turn["final"]) for turn in call.view["turns"]]
    assert turns == [("user", "thank you very much", True), ("agent", "You are welcome.", True)]


transcript.cannot("sdk_voice", NO_TRANSCRIPTS)(no_turns)


@scenario(
    "partials",
    "The person's words are shown while they are spoken; each partial replaces the one before.",
    spoken=SPOKEN,
)
async def partials(call: Call) -> None:
    # A long patience with silence: a busy machine may take its time to make words of what was said.
    patience = {"min_silence": 3_000, "max_silence": 4_000}
    await call.open(agent={"partials": True}, turn_detection=patience, speed=1)
    await call.say("what is the weather in paris")
    await call.until(lambda view: any(t["role"] == "user" and t["final"] for t in view["turns"]), "the final text")
    (user,) = call.turns("user")
    texts = [t["text"] for view in call.host.views for t in view["turns"] if t["role"] == "user" and not t["final"]]
    # Who appended instead of replacing would show twice as much.
    assert texts and max(map(len, texts)) <= len(user["text"]) + 20, texts


@partials.cannot(
    "openai_realtime", "the words of a turn come when it is committed, not before (section 8)", spoken=SPOKEN
)
async def _(call: Call) -> None:
    await call.open(agent={"partials": True}, speed=2)
    await call.say("what is the weather in paris")
    await call.until(lambda view: any(t["role"] == "user" and t["final"] for t in view["turns"]), "the final text")
    speaking = [view for view in call.host.views if view["activity"] == "user_speaking"]
    assert speaking and not any(t["text"] for view in speaking for t in view["turns"])


partials.cannot("sdk_voice", NO_TRANSCRIPTS)(no_turns)


@scenario(
    "agent's words grow",
    "The agent's words appear piece by piece with the right spaces, and the settled text equals them.",
)
async def words(call: Call) -> None:
    sentence = "One two three four five six."
    await call.open(greeting=sentence, agent={"tone_hz": 0.0}, speed=6)
    await call.heard_all(1)
    shown = [t["text"] for view in call.host.views for t in view["turns"] if t["role"] == "agent"]
    assert call.texts("agent") == [sentence]
    assert len(set(shown)) >= 3 and all(sentence.startswith(text) for text in shown), shown


words.cannot("sdk_voice", NO_TRANSCRIPTS)(no_turns)


@scenario(
    "long reply in a burst",
    "Twelve seconds of sound that come at once are heard to the last sample, at their own pace.",
    long=True,
)
async def burst(call: Call) -> None:
    await call.open(greeting=GREETING, agent={"tone_ms": 12_000}, speed=8)
    begun_ms = call.host.now_ms()
    await call.heard_all(1, ms=12_000)
    assert call.heard_ms == call.received_ms >= 12_000
    assert call.host.now_ms() - begun_ms >= 11_000
    assert (call.view["stats"]["late_audio_dropped"], call.host.sound.flushes) == (0, 0)


@scenario("reply at real-time pace", "Sound that comes no faster than it is heard arrives whole, in one reply.")
async def real_time(call: Call) -> None:
    await call.open(greeting=GREETING, agent={"tone_ms": 700, "pace": "real-time"}, speed=1)
    await call.heard_all(1, ms=700)
    assert call.heard_ms == call.received_ms >= 700
    assert call.view["stats"]["replies"] == 1


@scenario(
    "reply that stutters",
    "A pause of 400 ms in the arrival of a reply loses nothing and makes no second reply of it.",
    long=True,
)
async def stutter(call: Call) -> None:
    # A wire without marks takes 600 ms for the end of a reply. Stretched time leaves a busy machine
    # room between the two.
    speed = 0.125
    pause = {"after": "sound", "nth": 30, "do": "sleep", "ms": 400 / speed}
    await call.open(greeting=GREETING, agent={"tone_ms": 1_000, "faults": [pause]}, speed=speed)
    await call.heard_all(1, ms=1_000)
    assert call.heard_ms == call.received_ms >= 1_000
    assert call.view["stats"]["replies"] == 1


@scenario(
    "slow reply",
    "While the agent takes its time the view says that it thinks; then the answer is heard whole.",
    spoken=SPOKEN_WITHOUT_TEXT,
)
async def slow_reply(call: Call) -> None:
    await call.open(agent={"reply_delay_ms": 700}, speed=2)
    await call.ask("thank you very much")
    await call.until(lambda view: view["activity"] == "thinking", "thinking")
    assert call.heard_ms == 0
    await call.heard_all(1, ms=400)
    assert call.heard_ms == call.received_ms >= 400


@scenario("text turn", "What the person types stands in the transcript and is answered by voice.")
async def text_turn(call: Call) -> None:
    await call.open()
    call.intend("text", text="thank you very much")
    await call.heard_all(1)
    assert call.texts("user") == ["thank you very much"]
    assert call.texts("agent") == ["You are welcome."]


@text_turn.cannot("sdk_voice", "the client sends a token and sound, nothing else (section 3)")
async def _(call: Call) -> None:
    await call.open()
    before = len([data for data in call.host.sent if isinstance(data, str)])
    call.intend("text", text="thank you very much")
    assert call.logged("this provider takes none")
    assert len([data for data in call.host.sent if isinstance(data, str)]) == before
    assert not call.view["features"]["typed_text"] and call.view["turns"] == []


@scenario("mute", "While the microphone is muted the agent gets silence, whatever is said; afterwards it hears again.")
async def mute(call: Call) -> None:
    await call.open()
    call.intend("mute", muted=True)
    await call.until(lambda view: view["status"] == "Your microphone is muted", "the word for it")
    assert call.host.sound.muted
    call.host.sound.say(square_wave(call.adapter.rate_hz, 60))
    await call.wait_ms(1_000)
    assert await call.loudest() == 0
    call.intend("mute", muted=False)
    call.host.sound.say(square_wave(call.adapter.rate_hz, 60))
    await call.comes_through()


@scenario("muted for long", "After some seconds of mute nothing at all is sent any more, so that nothing is paid for.")
async def muted_for_long(call: Call) -> None:
    await call.open(speed=10)
    call.intend("mute", muted=True)
    await call.wait_ms(4_500)
    before = len(call.host.sent)
    await call.wait_ms(2_000)
    assert len(call.host.sent) == before
    assert call.view["stats"]["frames_muted"] > 100


@scenario(
    "pause",
    "The person holds the agent in mid-reply: nothing more sounds, the agent gets silence; then it goes on where it stood.",
)
async def pause(call: Call) -> None:
    await call.open(greeting=GREETING, agent={"tone_ms": 4_000}, speed=2)
    await call.happens(lambda: call.heard_ms >= 400, "the greeting sounds")
    call.intend("pause", paused=True)
    await call.until(lambda view: view["status"] == "Paused: nobody is heard", "the word for it")
    await call.wait_ms(100)  # until the speaker knows
    stood_ms = call.heard_ms
    call.host.sound.say(square_wave(call.adapter.rate_hz, 60))
    await call.wait_ms(1_500)
    assert call.heard_ms == stood_ms < 2_000
    assert await call.loudest() == 0
    session = call.view["session_id"]
    call.intend("pause", paused=False)
    await call.heard_all(1)
    assert call.heard_ms == call.received_ms >= 4_000
    assert call.view["stats"]["interruptions"] == 0 and call.view["session_id"] == session
    call.host.sound.say(square_wave(call.adapter.rate_hz, 60))
    await call.comes_through()


@scenario(
    "push to talk",
    "With a talk key nothing is sent but while it is held, and its release is the end of the turn.",
    spoken=SPOKEN,
)
async def push_to_talk(call: Call) -> None:
    await call.open(turn_style="push_to_talk", speed=2)
    await call.say("tell me a long story")
    assert (await call.record())["audio_ms"] == 0
    call.intend("talk", pressed=True)
    await call.say("thank you very much")
    call.intend("talk", pressed=False)
    await call.heard_all(1)
    assert (await call.record())["heard"] == ["thank you very much"]


@scenario(
    "fixed frames", "The microphone goes out in frames of one length, at the wire's rate and in the vendor's form."
)
async def frames(call: Call) -> None:
    await call.open()
    record = await call.recorded(lambda one: sum(one["frame_bytes"].values()) >= 20, "twenty frames")
    length_ms = 20 if call.adapter.name == "sdk_voice" else 40
    size = 2 * call.adapter.rate_hz * length_ms // 1000
    assert set(record["frame_bytes"]) == {str(size)}
    assert record["violations"] == []


@scenario("prompt changed in mid-call", "New instructions reach the server at once and the call goes on.")
async def prompt(call: Call) -> None:
    await call.open()
    before = len(call.adapter.told(call.host.sent, "session.update"))
    call.intend("settings", system_prompt="Be brief.")
    await call.until(lambda view: view["state"] == "live", "live")
    (update,) = call.adapter.told(call.host.sent, "session.update")[before:]
    assert "Be brief." in (update["session"].get("system_prompt"), update["session"].get("instructions"))
    await call.wait_ms(300)
    assert (call.notice, call.view["stats"]["faults"]) == ("", 0)


@prompt.cannot("sdk_voice", "there is no settings message (section 3)")
async def _(call: Call) -> None:
    await call.open()
    before = [data for data in call.host.sent if isinstance(data, str)]
    call.intend("settings", system_prompt="Be brief.")
    assert [data for data in call.host.sent if isinstance(data, str)] == before
    assert not call.view["features"]["system_prompt"]
    assert call.logged("takes no such setting")


@scenario(
    "voice changed in mid-call", "The page says that another voice takes effect with the next call, and sends none."
)
async def voice(call: Call) -> None:
    await call.open(greeting=GREETING)
    await call.heard_all(1)
    before = len(call.adapter.told(call.host.sent, "session.update"))
    call.intend("settings", voice="ash")
    assert call.notice == "takes_effect_next_call"
    assert call.adapter.told(call.host.sent, "session.update")[before:] == []


@voice.cannot("sdk_voice", "there is no choice of voices (section 4)")
async def _(call: Call) -> None:
    await call.open()
    call.intend("settings", voice="ash")
    assert not call.view["features"]["voices"]
    assert call.logged("takes no such setting")
