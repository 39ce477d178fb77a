/**
 * Start the browser's Python in this Node from nothing or from a snapshot, and print what it says of
 * its surroundings as JSON.
 *
 *   node visitor_driver.mjs JOB.json
 *
 * The job: {runtime, library, snapshot, restores, language, suspends}. `restores`: put the snapshot back. `suspends`:
 * let Pyodide find stack switching, or find none. The time zone is that of this process.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { tellInFewLines } from "../../../builder/node_errors.mjs";
import { runtimeOptions, settle } from "../../../templates/static/restore.js";

tellInFewLines();

const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
process.argv.length = 1; // as in a browser
Object.defineProperty(globalThis, "navigator", {
  value: { language: job.language, userAgent: "", platform: "" },
  configurable: true,
});
delete WebAssembly.Suspending;
delete WebAssembly.promising;
if (job.suspends)
  Object.assign(WebAssembly, {
    Suspending: function (call) {
      return call;
    },
    promising: (call) => call,
  });

const of = (name) => pathToFileURL(join(job.runtime, name));
const { loadPyodide } = await import(of("pyodide.mjs"));
const { default: create } = await import(of("pyodide.asm.mjs"));
const meta = JSON.parse(readFileSync(join(job.snapshot, "snapshot.json"), "utf8"));
const options = { indexURL: job.runtime, stdLibURL: job.library, lockFileContents: meta.lock, stderr: () => {} };
if (job.restores) {
  const blocks = Promise.resolve(new Uint8Array(readFileSync(join(job.snapshot, "snapshot.bin"))));
  Object.assign(options, runtimeOptions(meta, blocks, create));
}
const python = await loadPyodide(options);
if (job.restores) settle(python);
console.log(python.runPython(readFileSync(new URL("visitor_probe.py", import.meta.url), "utf8")));
process.exit(0);
