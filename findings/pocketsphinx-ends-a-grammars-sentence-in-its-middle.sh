#!/usr/bin/env bash
# PyPI pocketsphinx 5.1.1: with a grammar and its default settings, the final answer need not be a sentence of the
# grammar. "What time is it" is spoken, and the answer is "what time", which the grammar does not have.
#
# A good engineer uses a grammar because only its sentences can come out. After the search, `bestpath` (on by default)
# looks for the best path through the lattice of words, and that path may end in any state of the grammar.
# `bestpath=False` gives the sentence, and saves the time of that pass; or the answer is checked with `FsgModel.accept`.
#
# Seen 2026-11-30, Python 3.11.7, Linux x86_64: "what time" as it comes, refused by the grammar's own `accept`; "what
# time is it" with bestpath=False.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pocketsphinx==5.1.1 espeakng-loader==0.2.4
cat >try.py <<'PYTHON'
import ctypes

import espeakng_loader
from pocketsphinx import Decoder

GRAMMAR = """#JSGF V1.0;
grammar asked;
public <sentence> = what time is it | what time is dinner | count from one to twenty;
"""
SYNCHRONOUS, POSITION_CHARACTER, UTF8 = 2, 1, 1
library = ctypes.CDLL(espeakng_loader.get_library_path())
heard = bytearray(3200)


@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
def take(samples, count, events):
    if samples and count > 0:
        heard.extend(ctypes.string_at(samples, 2 * count))
    return 0


rate_hz = library.espeak_Initialize(SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0)
library.espeak_SetSynthCallback(take)
assert library.espeak_SetVoiceByName(b"en-us") == 0
text = b"what time is it"
library.espeak_Synth(text, len(text) + 1, 0, POSITION_CHARACTER, 0, UTF8, None, None)
heard.extend(bytes(16000))


def answer(**settings):
    """The words, and whether they are a sentence of the grammar."""
    decoder = Decoder(lm=None, samprate=float(rate_hz), loglevel="FATAL", **settings)
    decoder.add_jsgf_string("asked", GRAMMAR)
    decoder.activate_search("asked")
    decoder.start_utt()
    decoder.process_raw(bytes(heard), full_utt=False)
    decoder.end_utt()
    found = decoder.hyp()
    words = found.hypstr if found else ""
    return words, bool(words and decoder.get_fsg("asked").accept(words))


usual, without = answer(), answer(bestpath=False)
print("as it comes:    %r; a sentence of the grammar: %s" % usual)
print("bestpath=False: %r; a sentence of the grammar: %s" % without)
seen = usual == ("what time", False) and without == ("what time is it", True)
print("as seen" if seen else "CHANGED")
raise SystemExit(not seen)
PYTHON
venv/bin/python try.py
