/**
 * Start the browser's Python in this Node, from a snapshot or from nothing, give it what a page gives it, and print as
 * JSON what a tool finds of the time zones, and what was fetched for it.
 *
 *   node zones_driver.mjs JOB.json
 *
 * The job: {runtime, library, snapshot, wheel, zones}: folders and files, `snapshot` null for a start from nothing,
 * with the wheel.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { tellInFewLines } from "../../../builder/node_errors.mjs";
import { runtimeOptions, settle } from "../../../templates/static/restore.js";

tellInFewLines();

const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
const of = (name) => pathToFileURL(join(job.runtime, name));
const { loadPyodide } = await import(of("pyodide.mjs"));
const { default: create } = await import(of("pyodide.asm.mjs"));
const options = { indexURL: job.runtime, stdLibURL: job.library, stdout: () => {}, stderr: () => {} };
if (job.snapshot !== null) {
  const meta = JSON.parse(readFileSync(join(job.snapshot, "snapshot.json"), "utf8"));
  const blocks = Promise.resolve(new Uint8Array(readFileSync(join(job.snapshot, "snapshot.bin"))));
  Object.assign(options, runtimeOptions(meta, blocks, create), { stdLibURL: join(job.snapshot, "empty.zip") });
}
const python = await loadPyodide(options);
if (job.snapshot === null) python.unpackArchive(new Uint8Array(readFileSync(job.wheel)), "wheel");
else settle(python);

const fetched = [];
const fetching = (name, path) => () => {
  fetched.push(name);
  return new Uint8Array(readFileSync(path));
};
const rest = python.pyimport("pyclient.host.lazy_stdlib");
rest.install(fetching("library", job.library), "/lib/python314.zip");
rest.install_zones(fetching("zones", job.zones), "/lib/zones");
const before = fetched.length;
const said = python.runPython(`
import datetime, json, sys
from zoneinfo import ZoneInfo, available_timezones
def told(key):
    try:
        return str(datetime.datetime(2026, 7, 1, 12, tzinfo=ZoneInfo(key)))
    except Exception as error:
        return type(error).__name__
keys = ("Europe/Berlin", "America/Argentina/Ushuaia", "UTC", "Asia/Calcutta", "Mars/Olympus", "Europe", "Europe/Atlantis")
json.dumps({"found": {key: told(key) for key in keys}, "zones": len(available_timezones())})
`);
console.log(JSON.stringify({ ...JSON.parse(said), fetched, before }));
process.exit(0);
