/**
 * Run by Node at build time: divide the smaller runtime's WebAssembly into what a page needs to start, what a call
 * needs, and the rest.
 *
 *   node divide.mjs JOB.json
 *
 * The job: {runtime, stock, snapshot, library, zones, packages, tools, settings, work, out}: folders and files,
 * `packages` and `tools` null where a page has none, and the settings of each choice of the page; `stock` is the
 * runtime that this one was made of. Writes tools.pyc, primary.wasm and a file for each part (`parts.mjs`), parts.json,
 * which lists them, and memory.sha256 into `out`, after a run of all with the page's script and the page's memory, and
 * prints counts as JSON. Exit code 1 and a reason on stderr otherwise.
 */

import crypto from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { runtimeOptions, settle } from "../../../../templates/static/restore.js";
import { DeferredModules, DeferredModule } from "../../../../templates/static/deferred_wasm.js";
import { tellInFewLines } from "../../../node_errors.mjs";
import { ignoreGarbage } from "../snapshot/same_every_time.mjs";
import { TOOLS, begin, rehearse } from "./rehearsal.mjs";
import { Described, placesOf, unshared } from "./described.mjs";
import { Ownership, constantEnd } from "./ownership.mjs";
import { ON_DEMAND, PARTS, dataOfParts, functionsOfParts, namesOf } from "./parts.mjs";
import { readData, withData, without } from "./segments.mjs";
import { PREFIX, living, split } from "./split.mjs";
import { callable, told, watched } from "./watch.mjs";
import { UnlikeError } from "../unlike.mjs";

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
ignoreGarbage();

const { loadPyodide } = await import(pathToFileURL(join(runtime, "pyodide.mjs")));
const { default: create } = await import(pathToFileURL(join(runtime, "pyodide.asm.mjs")));
const plain = WebAssembly.instantiate;

/**
 * Python as the page has it, of another module than the one in the folder. `attach` says what Pyodide
 * sees of the instance.
 */
async function pythonOf(bytes, attach) {
  const module = await WebAssembly.compile(bytes);
  WebAssembly.instantiate = async (_, imports) => {
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
  const rest = restored.pyimport("pyclient.host.lazy_stdlib");
  rest.install(() => new Uint8Array(readFileSync(job.library)), "/lib/python314.zip");
  rest.install_zones(() => new Uint8Array(readFileSync(job.zones)), "/lib/zones");
  if (job.packages !== null) rest.install_packages(new Uint8Array(readFileSync(job.packages)));
  return restored;
}

/** The page's tools as the page will get them. */
function toolsOf(python, source) {
  python.FS.writeFile("/tmp/tools.py", source);
  python.runPython(script("compile_tools.py"));
  if (!python.FS.analyzePath("/tmp/tools.pyc").exists) return { path: `${TOOLS}.py`, bytes: source };
  return { path: `${TOOLS}.pyc`, bytes: python.FS.readFile("/tmp/tools.pyc") };
}

/** Python as the page has it, which tells what it used so far. */
async function watchedPython() {
  let seen = null;
  const python = await pythonOf(watched(wasm, data.memory.length), (instance) => {
    seen = instance.exports;
    return { exports: Object.fromEntries(Object.entries(seen).filter(([name]) => !name.startsWith(PREFIX))) };
  });
  const used = () => {
    const { called, read } = told(seen);
    return { called: new Set([...callable(wasm), ...called]), read };
  };
  return { python, used };
}

/** The module in parts: each with the functions and the data that are its own. */
function divided() {
  const made = {};
  let primary = wasm;
  for (const name of PARTS) {
    const { primary: left, secondary } = split(primary, functions.get(name), name);
    made[name] = withData(secondary, data.memory, ranges.get(name));
    primary = left;
  }
  const gone = [...ranges.values()].flat();
  made.primary = withData(primary, data.memory, without([[data.begin, data.memory.length]], gone));
  return made;
}

const wasm = new Uint8Array(readFileSync(join(runtime, "pyodide.asm.wasm")));
// In a Python of their own: what another has compiled it need not find out again.
const tools =
  job.tools === null ? null : toolsOf(await pythonOf(wasm, (instance) => instance), readFileSync(job.tools));
const early = job.packages === null ? null : tools; // see `worker.js`
const data = readData(wasm);
const watching = await watchedPython();
begin(watching.python, job.settings, early);
const atStart = watching.used();
const restored = watching.python._module.HEAPU8.slice();
await rehearse(watching.python, job.settings, tools);
const inCall = watching.used();
const memories = [restored, watching.python._module.HEAPU8];
// For whom wants to know why two builds differ: what follows depends on this, and hardly ever shows it.
writeFileSync(join(job.out, "memory.sha256"), crypto.createHash("sha256").update(memories[1]).digest("hex"));

const names = namesOf(new Uint8Array(readFileSync(join(job.stock, "pyodide.asm.wasm"))));
const symbols = new Set(names.data.values());
const owning = (kinds) => new Ownership(wasm, data, memories, symbols, placesOf(kinds));
const candidates = new Described(wasm, data, constantEnd(data, memories), names).leaving(atStart.called);
const described = unshared(candidates, owning(candidates));
const ownership = owning(described);
const describedBy = (isOne) => [...placesOf(described.filter(isOne)).values()];
const gates = described.flatMap((kind) => kind.gates);
const used = { start: atStart.called, call: inCall.called };
const functions = functionsOfParts(living(wasm), names.functions, used, ownership, gates);
// What a call reads comes with the call's part, which is there before any other.
const isOfCall = ({ gates: own }) => own.some((index) => inCall.called.has(index));
const known = { rare: describedBy((kind) => !isOfCall(kind)), call: describedBy(isOfCall) };
const ranges = dataOfParts(ownership, functions, known, { start: atStart.read, call: inCall.read });
const parts = divided();

// A real run of what was made: the start needs the primary module alone, the rehearsal the call's, what else Python can
// do the rest.
const later = new Map();
for (const name of PARTS) {
  const module = await WebAssembly.compile(parts[name]);
  later.set(
    name,
    new DeferredModule(
      name,
      async () => module,
      () => module,
    ),
  );
}
const areThere = () => PARTS.filter((name) => later.get(name).isThere).join(" ");
const whole = await pythonOf(parts.primary, (instance) => new DeferredModules([...later.values()]).attach(instance));
begin(whole, job.settings, early);
if (areThere() !== "")
  throw new UnlikeError(`what a page starts with is not in the first part of the runtime, but in ${areThere()}`);
await rehearse(whole, job.settings, tools);
if (!["", "call"].includes(areThere()))
  throw new UnlikeError(`what a call uses is not in its part of the runtime, but in ${areThere()}`);
whole.runPython(script("../snapshot/check_restored.py"));
whole.FS.writeFile("/tmp/library.zip", readFileSync(job.library));
whole.runPython(script("../snapshot/check_deferred.py"));
whole.runPython(script("check_whole.py"));
if (!PARTS.every((name) => later.get(name).isThere))
  throw new UnlikeError(`of the runtime only ${areThere()} was asked for`);
const constant = data.memory.subarray(0, ownership.constantEnd);
if (Buffer.compare(constant, whole._module.HEAPU8.subarray(0, constant.length)) !== 0)
  throw new UnlikeError("the parts do not make up the whole");

for (const [name, bytes] of Object.entries(parts)) writeFileSync(join(job.out, `${name}.wasm`), bytes);
if (tools?.path.endsWith(".pyc")) writeFileSync(join(job.out, "tools.pyc"), tools.bytes);
const listed = PARTS.map((name) => ({ name, ahead: !ON_DEMAND.includes(name) }));
writeFileSync(join(job.out, "parts.json"), JSON.stringify(listed));
process.stdout.write(JSON.stringify({ moved: [...functions.values()].reduce((sum, { size }) => sum + size, 0) }));
process.exit(0);
