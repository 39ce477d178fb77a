#!/usr/bin/env bash
# npm pyodide 314.0.7: `loadPyodide({ env, args, _loadSnapshot })` takes `env` and `args` and does nothing with them;
# the restored Python has the environment and the arguments of the machine that made the snapshot.
#
# A good engineer expects the documented options `env` and `args` to hold in each start, or an error for a combination
# that cannot be. What is there instead is the builder's: a setting for one visitor does not arrive, and what the
# build's environment held (a key, a path) is in every page. Whoever restores sets `os.environ` and `sys.argv` itself,
# and makes the snapshot with an environment that anybody may read. (The snapshot option has an underscore: Pyodide
# calls it unstable.)
#
# Seen 2026-11-28, Node 20.20: made with GREETING=builder, restored and started fresh with GREETING=visitor.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent pyodide@314.0.7 >/dev/null
cat >try.mjs <<'NODE'
import { loadPyodide } from "pyodide";

const builder = await loadPyodide({ env: { GREETING: "builder" }, args: ["made"], _makeSnapshot: true });
const snapshot = builder.makeMemorySnapshot();
const options = { env: { GREETING: "visitor" }, args: ["started"] };
const seen = (python) => python.runPython("import os, sys; f'{os.environ.get(\"GREETING\")} {sys.argv}'");
console.log("restored:", seen(await loadPyodide({ ...options, _loadSnapshot: snapshot })));
console.log("fresh:", seen(await loadPyodide(options)));
NODE
seen=$(timeout 300 node try.mjs)
echo "$seen"
expected="restored: builder ['made']
fresh: visitor ['started']"
[ "$seen" = "$expected" ] && echo "as seen" || { echo "CHANGED"; exit 1; }
