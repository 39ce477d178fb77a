/**
 * The playback queue: reply audio as it came, in order, never dropped but by `clear`.
 *
 * Servers send a minute of speech in one burst, so the queue holds references to the received chunks (no copy, no
 * limit) in a ring of slots that doubles when full. Growing happens in the message handler; reading allocates nothing.
 */

import { int16ToFloats } from "./pcm.js";

/** What a used slot holds, so that its audio can be collected. */
export const EMPTY_CHUNK = new Int16Array(0);

export class AudioQueue {
  /** @param {number} [slots] a power of two */
  constructor(slots = 1024) {
    /** @type {Int16Array[]} */
    this.chunks = new Array(slots).fill(EMPTY_CHUNK);
    /** @type {string[]} */
    this.items = new Array(slots).fill("");
    this.head = 0;
    this.length = 0;
    this.offset = 0;
    /** Samples waiting, over all items. */
    this.queued = 0;
  }

  /**
   * Called from the message handler only: may allocate.
   * @param {string} item
   * @param {Int16Array} chunk host order; now owned by the queue
   */
  append(item, chunk) {
    if (chunk.length === 0) return;
    if (this.length === this.chunks.length) this.grow();
    const slot = (this.head + this.length) & (this.chunks.length - 1);
    this.chunks[slot] = chunk;
    this.items[slot] = item;
    this.length++;
    this.queued += chunk.length;
  }

  grow() {
    const slots = this.chunks.length;
    const chunks = new Array(slots * 2).fill(EMPTY_CHUNK);
    const items = new Array(slots * 2).fill("");
    for (let i = 0; i < this.length; i++) {
      const slot = (this.head + i) & (slots - 1);
      chunks[i] = this.chunks[slot];
      items[i] = this.items[slot];
    }
    this.chunks = chunks;
    this.items = items;
    this.head = 0;
  }

  /** The item whose audio `read` would give; only with something queued. */
  headItem() {
    return this.items[this.head];
  }

  /**
   * Takes up to `count` samples of the item at the head, as floats. Stops where that item stops.
   * @param {Float64Array} target
   * @param {number} start
   * @param {number} count
   * @returns {number} how many were taken
   */
  read(target, start, count) {
    let taken = 0;
    const item = this.items[this.head];
    while (taken < count && this.length > 0 && this.items[this.head] === item) {
      const chunk = this.chunks[this.head];
      const here = Math.min(count - taken, chunk.length - this.offset);
      int16ToFloats(chunk, this.offset, target, start + taken, here);
      taken += here;
      this.offset += here;
      if (this.offset === chunk.length) {
        this.chunks[this.head] = EMPTY_CHUNK;
        this.items[this.head] = "";
        this.head = (this.head + 1) & (this.chunks.length - 1);
        this.length--;
        this.offset = 0;
      }
    }
    this.queued -= taken;
    return taken;
  }

  /** Drops everything. Allocates nothing. */
  clear() {
    this.chunks.fill(EMPTY_CHUNK);
    this.items.fill("");
    this.head = 0;
    this.length = 0;
    this.offset = 0;
    this.queued = 0;
  }
}
