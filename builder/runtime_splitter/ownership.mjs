/**
 * Which of a module's constant data only a later part of its code can read: that data may come with that part.
 *
 * A read of what is not there does not fail, it gives zeros. So data leaves the primary module only where no code but the part's own
 * can come by its address. Addresses stand in code, in globals and in data; what is reached from any of those without a function of
 * the part stays, as a garbage collector would keep it. Where a number only looks like an address, more stays than had to.
 *
 * An object is what lies from one address that something refers to up to the next. Only constants leave: the first part of the data,
 * which is never written and holds no addresses, because what needs addresses is put further up by the compiler.
 */

import { KIND, Reader, SECTION, eachInstruction, passDescription, reader } from "../runtime_pruner/format.mjs";
import { readModule } from "./split.mjs";

// Before the first byte that was ever written there may be variables that nothing wrote so far: a few, as Python's types come early.
const MAYBE_VARIABLE_BYTES = 1 << 12;
// Compilers subtract a known index from an address, or count down from an object's end.
const NEAR_BYTES = 1024;
const SMALLEST_BYTES = 512;
// Where compilers let large tables begin.
const ALIGNED_BYTES = 16;
// A number that is compared, multiplied, masked or shifted at once is no address of anything.
const IS_NUMBER = new Set([0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f, 0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78]);

/** Up to where the data is constant: what is the same in a new memory and in those of running Pythons, with a distance. */
export function constantEnd({ memory, begin }, memories) {
  let end = begin;
  while (end < memory.length && memories.every((it) => it[end] === memory[end])) end += 1;
  return Math.max(begin, (end - MAYBE_VARIABLE_BYTES) & ~63);
}

export class Ownership {
  /**
   * @param {Uint8Array} bytes the whole module   @param {{memory: Uint8Array, begin: number}} data its data
   * @param {Uint8Array[]} memories of Pythons that ran: they hold addresses too   @param {Set<number>} known places of addresses that do not count
   */
  constructor(bytes, data, memories, known) {
    this.memory = data.memory;
    this.begin = data.begin;
    this.end = data.memory.length;
    this.constantEnd = constantEnd(data, memories);
    this.words = wordsOf(data.memory, this.end);
    const isIn = (address) => address >= this.begin && address < this.end;
    this.isIn = isIn;
    this.known = known;
    this.code = referencesOfCode(bytes, isIn);
    this.globals = constantsOfGlobals(bytes).filter(isIn);
    const bases = new Set([this.begin, this.constantEnd, ...this.globals]);
    for (const addresses of this.code.values()) addresses.forEach((it) => bases.add(it));
    for (let at = this.constantEnd; at < this.end - 3; at += 4) if (this.isAddress(at)) bases.add(this.words[at >> 2]);
    this.bases = Uint32Array.from(bases).sort();
    this.isBase = bases;
    this.held = this.heldBy(memories);
    this.everReached = this.reached(() => true);
    // Variables that nothing seems to refer to: what they refer to stays.
    this.strays = [...this.bases.keys()].filter((object) => this.everReached[object] === 0 && this.bases[object] >= this.constantEnd);
  }

  isAddress(at) {
    return this.isIn(this.words[at >> 2]) && !this.known.has(at);
  }

  /** Constants whose first byte a running Python holds the address of. It holds numbers without end: one in the middle of a table is no address. */
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
   * The constants that only functions of one part can read, as sorted ranges [begin, end).
   *
   * @param {(index: number) => boolean} isOfPart
   */
  of(isOfPart) {
    const others = this.reached((index) => !isOfPart(index));
    const near = new Uint8Array(this.constantEnd);
    for (const [index, addresses] of this.code) {
      if (isOfPart(index)) continue;
      for (const address of addresses) near.fill(1, Math.max(0, address - NEAR_BYTES), address + NEAR_BYTES);
    }
    const isFree = (object) => this.everReached[object] === 1 && others[object] === 0;
    const found = [];
    let isOpen = false;
    for (let object = 0; object < this.bases.length && this.bases[object] < this.constantEnd; object++) {
      // After what others read, an address that is not aligned may be one in the middle of it.
      isOpen = isFree(object) && (isOpen || this.bases[object] % ALIGNED_BYTES === 0);
      if (!isOpen) continue;
      for (let at = this.bases[object]; at < this.endOf(object); at++) {
        if (near[at] === 1) continue;
        if (found.at(-1)?.[1] === at) found.at(-1)[1] = at + 1;
        else found.push([at, at + 1]);
      }
    }
    return found.filter(([from, to]) => to - from >= SMALLEST_BYTES);
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
        if (this.bases[object] === address && object > 0) reach(object - 1); // the end of an object is the next one's begin
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

/** For each function the addresses in its code: constants, and what is added to an address where memory is read or written. */
function referencesOfCode(bytes, isIn) {
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

function constantsOfGlobals(bytes) {
  const section = readModule(bytes).sections.find(({ id }) => id === SECTION.global);
  const input = reader(bytes, section);
  const found = [];
  for (let count = input.number(); count > 0; count--) {
    passDescription(input, KIND.global);
    while (input.bytes[input.position] !== 0x0b) {
      const opcode = input.byte();
      if (opcode === 0x41) found.push(input.signed());
      else input.pass();
    }
    input.byte();
  }
  return found;
}
