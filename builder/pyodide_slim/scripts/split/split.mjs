/**
 * Divide a WebAssembly module: what was seen to be used, and the rest, which comes later. The primary part
 * can be divided again.
 *
 * Three quarters of Python's functions are never called in a page that only talks. The browser need not have them
 * before it is ready. The primary module keeps every function's number, so tables, exports and a kept memory fit as
 * before. In place of a function that it lacks stands a stub, which calls it through a table that the secondary module
 * fills, and asks for that part where it is not there yet (`templates/static/deferred_wasm.js`). The secondary module
 * calls back through the same table.
 *
 * Binaryen's wasm-split does the same (github.com/WebAssembly/binaryen/blob/main/src/tools/wasm-split); its npm package
 * lacks the tool.
 */

import {
  DEAD_BODY,
  KIND,
  Reader,
  SECTION,
  concatenated,
  constant,
  eachInstruction,
  leb,
  passDescription,
  passLimits,
  passValueType,
  readBodies,
  readSegment,
  readSections,
  reader,
  signed,
  written,
} from "../prune/format.mjs";
import { UnlikeError } from "../unlike.mjs";

/** What the parts and the page's script say to each other; everything else is as Pyodide's own scripts know it. */
export const PREFIX = "split:";

const END = 0x0b;
const [FUNCTION_TYPE, FUNCTION_REFERENCE, NOTHING, I32] = [0x60, 0x70, 0x40, 0x7f];
// Slot 0 is the page's script: it brings the secondary module.
const BRING = 0;

/**
 * @param {Uint8Array} bytes the whole module, or the primary part of one   @param {Set<number>} leaving functions of the secondary part
 * @param {string} name of the secondary part: what the two share is exported as `split:NAME:...`
 * @returns {{primary: Uint8Array, secondary: Uint8Array, moved: number}}
 */
export function split(bytes, leaving, name) {
  const prefix = `${PREFIX}${name}:`;
  const module = readModule(bytes);
  const { imported, bodies } = module;
  const moved = [];
  bodies.forEach((body, i) => leaving.has(i + imported) && !isDead(bytes, body) && moved.push(i + imported));
  const numberOf = new Map(moved.map((index, i) => [index, i]));

  // Who in the primary module may call what is not there: its code, its tables, its exports, its globals.
  const wanted = new Set([...module.referred].filter((index) => numberOf.has(index)));
  bodies.forEach((body, i) => {
    if (numberOf.has(i + imported)) return;
    eachInstruction(bytes, body, i + imported, (_opcode, _begin, _end, functions) => {
      for (const index of functions) if (numberOf.has(index)) wanted.add(index);
    });
  });
  const stubs = [...wanted].sort((a, b) => a - b);
  const slotOf = new Map(stubs.map((index, i) => [index, BRING + 1 + i]));

  // What the secondary module calls in the first, and which of its globals it uses.
  const lent = new Map();
  const globals = new Map();
  const numbered = (map, key, base) => map.get(key) ?? map.set(key, base + map.size).get(key);
  const table = module.tables;
  const secondCode = moved.map((index) => {
    const body = bodies[index - imported];
    const parts = [];
    let done = body.code;
    const replace = (begin, end, part) => {
      parts.push(bytes.subarray(done, begin), part);
      done = end;
    };
    eachInstruction(bytes, body, index, (opcode, begin, end, [callee]) => {
      if (callee !== undefined) {
        if (opcode === 0xd2) throw new UnlikeError(`function ${index} refers to another: not foreseen`);
        if (numberOf.has(callee)) return replace(begin, end, [opcode, ...leb(numberOf.get(callee))]);
        const slot = numbered(lent, callee, BRING + 1 + stubs.length);
        // `call` becomes `call_indirect`, `return_call` `return_call_indirect`.
        return replace(begin, end, [0x41, ...signed(slot), opcode + 1, ...leb(module.typeOf(callee)), ...leb(table)]);
      }
      if (opcode === 0x23 || opcode === 0x24) {
        const global = new Reader(bytes, begin + 1).number();
        return replace(begin, end, [opcode, ...leb(numbered(globals, global, 0))]);
      }
      if (opcode === 0xfc && [8, 9, 12, 13].includes(bytes[begin + 1]))
        throw new UnlikeError(`function ${index} uses a segment: not foreseen`);
    });
    parts.push(bytes.subarray(done, body.end));
    return sized(parts);
  });

  const slots = BRING + 1 + stubs.length + lent.size;
  const [isThere, bring, lend] = [module.globals, imported + bodies.length, imported + bodies.length + 1];
  const nothing = module.types.length;
  const first = rewritten(bytes, module, {
    [SECTION.type]: (entries) => [...entries, Uint8Array.of(FUNCTION_TYPE, 0, 0)],
    [SECTION.function]: (entries) => [...entries, leb(nothing), leb(nothing)],
    [SECTION.table]: (entries) => [...entries, concatenated([[FUNCTION_REFERENCE, 1], leb(slots), leb(slots)])],
    [SECTION.global]: (entries) => [...entries, Uint8Array.of(I32, 1, 0x41, 0, END)],
    [SECTION.export]: (entries) => [
      ...entries,
      exporting(`${prefix}table`, KIND.table, table),
      exporting(`${prefix}lend`, KIND.function, lend),
      exporting(`${prefix}is_there`, KIND.global, isThere),
      ...[...globals].map(([global, i]) => exporting(`${prefix}global${i}`, KIND.global, global)),
      ...module.tags.map((_, i) => exporting(`${prefix}tag${i}`, KIND.tag, i)),
      exporting(`${prefix}memory`, KIND.memory, 0),
      ...Array.from({ length: module.tables }, (_, i) => exporting(`${prefix}table${i}`, KIND.table, i)),
    ],
    // Passive: nothing is done with it before the secondary module is there.
    [SECTION.element]: (entries) => [...entries, concatenated([[1, 0], leb(lent.size), ...[...lent.keys()].map(leb)])],
    [SECTION.code]: () => [
      ...bodies.map((body, i) => {
        const index = i + imported;
        if (!numberOf.has(index)) return bytes.subarray(body.start, body.end);
        return slotOf.has(index) ? stub(module, index, slotOf.get(index), bring, table) : DEAD_BODY;
      }),
      sized([[0, 0x23], leb(isThere), [0x45, 0x04, NOTHING, 0x41, BRING, 0x11], leb(nothing), leb(table), [END, END]]),
      sized([
        [0, 0x41],
        signed(slots - lent.size),
        [0x41, 0, 0x41],
        signed(lent.size),
        [0xfc, 12],
        leb(module.segments),
        leb(table),
        [END],
      ]),
    ],
  });

  const imports = [
    importing("memory", KIND.memory, module.memory),
    ...Array.from({ length: module.tables }, (_, i) => importing(`table${i}`, KIND.table, module.tableTypes[i])),
    importing("table", KIND.table, concatenated([[FUNCTION_REFERENCE, 1], leb(slots), leb(slots)])),
    ...module.tags.map((type, i) => importing(`tag${i}`, KIND.tag, type)),
    ...[...globals.keys()].map((global, i) => importing(`global${i}`, KIND.global, module.globalTypes[global])),
  ];
  const own = moved.filter((index) => slotOf.has(index));
  const element = concatenated([
    [2],
    leb(table),
    [0x41],
    signed(BRING + 1),
    [END, 0],
    leb(own.length),
    ...own.map((index) => leb(numberOf.get(index))),
  ]);
  const second = concatenated([
    bytes.subarray(0, 8),
    ...written(SECTION.type, module.types),
    ...written(SECTION.import, imports),
    ...written(
      SECTION.function,
      moved.map((index) => leb(module.typeOf(index))),
    ),
    ...written(SECTION.element, [element]),
    ...written(SECTION.code, secondCode),
  ]);
  return { primary: first, secondary: second, moved: moved.length };
}

/** The functions that are not dead. @returns {number[]} */
export function living(bytes) {
  const { imported, bodies } = readModule(bytes);
  return bodies.flatMap((body, i) => (isDead(bytes, body) ? [] : [i + imported]));
}

const isDead = (bytes, { start, end }) => Buffer.compare(bytes.subarray(start, end), DEAD_BODY) === 0;

/** Calls the function in the slot with its own parameters, after making sure that there is one. */
function stub(module, index, slot, bring, table) {
  const type = module.typeOf(index);
  const parameters = Array.from({ length: module.parametersOf(type) }, (_, i) => [0x20, ...leb(i)]).flat();
  return sized([[0, 0x10], leb(bring), parameters, [0x41], signed(slot), [0x11], leb(type), leb(table), [END]]);
}

export function readModule(bytes) {
  const sections = readSections(bytes);
  const of = (id) => sections.find((section) => section.id === id);
  const entriesOf = (id, pass) => {
    const section = of(id);
    if (!section) return [];
    const input = reader(bytes, section);
    return Array.from({ length: input.number() }, () => {
      const begin = input.position;
      pass(input);
      return bytes.subarray(begin, input.position);
    });
  };
  const types = entriesOf(SECTION.type, passType);
  const found = { tableTypes: [], tags: [], globalTypes: [], memory: null };
  const importedTypes = [];
  entriesOf(SECTION.import, (input) => {
    input.name();
    input.name();
    const kind = input.byte();
    const begin = input.position;
    passDescription(input, kind);
    const description = bytes.subarray(begin, input.position);
    if (kind === KIND.function) importedTypes.push(new Reader(bytes, begin).number());
    else if (kind === KIND.table) found.tableTypes.push(description);
    else if (kind === KIND.memory) found.memory = description;
    else if (kind === KIND.global) found.globalTypes.push(description);
    else found.tags.push(description);
  });
  const own = entriesOf(SECTION.function, (input) => input.pass()).map((entry) => new Reader(entry).number());
  const tables = entriesOf(SECTION.table, (input) => passDescription(input, KIND.table));
  const [memory] = entriesOf(SECTION.memory, passLimits);
  const tags = entriesOf(SECTION.tag, (input) => passDescription(input, KIND.tag));
  const referred = new Set();
  const globals = entriesOf(SECTION.global, (input) => {
    const begin = input.position;
    passValueType(input);
    input.byte();
    found.globalTypes.push(bytes.subarray(begin, input.position));
    for (const index of constant(input)) referred.add(index);
  });
  const exported = new Map();
  const exports = entriesOf(SECTION.export, (input) => {
    const name = input.name();
    const kind = input.byte();
    const index = input.number();
    if (kind === KIND.function) exported.set(name, index);
  });
  for (const index of exported.values()) referred.add(index);
  const segments = entriesOf(SECTION.element, (input) => readSegment(input).forEach((index) => referred.add(index)));
  return {
    sections,
    types,
    imported: importedTypes.length,
    typeOf: (index) => (index < importedTypes.length ? importedTypes[index] : own[index - importedTypes.length]),
    parametersOf: (type) => new Reader(types[type], 1).number(),
    tables: found.tableTypes.length + tables.length,
    tableTypes: [...found.tableTypes, ...tables],
    memory: found.memory ?? memory,
    tags: [...found.tags, ...tags],
    globals: found.globalTypes.length,
    ownGlobals: globals.length,
    globalTypes: found.globalTypes,
    referred,
    exported,
    segments: segments.length,
    bodies: readBodies(bytes, of(SECTION.code)),
    entries: {
      [SECTION.type]: types,
      [SECTION.function]: own.map(leb),
      [SECTION.table]: tables,
      [SECTION.global]: globals,
      [SECTION.export]: exports,
      [SECTION.element]: segments,
    },
  };
}

/**
 * The module with some of its sections changed: `change[id]` makes of the entries that were there those
 * that there shall be.
 */
export function rewritten(bytes, module, change) {
  const parts = [bytes.subarray(0, 8)];
  const missing = new Set(Object.keys(change));
  for (const { id, begin, end } of module.sections) {
    if (!missing.delete(String(id))) parts.push(bytes.subarray(begin, end));
    else parts.push(...written(id, change[id](module.entries[id])));
  }
  if (missing.size > 0) throw new UnlikeError(`the module lacks the sections ${[...missing].join(", ")}: not foreseen`);
  return concatenated(parts);
}

/** Types of functions only: the numbers of others would not be theirs any more. */
function passType(input) {
  const form = input.byte();
  if (form !== FUNCTION_TYPE) throw new UnlikeError(`a type of kind 0x${form.toString(16)}: not known`);
  for (let lists = 2; lists > 0; lists--) for (let count = input.number(); count > 0; count--) passValueType(input);
}

/** The parts of a body, with their length in front. */
export function sized(parts) {
  const content = concatenated(parts);
  return concatenated([leb(content.length), content]);
}

function named(name) {
  const text = new TextEncoder().encode(name);
  return concatenated([leb(text.length), text]);
}

export const exporting = (name, kind, index) => concatenated([named(name), [kind], leb(index)]);
const importing = (name, kind, description) => concatenated([named("primary"), named(name), [kind], description]);
