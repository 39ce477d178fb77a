/**
 * Which of a module's constant data only a later part of its code can read: that data may come with that part.
 *
 * A read of what is not there does not fail, it gives zeros. So data leaves the primary module only where no code but
 * the part's own can come by its address. Addresses stand in code, in globals and in data; what is reached from any of
 * those without a function of the part stays, as a garbage collector would keep it. Where a number only looks like an
 * address, more stays than had to.
 *
 * An object is what lies from one address that something refers to up to the next. Only constants leave: the
 * first part of the data, which is never written and holds no addresses, because what needs addresses is put
 * further up by the compiler.
 */

import { KIND, Reader, SECTION, constant, eachInstruction, passDescription, reader } from "../prune/format.mjs";
import { readModule } from "./split.mjs";

// Before the first byte that was ever written there may be variables that nothing wrote so far: a few, as Python's
// types come early.
const MAYBE_VARIABLE_BYTES = 1 << 12;
// Compilers subtract a known index from an address, or count down from an object's end.
const NEAR_BYTES = { text: 32, table: 1024, variable: 64 };
// Nobody counts down from the end of one that large without saying where it begins.
const LARGE_BYTES = 1 << 16;
export const SMALLEST_BYTES = 64;
// Not texts any more: so many bytes of which a quarter are no characters.
const TABLE_BYTES = 64;
// Where compilers let large tables begin.
const ALIGNED_BYTES = 16;
// A number that is compared, multiplied, masked or shifted at once is no address of anything.
const IS_NUMBER = new Set([
  0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f, 0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x73, 0x74, 0x75,
  0x76, 0x77, 0x78,
]);

/**
 * Up to where the data is constant: what is the same in a new memory and in those of running Pythons, with a distance.
 */
export function constantEnd({ memory, begin }, memories) {
  let end = begin;
  while (end < memory.length && memories.every((it) => it[end] === memory[end])) end += 1;
  return Math.max(begin, (end - MAYBE_VARIABLE_BYTES) & ~63);
}

/** Up to where the data is texts, one after the other, each with a zero behind it. */
function textEnd({ memory, begin }, limit) {
  let last = begin; // where the last text ended
  for (let at = begin; at < limit; at++) {
    const byte = memory[at];
    if (byte === 0) last = at + 1;
    else if (byte < 9 || (byte > 13 && byte < 32)) {
      const odd = memory
        .subarray(at, at + TABLE_BYTES)
        .filter((it) => (it > 0 && it < 9) || (it > 13 && it < 32) || it > 126).length;
      if (odd > TABLE_BYTES / 4) return last;
    }
  }
  return last;
}

export class Ownership {
  /**
   * @param {Uint8Array} bytes the whole module   @param {{memory: Uint8Array, begin: number}} data its data
   * @param {Uint8Array[]} memories of Pythons that ran: they hold addresses too   @param {Set<number>} symbols addresses where objects are known to begin
   * @param {Map<number, unknown>} known places of addresses that do not count
   */
  constructor(bytes, data, memories, symbols, known) {
    Object.assign(this, { memories, symbols });
    this.memory = data.memory;
    this.begin = data.begin;
    this.end = data.memory.length;
    this.constantEnd = constantEnd(data, memories);
    this.words = wordsOf(data.memory, this.end);
    const isIn = (address) => address >= this.begin && address < this.end;
    this.isIn = isIn;
    this.known = known;
    const constants = constantsOfGlobals(bytes);
    this.code = referencesOfCode(bytes, isIn, constants);
    this.globals = exportedGlobals(bytes)
      .map((it) => constants.get(it))
      .filter(isIn);
    const bases = new Set([this.begin, this.constantEnd, ...this.globals, ...[...symbols].filter(isIn)]);
    for (const addresses of this.code.values()) addresses.forEach((it) => bases.add(it));
    for (let at = this.constantEnd; at < this.end - 3; at += 4) if (this.isAddress(at)) bases.add(this.words[at >> 2]);
    // The linker puts the texts first. Each is an object, wherever in it the addresses are that stand in code.
    this.textEnd = textEnd(data, this.constantEnd);
    for (const address of bases) if (address > this.begin && address < this.textEnd) bases.delete(address);
    for (let at = this.begin + 1; at < this.textEnd; at++)
      if (this.memory[at - 1] === 0 && this.memory[at] !== 0) bases.add(at);
    bases.add(this.textEnd);
    this.bases = Uint32Array.from(bases).sort();
    this.isBase = bases;
    this.held = this.heldBy(memories);
    this.everReached = this.reached(() => true);
    // Variables that nothing seems to refer to: what they refer to stays.
    this.strays = [...this.bases.keys()].filter(
      (object) =>
        this.everReached[object] === 0 && !symbols.has(this.bases[object]) && this.bases[object] >= this.constantEnd,
    );
  }

  isAddress(at) {
    return this.isIn(this.words[at >> 2]) && !this.known.has(at);
  }

  /**
   * Constants whose first byte a running Python holds the address of. It holds numbers without end: one in the middle
   * of a table is no address.
   */
  heldBy(memories) {
    const found = new Set();
    for (const memory of memories) {
      const words = wordsOf(memory, memory.length);
      for (let i = 0; i < words.length; i++) {
        const isOurs = i * 4 >= this.begin && i * 4 < this.end && words[i] === this.words[i];
        if (!isOurs && this.isIn(words[i]) && this.isBase.has(words[i])) found.add(words[i]);
      }
    }
    return found;
  }

  objectOf(address) {
    let [low, high] = [0, this.bases.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.bases[middle] <= address) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  endOf(object) {
    return object + 1 < this.bases.length ? this.bases[object + 1] : this.end;
  }

  /**
   * The data that only functions of one part can read, as sorted ranges [begin, end): constants, and where none of
   * these functions ever ran, variables too.
   *
   * @param {(index: number) => boolean} isOfPart   @param {{hasRun: boolean, takesDead: boolean}} options `takesDead`: what nobody reads as well
   */
  of(isOfPart, { hasRun, takesDead }) {
    const limit = hasRun ? this.constantEnd : this.end;
    const others = this.reached((index) => !isOfPart(index));
    const near = this.nearOthers(isOfPart);
    const isDead = (object) => this.symbols.has(this.bases[object]) && this.everReached[object] === 0;
    const isFree = (object) => {
      if (isDead(object) ? !takesDead : this.everReached[object] === 0 || others[object] === 1) return false;
      return this.bases[object] < this.constantEnd || this.isUnchanged(object);
    };
    const found = [];
    let isOpen = false;
    for (let object = 0; object < this.bases.length && this.bases[object] < limit; object++) {
      // After what others read, an address that is not aligned may be one in the middle of it.
      isOpen = isFree(object) && (isOpen || this.beginsSurely(this.bases[object]));
      if (!isOpen) continue;
      for (let at = this.bases[object]; at < this.endOf(object); at++) {
        if (near[at] === 1) continue;
        if (found.at(-1)?.[1] === at) found.at(-1)[1] = at + 1;
        else found.push([at, at + 1]);
      }
    }
    return found.filter(([from, to]) => to - from >= SMALLEST_BYTES);
  }

  /** Addresses so near to what functions of other parts refer to that those may read there. */
  nearOthers(isOfPart) {
    const near = new Uint8Array(this.end);
    for (const [index, addresses] of this.code) {
      if (isOfPart(index)) continue;
      for (const address of addresses) {
        if (address < this.textEnd && this.isBase.has(address)) continue; // a text, from its first letter
        const { text, table, variable } = NEAR_BYTES;
        const distance = address < this.textEnd ? text : address < this.constantEnd ? table : variable;
        near.fill(1, Math.max(0, address - distance), address + distance);
      }
    }
    return near;
  }

  beginsSurely(address) {
    return address % ALIGNED_BYTES === 0 || address < this.textEnd || this.symbols.has(address);
  }

  isUnchanged(object) {
    const [begin, end] = [this.bases[object], this.endOf(object)];
    return this.memories.every((it) => Buffer.compare(it.subarray(begin, end), this.memory.subarray(begin, end)) === 0);
  }

  /** Which objects are reached from functions, from globals, and from what nothing else in the module reaches. */
  reached(isRoot) {
    const found = new Uint8Array(this.bases.length);
    const waiting = [];
    const reach = (object) => {
      if (found[object] === 1) return;
      found[object] = 1;
      waiting.push(object);
    };
    for (const address of [...this.globals, ...this.held]) reach(this.objectOf(address));
    this.strays?.forEach(reach);
    for (const [index, addresses] of this.code) {
      if (!isRoot(index)) continue;
      for (const address of addresses) {
        const object = this.objectOf(address);
        reach(object);
        if (this.bases[object] === address && object > 0 && address - this.bases[object - 1] < LARGE_BYTES)
          reach(object - 1); // its end, may be
      }
    }
    while (waiting.length > 0) this.follow(waiting.pop(), reach);
    return found;
  }

  follow(object, reach) {
    for (let at = (this.bases[object] + 3) & ~3; at < this.endOf(object) - 3; at += 4) {
      if (!this.isAddress(at)) continue;
      const address = this.words[at >> 2];
      if (at >= this.constantEnd || this.isBase.has(address)) reach(this.objectOf(address));
    }
  }
}

const wordsOf = (memory, end) => {
  const padded = new Uint8Array((end + 3) & ~3);
  padded.set(memory.subarray(0, end));
  return new Uint32Array(padded.buffer);
};

/**
 * For each function the addresses in its code: constants, and what is added to an address where memory
 * is read or written.
 */
function referencesOfCode(bytes, isIn, constants) {
  const { imported, bodies } = readModule(bytes);
  const found = new Map();
  bodies.forEach((body, i) => {
    const addresses = new Set();
    let pending = null;
    eachInstruction(bytes, body, i + imported, (opcode, at) => {
      if (pending !== null && !IS_NUMBER.has(opcode)) addresses.add(pending);
      pending = null;
      const input = new Reader(bytes, at + 1);
      if (opcode === 0x41) {
        const number = input.signed();
        if (isIn(number)) pending = number;
      } else if (opcode === 0x23) {
        const address = constants.get(input.number());
        if (isIn(address)) addresses.add(address);
      } else if (opcode >= 0x28 && opcode <= 0x3e) {
        input.number();
        const offset = input.number();
        if (isIn(offset)) addresses.add(offset);
      }
    });
    if (addresses.size > 0) found.set(i + imported, addresses);
  });
  return found;
}

/** The numbers that globals begin with. @returns {Map<number, number>} */
export function constantsOfGlobals(bytes) {
  const { sections, globals, ownGlobals } = readModule(bytes);
  const input = reader(
    bytes,
    sections.find(({ id }) => id === SECTION.global),
  );
  const found = new Map();
  input.number();
  for (let index = globals - ownGlobals; index < globals; index++) {
    passDescription(input, KIND.global);
    const at = input.position;
    if (input.byte() === 0x41) found.set(index, input.signed());
    input.position = at;
    constant(input);
  }
  return found;
}

function exportedGlobals(bytes) {
  const input = reader(
    bytes,
    readModule(bytes).sections.find(({ id }) => id === SECTION.export),
  );
  const found = [];
  for (let count = input.number(); count > 0; count--) {
    input.name();
    const kind = input.byte();
    const index = input.number();
    if (kind === KIND.global) found.push(index);
  }
  return found;
}
