/**
 * Run by Node at build time, once per Pyodide: its library as bytecode. Compiling it takes longer than all else
 * that a snapshot needs.
 *
 *   node library.mjs STOCK_FOLDER OUT_FOLDER
 *
 * Writes into the folder
 *   library.zip      the library
 *   engine.json      {suspending: {address, with, without}, trampoline}: the two words of Python's memory that depend
 *                    on the engine.
 *                    The one says whether it can suspend WebAssembly ("stack switching"); the other is the place of a
 *                    function through which Python calls without JavaScript in between, 0 where the engine cannot
 *                    compile it. Pyodide sets both while it starts, so a kept memory has Node's answers.
 * Exit code 1 and a reason on stderr where it cannot be done.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { tellInFewLines } from "../../../node_errors.mjs";
import { sameEveryTime } from "./same_every_time.mjs";
import { UnlikeError } from "../unlike.mjs";

tellInFewLines();

const [stock, out] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(join(stock, "pyodide.mjs")));
// Without columns of lines, see `compile_library.py`.
const options = { indexURL: `${resolve(stock)}/`, stdout: () => {} };
const python = await loadPyodide({ ...options, env: { PYTHONNODEBUGRANGES: "1" } });
const script = (name) => readFileSync(new URL(name, import.meta.url), "utf8");
python.FS.writeFile("/home/pyodide/plain_code.py", script("plain_code.py"));
python.runPython(script("compile_library.py"));
writeFileSync(join(out, "library.zip"), python.FS.readFile("/tmp/compiled.zip"));

const startAgain = sameEveryTime();
const heaps = [];
for (const suspends of [false, true]) {
  startAgain();
  // Nothing is suspended here: it is enough that Pyodide finds both.
  delete WebAssembly.Suspending;
  delete WebAssembly.promising;
  if (suspends)
    Object.assign(WebAssembly, {
      Suspending: function (call) {
        return call;
      },
      promising: (call) => call,
    });
  const started = await loadPyodide({ ...options, stdLibURL: join(out, "library.zip"), env: { PYTHONHASHSEED: "0" } });
  heaps.push(started._module.HEAPU32.slice());
}
const [without, having] = heaps;
const words = [...without.keys()].filter((i) => without[i] !== having[i]);
if (words.length !== 1)
  throw new UnlikeError(`stack switching changes ${words.length} words of Python's memory, not one`);
const suspending = { address: 4 * words[0], with: having[words[0]], without: without[words[0]] };
const { __PyRuntime: state, __PyEM_EMSCRIPTEN_TRAMPOLINE_OFFSET: offset, HEAP32 } = python._module;
const trampoline = state + HEAP32[offset >> 2];
if (!(trampoline > 0 && trampoline % 4 === 0)) throw new UnlikeError("Pyodide does not say where its trampoline is");
writeFileSync(join(out, "engine.json"), JSON.stringify({ suspending, trampoline }));
process.exit(0);
