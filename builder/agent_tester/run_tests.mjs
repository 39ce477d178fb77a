/**
 * Run by Node: the tests of an agent's tools, in the browser's own Python. Ends with pytest's exit code.
 *
 *   node run_tests.mjs JOB.json
 *
 * The job: {stock, wheel, zones, packages, pytest, agent, folder, words}; `packages` null where there are none,
 * `pytest` and `agent` archives, `folder` where the latter is unpacked, `words` further options of pytest.
 */

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { tellInFewLines } from "../node_errors.mjs";

tellInFewLines();

const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
const bytes = (path) => new Uint8Array(readFileSync(path));
const { loadPyodide } = await import(pathToFileURL(join(resolve(job.stock), "pyodide.mjs")));
const python = await loadPyodide({ indexURL: `${resolve(job.stock)}/` });
python.unpackArchive(bytes(job.wheel), "wheel");
python.unpackArchive(bytes(job.pytest), "zip", { extractDir: "/lib/pytest" });
python.unpackArchive(bytes(job.agent), "zip", { extractDir: `/home/pyodide/${job.folder}` });
const stdlib = python.pyimport("pyclient.host.lazy_stdlib");
stdlib.install_zones(() => bytes(job.zones), "/lib/zones");
if (job.packages) stdlib.install_packages(bytes(job.packages));
python.globals.set("folder", job.folder);
python.globals.set("words", python.toPy(job.words));
process.exit(python.runPython(readFileSync(new URL("run_tests.py", import.meta.url), "utf8")));
