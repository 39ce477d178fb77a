"""When does the local agent find that a sentence is over, and how often too early?

This build beside that of commit 9731686.

Both hear the 200 sentences of `pauses.py`, each with a pause inside, in the frames of the page and in the order of real
time, but faster (`pauses_replay.py`). No browser and no network takes part. The earlier build runs with our packages.

* `false_ends`: sentences whose turn was ended in their pause;
* `decision_ms`: from the end of the last sound to the end of the turn, of the sentences that neither build cut;
* `sound_ms`: to the first sound of the answer, when it leaves the agent;
* `misheard`: sentences of the grammar among those of which something else was understood;
* `known`, `unknown`: the same figures for sentences of the grammar, and for others.

What became of each sentence stays in `.cache/bench/end_of_turn.jsonl`.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from tests.bench import earlier_build, pauses
from tests.bench.browser_rig import KEPT
from tests.bench.figures import BenchError, median, percentiles
from tests.bench.pauses import Sentence
from tests.support.server import ROOT

EARLIER = "9731686"
KINDS = ("ours", EARLIER)
# All chance is in the corpus: another round measures the same again.
ROUNDS = 1
# A frame more or less is a matter of where speech is said to end.
_FRAME_MS = 20.0
_REPLAY = Path(__file__).with_name("pauses_replay.py")


def measure(engines: Sequence[str], rounds: int) -> dict[str, Any]:
    """Figures of both builds, and how ours compares. Raises BenchError."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        homes = {"ours": ROOT, EARLIER: earlier_build.unpack(EARLIER, folder / "earlier")}
        return figures(*heard(pauses.make(folder / "corpus"), homes))


def heard(
    sentences: Sequence[Sentence], homes: Mapping[str, Path]
) -> tuple[Sequence[Sentence], dict[str, list[dict[str, Any]]]]:
    """What each build made of each sentence; side by side, so that a busy minute of the machine meets both."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        kept = stack.enter_context((KEPT / "end_of_turn.jsonl").open("w", encoding="utf-8"))
        players = {kind: stack.enter_context(_player(home)) for kind, home in homes.items()}
        made: dict[str, list[dict[str, Any]]] = {kind: [] for kind in homes}
        for sentence in sentences:
            for into, _ in players.values():
                into.write(json.dumps(asdict(sentence)) + "\n")
                into.flush()
            for kind, (_, out) in players.items():
                line = out.readline()
                if not line:
                    raise BenchError(f"the replay of {kind} ended at {sentence.text!r}")
                made[kind].append(json.loads(line))
                kept.write(json.dumps({"kind": kind, **asdict(sentence), **made[kind][-1]}) + "\n")
                kept.flush()
    return sentences, made


@contextlib.contextmanager
def _player(home: Path) -> Iterator[tuple[IO[str], IO[str]]]:
    # -P: the folder of the script holds modules of other names.
    command = [sys.executable, "-P", str(_REPLAY)]
    env = os.environ | {"PYTHONPATH": str(home), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, cwd=home, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            yield child.stdin, child.stdout
        finally:
            child.kill()


def figures(sentences: Sequence[Sentence], made: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """All of the corpus, and its two kinds of sentences apart."""
    told: dict[str, Any] = {"sentences": len(sentences)} | _compared(sentences, made)
    for name, known in (("known", True), ("unknown", False)):
        chosen = [index for index, sentence in enumerate(sentences) if sentence.known is known]
        part = {kind: [results[index] for index in chosen] for kind, results in made.items()}
        told[name] = {"sentences": len(chosen)} | _compared([sentences[index] for index in chosen], part)
    return told


def _compared(sentences: Sequence[Sentence], made: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    cut = {kind: [cuts(one, found) for one, found in zip(sentences, made[kind], strict=True)] for kind in KINDS}
    whole = [index for index in range(len(sentences)) if not any(cut[kind][index] for kind in KINDS)]
    told: dict[str, Any] = {}
    for kind in KINDS:
        pairs = [(sentences[index], made[kind][index]) for index in whole]
        told[kind] = {
            "false_ends": sum(cut[kind]),
            "decision_ms": percentiles([_decision_ms(one, found) for one, found in pairs]),
            "sound_ms": percentiles(
                [found["first_sound_ms"] - one.ends_ms for one, found in pairs if _answered(found)]
            ),
            "unanswered": sum(1 for _, found in pairs if not _answered(found)),
            "misheard": sum(1 for one, found in pairs if one.known and _text(found) != one.text),
        }
    ours, earlier = ([_decision_ms(sentences[index], made[kind][index]) for index in whole] for kind in KINDS)
    return told | {
        "whole_in_both": len(whole),
        f"decision_ratio_to_{EARLIER}": median(ours) / median(earlier),
        f"false_ends_ratio_to_{EARLIER}": sum(cut["ours"]) / max(1, sum(cut[EARLIER])),
    }


def cuts(sentence: Sentence, found: Mapping[str, Any]) -> bool:
    """Whether a turn was ended before the sentence was."""
    return any(stop_ms < sentence.ends_ms - _FRAME_MS for stop_ms in found["stops_ms"])


def _decision_ms(sentence: Sentence, found: Mapping[str, Any]) -> float:
    after = [stop_ms for stop_ms in found["stops_ms"] if stop_ms >= sentence.ends_ms - _FRAME_MS]
    if not after:
        raise BenchError(f"the turn of {sentence.text!r} ({sentence.wav}) never ended")
    return float(after[0] - sentence.ends_ms)


def _answered(found: Mapping[str, Any]) -> bool:
    return found["first_sound_ms"] is not None


def _text(found: Mapping[str, Any]) -> str:
    return " ".join(text for _, text in found["finals"])
