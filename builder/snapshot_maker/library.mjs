/**
 * Run by Node at build time, once per Pyodide: its library as bytecode. Compiling it takes longer than all else that a snapshot needs.
 *
 *   node library.mjs STOCK_FOLDER OUT_FOLDER
 *
 * Writes library.zip into the folder. Exit code 1 and a reason on stderr where it cannot be done.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { tellInFewLines } from "../node_errors.mjs";

tellInFewLines();

const [stock, out] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(join(stock, "pyodide.mjs")));
// Without columns of lines, see `compile_library.py`.
const python = await loadPyodide({ indexURL: `${resolve(stock)}/`, env: { PYTHONNODEBUGRANGES: "1" }, stdout: () => {} });
python.runPython(readFileSync(new URL("compile_library.py", import.meta.url), "utf8"));
writeFileSync(join(out, "library.zip"), python.FS.readFile("/tmp/compiled.zip"));
process.exit(0);
