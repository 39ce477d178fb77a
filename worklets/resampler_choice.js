/**
 * Resampler choice: can this machine afford the default one? Tried once, where the audio will run and before it does. A
 * converter that takes too large a part of real time is replaced by the cheap one, because a crack in every word is
 * worse than less treble.
 *
 * A worklet has no clock but `Date.now`, of whole milliseconds at best, and a compiler that warms up. So silence is run
 * through the converter for a few milliseconds, several times, and the first good time counts.
 */

import { Resampler } from "./resampler.js";

/** The largest part of real time that one direction may take. A desktop takes 0.005. */
export const TRIAL_LARGEST_SHARE = 0.1;
/** No try is longer than this, and the last of them is when a slow machine is believed to be slow. */
export const TRIAL_MS = 5;
export const TRIALS = 4;
/** Nor does a try run more audio than this, which is what a fast machine does in a try. */
export const TRIAL_AUDIO_MS = 1000;

const PACE_BLOCK_SAMPLES = 128;

/**
 * The converter to use, at the start of its stream.
 * @param {number} fromHz
 * @param {number} toHz
 * @param {import("./messages.js").Quality | undefined} quality as asked for; undefined: what the machine can afford
 * @param {number} [largestPull]
 * @param {() => number} [now] a clock in milliseconds
 * @returns {{resampler: Resampler, quality: import("./messages.js").Quality, share: number | null}}
 * `share`: the part of
 *   real time that the default setting took, null where that was no question
 * @throws {RangeError} as `Resampler` does
 */
export function affordableResampler(fromHz, toHz, quality, largestPull = 1024, now = Date.now) {
  const resampler = new Resampler(fromHz, toHz, quality, largestPull);
  if (quality !== undefined || resampler.identity) return { resampler, quality: quality ?? "default", share: null };
  const share = shareOfRealTime(resampler, fromHz, now);
  resampler.reset();
  if (share <= TRIAL_LARGEST_SHARE) return { resampler, quality: "default", share };
  return { resampler: new Resampler(fromHz, toHz, "cheap", largestPull), quality: "cheap", share };
}

/**
 * Processor time per time of audio: of the first try that is good enough, else of the best.
 * @param {Resampler} resampler
 * @param {number} fromHz
 * @param {() => number} now
 * @returns {number}
 */
export function shareOfRealTime(resampler, fromHz, now) {
  const silence = new Float64Array(PACE_BLOCK_SAMPLES);
  const made = new Float64Array(PACE_BLOCK_SAMPLES);
  let best = Infinity;
  for (let i = 0; i < TRIALS && best > TRIAL_LARGEST_SHARE; i++) {
    const started = now();
    let samples = 0;
    let spentMs = 0;
    while (spentMs < TRIAL_MS && samples * 1000 < TRIAL_AUDIO_MS * fromHz) {
      samples += resampler.push(silence, 0, silence.length);
      while (resampler.pull(made, 0, made.length) > 0);
      spentMs = now() - started;
    }
    best = Math.min(best, (spentMs * fromHz) / (samples * 1000));
  }
  return best;
}
