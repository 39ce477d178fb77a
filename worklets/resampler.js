/**
 * Streaming sample-rate conversion between any two rates of whole hertz: a polyphase low-pass.
 *
 * `to/from` reduced is L/M. Output n lies at input time n*M/L; its fraction selects one of L phases of the prototype
 * low-pass, each a row of `taps` coefficients, so every output is one dot product and the work does not depend on how
 * the stream is cut. Nothing is allocated after construction.
 *
 * Output 0 lies exactly at input 0 (zeros are assumed before it); what the filter costs is that it must see
 * `lookahead` input samples beyond an output's time. A capture stream is late by that; a playback queue simply reads
 * that far ahead.
 *
 * Use: `push` what came and `pull` what can be made (capture), or `push` exactly `needed(n)` and `pull` n (playback).
 */

/** In sample periods of the lower rate: just under 2.0 ms at 8 kHz, so that every rate rounds to no more. */
export const RESAMPLER_SERIES_HALF_SUPPORT = 15.96;

/**
 * The default setting's low-pass: the cosine series that is its impulse response over the half support to either side.
 * Made by tests/worklets/support/prototype_design.py: for 0.09 dB of freedom in the pass band (to 0.85) the least alias
 * and image (from 1.1), -99 dB, at 62 % of the length that a Kaiser window needs.
 */
export const RESAMPLER_SERIES = [
  0.5, 0.98983165, 1.00898751, 0.993793284, 1.00264499, 1.00121435, 0.995155094, 1.00780055, 0.990350406, 1.01017437,
  0.990619016, 1.00764277, 0.993986223, 1.00743659, 0.897316082, 0.440780733, 0.0822465136, 0.00261192237,
  9.56914232e-6, 3.10397171e-6, -9.20095151e-6, 8.14628075e-6, -5.46188768e-6, 2.92397315e-6, -1.06182114e-6,
  -1.13840366e-7, 6.10020005e-7,
];

/**
 * Edges are parts of the lower Nyquist frequency. What lies above `stop` is down by `attenuation` dB; what aliases from
 * between the edges lands between them too. "cheap" and "best" are Kaiser designs, "default" is the series above.
 * The tests hold each to its figures.
 */
export const RESAMPLER_QUALITIES = {
  cheap: { pass: 0.7, stop: 1.3, attenuation: 58, series: null },
  default: { pass: 0.85, stop: 1.1, attenuation: 99, series: RESAMPLER_SERIES },
  best: { pass: 0.92, stop: 1.06, attenuation: 148, series: null },
};

/**
 * @param {number} a
 * @param {number} b
 * @returns {number}
 */
export function greatestCommonDivisor(a, b) {
  while (b > 0) {
    const rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/**
 * Modified Bessel function of the first kind, order zero, by its power series.
 * @param {number} x
 * @returns {number}
 */
export function besselI0(x) {
  const quarter = (x * x) / 4;
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-17; k++) {
    term *= quarter / (k * k);
    sum += term;
  }
  return sum;
}

/**
 * Half the length of a setting's impulse response, in sample periods of the lower rate.
 * @param {{pass: number, stop: number, attenuation: number, series: number[] | null}} quality
 * @returns {number}
 */
export function halfSupport(quality) {
  if (quality.series !== null) return RESAMPLER_SERIES_HALF_SUPPORT;
  return (quality.attenuation - 7.95) / (14.36 * (quality.stop - quality.pass)); // Kaiser's rule
}

/**
 * The impulse response of a setting, up to a factor.
 * @param {{pass: number, stop: number, attenuation: number, series: number[] | null}} quality
 * @param {number} half as given by `halfSupport`
 * @param {number} time in sample periods of the lower rate
 * @returns {number}
 */
export function impulseResponse(quality, half, time) {
  const edge = time / half;
  if (Math.abs(edge) >= 1) return 0;
  if (quality.series !== null) {
    // Clenshaw's recurrence: the sum of series[k] * cos(k * pi * edge).
    const twice = 2 * Math.cos(Math.PI * edge);
    let next = 0;
    let afterNext = 0;
    for (let k = quality.series.length - 1; k > 0; k--) {
      const value = quality.series[k] + twice * next - afterNext;
      afterNext = next;
      next = value;
    }
    return quality.series[0] + (twice / 2) * next - afterNext;
  }
  const angle = (Math.PI * (quality.pass + quality.stop) * time) / 2;
  const sinc = angle === 0 ? 1 : Math.sin(angle) / angle;
  const beta = 0.1102 * (quality.attenuation - 8.7);
  return sinc * besselI0(beta * Math.sqrt(1 - edge * edge));
}

/**
 * The coefficients, one row of `taps` per phase; `taps` is a multiple of four.
 * @param {number} fromHz
 * @param {number} toHz
 * @param {{pass: number, stop: number, attenuation: number, series: number[] | null}} quality
 * @returns {{taps: number, table: Float64Array}}
 */
export function designPhases(fromHz, toHz, quality) {
  const phases = toHz / greatestCommonDivisor(fromHz, toHz);
  const lowerPeriods = Math.min(1, toHz / fromHz);
  const half = halfSupport(quality);
  const taps = Math.ceil(half / lowerPeriods / 2) * 4;
  const table = new Float64Array(phases * taps);
  let sum = 0;
  for (let phase = 0; phase < phases; phase++) {
    for (let k = 0; k < taps; k++) {
      const time = phase / phases + taps / 2 - 1 - k;
      const value = impulseResponse(quality, half, time * lowerPeriods);
      table[phase * taps + k] = value;
      sum += value;
    }
  }
  // The phases share one factor: setting each to exactly one would add at every frequency what DC lacks.
  for (let i = 0; i < table.length; i++) table[i] *= phases / sum;
  return { taps, table };
}

export class Resampler {
  /**
   * @param {number} fromHz
   * @param {number} toHz
   * @param {"cheap" | "default" | "best"} [quality]
   * @param {number} [largestPull] the most outputs ever pulled at once after `needed`
   * @throws {RangeError} for a rate that is not a positive whole number, or an unknown quality
   */
  constructor(fromHz, toHz, quality = "default", largestPull = 1024) {
    if (!Number.isInteger(fromHz) || !Number.isInteger(toHz) || fromHz <= 0 || toHz <= 0) {
      throw new RangeError(`rates must be positive whole numbers of hertz, got ${fromHz} and ${toHz}`);
    }
    const setting = RESAMPLER_QUALITIES[quality];
    if (setting === undefined) throw new RangeError(`unknown resampler quality ${quality}`);
    const divisor = greatestCommonDivisor(fromHz, toHz);
    this.phases = toHz / divisor;
    this.step = fromHz / divisor;
    /** Whole input samples per output, and the phases that remain. */
    this.stepWhole = Math.floor(this.step / this.phases);
    this.stepPhases = this.step % this.phases;
    this.identity = fromHz === toHz;
    const design = this.identity ? { taps: 1, table: new Float64Array([1]) } : designPhases(fromHz, toHz, setting);
    this.taps = design.taps;
    this.table = design.table;
    /** Input samples beyond an output's time that must have been pushed before it can be pulled. */
    this.lookahead = this.identity ? 0 : this.taps / 2;
    /** The same as time: what a capture stream is late by. */
    this.delayMs = (this.lookahead * 1000) / fromHz;
    this.history = this.identity ? 0 : this.taps / 2 - 1;
    const room = Math.max(4096, Math.ceil((largestPull * this.step) / this.phases) + 1);
    this.buffer = new Float64Array(this.taps + room);
    this.position = 0;
    this.phase = 0;
    this.filled = this.history;
  }

  /** Back to the start of a stream: silence behind, time zero. */
  reset() {
    this.buffer.fill(0);
    this.position = 0;
    this.phase = 0;
    this.filled = this.history;
  }

  /**
   * How many more input samples `pull(count)` would need to give all of `count`.
   * @param {number} count
   * @returns {number}
   */
  needed(count) {
    if (count <= 0) return 0;
    const last = this.position + Math.floor((this.phase + (count - 1) * this.step) / this.phases);
    return Math.max(0, last + this.taps - this.filled);
  }

  /** Input samples pushed whose time the output has not reached. */
  pending() {
    return Math.max(0, this.filled - this.history - this.position);
  }

  /**
   * Takes input as far as there is room (at least 4096 minus what has not been pulled).
   * @param {Float32Array | Float64Array} input
   * @param {number} start
   * @param {number} count
   * @returns {number} how many were taken
   */
  push(input, start, count) {
    const buffer = this.buffer;
    if (this.filled + count > buffer.length && this.position > 0) {
      // With a large step the position may lie beyond what has come.
      const used = Math.min(this.position, this.filled);
      buffer.copyWithin(0, used, this.filled);
      this.filled -= used;
      this.position -= used;
    }
    const taken = Math.min(count, buffer.length - this.filled);
    for (let i = 0; i < taken; i++) buffer[this.filled + i] = input[start + i];
    this.filled += taken;
    return taken;
  }

  /**
   * Gives up to `count` outputs: as many as the input allows.
   * @param {Float32Array | Float64Array} output
   * @param {number} start
   * @param {number} count
   * @returns {number} how many were made
   */
  pull(output, start, count) {
    const buffer = this.buffer;
    const table = this.table;
    const taps = this.taps;
    const phases = this.phases;
    const stepWhole = this.stepWhole;
    const stepPhases = this.stepPhases;
    const last = this.filled - taps;
    let position = this.position;
    let phase = this.phase;
    let made = 0;
    if (this.identity) {
      while (made < count && position <= last) output[start + made++] = buffer[position++];
    } else {
      while (made < count && position <= last) {
        let row = phase * taps;
        // Four sums: the additions of one need not wait for each other.
        let a = 0;
        let b = 0;
        let c = 0;
        let d = 0;
        for (let i = position, end = position + taps; i < end; i += 4, row += 4) {
          a += buffer[i] * table[row];
          b += buffer[i + 1] * table[row + 1];
          c += buffer[i + 2] * table[row + 2];
          d += buffer[i + 3] * table[row + 3];
        }
        output[start + made++] = a + b + (c + d);
        position += stepWhole;
        phase += stepPhases;
        if (phase >= phases) {
          phase -= phases;
          position++;
        }
      }
    }
    this.position = position;
    this.phase = phase;
    return made;
  }
}
