/**
 * Loudness for the meters, the spectrum for the picture, and the digital-silence watchdog, measured in the worklet and
 * reported 20 times a second.
 */

import { BANDS, Bands } from "./bands.js";
import { MESSAGE_LEVEL, REPORT_INTERVAL_MS } from "./messages.js";

export class LevelMeter {
  /** @param {number} rateHz of the samples that will be measured */
  constructor(rateHz) {
    this.rateHz = rateHz;
    this.windowSamples = Math.round((rateHz * REPORT_INTERVAL_MS) / 1000);
    this.measured = 0;
    this.squares = 0;
    this.peak = 0;
    this.silentSamples = 0;
    this.spectrum = new Bands(rateHz);
    /** Sent again and again: posting copies it. */
    this.message = { type: MESSAGE_LEVEL, rms: 0, peak: 0, silent_ms: 0, queued_ms: 0, bands: new Float32Array(BANDS) };
  }

  /**
   * @param {Float32Array | Float64Array} samples
   * @param {number} count
   */
  measure(samples, count) {
    let squares = 0;
    let peak = 0;
    let lastSound = -1;
    for (let i = 0; i < count; i++) {
      const sample = samples[i];
      squares += sample * sample;
      const size = Math.abs(sample);
      if (size > peak) peak = size;
      if (sample !== 0) lastSound = i;
    }
    this.squares += squares;
    if (peak > this.peak) this.peak = peak;
    this.silentSamples = lastSound < 0 ? this.silentSamples + count : count - 1 - lastSound;
    this.measured += count;
    this.spectrum.measure(samples, count);
  }

  /**
   * A quantum without any input.
   * @param {number} count
   */
  measureNothing(count) {
    this.silentSamples += count;
    this.measured += count;
  }

  /**
   * Posts a report when one is due.
   * @param {import("./messages.js").Outlet} outlet
   * @param {number} queued_ms what waits to be played
   */
  report(outlet, queued_ms = 0) {
    if (this.measured < this.windowSamples) return;
    this.message.rms = Math.sqrt(this.squares / this.measured);
    this.message.peak = this.peak;
    this.message.silent_ms = Math.floor((this.silentSamples * 1000) / this.rateHz);
    this.message.queued_ms = Math.round(queued_ms);
    this.spectrum.take(this.message.bands, this.measured);
    this.measured = 0;
    this.squares = 0;
    this.peak = 0;
    outlet.postMessage(this.message);
  }
}
