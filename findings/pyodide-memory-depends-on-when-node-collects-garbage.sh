#!/usr/bin/env bash
# npm pyodide 314.0.7: with entropy and clock fixed, the same script leaves another memory of Python when Node collects its
# garbage at other times.
#
# A good engineer who makes a reproducible image (`makeMemorySnapshot`, or anything that is read out of the heap) fixes
# random numbers, clock, hash seed and environment, and sees two equal runs. They differ on the next busy machine: Pyodide
# registers each proxy with a FinalizationRegistry, whose callbacks have Python let go of the object behind it, and when
# they run is V8's own affair. A registry that does nothing, set before Pyodide is loaded, makes the runs equal. (A build
# that does so keeps what was never destroyed; who wants it gone calls `destroy()`.)
#
# Seen 2026-11-29, Node 20.20: the same script twice, once with a collection now and then (`--expose-gc`), which a long or
# busy run has by itself; how many of 2,000 objects Python still has, and whether its whole memory is the same.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent pyodide@314.0.7 >/dev/null
cat >try.mjs <<'NODE'
import crypto, { createHash } from "node:crypto";

if (process.argv[2] === "ignored") {
  globalThis.FinalizationRegistry = class {
    register() {}
    unregister() {}
  };
}
let tick = 0;
const fill = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength).fill(7) && view;
Math.random = () => 0.5;
crypto.randomFillSync = fill;
Object.defineProperty(globalThis, "crypto", { value: { getRandomValues: fill, subtle: {} } });
Date.now = () => 1577836800000 + tick++;
performance.now = () => tick++;

const { loadPyodide } = await import("pyodide");
const python = await loadPyodide({ env: { PYTHONHASHSEED: "0" } });
python.runPython(`
alive = 0
class Kept:
    def __init__(self):
        global alive
        alive += 1
    def __del__(self):
        global alive
        alive -= 1
`);
for (let i = 0; i < 2000; i++) {
  python.runPython("Kept()"); // a proxy that nobody holds
  if (i % 100 !== 99) continue;
  globalThis.gc?.();
  await new Promise((done) => setImmediate(done));
}
const alive = python.globals.get("alive");
console.log(alive, createHash("sha256").update(python._module.HEAPU8).digest("hex"));
process.exit(0);
NODE
told() { # how many memories two runs left, and how many objects in each
  { timeout 300 node try.mjs "$1"; timeout 300 node --expose-gc try.mjs "$1"; } |
    awk '{ print $1; if (!seen[$2]++) memories++ } END { print "in", memories, "memories" }' | paste -sd' '
}
seen="as it comes: $(told "as it comes")
registry ignored: $(told ignored)"
echo "$seen"
expected="as it comes: 2000 0 in 2 memories
registry ignored: 2000 2000 in 1 memories"
[ "$seen" = "$expected" ] && echo "as seen" || { echo "CHANGED"; exit 1; }
