/**
 * Prints which tables of a small module only its function 1 can read: function 0 is of the first part, function 1 of a
 * later one. stdin: {reads: [addresses of function 0, of function 1], compares: [numbers of function 0], pointers:
 * {place: address}, held: [addresses]}
 *
 * Tables of 8192 bytes begin at 8192, 16384 and so on up to 65536, where variables begin, the first
 * of them with `pointers`.
 */

import { readFileSync } from "node:fs";

import { SECTION, concatenated, leb, signed, written } from "../../../builder/pyodide_slim/scripts/prune/format.mjs";
import { Ownership } from "../../../builder/pyodide_slim/scripts/split/ownership.mjs";
import { readData } from "../../../builder/pyodide_slim/scripts/split/segments.mjs";
import { told, watched } from "../../../builder/pyodide_slim/scripts/split/watch.mjs";

const [BEGIN, VARIABLES, END] = [8192, 65536, 81920];
const asked = JSON.parse(readFileSync(0, "utf8"));
const initial = new Uint8Array(END).fill(200, BEGIN); // no text, and as a word no address
const view = new DataView(initial.buffer);
for (const [place, address] of Object.entries(asked.pointers)) view.setUint32(Number(place), address, true);
const name = (text) => [text.length, ...Buffer.from(text)];
const read = (address) => [0x41, ...signed(address), 0x28, 2, 0, 0x1a];
const compare = (number) => [0x41, 0, 0x41, ...signed(number), 0x49, 0x1a];
const body = (code) => concatenated([leb(code.length + 2), [0], code, [0x0b]]);
const bytes = concatenated([
  [0, 97, 115, 109, 1, 0, 0, 0],
  ...written(SECTION.type, [[0x60, 0, 0]]),
  ...written(SECTION.import, [[...name("env"), ...name("step"), 0, 0]]),
  ...written(SECTION.function, [[0], [0]]),
  ...written(SECTION.table, [[0x70, 0, 2]]),
  ...written(SECTION.memory, [[0, 2]]),
  ...written(SECTION.global, [[0x7f, 0, 0x41, 0, 0x0b]]),
  ...written(SECTION.export, [
    [...name("first"), 0, 1],
    [...name("later"), 0, 2],
    [...name("memory"), 2, 0],
  ]),
  ...written(SECTION.element, [[0, 0x41, 1, 0x0b, 1, 1]]),
  ...written(SECTION.code, [
    body([...asked.reads[0].flatMap(read), ...asked.compares.flatMap(compare)]),
    body(asked.reads[1].flatMap(read)),
  ]),
  ...written(SECTION.data, [
    concatenated([[0, 0x41], signed(BEGIN), [0x0b], leb(END - BEGIN), initial.subarray(BEGIN)]),
  ]),
]);

const running = new Uint8Array(2 * 65536);
running.set(initial);
running[VARIABLES + 4096] = 1; // a variable that was written
asked.held.forEach((address, i) => new DataView(running.buffer).setUint32(90000 + 4 * i, address, true));
const ownership = new Ownership(bytes, readData(bytes), [running], new Set(), new Set());
const own = ownership.of((index) => index === 2, { hasRun: true, takesDead: false });

const { exports } = await WebAssembly.instantiate(await WebAssembly.compile(watched(bytes, END)), {
  env: { step() {} },
});
exports.first();
console.log(JSON.stringify({ own, read: told(exports).read }));
