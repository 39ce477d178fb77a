/**
 * Take out of a WebAssembly module the code that nobody can reach once most of its exports are gone.
 *
 * Pyodide exports every symbol, 8,560 of them, so that compiled packages can be linked to it while it runs. Without
 * those, a part of the code is dead. A dead function keeps its number and gets the shortest body that traps, so nothing
 * has to be renumbered and every living byte stays as it was.
 */

import {
  DEAD_BODY,
  KIND,
  SECTION,
  concatenated,
  constant,
  eachInstruction,
  passDescription,
  passValueType,
  readBodies,
  readSections,
  readSegment,
  reader,
  written,
} from "./format.mjs";
import { UnlikeError } from "../unlike.mjs";

/**
 * @param {Uint8Array} bytes a module   @param {Set<string>} wanted names of functions and globals that stay exported
 * @returns {{bytes: Uint8Array, called: Set<string>, imported: Set<string>, functions: number,
 * dead: number, exports: number}}
 *   `called`: the imports that the host must have, out of `imported`
 */
export function prune(bytes, wanted) {
  const sections = readSections(bytes);
  const of = (id) => sections.find((section) => section.id === id);
  if (of(SECTION.start)) throw new UnlikeError("the module has a start function: not foreseen");
  const { imported, functions, symbols } = readImports(reader(bytes, of(SECTION.import)));
  const keep = new Set([...wanted, ...symbols]);
  const exported = readExports(bytes, of(SECTION.export), keep);
  const bodies = readBodies(bytes, of(SECTION.code));
  const alive = new Set();
  const waiting = [...exported.functions, ...readElements(reader(bytes, of(SECTION.element)))];
  const global = of(SECTION.global);
  if (global) waiting.push(...readGlobals(reader(bytes, global)));
  while (waiting.length > 0) {
    const index = waiting.pop();
    if (alive.has(index)) continue;
    alive.add(index);
    if (index < imported) continue;
    const body = bodies[index - imported];
    if (!body) throw new UnlikeError(`function ${index} does not exist`);
    for (const called of references(bytes, body, index)) if (!alive.has(called)) waiting.push(called);
  }
  const code = bodies.map((body, i) => (alive.has(i + imported) ? bytes.subarray(body.start, body.end) : DEAD_BODY));
  const parts = [bytes.subarray(0, 8)];
  for (const section of sections) {
    if (section.id === SECTION.export) parts.push(...written(section.id, exported.entries));
    else if (section.id === SECTION.code) parts.push(...written(section.id, code));
    else parts.push(bytes.subarray(section.begin, section.end));
  }
  const dead = code.filter((body) => body === DEAD_BODY).length;
  return {
    bytes: concatenated(parts),
    called: new Set([...symbols, ...functions.filter((_, index) => alive.has(index))]),
    imported: new Set(functions),
    functions: bodies.length,
    dead,
    exports: exported.entries.length,
  };
}

/** The functions that are imported, and the symbols that the dynamic linker must find among the exports. */
function readImports(input) {
  const functions = [];
  const symbols = [];
  for (let count = input.number(); count > 0; count--) {
    const module = input.name();
    const name = input.name();
    if (module.startsWith("GOT.")) symbols.push(name);
    const kind = input.byte();
    if (kind === KIND.function) functions.push(name);
    passDescription(input, kind);
  }
  return { imported: functions.length, functions, symbols };
}

/** What stays: the wanted functions and globals, and memory, tables and tags, which are few. */
function readExports(bytes, section, keep) {
  const input = reader(bytes, section);
  const entries = [];
  const functions = [];
  for (let count = input.number(); count > 0; count--) {
    const begin = input.position;
    const name = input.name();
    const kind = input.byte();
    const index = input.number();
    if ((kind === KIND.function || kind === KIND.global) && !keep.has(name)) continue;
    entries.push(bytes.subarray(begin, input.position));
    if (kind === KIND.function) functions.push(index);
  }
  return { entries, functions };
}

/** Every function in a table can be called by its number. */
function readElements(input) {
  const found = [];
  for (let count = input.number(); count > 0; count--) found.push(...readSegment(input));
  return found;
}

function readGlobals(input) {
  const found = [];
  for (let count = input.number(); count > 0; count--) {
    passValueType(input);
    input.byte();
    found.push(...constant(input));
  }
  return found;
}

/** The functions that a body calls or refers to. */
function references(bytes, body, index) {
  const found = [];
  eachInstruction(bytes, body, index, (_opcode, _begin, _end, functions) => found.push(...functions));
  return found;
}
