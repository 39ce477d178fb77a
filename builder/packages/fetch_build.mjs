/**
 * Run by Node at build time: have Pyodide fetch one of the packages that it builds itself.
 *
 *   node fetch_build.mjs JOB.json
 *
 * The job: {pyodide, name, file, address, cache, out}: Pyodide's folder, the package and its file, an address other
 * than Pyodide's own (or ""), a folder for what is fetched, and where the file shall be. Exit code 1 and a reason on
 * stderr where it cannot be had.
 */

import { copyFileSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { tellInFewLines } from "../node_errors.mjs";

tellInFewLines();

const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
const { loadPyodide } = await import(pathToFileURL(join(resolve(job.pyodide), "pyodide.mjs")));
const lock = JSON.parse(readFileSync(join(job.pyodide, "pyodide-lock.json"), "utf8"));
// This one alone: what it depends on is looked for by whoever asked for it.
lock.packages = { [job.name]: { ...lock.packages[job.name], depends: [] } };
const python = await loadPyodide({
  indexURL: `${resolve(job.pyodide)}/`,
  lockFileContents: lock,
  packageCacheDir: job.cache,
  ...(job.address ? { packageBaseUrl: job.address } : {}),
  stdout: () => {},
});
// the builder compares the digest
await python.loadPackage(job.name, { checkIntegrity: false, messageCallback: () => {} });
copyFileSync(join(job.cache, job.file), job.out);
process.exit(0);
