/**
 * Run by Node at build time: divide the smaller runtime's WebAssembly into what a page uses and what it hardly ever needs.
 *
 *   node divide.mjs JOB.json
 *
 * The job: {runtime, snapshot, library, tools, settings, work, out}: folders and files, `tools` null where a page has none, and the
 * settings of each choice of the page. Writes primary.wasm and secondary.wasm into `out`, after a run of both with the page's
 * script and the page's memory, and prints counts as JSON. Exit code 1 and a reason on stderr otherwise.
 */

import crypto from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { runtimeOptions } from "../../templates/static/restore.js";
import { Secondary } from "../../templates/static/secondary.js";
import { tellInFewLines } from "../node_errors.mjs";
import { rehearse } from "./rehearsal.mjs";
import { PREFIX, callable, split, watched } from "./split.mjs";

tellInFewLines();

const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
const runtime = `${resolve(job.runtime)}/`;
const meta = JSON.parse(readFileSync(join(job.snapshot, "snapshot.json"), "utf8"));
const blocks = new Uint8Array(readFileSync(join(job.snapshot, "snapshot.bin")));
const tools = job.tools === null ? null : readFileSync(job.tools, "utf8");
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
  restored.pyimport("random").seed();
  restored.pyimport("pyclient.stdlib").install(() => new Uint8Array(readFileSync(job.library)), "/lib/python314.zip");
  return restored;
}

const wasm = new Uint8Array(readFileSync(join(runtime, "pyodide.asm.wasm")));
let seen = null;
const watching = await python(watched(wasm), (instance) => {
  seen = instance.exports;
  return { exports: Object.fromEntries(Object.entries(seen).filter(([name]) => !name.startsWith(PREFIX))) };
});
await rehearse(watching, job.settings, tools);
const used = callable(wasm);
for (const [name, value] of Object.entries(seen)) {
  if (name.startsWith(PREFIX) && value.value === 1) used.add(Number(name.slice(PREFIX.length)));
}
const { primary, secondary, ...counts } = split(wasm, used);

// A real run of what was made: the rehearsal needs the primary module alone, what else Python can do the secondary one.
const module = await WebAssembly.compile(secondary);
const rest = new Secondary(async () => module, () => module);
const whole = await python(primary, (instance) => rest.attach(instance));
await rehearse(whole, job.settings, tools);
if (rest.isThere) throw new Error("what a page uses is not in its part of the runtime");
whole.runPython(script("../snapshot_maker/check_restored.py"));
whole.FS.writeFile("/tmp/library.zip", readFileSync(job.library));
whole.runPython(script("../snapshot_maker/check_deferred.py"));
whole.runPython(script("check_whole.py"));
if (!rest.isThere) throw new Error("the rest of the runtime was not asked for");

writeFileSync(join(job.out, "primary.wasm"), primary);
writeFileSync(join(job.out, "secondary.wasm"), secondary);
process.stdout.write(JSON.stringify({ ...counts, primary_bytes: primary.length, secondary_bytes: secondary.length }));
process.exit(0);
