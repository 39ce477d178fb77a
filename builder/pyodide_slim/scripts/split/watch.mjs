/**
 * What a run of a WebAssembly module uses: a copy of the module that tells which functions were called and which of its
 * first data was read, and what counts as used without a run.
 */

import { KIND, Reader, SECTION, concatenated, eachInstruction, leb, passValueType, signed } from "../prune/format.mjs";
import { PREFIX, exporting, readModule, rewritten, sized } from "./split.mjs";

const END = 0x0b;
const [FUNCTION_TYPE, FUNCTION_REFERENCE, NOTHING, I32] = [0x60, 0x70, 0x40, 0x7f];
const [CALLS_DEEP, PROMISING_CALLS_DEEP] = [1, 5];
/** What was read is told by blocks of so many bytes. */
export const READ_BYTES = 64;
const READ_SHIFT = 6;
const READS = `${PREFIX}reads`;
const MARK = `${PREFIX}mark`;

/**
 * A copy of the module that tells which functions were called: for each there is a global `split:N`, 0 or 1. And which
 * blocks of the memory below `limit` were read: the table `split:reads` holds something for each. The memory itself
 * stays as it would be.
 *
 * @param {Uint8Array} bytes   @param {number} limit   @returns {Uint8Array}
 */
export function watched(bytes, limit = 0) {
  const module = readModule(bytes);
  const first = module.globals;
  const globals = module.bodies.map(() => Uint8Array.of(I32, 1, 0x41, 0, END));
  const exports = module.bodies.map((_, i) => exporting(`${PREFIX}${i + module.imported}`, KIND.global, first + i));
  const [mark, markRange] = [module.imported + module.bodies.length, module.imported + module.bodies.length + 1];
  const code = module.bodies.map((body, i) => {
    const { locals, begin, temporary } = withTwoMore(bytes, module, body, i + module.imported);
    const parts = [locals, [0x41, 1, 0x24], leb(first + i)];
    let done = begin;
    const insert = (position, ...added) => {
      parts.push(bytes.subarray(done, position), ...added);
      done = position;
    };
    const [one, two] = [leb(temporary), leb(temporary + 1)];
    eachInstruction(bytes, body, i + module.imported, (opcode, at) => {
      if (opcode >= 0x28 && opcode <= 0x35) {
        const input = new Reader(bytes, at + 1);
        input.number();
        insert(at, [0x22], one, [0x20], one, [0x41], signed(input.number()), [0x6a, 0x10], leb(mark));
      } else if (opcode === 0xfc && bytes[at + 1] === 10) {
        insert(at, [0x21], two, [0x22], one, [0x20], one, [0x20], two, [0x10], leb(markRange), [0x20], two);
      }
    });
    parts.push(bytes.subarray(done, body.end));
    return sized(parts);
  });
  const [takesOne, takesTwo] = [module.types.length, module.types.length + 1];
  const blocks = Math.ceil(limit / READ_BYTES) + 1;
  return rewritten(bytes, module, {
    [SECTION.type]: (entries) => [...entries, [FUNCTION_TYPE, 1, I32, 0], [FUNCTION_TYPE, 2, I32, I32, 0]],
    [SECTION.function]: (entries) => [...entries, leb(takesOne), leb(takesTwo)],
    [SECTION.table]: (entries) => [...entries, concatenated([[FUNCTION_REFERENCE, 0], leb(blocks)])],
    [SECTION.global]: (entries) => [...entries, ...globals],
    [SECTION.export]: (entries) => [
      ...entries,
      ...exports,
      exporting(READS, KIND.table, module.tables),
      exporting(MARK, KIND.function, mark),
    ],
    [SECTION.code]: () => [...code, markOne(limit, mark, module.tables), markMany(limit, mark)],
  });
}

/** What the exports of a watched module tell: functions called so far, and addresses of blocks read so far. */
export function told(exports) {
  const called = [];
  for (const [name, value] of Object.entries(exports)) {
    const number = name.slice(PREFIX.length);
    if (name.startsWith(PREFIX) && /^\d+$/.test(number) && value.value === 1) called.push(Number(number));
  }
  const read = [];
  const table = exports[READS];
  for (let block = 0; block < table.length; block++) if (table.get(block) !== null) read.push(block * READ_BYTES);
  return { called, read };
}

/**
 * The functions that Pyodide's own scripts can call, and some of what those call. Which of them are used
 * depends on the browser: one that can suspend WebAssembly calls Python in another way than Node, through what
 * is named after promises.
 *
 * @returns {Set<number>}
 */
export function callable(bytes) {
  const { exported, imported, bodies } = readModule(bytes);
  const found = new Set();
  for (const [name, first] of exported) {
    let last = [first];
    for (let depth = name.includes("promising") ? PROMISING_CALLS_DEEP : CALLS_DEEP; depth >= 0; depth--) {
      last.forEach((index) => found.add(index));
      const next = new Set();
      for (const index of last.filter((it) => it >= imported)) {
        eachInstruction(bytes, bodies[index - imported], index, (_opcode, _begin, _end, callees) =>
          callees.forEach((it) => next.add(it)),
        );
      }
      last = [...next];
    }
  }
  return found;
}

/** The locals of a body and two numbers more, the first of which is `temporary`. */
function withTwoMore(bytes, module, { code, end }, index) {
  const input = new Reader(bytes, code, end);
  const groups = input.number();
  const first = input.position;
  let temporary = module.parametersOf(module.typeOf(index));
  for (let left = groups; left > 0; left--) {
    temporary += input.number();
    passValueType(input);
  }
  const locals = concatenated([leb(groups + 1), bytes.subarray(first, input.position), [2, I32]]);
  return { locals, begin: input.position, temporary };
}

/** mark(address): address < limit && table[address / 64] = mark */
function markOne(limit, mark, table) {
  const address = [0x20, 0];
  const isLow = [address, [0x41], signed(limit), [0x49, 0x04, NOTHING]];
  return sized([[0], ...isLow, address, [0x41, READ_SHIFT, 0x76, 0xd2], leb(mark), [0x26], leb(table), [END, END]]);
}

/** markRange(address, length): marks every block of it, where it begins low. */
function markMany(limit, mark) {
  const [address, end] = [
    [0x20, 0],
    [0x20, 1],
  ];
  const step = [...signed(READ_BYTES)];
  return sized([
    [0, ...end, 0x45, ...address, 0x41, ...signed(limit), 0x4f, 0x72, 0x04, NOTHING, 0x0f, END],
    [...address, ...end, 0x6a, 0x21, 1],
    [0x03, NOTHING, ...address, 0x10],
    leb(mark),
    [...address, 0x41, ...step, 0x6a, 0x22, 0, ...end, 0x49, 0x0d, 0, END],
    [...end, 0x41, 1, 0x6b, 0x10],
    leb(mark),
    [END],
  ]);
}
