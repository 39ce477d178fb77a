/**
 * Run by Node at build time: start the browser's Python, import everything that the client will ever import, and keep
 * the memory. A browser that puts this memory back has Python and the client at once.
 *
 *   node maker.mjs JOB.json
 *
 * The job: {stock, library, runtime, wheel, work, out, modules, wanted, deferred}. `wanted` are modules that the
 * tools of a page import: those that there are go into the memory too. `stock` are Pyodide's own files, `library`
 * its library as bytecode, `runtime` those that the page will start. `deferred` are modules that are imported at
 * their first use (`deferred_module.py`).
 *
 * Writes into `out`, each after a real run of it that asks Python whether all is there:
 *   snapshot.bin     the blocks that differ from a freshly instantiated module, one after the other
 *   complete.bin     the same when they were put back, with the hashes of texts: what a browser keeps
 *                    for its next visit
 *   snapshot.json    Pyodide's own header, and which blocks they are
 *   modules.txt      what is imported in it: for people who want it smaller
 *   precompiled.zip  the part of the library that the client takes, and the client, as bytecode: where the memory
 *                    cannot be used
 * Exit code 1 and a reason on stderr otherwise.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { putBack, runtimeOptions, settle } from "../../../../templates/static/restore.js";
import { HASH, isText, textHash } from "../../../../templates/static/text_hash.js";
import { tellInFewLines } from "../../../node_errors.mjs";
import { sameEveryTime } from "./same_every_time.mjs";
import { UnlikeError } from "../unlike.mjs";

const BLOCK_BYTES = 512; // of freed memory each page keeps a few bytes: with 4 KiB a tenth of all were zeros

tellInFewLines();

const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
const runtime = `${resolve(job.runtime)}/`;
const { info } = JSON.parse(readFileSync(join(job.stock, "pyodide-lock.json"), "utf8"));
const lock = { info, packages: {} };
const quiet = { indexURL: runtime, lockFileContents: lock, stdout: () => {} };
const script = (name) => readFileSync(new URL(name, import.meta.url), "utf8");

const startAgain = sameEveryTime();
const { loadPyodide } = await import(pathToFileURL(join(runtime, "pyodide.mjs")));
const { default: create } = await import(pathToFileURL(join(runtime, "pyodide.asm.mjs")));

const compiler = await loadPyodide({ ...quiet, stdLibURL: job.library, env: { PYTHONNODEBUGRANGES: "1" } });
compiler.FS.writeFile("/tmp/client.whl", new Uint8Array(readFileSync(job.wheel)));
compiler.FS.writeFile("/tmp/deferred.txt", job.deferred.join(" "));
for (const name of ["deferred_module.py", "package_loader.py", "plain_code.py", "visitor.py"])
  compiler.FS.writeFile(`/tmp/${name}`, script(name));
compiler.FS.writeFile("/home/pyodide/plain_code.py", script("plain_code.py"));
compiler.runPython(script("compile_library.py"));
const take = (python, name) => {
  const path = join(job.work, name);
  writeFileSync(path, python.FS.readFile(`/tmp/${name}`));
  return path;
};
const compiled = take(compiler, "compiled.zip");
const library = take(compiler, "deferring.zip");

/**
 * Import what the page shall have. A tool may ask for what this system does not have: that is told when the tool runs.
 */
function importAll(python) {
  for (const name of job.modules) python.pyimport(name).destroy();
  for (const name of job.wanted) {
    try {
      python.pyimport(name).destroy();
    } catch (error) {
      if (error?.name !== "PythonError") throw error;
    }
  }
}

/** Remember where C keeps what it knows of the time zone: a page has it asked for again. */
function watchingZone(settings) {
  const instantiate = settings.instantiateWasm;
  settings.instantiateWasm = (imports, done) => {
    const ask = imports.env._tzset_js;
    imports.env._tzset_js = (...addresses) => {
      zone = addresses;
      ask(...addresses);
    };
    return instantiate(imports, done);
  };
  return settings;
}

startAgain();
let zone = null;
const python = await loadPyodide({
  ...quiet,
  stdLibURL: library,
  _makeSnapshot: true,
  env: { PYTHONHASHSEED: "0" },
  // What `forget_files.py` writes and reads: zeros.
  stderr: () => {},
  stdin: () => new Uint8Array(1 << 17),
  createPyodideModule: (settings) => create(watchingZone(settings)),
});
importAll(python);
python.pyimport("_visitor").destroy();
python.runPython(script("forget_files.py"));
const namesOf = (it) => it.runPython("import sys; ' '.join(sorted(sys.modules))").split(" ");
const loaded = namesOf(python); // the stand-ins are gone by now
const snapshot = python.makeMemorySnapshot();

const [, heapStart] = new Uint32Array(snapshot.buffer, snapshot.byteOffset, 2);
const header = snapshot.subarray(0, heapStart);
const heap = snapshot.subarray(heapStart);
const { suspending, trampoline } = JSON.parse(readFileSync(join(dirname(job.library), "engine.json"), "utf8"));
const words = new DataView(heap.buffer, heap.byteOffset); // the same in every Node
words.setUint32(suspending.address, suspending.without, true);
words.setUint32(trampoline, 0, true);
if (zone === null)
  throw new UnlikeError("Python did not ask for the time zone, so a page could not have it asked again");

let fresh = null;
await loadPyodide({
  ...quiet,
  stdLibURL: library,
  _loadSnapshot: snapshot,
  createPyodideModule: async (settings) => {
    const module = await create(settings);
    fresh = module.HEAPU8.slice();
    return module;
  },
});

const textType = Number(python.runPython("id(str)"));
const shipped = heap.slice();
const texts = new Uint32Array(shipped.buffer);
for (let at = 0; at < texts.length; at++) {
  if (isText(texts, at, textType) && texts[at + HASH] === textHash(texts, at)) texts[at + HASH] = 0;
}

const runs = []; // [blocks left as they are, blocks kept], one after the other
const blocks = [];
let left = 0;
for (let begin = 0; begin < heap.length; begin += BLOCK_BYTES) {
  const block = heap.subarray(begin, begin + BLOCK_BYTES);
  if (Buffer.compare(block, fresh.subarray(begin, begin + BLOCK_BYTES)) === 0) {
    left += 1;
    continue;
  }
  if (left > 0 || runs.length === 0) runs.push([left, 0]);
  runs.at(-1)[1] += 1;
  left = 0;
  blocks.push(shipped.subarray(begin, begin + BLOCK_BYTES));
}
const meta = {
  header: Buffer.from(header).toString("base64"),
  heap_bytes: heap.length,
  block_bytes: BLOCK_BYTES,
  runs,
  lock,
  zone,
  text_type: textType,
  suspending,
  trampoline,
};
const bytes = Buffer.concat(blocks);
const back = fresh.slice(0, heap.length);
const complete = Uint8Array.from(bytes);
putBack(back, complete, meta);
if (Buffer.compare(back, heap) !== 0) throw new UnlikeError("the memory that is put back is not the one that was kept");

// A real run of what was made, in the way of the browser.
const restored = await loadPyodide({
  ...runtimeOptions(meta, Promise.resolve(complete), create, () => true),
  ...quiet,
  stdLibURL: join(job.work, "empty.zip"),
});
settle(restored);
const found = new Set(namesOf(restored));
const missing = loaded.filter((name) => !found.has(name));
if (missing.length > 0) throw new UnlikeError(`the restored memory lacks ${missing.slice(0, 5).join(", ")}`);
restored.runPython(script("check_restored.py"));
restored.FS.writeFile("/tmp/library.zip", readFileSync(join(job.stock, "python_stdlib.zip")));
restored.runPython(script("check_deferred.py"));

const ordinary = await loadPyodide({ ...quiet, stdLibURL: compiled });
importAll(ordinary);
ordinary.runPython(script("trim_library.py"));
const trimmed = take(ordinary, "trimmed.zip");
const precompiled = await loadPyodide({ ...quiet, stdLibURL: trimmed });
precompiled.runPython(script("check_restored.py"));

writeFileSync(join(job.out, "precompiled.zip"), readFileSync(trimmed));
writeFileSync(join(job.out, "snapshot.bin"), bytes);
writeFileSync(join(job.out, "complete.bin"), complete);
writeFileSync(join(job.out, "modules.txt"), `${loaded.join("\n")}\n`);
writeFileSync(join(job.out, "snapshot.json"), JSON.stringify(meta));
process.exit(0);
