/**
 * What Python's session recorder has told so far, bounded: the beginning, which can be replayed, and behind a gap the
 * newest, which can be read. See `pyclient/host/recorder.py`.
 */

const MOST_CHARS = 12_000_000;
const MOST_NEWEST = 200;

export class Recording {
  /** Batches of lines. @type {string[]} */
  first = [];
  /** @type {string[]} */
  newest = [];
  chars = 0;
  /** Told of each batch. @type {Set<(lines: string) => void>} */
  listeners = new Set();

  /** @param {string} lines */
  add(lines) {
    this.chars += lines.length;
    if (this.chars <= MOST_CHARS) this.first.push(lines);
    else if (this.newest.push(lines) > MOST_NEWEST) this.newest.shift();
    for (const told of this.listeners) told(lines);
  }
}
