/**
 * Jitter buffer: how long playback waits before it starts. Nothing, until the network has shown that it needs more.
 *
 * Everything received is queued anyway, so the delay matters only for servers that send at the speed of speech.
 * It grows by the gap that an underrun left and shrinks while playback is calm. It delays starts; sounding
 * audio is never stretched.
 */

export const JITTER_BUFFER_LIMIT_MS = 250;
export const JITTER_BUFFER_SMALLEST_STEP_MS = 20;
export const JITTER_BUFFER_LARGEST_STEP_MS = 120;
export const JITTER_BUFFER_CALM_MS = 5000;
export const JITTER_BUFFER_CALM_FACTOR = 0.7;
/** Below this it is not worth waiting for. */
export const JITTER_BUFFER_FLOOR_MS = 10;

export class JitterBuffer {
  constructor() {
    this.ms = 0;
    this.calmMs = 0;
  }

  /**
   * Audio of the same item came only `gapMs` after the queue had run dry.
   * @param {number} gapMs
   */
  ranDry(gapMs) {
    const step = Math.min(JITTER_BUFFER_LARGEST_STEP_MS, Math.max(JITTER_BUFFER_SMALLEST_STEP_MS, gapMs));
    this.ms = Math.min(JITTER_BUFFER_LIMIT_MS, this.ms + step);
    this.calmMs = 0;
  }

  /**
   * So much was played without running dry.
   * @param {number} ms
   */
  played(ms) {
    if (this.ms === 0) return;
    this.calmMs += ms;
    if (this.calmMs < JITTER_BUFFER_CALM_MS) return;
    this.calmMs = 0;
    this.ms *= JITTER_BUFFER_CALM_FACTOR;
    if (this.ms < JITTER_BUFFER_FLOOR_MS) this.ms = 0;
  }
}
