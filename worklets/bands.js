/**
 * Spectrum for the page's picture of a voice: the loudness in twelve bands of half an octave each, 100 Hz to 6.4 kHz.
 *
 * A bank of two-pole band-passes and no Fourier transform, because its cost is the same in every quantum.
 */

export const BANDS = 12;

/** Centre of band 0; the others follow by half octaves. */
const LOWEST_HZ = 119;
/** As narrow as half an octave wants it. */
const QUALITY = 2.87;
/** Of the sample rate: a band above it cannot be told from its mirror image, and stays empty. */
const HIGHEST_SHARE = 0.45;
/** What is left of a sound below this is silence: ever smaller numbers would cost a processor ever more time. */
const NOTHING = 1e-12;

export class Bands {
  /**
   * @param {number} rateHz
   * @param {number} [largestBlock] samples of one call of `measure`
   */
  constructor(rateHz, largestBlock = 1024) {
    this.count = 0;
    this.gain = new Float64Array(BANDS);
    this.first = new Float64Array(BANDS);
    this.second = new Float64Array(BANDS);
    for (let band = 0; band < BANDS && bandHz(band) < rateHz * HIGHEST_SHARE; band++) {
      const angle = (2 * Math.PI * bandHz(band)) / rateHz;
      const alpha = Math.sin(angle) / (2 * QUALITY);
      this.gain[band] = alpha / (1 + alpha);
      this.first[band] = (2 * Math.cos(angle)) / (1 + alpha);
      this.second[band] = (alpha - 1) / (1 + alpha);
      this.count++;
    }
    this.last = new Float64Array(BANDS);
    this.lastButOne = new Float64Array(BANDS);
    this.squares = new Float64Array(BANDS);
    /** The difference to the sample before the last, which every band needs. */
    this.difference = new Float64Array(largestBlock);
    this.before = 0;
    this.beforeThat = 0;
    /** Nothing rings any more. */
    this.still = true;
  }

  /**
   * @param {Float32Array | Float64Array} samples
   * @param {number} count
   */
  measure(samples, count) {
    const difference = this.difference;
    const squares = this.squares;
    let before = this.before;
    let beforeThat = this.beforeThat;
    let changes = false;
    for (let i = 0; i < count; i++) {
      const sample = samples[i];
      difference[i] = sample - beforeThat;
      if (difference[i] !== 0) changes = true;
      beforeThat = before;
      before = sample;
    }
    this.before = before;
    this.beforeThat = beforeThat;
    if (!changes && this.still) return;
    this.still = true;
    for (let band = 0; band < this.count; band++) {
      const gain = this.gain[band];
      const first = this.first[band];
      const second = this.second[band];
      let last = this.last[band];
      let lastButOne = this.lastButOne[band];
      let sum = 0;
      for (let i = 0; i < count; i++) {
        const now = gain * difference[i] + first * last + second * lastButOne;
        lastButOne = last;
        last = now;
        sum += now * now;
      }
      const rings = Math.abs(last) > NOTHING || Math.abs(lastButOne) > NOTHING;
      if (rings) this.still = false;
      this.last[band] = rings ? last : 0;
      this.lastButOne[band] = rings ? lastButOne : 0;
      squares[band] += sum;
    }
  }

  /**
   * Writes what was measured since the last time, and starts anew.
   * @param {Float32Array} into linear, as an RMS, one for each band
   * @param {number} count of samples that were measured
   */
  take(into, count) {
    for (let band = 0; band < BANDS; band++) into[band] = Math.sqrt(this.squares[band] / count);
    this.squares.fill(0);
  }
}

/** @param {number} band */
export function bandHz(band) {
  return LOWEST_HZ * 2 ** (band / 2);
}
