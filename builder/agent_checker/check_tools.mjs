/**
 * Run by Node at build time: are a page's tools usable? They are imported by the browser's own Python,
 * as a page imports them.
 *
 *   node check_tools.mjs JOB.json
 *
 * The job: {stock, wheel, zones, packages, tools, seconds, out}; `packages` null where there are none, `tools` a list
 * of files, each of which is a page's by itself. Writes `result.json` into `out`, for each file: {found: a list of
 * {kind, line, text}, kind "error" or "warning", imported: modules of the library that importing them asked for}. An
 * import that does not end is interrupted after `seconds`, so that its line can be named.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";

import { tellInFewLines } from "../node_errors.mjs";

tellInFewLines();

const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
const { loadPyodide } = await import(pathToFileURL(join(resolve(job.stock), "pyodide.mjs")));
const python = await loadPyodide({ indexURL: `${resolve(job.stock)}/`, stdout: () => {}, stderr: () => {} });
python.unpackArchive(new Uint8Array(readFileSync(job.wheel)), "wheel");
python.pyimport("pyclient.host.lazy_stdlib").install_zones(() => new Uint8Array(readFileSync(job.zones)), "/lib/zones");
if (job.packages)
  python.pyimport("pyclient.host.lazy_stdlib").install_packages(new Uint8Array(readFileSync(job.packages)));

// What a worker of a page has and this Node lacks. It is here to be imported, not to work.
const stub = () => new Proxy(function stub() {}, { get: (_, key) => (key === Symbol.toPrimitive ? () => "" : stub()) });
for (const name of [
  "self",
  "caches",
  "indexedDB",
  "location",
  "XMLHttpRequest",
  "importScripts",
  "postMessage",
  "addEventListener",
  "removeEventListener",
  "Worker",
  "OffscreenCanvas",
  "createImageBitmap",
  "FileReader",
  "Notification",
  "EventSource",
  "WebSocket",
  "navigator",
]) {
  if (!(name in globalThis)) globalThis[name] = stub();
}

const interrupt = new Uint8Array(new SharedArrayBuffer(1));
python.setInterruptBuffer(interrupt);
// A thread of its own, because this one is busy with the import. What counts is the processor's time: a busy machine is
// nobody's mistake; what only waits gets six times as much.
const watch =
  "const { parentPort, workerData: it } = require('node:worker_threads'); let timer;" +
  "parentPort.on('message', (word) => { clearInterval(timer); if (word === 'over') return;" +
  "const used = process.cpuUsage(), from = Date.now(); timer = setInterval(() => {" +
  "const { user, system } = process.cpuUsage(used);" +
  "if ((user + system) / 1000 > it.ms || Date.now() - from > 6 * it.ms) it.buffer[0] = 2; }, 200); });";
const watchman = new Worker(watch, { eval: true, workerData: { buffer: interrupt, ms: job.seconds * 1000 } });
await new Promise((done) => watchman.once("online", done));
const script = readFileSync(new URL("check_tools.py", import.meta.url), "utf8");
const results = [];
for (const file of job.tools) {
  python.FS.writeFile("/home/pyodide/agent_tools.py", new Uint8Array(readFileSync(file)));
  interrupt[0] = 0;
  const globals = python.toPy({ limit_s: job.seconds, watch: () => watchman.postMessage("now") });
  results.push(JSON.parse(python.runPython(script, { globals })));
  watchman.postMessage("over");
}
writeFileSync(join(job.out, "result.json"), JSON.stringify(results));
process.exit(0);
