/**
 * Decode gzip at once, for who cannot wait for the browser's own decoder: an import statement in Python. RFC 1952 and
 * 1951; the names are theirs. What comes out is checked by its sum afterwards (`files.js`), so nothing is checked here
 * but the bounds.
 */

const LENGTH_BASE = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
];
const LENGTH_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BASE = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
  8193, 12289, 16385, 24577,
];
const DISTANCE_EXTRA = [
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
];
const CODE_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const LONGEST_CODE = 15;
const FIXED = Uint8Array.from({ length: 288 }, (_, symbol) =>
  symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8,
);
const FLAG = { crc: 2, extra: 4, name: 8, comment: 16 };

/** @param {Uint8Array} data gzip   @param {number} length of what is in it   @returns {Uint8Array} throws RangeError */
export function gunzipped(data, length) {
  const bits = new Bits(data, endOfHeader(data));
  const out = new Uint8Array(length);
  let at = 0;
  let isLast = false;
  while (!isLast) {
    isLast = bits.take(1) === 1;
    const kind = bits.take(2);
    if (kind === 0) at = bits.copy(out, at);
    else if (kind === 1) at = block(bits, tree(FIXED), tree(new Uint8Array(30).fill(5)), out, at);
    else if (kind === 2) at = block(bits, ...treesOf(bits), out, at);
    else throw new RangeError("no such kind of block");
  }
  if (at !== length) throw new RangeError("shorter than it should be");
  return out;
}

/** @param {Uint8Array} data */
function endOfHeader(data) {
  const flags = data[3];
  let at = 10;
  if (flags & FLAG.extra) at += 2 + data[at] + 256 * data[at + 1];
  for (const text of [FLAG.name, FLAG.comment]) if (flags & text) at = data.indexOf(0, at) + 1;
  return flags & FLAG.crc ? at + 2 : at;
}

/** @typedef {{table: Uint16Array, bits: number}} Tree   see `tree` */

class Bits {
  /** @param {Uint8Array} data   @param {number} at */
  constructor(data, at) {
    this.data = data;
    this.at = at;
    this.held = 0;
    this.count = 0;
  }

  /** @param {number} count */
  take(count) {
    while (this.count < count) {
      if (this.at >= this.data.length) throw new RangeError("it ends too early");
      this.held |= this.data[this.at++] << this.count;
      this.count += 8;
    }
    const value = this.held & ((1 << count) - 1);
    this.held >>>= count;
    this.count -= count;
    return value;
  }

  /**
   * The symbol of the code that comes next: its bits, the first one lowest, are looked up at once where they are there.
   *
   * @param {Tree} tree
   */
  symbol({ table, bits }) {
    while (this.count < bits && this.at < this.data.length) {
      this.held |= this.data[this.at++] << this.count;
      this.count += 8;
    }
    const found = table[this.held & ((1 << bits) - 1)];
    const used = found & 15;
    if (used === 0 || used > this.count) throw new RangeError("no such code");
    this.held >>>= used;
    this.count -= used;
    return found >>> 4;
  }

  /** A block that is not compressed. @param {Uint8Array} out   @param {number} at */
  copy(out, at) {
    this.at -= this.count >> 3;
    this.held = this.count = 0;
    const length = this.take(16);
    this.take(16); // the same once more, as its complement
    const piece = this.data.subarray(this.at, this.at + length);
    out.set(piece, at); // a RangeError where it is too long
    this.at += length;
    return at + length;
  }
}

/**
 * For each row of bits the symbol whose code it begins with, and that code's length in the lowest four bits.
 *
 * @param {Uint8Array} lengths   @returns {Tree}
 */
function tree(lengths) {
  const bits = Math.max(1, ...lengths);
  const table = new Uint16Array(1 << bits);
  let code = 0;
  for (let length = 1; length <= bits; length++, code <<= 1) {
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      if (lengths[symbol] !== length) continue;
      let first = 0;
      for (let bit = 0; bit < length; bit++) first |= ((code >> bit) & 1) << (length - 1 - bit);
      for (let row = first; row < table.length; row += 1 << length) table[row] = (symbol << 4) | length;
      code += 1;
    }
  }
  return { table, bits };
}

/** @param {Bits} bits   @returns {[Tree, Tree]} */
function treesOf(bits) {
  const [literals, distances, codes] = [bits.take(5) + 257, bits.take(5) + 1, bits.take(4) + 4];
  const ofCodes = new Uint8Array(19);
  for (let i = 0; i < codes; i++) ofCodes[CODE_ORDER[i]] = bits.take(3);
  const lengths = new Uint8Array(literals + distances);
  const codeTree = tree(ofCodes);
  for (let i = 0; i < lengths.length; ) {
    const symbol = bits.symbol(codeTree);
    if (symbol <= LONGEST_CODE) lengths[i++] = symbol;
    else {
      const times = symbol === 16 ? 3 + bits.take(2) : symbol === 17 ? 3 + bits.take(3) : 11 + bits.take(7);
      lengths.fill(symbol === 16 ? lengths[i - 1] : 0, i, i + times);
      i += times;
    }
  }
  return [tree(lengths.subarray(0, literals)), tree(lengths.subarray(literals))];
}

/**
 * @param {Bits} bits   @param {Tree} literals   @param {Tree} distances   @param {Uint8Array} out
 * @param {number} begin
 */
function block(bits, literals, distances, out, begin) {
  let at = begin;
  for (;;) {
    const symbol = bits.symbol(literals);
    if (symbol === 256) return at;
    if (symbol < 256) {
      if (at >= out.length) throw new RangeError("longer than it should be");
      out[at++] = symbol;
      continue;
    }
    const length = LENGTH_BASE[symbol - 257] + bits.take(LENGTH_EXTRA[symbol - 257]);
    const code = bits.symbol(distances);
    const distance = DISTANCE_BASE[code] + bits.take(DISTANCE_EXTRA[code]);
    if (distance > at || at + length > out.length) throw new RangeError("it points outside of itself");
    for (const end = at + length; at < end; at++) out[at] = out[at - distance];
  }
}
