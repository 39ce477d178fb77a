"""The page's transcript (`turns.js`) against the updates that Python sends."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from builder import node
from pyclient.core import commands as cmd
from pyclient.core import events as ev
from tests.support import worlds
from tests.support.playbook import FakeHost

ROOT = Path(__file__).resolve().parents[2]
DRIVER = Path(__file__).parent / "support" / "turns_driver.mjs"


def shown(updates: list[dict[str, Any]]) -> list[dict[str, Any]]:
    done = subprocess.run(
        [node.node(ROOT), str(DRIVER)],
        input=json.dumps(updates),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


class Recorded(worlds.OpenAIWorld):
    """Keeps the updates as they were sent, and the list that they make in Python."""

    def __init__(self) -> None:
        self.updates: list[dict[str, Any]] = []
        super().__init__()
        run = self.host._run

        def record(commands: list[cmd.Command]) -> list[cmd.Command]:
            self.updates += [json.loads(json.dumps(one.view)) for one in commands if isinstance(one, cmd.ShowView)]
            return run(commands)

        self.host._run = record  # type: ignore[method-assign]


def test_the_page_makes_the_same_list_of_the_updates_as_python_does() -> None:
    chance = random.Random(4)
    world = Recorded()
    for _ in range(2_000):
        world.step(chance.randrange(1 << 16), chance.randrange(1 << 16))
    assert len(world.updates) > 100
    assert any(update["gone"] for update in world.updates) and any(update["order"] for update in world.updates[1:])
    assert len(world.updates) == len(world.host.views)
    for page, python in zip(shown(world.updates), world.host.views, strict=True):
        assert page["turns"] == python["turns"]
        assert page["drawn"] == [[turn["id"], turn["text"]] for turn in python["turns"]]
        assert page["dirs"] in ([], ["auto"]), "each line in its own direction"


def updates_of(host: FakeHost) -> list[dict[str, Any]]:
    """What the page would be told, as whole lists: the order of words and sound is what counts here."""
    return [{**view, "gone": [], "order": [turn["id"] for turn in view["turns"]]} for view in host.views]


def test_a_screen_reader_speaks_when_the_agent_is_silent_and_tells_of_the_cut() -> None:
    host = FakeHost().go_live()
    host.hear("transcript.user", item_id="u1", text="tell me a story")
    host.speak_reply("r", samples=48_000, text="Once upon a time there was a fox.")
    host.hear("transcript.agent", reply_id="r", text="Once upon a time there was a fox.")
    host.hear("reply.done", reply_id="r")
    seen = shown(updates_of(host))[-1]["announced"]
    assert seen == ["You: tell me a story"], "said before the agent spoke; nothing while it does"
    host.tell(ev.InterruptRequested())
    assert shown(updates_of(host))[-1]["announced"] == seen, "it is not known yet how much was heard"
    host.flushed("r", 12_000)
    words = shown(updates_of(host))[-1]["announced"]
    assert words[-1] == "Agent: Once upon (interrupted)"


def test_and_a_reply_that_was_heard_to_its_end_is_told_after_it() -> None:
    host = FakeHost().go_live()
    host.speak_reply("r", text="It is noon.")
    host.hear("reply.done", reply_id="r")
    assert shown(updates_of(host))[-1]["announced"] == []
    host.render("r", 24_000)
    host.tell(ev.PlaybackDrained())
    assert shown(updates_of(host))[-1]["announced"] == ["Agent: It is noon."]


def turn(name: str, text: str = "hello") -> dict[str, Any]:
    """A turn as the page is told of it."""
    said = {"id": name, "role": "user", "text": text, "final": False, "interrupted": False}
    return {**said, "heard_chars": None, "sounding": False}


def update(*turns: dict[str, Any], gone: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    return {"turns": list(turns), "gone": list(gone), "order": None, **more}


def test_no_turn_is_moved_that_stays_where_it_is() -> None:
    """A turn that is moved is laid out anew, and a long call drops its oldest turn with each new one."""
    many = [turn(f"t{number}") for number in range(200)]
    placed = [one["placed"] for one in shown([
        update(*many),
        update(turn("t199", "hello you")),
        update(turn("t200"), gone=["t0"]),
        update(gone=["t100"]),
        {**update(turn("t201")), "order": [f"t{number}" for number in range(1, 202) if number != 100]},
    ])]  # fmt: skip
    assert placed == [200, 0, 1, 0, 1]


def test_the_end_stays_in_sight_for_whoever_looks_at_it_and_nobody_else_is_scrolled() -> None:
    seen = shown([
        update(turn("t0")),
        update(turn("t1"), scrolled_to=100),
        update(turn("t2"), scrolled_to=860),
    ])  # fmt: skip
    first, reading, back = (one["scrolled_to"] for one in seen)
    assert reading == 100 and min(first, back) >= 900, "900 is the end"


def test_older_turns_stand_apart_from_those_that_a_new_word_lays_out() -> None:
    """Whatever comes, goes or is put in another order: what is laid out with each word stays short."""
    many = [turn(f"t{number}") for number in range(60)]
    long = shown([
        *(update(one) for one in many),
        update(gone=["t59"]),
        {**update(turn("new")), "order": ["new", *(f"t{number}" for number in reversed(range(59)))]},
        update(turn("last"), gone=[f"t{number}" for number in range(59)]),
        update(gone=["new", "last"]),
    ])  # fmt: skip
    *growing, shorter, turned, few, none = (one["recent"] for one in long)
    assert growing[:40] == list(range(1, 41)), "a short list is whole"
    assert growing[40:] == [20 + number % 21 for number in range(20)]
    assert (shorter, few, none) == (38, 1, 0)
    assert turned <= 40
