/**
 * Data that Python itself describes, in tables whose form is known, and that few functions read: the code of frozen
 * modules and the docstrings of what is written in C. Many functions can come by the addresses of such data, so
 * ownership says nothing of it. It may leave the primary module where those few functions, the gates, are in the part
 * that it comes with.
 */

import { SECTION, readSections, reader } from "../prune/format.mjs";
import { READ_BYTES } from "./watch.mjs";
import { UnlikeError } from "../unlike.mjs";

// How the marshalled code of a module begins: what it is, and that it takes no arguments of three kinds.
const CODE_OF_MODULE = Uint8Array.of(0x63, ...new Array(12).fill(0));
// Who reads a frozen module reads it through one of these: as code, or as the bytes that `_imp.find_frozen`
// gives when asked to.
const READ_FROZEN = ["PyMarshal_ReadObjectFromString", "PyMemoryView_FromMemory"];
// Whose `__doc__` and `__text_signature__` are those of C code, and where such a type
// lists its attributes (`PyTypeObject`).
const DOCUMENTED = ["PyCFunction_Type", "PyMethodDescr_Type", "PyClassMethodDescr_Type", "PyGetSetDescr_Type"];
const [TP_GETSET, GETSET_BYTES, METHOD_BYTES] = [124, 20, 16];
const LARGEST_FLAGS = 0x3ff; // of METH_VARARGS and its like
const SHORTEST = 24;

export class Described {
  /** @param {Uint8Array} bytes the whole module   @param {{memory: Uint8Array}} data its data   @param {number} constantEnd   @param {object} names see `namesOf` */
  constructor(bytes, { memory }, constantEnd, names) {
    Object.assign(this, { memory, constantEnd, names });
    this.view = new DataView(memory.buffer, memory.byteOffset, memory.length);
    this.table = tableOf(bytes);
    this.lastPlace = [...this.table.keys()].reduce((last, place) => Math.max(last, place), 0);
    this.frozen = this.frozenModules();
    this.docs = this.docstrings();
  }

  word(at) {
    return at >= 0 && at <= this.memory.length - 4 ? this.view.getUint32(at, true) : 0;
  }

  text(address) {
    if (address < 1 || address >= this.constantEnd) return "";
    return Buffer.from(this.memory.subarray(address, this.memory.indexOf(0, address))).toString("latin1");
  }

  isName(address) {
    return /^[A-Za-z_][\w.]{0,60}$/.test(this.text(address));
  }

  /**
   * {name, code, size, is it a package}. Python looks at the beginning of the code when it asks whether there
   * is such a module.
   */
  frozenModules() {
    const found = new Map();
    for (let at = this.constantEnd; at <= this.memory.length - 16; at += 4) {
      const [name, code, size, isPackage] = [0, 4, 8, 12].map((offset) => this.word(at + offset));
      if (isPackage > 1 || size < 2 * READ_BYTES || code + size > this.constantEnd || !this.isName(name)) continue;
      if (Buffer.compare(this.memory.subarray(code, code + CODE_OF_MODULE.length), CODE_OF_MODULE) !== 0) continue;
      found.set(at + 4, [(code + 2 * READ_BYTES - 1) & -READ_BYTES, code + size]);
    }
    const gates = READ_FROZEN.map((name) => this.names.functions.get(name));
    return { found, gates, areAlone: true };
  }

  /**
   * {name, function, flags, text} of methods, {name, function, function or 0, text, anything} of attributes, up to a
   * name that is 0.
   */
  docstrings() {
    const found = new Map();
    for (let at = this.constantEnd; at <= this.memory.length - GETSET_BYTES; at += 4) {
      for (const [bytes, isOne] of [
        [METHOD_BYTES, this.isMethod],
        [GETSET_BYTES, this.isAttribute],
      ]) {
        if (found.has(at + 12) || !isOne.call(this, at)) continue;
        let end = at + bytes;
        while (isOne.call(this, end)) end += bytes;
        if (this.word(end) !== 0) continue;
        for (let it = at; it < end; it += bytes) {
          const address = this.word(it + 12);
          const text = this.text(address);
          // Other lists have the same form, but no sentences in them. What begins within a text is the end of that.
          const isSentence = text.length >= SHORTEST && /\s/.test(text) && this.memory[address - 1] === 0;
          if (isSentence) found.set(it + 12, [address, address + text.length]);
        }
      }
    }
    return { found, gates: this.documentationOfTypes(), areAlone: false };
  }

  isMethod(at) {
    return this.isListed(at) && this.word(at + 8) > 0 && this.word(at + 8) <= LARGEST_FLAGS;
  }

  isAttribute(at) {
    return this.isListed(at) && (this.word(at + 8) === 0 || this.table.has(this.word(at + 8)));
  }

  isListed(at) {
    const text = this.word(at + 12);
    // A small number there is one of another kind of list.
    const isText = text === 0 || (text > this.lastPlace && this.text(text) !== "");
    return isText && this.table.has(this.word(at + 4)) && this.isName(this.word(at));
  }

  documentationOfTypes() {
    return DOCUMENTED.flatMap((type) => {
      const gates = [];
      const address = this.names.data.get(type) ?? -TP_GETSET;
      for (let at = this.word(address + TP_GETSET); this.isAttribute(at); at += GETSET_BYTES) {
        if (/^__(doc|text_signature)__$/.test(this.text(this.word(at)))) gates.push(this.table.get(this.word(at + 4)));
      }
      return gates.length > 0 ? gates : [undefined]; // a type that does not look as it should
    });
  }

  /** The kinds that can leave: whose gates are all known, and none of them used. @param {Set<number>} used */
  leaving(used) {
    return [this.frozen, this.docs].filter(({ gates }) =>
      gates.every((index) => index !== undefined && !used.has(index)),
    );
  }
}

/**
 * Places of addresses that need not count, for the gates see to it, and the data that is there.
 * @returns {Map<number, [number, number]>}
 */
export const placesOf = (kinds) => new Map(kinds.flatMap(({ found }) => [...found]));

/**
 * The kinds without the texts of which something else refers to a part: their addresses do count. Code has no parts
 * that could be referred to.
 *
 * @param {Ownership} ownership for which none of them counted
 */
export function unshared(kinds, ownership) {
  const isOwn = ([begin, end]) => {
    for (let object = ownership.objectOf(begin); ownership.bases[object] < end; object++) {
      if (ownership.bases[object] >= begin && ownership.everReached[object] === 1) return false;
    }
    return true;
  };
  return kinds.map((kind) =>
    kind.areAlone ? kind : { ...kind, found: new Map([...kind.found].filter(([, range]) => isOwn(range))) },
  );
}

/** What each place of the table calls. @returns {Map<number, number>} */
function tableOf(bytes) {
  const input = reader(
    bytes,
    readSections(bytes).find(({ id }) => id === SECTION.element),
  );
  const found = new Map();
  for (let count = input.number(); count > 0; count--) {
    if (input.number() !== 0 || input.byte() !== 0x41)
      throw new UnlikeError("a table is filled in another way than it was");
    const place = input.signed();
    input.byte();
    for (let items = input.number(), i = 0; i < items; i++) found.set(place + i, input.number());
  }
  return found;
}
