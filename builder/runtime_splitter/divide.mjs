/**
 * Run by Node at build time: divide the smaller runtime's WebAssembly into what a page needs to start, what a call needs, and the rest.
 *
 *   node divide.mjs JOB.json
 *
 * The job: {runtime, snapshot, library, tools, settings, work, out}: folders and files, `tools` null where a page has none, and the
 * settings of each choice of the page. Writes tools.pyc, primary.wasm, call.wasm and rest.wasm into `out`, after a run of all with the page's
 * script and the page's memory, and prints counts as JSON. Exit code 1 and a reason on stderr otherwise.
 */

import crypto from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { runtimeOptions, settle } from "../../templates/static/restore.js";
import { Secondaries, Secondary } from "../../templates/static/secondary.js";
import { tellInFewLines } from "../node_errors.mjs";
import { TOOLS, begin, rehearse } from "./rehearsal.mjs";
import { PREFIX, callable, split, watched } from "./split.mjs";

tellInFewLines();

const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
const runtime = `${resolve(job.runtime)}/`;
const meta = JSON.parse(readFileSync(join(job.snapshot, "snapshot.json"), "utf8"));
const blocks = new Uint8Array(readFileSync(join(job.snapshot, "snapshot.bin")));
const script = (path) => readFileSync(new URL(path, import.meta.url), "utf8");

console.debug = console.info = () => {}; // what the page would log; the counts alone go to stdout
// Entropy and clock are the same in every build, so that what is used is.
let tick = 0;
const fill = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength).fill(7) && view;
Math.random = () => 0.5;
crypto.randomFillSync = fill;
Object.defineProperty(globalThis, "crypto", { value: { getRandomValues: fill, subtle: {} } });
Date.now = () => 1577836800000 + tick++;
performance.now = () => tick++;

const { loadPyodide } = await import(pathToFileURL(join(runtime, "pyodide.mjs")));
const { default: create } = await import(pathToFileURL(join(runtime, "pyodide.asm.mjs")));
const plain = WebAssembly.instantiate;

/** Python as the page has it, of another module than the one in the folder. `attach` says what Pyodide sees of the instance. */
async function python(bytes, attach) {
  const module = await WebAssembly.compile(bytes);
  WebAssembly.instantiate = async (source, imports) => {
    WebAssembly.instantiate = plain;
    const instance = await plain(module, imports);
    return { module, instance: attach(instance) };
  };
  const restored = await loadPyodide({
    ...runtimeOptions(meta, Promise.resolve(blocks), create),
    indexURL: runtime,
    stdLibURL: join(job.work, "empty.zip"),
    stdout: () => {},
    stderr: () => {},
  });
  settle(restored);
  restored.pyimport("pyclient.stdlib").install(() => new Uint8Array(readFileSync(job.library)), "/lib/python314.zip");
  return restored;
}

/** The page's tools as the page will get them. */
function toolsOf(python, source) {
  python.FS.writeFile("/tmp/tools.py", source);
  python.runPython(script("compile_tools.py"));
  if (!python.FS.analyzePath("/tmp/tools.pyc").exists) return { path: `${TOOLS}.py`, bytes: source };
  return { path: `${TOOLS}.pyc`, bytes: python.FS.readFile("/tmp/tools.pyc") };
}

const wasm = new Uint8Array(readFileSync(join(runtime, "pyodide.asm.wasm")));
// In a Python of their own: what another has compiled it need not find out again.
const tools = job.tools === null ? null : toolsOf(await python(wasm, (instance) => instance), readFileSync(job.tools));
let seen = null;
const watching = await python(watched(wasm), (instance) => {
  seen = instance.exports;
  return { exports: Object.fromEntries(Object.entries(seen).filter(([name]) => !name.startsWith(PREFIX))) };
});
const flags = Object.entries(seen).filter(([name]) => name.startsWith(PREFIX));
const usedSoFar = () => {
  const used = callable(wasm);
  for (const [name, flag] of flags) if (flag.value === 1) used.add(Number(name.slice(PREFIX.length)));
  return used;
};
begin(watching, job.settings, tools);
const atStart = usedSoFar();
await rehearse(watching, job.settings, tools);
const without = split(wasm, usedSoFar(), "rest");
const divided = split(without.primary, new Set([...atStart, ...without.own]), "call");
const parts = { primary: divided.primary, call: divided.secondary, rest: without.secondary };

// A real run of what was made: the start needs the primary module alone, the rehearsal the call's, what else Python can do the rest.
const later = {};
for (const name of ["call", "rest"]) {
  const module = await WebAssembly.compile(parts[name]);
  later[name] = new Secondary(name, async () => module, () => module);
}
const { call, rest } = later;
const whole = await python(parts.primary, (instance) => new Secondaries([call, rest]).attach(instance));
begin(whole, job.settings, tools);
if (call.isThere || rest.isThere) throw new Error("what a page starts with is not in the first part of the runtime");
await rehearse(whole, job.settings, tools);
if (rest.isThere) throw new Error("what a call uses is not in its part of the runtime");
whole.runPython(script("../snapshot_maker/check_restored.py"));
whole.FS.writeFile("/tmp/library.zip", readFileSync(job.library));
whole.runPython(script("../snapshot_maker/check_deferred.py"));
whole.runPython(script("check_whole.py"));
if (!rest.isThere) throw new Error("the rest of the runtime was not asked for");

for (const [name, bytes] of Object.entries(parts)) writeFileSync(join(job.out, `${name}.wasm`), bytes);
if (tools?.path.endsWith(".pyc")) writeFileSync(join(job.out, "tools.pyc"), tools.bytes);
process.stdout.write(JSON.stringify({ moved: without.moved + divided.moved }));
process.exit(0);
