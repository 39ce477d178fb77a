/**
 * How long playback waits before it starts: nothing, until the network has shown that it needs more.
 *
 * Everything received is held anyway, so the cushion matters only for servers that send at the pace of speech. It grows
 * by the gap that an underrun left and shrinks while playback is calm. It delays starts; sounding audio is never
 * stretched.
 */

export const CUSHION_LIMIT_MS = 250;
export const CUSHION_SMALLEST_STEP_MS = 20;
export const CUSHION_LARGEST_STEP_MS = 120;
export const CUSHION_CALM_MS = 5000;
export const CUSHION_CALM_FACTOR = 0.7;
/** Below this it is not worth waiting for. */
export const CUSHION_FLOOR_MS = 10;

export class Cushion {
  constructor() {
    this.ms = 0;
    this.calmMs = 0;
  }

  /**
   * Audio of the same item came only `gapMs` after the queue had run dry.
   * @param {number} gapMs
   */
  ranDry(gapMs) {
    const step = Math.min(CUSHION_LARGEST_STEP_MS, Math.max(CUSHION_SMALLEST_STEP_MS, gapMs));
    this.ms = Math.min(CUSHION_LIMIT_MS, this.ms + step);
    this.calmMs = 0;
  }

  /**
   * So much was played without running dry.
   * @param {number} ms
   */
  played(ms) {
    if (this.ms === 0) return;
    this.calmMs += ms;
    if (this.calmMs < CUSHION_CALM_MS) return;
    this.calmMs = 0;
    this.ms *= CUSHION_CALM_FACTOR;
    if (this.ms < CUSHION_FLOOR_MS) this.ms = 0;
  }
}
