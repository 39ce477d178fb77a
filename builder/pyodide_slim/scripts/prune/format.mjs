/**
 * Read a WebAssembly module and write its parts: what both who takes code out (`dead_code.mjs`) and who divides it
 * (`split.mjs`) need. Anything not understood is an error: a new Pyodide may bring new opcodes.
 *
 * Format: webassembly.github.io/spec/core/binary, with the older exception handling that engines still read.
 */

import { UnlikeError } from "../unlike.mjs";

export const SECTION = {
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  tag: 13,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  data_count: 12,
};
/** With its length: no locals, `unreachable`, `end`. */
export const DEAD_BODY = Uint8Array.of(3, 0, 0x00, 0x0b);
export const KIND = { function: 0, table: 1, memory: 2, global: 3, tag: 4 };

export class Reader {
  constructor(bytes, position = 0, end = bytes.length) {
    Object.assign(this, { bytes, position, end });
  }
  byte() {
    if (this.position >= this.end) throw new UnlikeError("a part of the module ends too early");
    return this.bytes[this.position++];
  }
  /** Unsigned LEB128 of up to 32 bits. */
  number() {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  }
  /** Signed LEB128 of 32 bits, as the unsigned number that an address is. */
  signed() {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value |= (byte & 127) << shift;
      if (byte < 128) return (shift < 25 && byte & 64 ? value | (-1 << (shift + 7)) : value) >>> 0;
    }
  }
  /** Any LEB128, passed over. */
  pass(count = 1) {
    for (; count > 0; count--) while (this.byte() >= 128);
  }
  skip(length) {
    this.position += length;
    if (this.position > this.end) throw new UnlikeError("a part of the module ends too early");
  }
  name() {
    const length = this.number();
    this.skip(length);
    return new TextDecoder().decode(this.bytes.subarray(this.position - length, this.position));
  }
}

const OF_A_WHOLE_MODULE = ["import", "function", "export", "element", "code"];

/** @param {string[]} required names of sections that must be there */
export function readSections(bytes, required = OF_A_WHOLE_MODULE) {
  if (new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) !== 0x0061736d)
    throw new UnlikeError("this is no WebAssembly module");
  const sections = [];
  for (const input = new Reader(bytes, 8); input.position < bytes.length; ) {
    const begin = input.position;
    const id = input.byte();
    const length = input.number();
    sections.push({ id, begin, start: input.position, end: input.position + length });
    input.skip(length);
  }
  for (const name of required) {
    if (!sections.some((section) => section.id === SECTION[name]))
      throw new UnlikeError(`the module has no ${name} section`);
  }
  return sections;
}

export const reader = (bytes, section) => new Reader(bytes, section.start, section.end);

export function passLimits(input) {
  const flags = input.byte();
  input.pass(flags & 1 ? 2 : 1);
}

/** What an import says of what it wants, after its kind. */
export function passDescription(input, kind) {
  if (kind === KIND.function) input.pass();
  else if (kind === KIND.table) {
    passValueType(input);
    passLimits(input);
  } else if (kind === KIND.memory) passLimits(input);
  else if (kind === KIND.global) {
    passValueType(input);
    input.byte();
  } else if (kind === KIND.tag) {
    input.byte();
    input.pass();
  } else throw new UnlikeError(`an import of kind ${kind}: not known`);
}

/** The functions of one segment of a table. */
export function readSegment(input) {
  const found = [];
  const flags = input.number();
  if (flags > 3) throw new UnlikeError(`an element segment of kind ${flags}: not known`);
  if (flags === 2) input.pass();
  if (!(flags & 1)) found.push(...constant(input));
  if (flags !== 0) input.byte();
  for (let items = input.number(); items > 0; items--) found.push(input.number());
  return found;
}

/** The functions in a constant expression, which ends with `end`. */
export function constant(input) {
  const found = [];
  for (let opcode = input.byte(); opcode !== 0x0b; opcode = input.byte()) passImmediates(input, opcode, found);
  return found;
}

export function readBodies(bytes, section) {
  const input = reader(bytes, section);
  const bodies = [];
  for (let count = input.number(); count > 0; count--) {
    const start = input.position;
    const length = input.number();
    bodies.push({ start, code: input.position, end: input.position + length });
    input.skip(length);
  }
  return bodies;
}

/** What stands before the first instruction of a body. */
export function passLocals(input) {
  for (let count = input.number(); count > 0; count--) {
    input.pass();
    passValueType(input);
  }
}

/**
 * Every instruction of a body, in order.
 *
 * @param {(opcode: number, begin: number, end: number, functions: number[]) => void} visit where the instruction
 * stands, and the
 *   functions that it calls or refers to
 */
export function eachInstruction(bytes, { code, end }, index, visit) {
  const input = new Reader(bytes, code, end);
  passLocals(input);
  let opcode = -1;
  try {
    while (input.position < end) {
      const begin = input.position;
      const functions = [];
      passImmediates(input, (opcode = input.byte()), functions);
      visit(opcode, begin, input.position, functions);
    }
  } catch (error) {
    throw new UnlikeError(`function ${index}: ${error.message}`);
  }
  if (opcode !== 0x0b || input.position !== end)
    throw new UnlikeError(`function ${index} does not end with its last instruction`);
}

/** A type of one byte, or a reference with a heap type after it. */
export function passValueType(input) {
  const type = input.byte();
  if (type === 0x63 || type === 0x64) input.pass();
  else if (type < 0x65 || type > 0x7f) throw new UnlikeError(`value type 0x${type.toString(16)}: not known`);
}

/** Nothing, a value type, or the number of a type: negative numbers of one byte are types. */
function passBlockType(input) {
  const first = input.bytes[input.position];
  if (first === 0x63 || first === 0x64) passValueType(input);
  else input.pass();
}

function passMemory(input) {
  const align = input.number();
  if (align & 64) input.pass();
  input.pass();
}

function passImmediates(input, opcode, found) {
  if (opcode === 0x10 || opcode === 0x12 || opcode === 0xd2) found.push(input.number());
  else if (opcode >= 0x45 && opcode <= 0xc4) return;
  else if (opcode >= 0x28 && opcode <= 0x3e) passMemory(input);
  else if (opcode >= 0x20 && opcode <= 0x26) input.pass();
  else if ([0x00, 0x01, 0x05, 0x0a, 0x0b, 0x0f, 0x19, 0x1a, 0x1b, 0xd1, 0xd3, 0xd4].includes(opcode)) return;
  else if ([0x02, 0x03, 0x04, 0x06].includes(opcode)) passBlockType(input);
  else if ([0x07, 0x08, 0x09, 0x0c, 0x0d, 0x14, 0x15, 0x18, 0x3f, 0x40, 0x41, 0x42, 0xd0, 0xd5, 0xd6].includes(opcode))
    input.pass();
  else if (opcode === 0x0e) input.pass(input.number() + 1);
  else if (opcode === 0x11 || opcode === 0x13) input.pass(2);
  else if (opcode === 0x1c) for (let count = input.number(); count > 0; count--) passValueType(input);
  else if (opcode === 0x1f) {
    passBlockType(input);
    for (let count = input.number(); count > 0; count--) input.pass(input.byte() < 2 ? 2 : 1);
  } else if (opcode === 0x43) input.skip(4);
  else if (opcode === 0x44) input.skip(8);
  else if (opcode === 0xfc) passPrefixed(input, input.number());
  else if (opcode === 0xfd) passVector(input, input.number());
  else if (opcode === 0xfb) passGarbageCollected(input, input.number());
  else throw new UnlikeError(`opcode 0x${opcode.toString(16)}: not known`);
}

function passPrefixed(input, opcode) {
  const counts = [0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 2, 1, 2, 1, 2, 1, 1, 1];
  if (!(opcode in counts)) throw new UnlikeError(`opcode 0xfc ${opcode}: not known`);
  input.pass(counts[opcode]);
}

function passVector(input, opcode) {
  if (opcode <= 11 || opcode === 92 || opcode === 93) passMemory(input);
  else if (opcode === 12 || opcode === 13) input.skip(16);
  else if (opcode >= 21 && opcode <= 34) input.byte();
  else if (opcode >= 84 && opcode <= 91) {
    passMemory(input);
    input.byte();
  } else if (opcode > 275) throw new UnlikeError(`opcode 0xfd ${opcode}: not known`);
}

/** References to JavaScript values: Pyodide uses a few of these. */
function passGarbageCollected(input, opcode) {
  const counts = [1, 1, 2, 2, 2, 2, 1, 1, 2, 2, 2, 1, 1, 1, 1, 0, 1, 2, 2, 2, 1, 1, 1, 1];
  if (opcode in counts) input.pass(counts[opcode]);
  else if (opcode === 24 || opcode === 25) input.pass(4);
  else if (opcode < 26 || opcode > 30) throw new UnlikeError(`opcode 0xfb ${opcode}: not known`);
}

export function leb(value) {
  const bytes = [];
  do {
    bytes.push((value & 127) | (value > 127 ? 128 : 0));
    value = Math.floor(value / 128);
  } while (value > 0);
  return Uint8Array.from(bytes);
}

/** LEB128 of a number that is not negative, where a signed one is expected. */
export function signed(value) {
  const bytes = [];
  for (; value > 63; value = Math.floor(value / 128)) bytes.push((value & 127) | 128);
  bytes.push(value);
  return bytes;
}

export function written(id, entries) {
  const content = concatenated([leb(entries.length), ...entries]);
  return [Uint8Array.of(id), leb(content.length), content];
}

export function concatenated(parts) {
  return new Uint8Array(Buffer.concat(parts.map((part) => (Array.isArray(part) ? Uint8Array.from(part) : part))));
}
