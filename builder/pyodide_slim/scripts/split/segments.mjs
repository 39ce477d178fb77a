/**
 * The first data of a WebAssembly module: read it as the memory that it makes, and write parts of
 * that memory as segments.
 */

import { SECTION, concatenated, leb, readSections, reader, signed, written } from "../prune/format.mjs";
import { UnlikeError } from "../unlike.mjs";

// A new segment costs about as much as so many zeros when compressed.
const ZEROS = 32;
const [CONSTANT, END] = [0x41, 0x0b];

/** @returns {{memory: Uint8Array, begin: number}} the memory up to the end of the last segment, and where the first one begins */
export function readData(bytes) {
  const section = readSections(bytes, []).find(({ id }) => id === SECTION.data);
  if (!section) throw new UnlikeError("the module has no data section");
  const input = reader(bytes, section);
  const segments = [];
  for (let count = input.number(); count > 0; count--) {
    if (input.number() !== 0 || input.byte() !== CONSTANT)
      throw new UnlikeError("a data segment without a fixed place: not foreseen");
    const place = input.signed();
    if (input.byte() !== END) throw new UnlikeError("a data segment without a fixed place: not foreseen");
    const length = input.number();
    segments.push({ place, from: input.position, length });
    input.skip(length);
  }
  const memory = new Uint8Array(Math.max(...segments.map(({ place, length }) => place + length)));
  for (const { place, from, length } of segments) memory.set(bytes.subarray(from, from + length), place);
  return { memory, begin: Math.min(...segments.map(({ place }) => place)) };
}

/**
 * The module with other data: `ranges` of `memory`, sorted, [begin, end). Long zeros are left out: a
 * new memory has them.
 */
export function withData(bytes, memory, ranges) {
  const segments = ranges.flatMap(([begin, end]) => segmentsOf(memory, begin, end));
  const parts = [bytes.subarray(0, 8)];
  // No function speaks of a segment (`split.mjs` would have refused it), so none asks how many there are.
  const gone = [SECTION.data, SECTION.data_count];
  for (const { id, begin, end } of readSections(bytes, []))
    if (!gone.includes(id)) parts.push(bytes.subarray(begin, end));
  if (segments.length > 0) parts.push(...written(SECTION.data, segments));
  return concatenated(parts);
}

function segmentsOf(memory, begin, end) {
  const found = [];
  for (let at = begin; at < end; ) {
    if (memory[at] === 0) {
      at += 1;
      continue;
    }
    let last = at;
    for (let next = at + 1; next < end && next - last <= ZEROS; next++) if (memory[next] !== 0) last = next;
    found.push(concatenated([[0, CONSTANT, ...signed(at), END], leb(last + 1 - at), memory.subarray(at, last + 1)]));
    at = last + 1;
  }
  return found;
}

/** Ranges without others, all of them sorted. */
export function without(ranges, others) {
  let left = ranges;
  for (const [begin, end] of others) {
    left = left.flatMap(([from, to]) => {
      if (end <= from || begin >= to) return [[from, to]];
      return [
        [from, begin],
        [end, to],
      ].filter(([a, b]) => a < b);
    });
  }
  return left;
}
