/**
 * Divides a small module twice as it is told on stdin (the numbers of the functions that the first and the second
 * division leave in the primary part), runs it, and prints what happened.
 */

import { readFileSync } from "node:fs";

import { SECTION, concatenated, leb, written } from "../../../builder/pyodide_slim/scripts/prune/format.mjs";
import { split } from "../../../builder/pyodide_slim/scripts/split/split.mjs";
import { told as toldBy, watched } from "../../../builder/pyodide_slim/scripts/split/watch.mjs";
import { DeferredModules, DeferredModule } from "../../../templates/static/deferred_wasm.js";

console.info = () => {}; // stdout is for the result
const name = (text) => [text.length, ...Buffer.from(text)];
const body = (...code) => [leb(code.length + 2), [0], code, [0x0b]].map((it) => Uint8Array.from(it));
// entry(x) = table[1](count(x)), count(x) = step(double(x)) and counts, table[1] = double, step is the host's.
const WHOLE = concatenated([
  [0, 97, 115, 109, 1, 0, 0, 0],
  ...written(SECTION.type, [[0x60, 1, 0x7f, 1, 0x7f]]),
  ...written(SECTION.import, [[...name("env"), ...name("step"), 0, 0]]),
  ...written(SECTION.function, [[0], [0], [0]]),
  ...written(SECTION.table, [[0x70, 0, 2]]),
  ...written(SECTION.memory, [[0, 1]]),
  ...written(SECTION.global, [
    [0x7f, 1, 0x41, 0, 0x0b],
    [0x7f, 1, 0x41, 0, 0x0b],
  ]),
  ...written(SECTION.export, [
    [...name("entry"), 0, 3],
    [...name("count"), 3, 1],
    [...name("memory"), 2, 0],
  ]),
  ...written(SECTION.element, [[0, 0x41, 1, 0x0b, 1, 1]]),
  ...written(SECTION.code, [
    concatenated(body(0x20, 0, 0x20, 0, 0x6a)),
    concatenated(body(0x23, 1, 0x41, 1, 0x6a, 0x24, 1, 0x20, 0, 0x10, 1, 0x10, 0)),
    concatenated(body(0x20, 0, 0x10, 2, 0x41, 1, 0x11, 0, 0)),
  ]),
]);
const imports = { env: { step: (x) => x + 1 } };

const { exports } = await WebAssembly.instantiate(await WebAssembly.compile(watched(WHOLE)), imports);
exports.entry(10);
const { called } = toldBy(exports);

const [used, atStart] = JSON.parse(readFileSync(0, "utf8"));
const without = split(WHOLE, new Set([1, 2, 3].filter((it) => !used.includes(it))), "rest");
const divided = split(without.primary, new Set(used.filter((it) => !atStart.includes(it))), "call");
const modules = {
  call: await WebAssembly.compile(divided.secondary),
  rest: await WebAssembly.compile(without.secondary),
};

async function run(now) {
  const brought = { ahead: [], now: [] };
  const part = (name) =>
    new DeferredModule(
      name,
      async () => (brought.ahead.push(name), modules[name]),
      () => (brought.now.push(name), now(name)),
    );
  const parts = new DeferredModules([part("call"), part("rest")]);
  return {
    parts,
    brought,
    seen: parts.attach(await WebAssembly.instantiate(await WebAssembly.compile(divided.primary), imports)),
  };
}

function usedOf({ seen, brought: { ahead, now } }) {
  const answers = [seen.exports.entry(10), seen.exports.entry(11)];
  return { answers, counted: seen.exports.count.value, ahead, now: now.sort() };
}

const demanded = await run((name) => modules[name]);
const ahead = await run((name) => modules[name]);
await ahead.parts.bringAhead();
const lost = await run(() => {
  throw new Error("not there");
});
let refused = null;
try {
  refused = lost.seen.exports.entry(10);
} catch (error) {
  refused = String(error);
}

const told = {
  watched: called,
  exports: Object.keys(demanded.seen.exports).sort(),
  "on demand": usedOf(demanded),
  ahead: usedOf(ahead),
  refused,
};
console.log(JSON.stringify(told));
