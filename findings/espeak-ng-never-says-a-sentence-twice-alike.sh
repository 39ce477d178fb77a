#!/usr/bin/env bash
# PyPI espeakng-loader 0.2.4 (espeak-ng's library): the same sentence, said eight times by one process with the same
# voice, gives eight different recordings, also of different lengths. Another process gives the same eight again.
#
# A good engineer takes a formant synthesizer without a random setting for a function of its text, and keeps a
# recording's digest in a test, or a cache by text. The library carries state from one sentence to the next: what a
# sentence sounds like depends on all that was said before it. A speech test that must hear the same sound says it in a
# fresh process, or keeps the recording.
#
# Seen 2026-11-28, Python 3.11.7, Linux x86_64: 8 of 8 different, 38,260 to 38,300 bytes; both processes alike.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check espeakng-loader==0.2.4
cat >try.py <<'PYTHON'
import ctypes
import hashlib

import espeakng_loader

SYNCHRONOUS, POSITION_CHARACTER, UTF8 = 2, 1, 1
library = ctypes.CDLL(espeakng_loader.get_library_path())
heard = bytearray()


@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
def take(samples, count, events):
    if samples and count > 0:
        heard.extend(ctypes.string_at(samples, 2 * count))
    return 0


assert library.espeak_Initialize(SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0) > 0
library.espeak_SetSynthCallback(take)
said = []
for _ in range(8):
    heard.clear()
    assert library.espeak_SetVoiceByName(b"en") == 0
    text = b"count to ten"
    assert library.espeak_Synth(text, len(text) + 1, 0, POSITION_CHARACTER, 0, UTF8, None, None) == 0
    library.espeak_Synchronize()
    said.append((len(heard), hashlib.sha256(heard).hexdigest()[:8]))
lengths = sorted(length for length, _ in said)
digests = [digest for _, digest in said]
print(len(set(digests)), "different,", lengths[0], "to", lengths[-1], "bytes:", *digests)
PYTHON
first=$(timeout 60 venv/bin/python try.py)
again=$(timeout 60 venv/bin/python try.py)
echo "one process:     $first"
echo "another process: $again"
[ "${first%% *}" = 8 ] && [ "$first" = "$again" ] && echo "as seen" || { echo "CHANGED"; exit 1; }
