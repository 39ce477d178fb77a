/**
 * Run by Node at build time: Python's sources in packages as bytecode of the browser's Python.
 *
 *   node compile.mjs JOB.json
 *
 * The job: {pyodide, archive, packages, out}: Pyodide's folder, the script that writes a flat archive
 * (`builder/flat_archive.py`), the packages in such a one, and where they shall be, compiled.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { tellInFewLines } from "../../node_errors.mjs";

tellInFewLines();

const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
const { loadPyodide } = await import(pathToFileURL(join(resolve(job.pyodide), "pyodide.mjs")));
const python = await loadPyodide({ indexURL: `${resolve(job.pyodide)}/`, stdout: () => {}, stderr: () => {} });
python.FS.writeFile("/tmp/packages.bin", new Uint8Array(readFileSync(job.packages)));
python.FS.writeFile("/home/pyodide/flat_archive.py", readFileSync(job.archive, "utf8"));
python.runPython(readFileSync(new URL("compile_packages.py", import.meta.url), "utf8"));
writeFileSync(job.out, python.FS.readFile("/tmp/compiled.bin"));
process.exit(0);
