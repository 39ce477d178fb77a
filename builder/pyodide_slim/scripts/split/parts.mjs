/**
 * Which functions and which constants make up the parts of the runtime that come after the first one.
 *
 *   call    what a rehearsed call used
 *   rest    what else Python can do
 *   asian   the codecs of Chinese, Japanese and Korean
 *   archive the libraries for zstd, lzma and bz2
 *   tables  the library SQLite
 *   names   what is known of each character of Unicode, most of it names
 *   rare    Python's own tests, what holds a large table and was not used, frozen
 *           modules and docstrings (`described.mjs`)
 *
 * `call` and `rest` come when Python is ready, the others only when they are asked for. A function may be in any part:
 * whoever calls it waits for that. What belongs to no part stays in the first one.
 */

import { KIND, SECTION, readSections, reader } from "../prune/format.mjs";
import { Ownership, SMALLEST_BYTES, constantsOfGlobals } from "./ownership.mjs";
import { without } from "./segments.mjs";
import { READ_BYTES } from "./watch.mjs";

export const PARTS = ["call", "rest", "asian", "archive", "tables", "names", "rare"];
export const ON_DEMAND = ["asian", "archive", "tables", "names", "rare"];

// Modules of C code: whose functions make up a part.
const MODULES = [
  ["asian", /^PyInit_(_codecs_(cn|hk|iso2022|jp|kr|tw)|_multibytecodec)$/],
  ["names", /^PyInit_unicodedata$/],
  ["rare", /^PyInit_(_test|_xx|xx)/],
];
// Libraries: whose names begin so.
const LIBRARIES = [
  ["archive", /^(ZSTD|ZDICT|HUF|FSE)_/],
  ["archive", /^lzma_/],
  ["archive", /^BZ2_/],
  ["tables", /^sqlite3_/],
];
const FAR_APART = 300; // in functions: a name there is of something else
const LARGE_BYTES = 1 << 16;
const ZEROS_BETWEEN = 16;

/**
 * What the stock runtime exports, which is all that has a name beyond its own file; the smaller one has the same
 * functions under the same numbers, and the same data in the same places.
 *
 * @returns {{functions: Map<string, number>, data: Map<string, number>}}
 */
export function namesOf(stock) {
  const input = reader(
    stock,
    readSections(stock).find(({ id }) => id === SECTION.export),
  );
  const numbers = constantsOfGlobals(stock);
  const [functions, data] = [new Map(), new Map()];
  for (let count = input.number(); count > 0; count--) {
    const name = input.name();
    const kind = input.byte();
    const index = input.number();
    if (kind === KIND.function) functions.set(name, index);
    else if (kind === KIND.global && numbers.has(index)) data.set(name, numbers.get(index));
  }
  return { functions, data };
}

/**
 * @param {number[]} living every function of the module that is not dead   @param {Map<string, number>} names
 * @param {{start: Set<number>, call: Set<number>}} used at the start; at the start or in a call   @param {Ownership} ownership
 * @param {number[]} gates what leads to the data of `rare` that others know the place of
 * @returns {Map<string, Set<number>>} the functions of each part
 */
export function functionsOfParts(living, names, used, ownership, gates) {
  const functions = new Map(PARTS.map((part) => [part, new Set()]));
  const special = specialFunctions(names, ownership);
  for (const index of gates) special.set(index, "rare");
  for (const index of living) {
    if (used.start.has(index)) continue;
    functions.get(used.call.has(index) ? "call" : (special.get(index) ?? "rest")).add(index);
  }
  return functions;
}

function specialFunctions(names, ownership) {
  const special = new Map();
  for (const [index, addresses] of ownership.code) {
    const isLarge = (address) => {
      const object = ownership.objectOf(address);
      return (
        address < ownership.constantEnd &&
        ownership.bases[object] === address &&
        ownership.endOf(object) - address >= LARGE_BYTES
      );
    };
    if ([...addresses].some(isLarge)) special.set(index, "rare");
  }
  for (const { part, begin, end } of librariesOf(names))
    for (let index = begin; index < end; index++) special.set(index, part);
  // The linker puts the functions of a module one after the other, that which begins it first.
  const begins = [...names].filter(([name]) => name.startsWith("PyInit_")).sort(([, a], [, b]) => a - b);
  begins.forEach(([name, first], i) => {
    const part = MODULES.find(([, pattern]) => pattern.test(name))?.[0];
    if (part && i + 1 < begins.length)
      for (let index = first; index < begins[i + 1][1]; index++) special.set(index, part);
  });
  return special;
}

/**
 * The functions of the libraries. Of a file the linker puts those with a name first, so one reaches to where
 * the next library begins.
 */
function librariesOf(names) {
  const groups = LIBRARIES.map(([part, pattern]) => ({
    part,
    indexes: largestGroup([...names].filter(([name]) => pattern.test(name))),
  }));
  const found = groups
    .filter(({ indexes }) => indexes.length > 0)
    .sort((one, other) => one.indexes[0] - other.indexes[0]);
  return found.map(({ part, indexes }, i) => ({
    part,
    begin: indexes[0],
    end: found[i + 1]?.indexes[0] ?? indexes.at(-1) + 1,
  }));
}

function largestGroup(named) {
  const groups = [[]];
  for (const index of named.map(([, it]) => it).sort((a, b) => a - b)) {
    if (index - (groups.at(-1).at(-1) ?? index) > FAR_APART) groups.push([]);
    groups.at(-1).push(index);
  }
  return groups.reduce((one, other) => (other.length > one.length ? other : one));
}

/**
 * @param {Ownership} ownership   @param {Map<string, Set<number>>} functions of each part   @param {{rare: [number, number][], call: [number, number][]}} known
 *   what Python describes
 * @param {{start: number[], call: number[]}} read blocks that were read at the start; until the end of a call
 * @returns {Map<string, [number, number][]>} the data of each part
 */
export function dataOfParts(ownership, functions, known, read) {
  const later = new Set([...functions.values()].flatMap((indexes) => [...indexes]));
  const rangesOf = (own, options) => ownership.of((index) => own.has(index), options);
  const rare = rangesOf(functions.get("rare"), { hasRun: false, takesDead: true });
  const found = new Map([["rare", unread(joined([...rare, ...known.rare], ownership), read.call)]]);
  const ofCall = unread(joined(known.call, ownership), read.start);
  // Whoever reads it has not asked for another part.
  const staying = [...without(known.rare, found.get("rare")), ...without(known.call, ofCall)];
  for (const part of PARTS.filter((it) => it !== "rare")) {
    const ranges = rangesOf(functions.get(part), { hasRun: !ON_DEMAND.includes(part), takesDead: false });
    found.set(part, unread(joined(without(ranges, staying), ownership), part === "call" ? read.start : read.call));
  }
  // What several of them read comes with the first, which is there before any other.
  const [first] = PARTS;
  const shared = without(rangesOf(later, { hasRun: true, takesDead: false }), [
    ...staying,
    ...[...found.values()].flat(),
  ]);
  found.set(
    first,
    joined([...found.get(first), ...ofCall, ...unread(joined(shared, ownership), read.start)], ownership),
  );
  return found;
}

/** Sorted, in one where only constant zeros are between, and without those too small to be worth it. */
function joined(ranges, { memory, constantEnd }) {
  const found = [];
  for (const [begin, end] of ranges.sort(([a], [b]) => a - b)) {
    const last = found.at(-1);
    const areZeros =
      last &&
      begin < constantEnd &&
      begin - last[1] <= ZEROS_BETWEEN &&
      memory.subarray(last[1], begin).every((byte) => byte === 0);
    if (areZeros || (last && begin <= last[1])) last[1] = Math.max(end, last[1]);
    else found.push([begin, end]);
  }
  return found.filter(([begin, end]) => end - begin >= SMALLEST_BYTES);
}

/** A range of which something was read stays as a whole: something is not as it was thought to be. */
function unread(ranges, blocks) {
  return ranges.filter(([begin, end]) => !blocks.some((block) => block >= begin && block + READ_BYTES <= end));
}
