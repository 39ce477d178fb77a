/**
 * Which functions and which constants make up the parts of the runtime that come after the first one.
 *
 *   call    what a rehearsed call used
 *   rest    what else Python can do
 *   asian   the codecs of Chinese, Japanese and Korean
 *   names   what is known of each character of Unicode, most of it names
 *   rare    Python's own tests, modules that are frozen into it (a restored memory has imported those that a page wants), what
 *           holds a large table and was not used
 *
 * `call` and `rest` come when Python is ready, the others only when they are asked for. A function may be in any part: whoever calls
 * it waits for that. What belongs to no part stays in the first one.
 */

import { KIND, SECTION, readSections, reader } from "../runtime_pruner/format.mjs";
import { Ownership } from "./ownership.mjs";
import { READ_BYTES } from "./watch.mjs";

export const PARTS = ["call", "rest", "asian", "names", "rare"];
export const ON_DEMAND = ["asian", "names", "rare"];

// Modules of C code: whose functions make up a part.
const MODULES = [
  ["asian", /^PyInit_(_codecs_(cn|hk|iso2022|jp|kr|tw)|_multibytecodec)$/],
  ["names", /^PyInit_unicodedata$/],
  ["rare", /^PyInit_(_test|_xx|xx)/],
];
// Who reads a frozen module reads it through one of these: as code, or as the bytes that `_imp.find_frozen` gives when asked to.
const READS_FROZEN = ["PyMarshal_ReadObjectFromString", "PyMemoryView_FromMemory"];
const CODE_OBJECT = 0x63; // how marshalled code begins
const LARGE_BYTES = 1 << 16;

/** Names that the stock runtime exports; the smaller one has the same functions under the same numbers. @returns {Map<string, number>} */
export function namesOf(stock) {
  const input = reader(stock, readSections(stock).find(({ id }) => id === SECTION.export));
  const found = new Map();
  for (let count = input.number(); count > 0; count--) {
    const name = input.name();
    const kind = input.byte();
    const index = input.number();
    if (kind === KIND.function) found.set(name, index);
  }
  return found;
}

/**
 * @param {number[]} living every function of the module that is not dead   @param {Map<string, number>} names
 * @param {{start: Set<number>, call: Set<number>}} used at the start; at the start or in a call   @param {Ownership} ownership
 * @returns {Map<string, Set<number>>} the functions of each part
 */
export function functionsOfParts(living, names, used, ownership) {
  const functions = new Map(PARTS.map((part) => [part, new Set()]));
  const special = specialFunctions(names, ownership);
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
      return address < ownership.constantEnd && ownership.bases[object] === address && ownership.endOf(object) - address >= LARGE_BYTES;
    };
    if ([...addresses].some(isLarge)) special.set(index, "rare");
  }
  // The linker puts the functions of a module one after the other, that which begins it first.
  const begins = [...names].filter(([name]) => name.startsWith("PyInit_")).sort(([, a], [, b]) => a - b);
  begins.forEach(([name, first], i) => {
    const part = MODULES.find(([, pattern]) => pattern.test(name))?.[0];
    if (part && i + 1 < begins.length) for (let index = first; index < begins[i + 1][1]; index++) special.set(index, part);
  });
  for (const name of READS_FROZEN) if (names.has(name)) special.set(names.get(name), "rare");
  return special;
}

/**
 * Python's table of frozen modules has for each its name, its marshalled code, its size and whether it is a package.
 *
 * @returns {{pointers: Set<number>, ranges: [number, number][]}} where the addresses of code stand; the code but for its beginning,
 *   which Python looks at when it asks whether there is such a module
 */
export function frozenModules({ memory }, constantEnd) {
  const view = new DataView(memory.buffer, memory.byteOffset, memory.length);
  const isName = (address) => {
    const end = address < constantEnd ? memory.indexOf(0, address) : address;
    return end > address && end - address < 80 && /^[A-Za-z_][\w.]*$/.test(Buffer.from(memory.subarray(address, end)).toString("latin1"));
  };
  const pointers = new Set();
  const ranges = new Map();
  for (let at = constantEnd; at <= memory.length - 16; at += 4) {
    const [name, code, size, isPackage] = [0, 4, 8, 12].map((offset) => view.getUint32(at + offset, true));
    if (isPackage > 1 || size < 2 * READ_BYTES || code + size > constantEnd || memory[code] !== CODE_OBJECT || !isName(name)) continue;
    pointers.add(at + 4);
    ranges.set(code, [(code + 2 * READ_BYTES - 1) & -READ_BYTES, code + size]);
  }
  return { pointers, ranges: [...ranges.values()].sort(([a], [b]) => a - b) };
}

/**
 * @param {Ownership} ownership   @param {Map<string, Set<number>>} functions of each part   @param {[number, number][]} frozen
 * @param {Map<string, number>} names   @param {{start: number[], call: number[]}} read blocks that were read at the start; until the end of a call
 * @returns {Map<string, [number, number][]>} the constants of each part
 */
export function constantsOfParts(ownership, functions, frozen, names, read) {
  const found = new Map();
  for (const part of PARTS) {
    const own = functions.get(part);
    const ranges = ownership.of((index) => own.has(index));
    if (part === "rare" && READS_FROZEN.every((name) => own.has(names.get(name)))) ranges.push(...frozen);
    found.set(part, unread(ranges, part === "call" ? read.start : read.call).sort(([a], [b]) => a - b));
  }
  return found;
}

/** A range of which something was read stays as a whole: something is not as it was thought to be. */
function unread(ranges, blocks) {
  return ranges.filter(([begin, end]) => !blocks.some((block) => block < end && block + READ_BYTES > begin));
}
