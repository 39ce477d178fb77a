/**
 * Decodes with the page's own script, in Node. `node inflate_driver.mjs FILE LENGTH` prints the content's SHA-256, or
 * the name of the error.
 */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

import { gunzipped } from "../../../templates/static/inflate.js";

const [file, length] = process.argv.slice(2);
try {
  const content = gunzipped(new Uint8Array(readFileSync(file)), Number(length));
  process.stdout.write(createHash("sha256").update(content).digest("hex"));
} catch (error) {
  process.stdout.write(error.constructor.name);
}
