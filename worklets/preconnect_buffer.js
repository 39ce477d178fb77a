/**
 * Pre-connect buffer: the last seconds of the microphone before the service takes audio, at the device's
 * own rate, in order.
 *
 * Until it is emptied the oldest is dropped when it is full. While it is being emptied new sound goes in behind, so
 * nothing is lost or doubled where the buffered part ends. Of a long pause only as much is handed out as a
 * server needs to find the end of a sentence and the beginning of the next word: who clicks, waits and then
 * speaks is answered sooner.
 *
 * All memory is taken in the constructor; `write` and `take` run on the render thread and allocate nothing.
 */

/** Sound is kept in pieces of at most this size: one quantum. */
export const PRECONNECT_BLOCK_SAMPLES = 128;

/** -40 dBFS: far below speech, above a quiet room. What is louder is never left out. */
export const PRECONNECT_AUDIBLE_PEAK = 0.01;

/** Quiet that is kept after a sound: longer than any service waits for the end of a turn by default. */
export const PRECONNECT_PAUSE_MS = 1500;

/** Quiet that is kept before a sound, because words begin softly. */
export const PRECONNECT_LEAD_MS = 300;

export class PreconnectBuffer {
  /**
   * @param {number} rateHz of the samples
   * @param {number} limitMs how much is kept at most
   */
  constructor(rateHz, limitMs) {
    const blockMs = (PRECONNECT_BLOCK_SAMPLES * 1000) / rateHz;
    this.blockMs = blockMs;
    this.slots = Math.max(1, Math.ceil(limitMs / blockMs));
    this.samples = new Float32Array(this.slots * PRECONNECT_BLOCK_SAMPLES);
    this.lengths = new Uint8Array(this.slots);
    this.audible = new Uint8Array(this.slots);
    this.pauseBlocks = Math.ceil(PRECONNECT_PAUSE_MS / blockMs);
    this.leadBlocks = Math.ceil(PRECONNECT_LEAD_MS / blockMs);
    /** Blocks ever dropped because it was full, of those that could be heard. */
    this.droppedAudible = 0;
    // Blocks are numbered for ever; a block's slot is its number modulo the slots.
    this.written = 0;
    this.first = 0;
    this.ahead = 0;
    this.quiet = 0;
    this.clear();
  }

  /** Forget everything, also that something was said before. */
  clear() {
    this.first = this.written;
    this.ahead = this.written;
    /**
     * Quiet blocks handed out or left out since the last audible one. Nothing was said yet, so a leading pause is long.
     */
    this.quiet = this.pauseBlocks;
  }

  get empty() {
    return this.first === this.written;
  }

  /** Length of what can be heard of it. */
  get audibleMs() {
    let blocks = 0;
    for (let n = this.first; n < this.written; n++) blocks += this.audible[n % this.slots];
    return Math.round(blocks * this.blockMs);
  }

  get droppedMs() {
    return Math.round(this.droppedAudible * this.blockMs);
  }

  /**
   * @param {Float64Array} source
   * @param {number} count at most PRECONNECT_BLOCK_SAMPLES
   */
  write(source, count) {
    if (this.written - this.first === this.slots) {
      this.droppedAudible += this.audible[this.first % this.slots];
      this.first++;
    }
    const slot = this.written % this.slots;
    const start = slot * PRECONNECT_BLOCK_SAMPLES;
    let peak = 0;
    for (let i = 0; i < count; i++) {
      const sample = source[i];
      this.samples[start + i] = sample;
      const size = Math.abs(sample);
      if (size > peak) peak = size;
    }
    this.lengths[slot] = count;
    this.audible[slot] = peak > PRECONNECT_AUDIBLE_PEAK ? 1 : 0;
    this.written++;
  }

  /**
   * The next block that is worth sending.
   * @param {Float64Array} target
   * @returns {number} its samples; 0 when nothing is left
   */
  take(target) {
    while (this.first < this.written) {
      const slot = this.first % this.slots;
      const audible = this.audible[slot] === 1;
      const needless = !audible && this.quiet >= this.pauseBlocks && this.blocksToSound() > this.leadBlocks;
      this.quiet = audible ? 0 : this.quiet + 1;
      this.first++;
      if (needless) continue;
      const start = slot * PRECONNECT_BLOCK_SAMPLES;
      const count = this.lengths[slot];
      for (let i = 0; i < count; i++) target[i] = this.samples[start + i];
      return count;
    }
    return 0;
  }

  /** How far away the next audible block is; the end of what is held counts as one. */
  blocksToSound() {
    if (this.ahead < this.first) this.ahead = this.first;
    while (this.ahead < this.written && this.audible[this.ahead % this.slots] === 0) this.ahead++;
    return this.ahead - this.first;
  }
}
