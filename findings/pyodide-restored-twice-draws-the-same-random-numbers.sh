#!/usr/bin/env bash
# npm pyodide 314.0.7: every Python that is restored from one memory snapshot draws the same numbers from `random`.
#
# A good engineer takes snapshots for a faster start and expects `random` to be seeded from the system in each page, as
# it is where Python starts anew. But Pyodide's own start imports `random`, so its state is in the snapshot, also where
# nobody's code asked for it. Jitter of retries, names of rooms, A/B choices: the same for every visitor. `os.urandom`,
# `secrets` and `uuid4` are not affected. Whoever restores calls `random.seed()`. (The snapshot option has an
# underscore: Pyodide calls it unstable.)
#
# Seen 2026-11-28, Node 20.20: two restored draw one number, their os.urandom differs, and a fresh one draws another.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent pyodide@314.0.7 >/dev/null
cat >try.mjs <<'NODE'
import { loadPyodide } from "pyodide";

const builder = await loadPyodide({ _makeSnapshot: true });
const snapshot = builder.makeMemorySnapshot();
const drawn = (python) => python.runPython("import os, random; [random.random(), os.urandom(8).hex()]").toJs();
const one = drawn(await loadPyodide({ _loadSnapshot: snapshot }));
const two = drawn(await loadPyodide({ _loadSnapshot: snapshot }));
const fresh = drawn(await loadPyodide());
const word = (same) => (same ? "same" : "different");
console.log(`random of two restored: ${word(one[0] === two[0])}; of a fresh one: ${word(one[0] === fresh[0])}`);
console.log(`os.urandom of two restored: ${word(one[1] === two[1])}`);
NODE
seen=$(timeout 300 node try.mjs)
echo "$seen"
expected='random of two restored: same; of a fresh one: different
os.urandom of two restored: different'
[ "$seen" = "$expected" ] && echo "as seen" || { echo "CHANGED"; exit 1; }
