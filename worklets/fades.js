/**
 * Soft edges for a stretch of sound: a fade-in at its start, and at its end an echo of its last milliseconds, played
 * backwards under a fade-out. The mirror joins the last sample without a step, so even audio that breaks off at full
 * swing ends without a click, and nobody has to know beforehand that it will.
 */

export class Fades {
  /** @param {number} samples length of each fade */
  constructor(samples) {
    this.samples = samples;
    /** The newest samples that went through, as a ring. */
    this.recent = new Float64Array(samples);
    this.recentEnd = 0;
    this.risen = 0;
  }

  /** A new stretch begins. */
  restart() {
    this.recent.fill(0);
    this.risen = 0;
  }

  /**
   * Shapes in place what has been received.
   * @param {Float64Array} block
   * @param {number} count
   */
  rise(block, count) {
    for (let i = 0; i < count; i++) {
      if (this.risen < this.samples) block[i] *= this.risen++ / this.samples;
      this.recent[this.recentEnd] = block[i];
      this.recentEnd = this.recentEnd + 1 === this.samples ? 0 : this.recentEnd + 1;
    }
  }

  /**
   * Fills a block of what follows the last received sample: the mirrored ending, then silence.
   * @param {Float64Array} block
   * @param {number} count
   * @param {number} position of the block's first sample behind the last received one
   */
  fall(block, count, position) {
    for (let i = 0; i < count; i++) {
      let sample = 0;
      if (position + i < this.samples) {
        const back = this.recentEnd - 1 - position - i;
        const envelope = 0.5 + 0.5 * Math.cos((Math.PI * (position + i + 1)) / this.samples);
        sample = this.recent[back < 0 ? back + this.samples : back] * envelope;
      }
      block[i] = sample;
    }
  }
}
