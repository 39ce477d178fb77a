/**
 * Python keeps with each text its hash, four bytes that no compression makes smaller. The snapshot comes
 * without them: they follow from the text. It is the FNV hash (Fowler, Noll and Vo) as Python has it on
 * this platform, with PYTHONHASHSEED=0.
 */

// Words from the beginning of an object.
const [TYPE, LENGTH, STATE, TEXT] = [1, 2, 4, 5];
export const HASH = 3;
const MULTIPLIER = 1000003;
const MAX_LENGTH = 0xffff;
const PLAIN_STATE = 0x64; // compact, ASCII, one byte for each character: what tells a text from any other words
const STATE_MASK = 0xfc;

/**
 * Is there, at this word, a text whose hash follows from it?
 *
 * @param {Uint32Array} words   @param {number} at   @param {number} type
 */
export function isText(words, at, type) {
  return (
    words[at + TYPE] === type && words[at + LENGTH] - 1 < MAX_LENGTH && (words[at + STATE] & STATE_MASK) === PLAIN_STATE
  );
}

/**
 * Put the hashes back that were left out (0) between two words.
 *
 * @param {Uint32Array} words   @param {number} begin   @param {number} end   @param {number} type
 */
export function hashTexts(words, begin, end, type) {
  for (let at = begin; at < end; at++) {
    if (words[at + TYPE] === type && words[at + HASH] === 0 && isText(words, at, type))
      words[at + HASH] = textHash(words, at);
  }
}

/**
 * @param {Uint32Array} words   @param {number} at
 * @returns {number} the hash of the text at this word, as Python keeps it
 */
export function textHash(words, at) {
  const length = words[at + LENGTH];
  const text = at + TEXT;
  const blocks = (length - 1) >> 2; // the last one to four characters go in one by one
  let hash = (words[text] & 0xff) << 7;
  for (let block = 0; block < blocks; block++) hash = Math.imul(hash, MULTIPLIER) ^ words[text + block];
  for (let rest = words[text + blocks], i = 4 * blocks; i < length; i++, rest >>>= 8)
    hash = Math.imul(hash, MULTIPLIER) ^ (rest & 0xff);
  hash ^= length;
  return (hash === -1 ? -2 : hash) >>> 0;
}
