/**
 * Start the client in the browser's Python, in this Node, with settings and tools that are wrong, and print as JSON
 * what the page would be told of each.
 *
 *   node death_driver.mjs JOB.json
 *
 * The job: {runtime, wheel, cases}; each case {settings, tools}, `tools` null for a page without. What a page fetches
 * cannot be had.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { tellInFewLines } from "../../../builder/node_errors.mjs";
import { deathOf } from "../../../templates/static/death.js";
import { FileFault } from "../../../templates/static/genuine.js";

tellInFewLines();

const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
const { loadPyodide } = await import(pathToFileURL(join(job.runtime, "pyodide.mjs")));
const python = await loadPyodide({ indexURL: job.runtime, stdout: () => {}, stderr: () => {} });
python.unpackArchive(new Uint8Array(readFileSync(job.wheel)), "wheel");
const unfetched = () => {
  throw new FileFault("network", "zones.0a1b.bin", "the time zones could not be fetched (NetworkError)");
};
python.pyimport("pyclient.host.lazy_stdlib").install_zones(unfetched, "/lib/zones");

const host = { show() {}, record() {}, ask_page() {} };
const told = job.cases.map(({ settings, tools }) => {
  python.runPython(
    "import importlib, sys; sys.modules.pop('agent_tools', None); importlib.invalidate_caches(); sys.dont_write_bytecode = True",
  );
  if (tools !== null) python.FS.writeFile("/home/pyodide/agent_tools.py", tools);
  try {
    const client = python.pyimport("pyclient.host.pyodide_host").start(host, JSON.stringify(settings));
    if (tools !== null) client.load_tools();
  } catch (error) {
    return deathOf(error, true);
  }
  return null;
});
const missing = deathOf(
  new FileFault("missing", "tools.0a1b.bin", "the agent's tools could not be fetched (status 404)"),
  false,
);
console.log(JSON.stringify([...told, missing, deathOf(new Error("no memory"), false)]));
process.exit(0);
