#!/usr/bin/env bash
# brotli 1.2.0, filetype 1.2.0: one small brotli file in 256 begins with gzip's magic number.
#
# A good engineer knows that brotli has no magic number and guesses that a clash with gzip's two bytes is a matter of
# chance, one in 65,536. In the widest window that needs no extension (24, which build tools choose for big files and
# leave for small ones) the first byte of every stream under 64 KiB is 1F, for it holds the window, "last" and "four
# digits of length", and the second is the low byte of the size less one. Each file whose size is 140 more than a
# multiple of 256 so begins with 1F 8B, whatever is in it: what guesses a form by its first bytes calls it gzip. In the
# default window (22) the first byte is 1B. Who asks for gzip's third byte too (08, deflate), as filetype does, is
# wrong for one size only, 2,188.
#
# Seen 2026-11-30, Python 3.11: as below; `file` of Debian 12 says "gzip compressed data, unknown method" as well.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check brotli==1.2.0 filetype==1.2.0
seen=$(env/bin/python - <<'PYTHON'
import random

import brotli
import filetype

draw = random.Random(1)
for window in (24, 22):
    two_bytes, guessed = [], []
    for size in range(100, 4000):
        text = "".join(draw.choices("etaoin shrdlu", k=size)).encode()
        packed = brotli.compress(text, lgwin=window)
        if packed[:2] == b"\x1f\x8b":
            two_bytes.append(size)
        guess = filetype.guess(packed)
        if guess is not None and guess.mime == "application/gzip":
            guessed.append(size)
    print(f"window {window}: {len(two_bytes)} of 3900 sizes, {two_bytes[:3]}; by filetype {guessed}")
PYTHON
)
echo "$seen"
expected='window 24: 16 of 3900 sizes, [140, 396, 652]; by filetype [2188]
window 22: 0 of 3900 sizes, []; by filetype []'
[ "$seen" = "$expected" ] && echo "as seen" || { echo "CHANGED"; exit 1; }
