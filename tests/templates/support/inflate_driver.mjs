/**
 * Decodes with the page's own script, in Node. `node inflate_driver.mjs FILE LENGTH FILE LENGTH ...` prints a line for
 * each file: the content's SHA-256, or the name of the error.
 */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

import { gunzipped } from "../../../templates/static/inflate.js";

function told(file, length) {
  try {
    const content = gunzipped(new Uint8Array(readFileSync(file)), Number(length));
    return createHash("sha256").update(content).digest("hex");
  } catch (error) {
    return error.constructor.name;
  }
}

const asked = process.argv.slice(2);
for (let at = 0; at < asked.length; at += 2) console.log(told(asked[at], asked[at + 1]));
