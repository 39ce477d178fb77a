/**
 * Runs Python code in the whole smaller runtime and in the divided one, and prints what came out.
 *
 *   node parts_driver.mjs   with {runtime, folder, memory, codes: {NAME: CODE}} on stdin
 *
 * `folder` holds primary.wasm and the parts, `memory` snapshot.json and snapshot.bin. Each code gets a divided Python
 * of its own, to which parts come only when they are asked for. Of each part it is told which of its data was there too
 * early, and which was wrong afterwards.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { readData } from "../../../builder/pyodide_slim/scripts/split/segments.mjs";
import { runtimeOptions } from "../../../templates/static/restore.js";
import { DeferredModules, DeferredModule } from "../../../templates/static/deferred_wasm.js";

console.info = () => {}; // stdout is for the result
const { runtime, folder, memory, library, codes } = JSON.parse(readFileSync(0, "utf8"));
const file = (...names) => new Uint8Array(readFileSync(join(...names)));
const meta = JSON.parse(readFileSync(join(memory, "snapshot.json"), "utf8"));
const blocks = file(memory, "snapshot.bin");
const { loadPyodide } = await import(pathToFileURL(join(runtime, "pyodide.mjs")));
const { default: create } = await import(pathToFileURL(join(runtime, "pyodide.asm.mjs")));
const plain = WebAssembly.instantiate;

async function python(module, attach) {
  WebAssembly.instantiate = async (_, imports) => {
    WebAssembly.instantiate = plain;
    return { module, instance: attach(await plain(module, imports)) };
  };
  const made = await loadPyodide({
    ...runtimeOptions(meta, Promise.resolve(blocks), create),
    indexURL: `${runtime}/`,
    stdLibURL: join(memory, "empty.zip"),
    stdout: () => {},
    stderr: () => {},
  });
  made.pyimport("pyclient.host.lazy_stdlib").install(() => file(library), "/lib/python314.zip");
  return made;
}

const wholeBytes = file(runtime, "pyodide.asm.wasm");
const wholeModule = await WebAssembly.compile(wholeBytes);
const primary = await WebAssembly.compile(file(folder, "primary.wasm"));
const names = JSON.parse(readFileSync(join(folder, "parts.json"), "utf8")).map(({ name }) => name);
const modules = Object.fromEntries(names.map((name) => [name, new WebAssembly.Module(file(folder, `${name}.wasm`))]));

/** Places of the memory that only this part writes. */
const all = readData(wholeBytes).memory;
const early = readData(file(folder, "primary.wasm")).memory;
const datas = names.map((name) => readData(file(folder, `${name}.wasm`)).memory);
const own = Object.fromEntries(names.map((name) => [name, []]));
for (let at = 0; at < all.length; at++) {
  const who = [early, ...datas].flatMap((data, i) => ((data[at] ?? 0) === 0 ? [] : [i]));
  if (who.length === 1 && who[0] > 0) own[names[who[0] - 1]].push(at);
}

async function divided(code) {
  const brought = [];
  const parts = names.map((name) => new DeferredModule(name, null, () => (brought.push(name), modules[name])));
  const made = await python(primary, (instance) => new DeferredModules(parts).attach(instance));
  const heap = () => made._module.HEAPU8;
  const shipped = shippedPlaces();
  const isThere = (name) =>
    own[name].filter((at) => !shipped.has(Math.floor(at / meta.block_bytes)) && heap()[at] !== 0).length;
  const tooEarly = Object.fromEntries(names.map((name) => [name, brought.includes(name) ? 0 : isThere(name)]));
  const result = made.runPython(code);
  const wrong = brought.flatMap((name) => own[name].filter((at) => heap()[at] !== all[at]));
  return {
    result,
    brought,
    tooEarly,
    wrong: wrong.length,
    absent: names.filter((name) => !brought.includes(name) && isThere(name) === 0),
  };
}

/** Blocks that the restored memory brings itself. */
function shippedPlaces() {
  const found = new Set();
  let block = 0;
  for (const [left, kept] of meta.runs) {
    block += left;
    for (let i = 0; i < kept; i++) found.add(block++);
  }
  return found;
}

const told = {};
for (const [name, code] of Object.entries(codes)) {
  const whole = await python(wholeModule, (instance) => instance);
  told[name] = { whole: whole.runPython(code), ...(await divided(code)) };
}
const data = Object.fromEntries(names.map((name) => [name, own[name].length]));
process.stdout.write(JSON.stringify({ told, data }), () => process.exit(0));
