/**
 * A gain that moves in straight lines: ducking and restoring without a step.
 */

export class GainRamp {
  /** @param {number} rateHz of the samples that it is applied to */
  constructor(rateHz) {
    this.rateHz = rateHz;
    this.value = 1;
    this.target = 1;
    this.step = 0;
    this.left = 0;
  }

  /**
   * @param {number} gain 0 or more
   * @param {number} rampMs 0 or more; a ramp of nothing still takes one sample
   * @throws {TypeError} for what is not a finite number of zero or more
   */
  moveTo(gain, rampMs) {
    if (!Number.isFinite(gain) || gain < 0 || !Number.isFinite(rampMs) || rampMs < 0) {
      throw new TypeError(`gain and ramp_ms must be zero or more, got ${String(gain)} and ${String(rampMs)}`);
    }
    this.left = Math.max(1, Math.round((rampMs * this.rateHz) / 1000));
    this.target = gain;
    this.step = (gain - this.value) / this.left;
  }

  /** Has it come to this value, to stay there? @param {number} value */
  atRest(value) {
    return this.left === 0 && this.value === value;
  }

  /**
   * Multiplies in place and moves on by `count` samples.
   * @param {Float32Array} samples
   * @param {number} count
   */
  apply(samples, count) {
    if (this.left === 0 && this.value === 1) return;
    for (let i = 0; i < count; i++) {
      if (this.left > 0) {
        this.left--;
        // The last step lands on the target itself, so that a restored gain is exactly 1.
        this.value = this.left === 0 ? this.target : this.value + this.step;
      }
      samples[i] *= this.value;
    }
  }
}
