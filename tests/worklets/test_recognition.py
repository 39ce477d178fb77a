"""What a recogniser makes of speech that went over the wire's rate and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.worklets.support.node import Node, samples
from voice_browsers.listen import Sound, load, words_heard, words_of
from voice_browsers.speech import Speech

pytestmark = pytest.mark.slow

SENTENCES = ("please tell me a joke about seven elephants", "switch on the light in the kitchen and count to twenty")
# Words that sound like the ones said, or like one another: the recogniser may choose, so hearing the
# right ones means something.
DECOYS = (
    "peace bell smoke shout eleven elegant witch often night chicken mount plenty weather paris goodbye story red open"
)


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Speech:
    return Speech(tmp_path_factory.mktemp("speech"))


def over(node: Node, sound: Sound, *rates_hz: int, quality: str = "default") -> Sound:
    """`sound` converted from rate to rate, in quanta as the worklets do it."""
    signal = sound.samples
    for a, b in zip((sound.rate_hz, *rates_hz), rates_hz, strict=False):
        job = {"kind": "resample", "from": a, "to": b, "quality": quality, "blocks": [128]}
        job |= {"input": node.file(np.asarray(signal, dtype=np.float64)), "output": node.file()}
        node.run(job)
        signal = samples(str(job["output"]), np.float64)
    return Sound(samples=signal, rate_hz=rates_hz[-1])


@pytest.mark.parametrize("quality", ["cheap", "default"])
@pytest.mark.parametrize("sentence", SENTENCES)
def test_speech_over_the_wire_s_rate_and_back_is_recognised_unchanged(
    node: Node, speech: Speech, sentence: str, quality: str
) -> None:
    """48 to 24 kHz and back, as from a microphone to a speaker: the same words, decoys or not."""
    said: Path = speech.say(sentence, tail_ms=300)
    before = load(said)
    vocabulary = [*words_of(sentence), *DECOYS.split()]
    plain = words_heard(before, vocabulary)
    # Else the recogniser is deaf, and deaf before as after would pass.
    assert len(set(plain) & set(words_of(sentence))) >= 0.7 * len(set(words_of(sentence)))
    assert words_heard(over(node, before, 24000, 48000, quality=quality), vocabulary) == plain


def test_the_recogniser_notices_a_wrong_rate(node: Node, speech: Speech) -> None:
    """The check above can fail: speech that is a third too fast is not understood the same."""
    sentence = SENTENCES[0]
    before = load(speech.say(sentence, tail_ms=300))
    vocabulary = [*words_of(sentence), *DECOYS.split()]
    wrong = over(node, before, 32000)
    assert words_heard(Sound(samples=wrong.samples, rate_hz=48000), vocabulary) != words_heard(before, vocabulary)
