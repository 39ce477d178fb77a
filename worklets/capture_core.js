/**
 * Microphone to wire: mono mix, resampling, frames of PCM16. Pure: the worklet (or a test) calls `process` with blocks
 * of samples and gives it an outlet. What is said before the first `configure` is held, and goes out first.
 *
 * No allocation in `process` but for a frame when the pool is empty, because losing speech would be worse. Frames are
 * transferred away and come back through `receive` for the next round.
 */

import { PreconnectBuffer } from "./preconnect_buffer.js";
import { LevelMeter } from "./level.js";
import {
  MESSAGE_CAUGHT_UP,
  MESSAGE_CONFIGURE,
  MESSAGE_DRAIN,
  MESSAGE_DRAINED,
  MESSAGE_HELD,
  MESSAGE_MUTE,
  MESSAGE_QUALITY,
  MESSAGE_STOP,
  requirePositiveInteger,
  unknownMessage,
} from "./messages.js";
import { affordableResampler } from "./resampler_choice.js";
import { floatsToInt16, swapToOrFromWire } from "./pcm.js";

/** Frames kept for reuse: a second of 20 ms frames. Beyond it a returned frame is left to the collector. */
export const CAPTURE_POOL_FRAMES = 50;

/** Input is worked on in pieces of this size: one quantum. */
export const CAPTURE_BLOCK_SAMPLES = 128;

/** What a free place of the pool holds. */
const NO_FRAME = new Int16Array(0);

export class CaptureCore {
  /**
   * @param {number} contextRateHz
   * @param {import("./messages.js").Outlet} control where levels go
   * @param {{holdMs?: number, now?: () => number}} [options] how much is held before anybody takes it;
   * a clock in milliseconds
   */
  constructor(contextRateHz, control, { holdMs = 0, now = Date.now } = {}) {
    this.contextRateHz = contextRateHz;
    this.control = control;
    this.now = now;
    /**
     * Null once it was emptied: nothing stands between the microphone and the wire then.
     * @type {PreconnectBuffer | null}
     */
    this.preconnect = holdMs > 0 ? new PreconnectBuffer(contextRateHz, holdMs) : null;
    this.pace = 1;
    this.caughtUp = { type: MESSAGE_CAUGHT_UP };
    /** @type {import("./messages.js").Outlet | null} */
    this.audio = null;
    this.meter = new LevelMeter(contextRateHz);
    this.mono = new Float64Array(CAPTURE_BLOCK_SAMPLES);
    this.resampled = new Float64Array(CAPTURE_BLOCK_SAMPLES);
    /** @type {import("./resampler.js").Resampler | null} */
    this.resampler = null;
    /**
     * What the machine can afford at `pacedHz`, so that a call that reconnects is not tried again.
     * @type {import("./messages.js").Quality | undefined}
     */
    this.paced = undefined;
    this.pacedHz = 0;
    this.frameSamples = 0;
    this.muted = false;
    this.mutedFrames = false;
    /** @type {Int16Array<ArrayBuffer>[]} */
    this.pool = new Array(CAPTURE_POOL_FRAMES).fill(NO_FRAME);
    this.pooled = 0;
    /** Frames ever made: stays flat while the other side returns what it gets. */
    this.allocated = 0;
    /** @type {Int16Array<ArrayBuffer> | null} */
    this.frame = null;
    this.fill = 0;
    /** The transfer list, made once. @type {ArrayBuffer[]} */
    this.transfer = [new ArrayBuffer(0)];
  }

  /**
   * Where frames go from now on.
   * @param {import("./messages.js").Outlet} audio
   */
  attach(audio) {
    this.audio = audio;
  }

  /**
   * A message of the audio port.
   * @param {ArrayBuffer | import("./messages.js").CaptureMessage} message
   * @throws {TypeError | RangeError} for a message that is not in messages.js
   */
  receive(message) {
    if (message instanceof ArrayBuffer) {
      this.recycle(message);
    } else if (message.type === MESSAGE_CONFIGURE) {
      this.configure(message.rate_hz, message.frame_samples, message.quality, message.pace);
    } else if (message.type === MESSAGE_MUTE) {
      this.mute(message.on === true, message.silence === true);
    } else if (message.type === MESSAGE_STOP) {
      this.resampler = null;
      this.preconnect = null;
      this.fill = 0;
    } else if (message.type === MESSAGE_DRAIN) {
      this.drain();
    } else {
      throw unknownMessage("capture worklet", message);
    }
  }

  /**
   * @param {number} rateHz
   * @param {number} frameSamples
   * @param {import("./messages.js").Quality} [quality]
   * @param {number} [pace]
   */
  configure(rateHz, frameSamples, quality, pace = 1) {
    requirePositiveInteger("rate_hz", rateHz);
    requirePositiveInteger("frame_samples", frameSamples);
    requirePositiveInteger("pace", pace);
    this.pace = pace;
    const known = quality ?? (rateHz === this.pacedHz ? this.paced : undefined);
    const chosen = affordableResampler(this.contextRateHz, rateHz, known, undefined, this.now);
    this.resampler = chosen.resampler;
    if (quality === undefined) {
      this.paced = chosen.quality;
      this.pacedHz = rateHz;
    }
    this.control.postMessage({ type: MESSAGE_QUALITY, quality: chosen.quality, share: chosen.share });
    this.fill = 0;
    if (frameSamples !== this.frameSamples) {
      this.frameSamples = frameSamples;
      this.frame = null;
      this.pool.fill(NO_FRAME);
      this.pooled = 0;
    }
    // Enough for what is normally under way, so that even the first second allocates nothing later.
    while (this.pooled < 4) this.pool[this.pooled++] = this.newFrame();
    if (this.preconnect === null || this.audio === null) return;
    this.audio.postMessage({
      type: MESSAGE_HELD,
      kept_ms: this.preconnect.audibleMs,
      dropped_ms: this.preconnect.droppedMs,
    });
  }

  /**
   * @param {boolean} on
   * @param {boolean} silence
   */
  mute(on, silence) {
    if (on !== this.muted) {
      // Neither a word from before the mute nor its echo in the filter may leave later.
      this.fill = 0;
      if (this.resampler !== null) this.resampler.reset();
      if (this.preconnect !== null) this.preconnect.clear();
    }
    this.muted = on;
    this.mutedFrames = silence;
  }

  /** Send what the half-filled frame holds, in a buffer of its own length, and say that it was sent. */
  drain() {
    if (this.audio === null) return;
    if (this.fill > 0 && this.frame !== null) {
      const short = this.frame.slice(0, this.fill);
      this.fill = 0;
      swapToOrFromWire(short);
      this.audio.postMessage(short.buffer, [short.buffer]);
    }
    this.audio.postMessage({ type: MESSAGE_DRAINED });
  }

  /** @param {ArrayBuffer} buffer */
  recycle(buffer) {
    if (buffer.byteLength !== this.frameSamples * 2 || this.pooled === this.pool.length) return;
    this.pool[this.pooled++] = new Int16Array(buffer);
  }

  /** @returns {Int16Array<ArrayBuffer>} */
  newFrame() {
    this.allocated++;
    return new Int16Array(this.frameSamples);
  }

  /**
   * One quantum of the first input.
   * @param {Float32Array[] | undefined} channels none when nothing is connected
   * @param {number} [quantum] length of the block when there is no input to tell it
   */
  process(channels, quantum = CAPTURE_BLOCK_SAMPLES) {
    if (channels === undefined || channels.length === 0 || channels[0].length === 0) {
      this.meter.measureNothing(quantum);
    } else {
      const count = channels[0].length;
      for (let start = 0; start < count; start += CAPTURE_BLOCK_SAMPLES) {
        this.processBlock(channels, start, Math.min(CAPTURE_BLOCK_SAMPLES, count - start));
      }
    }
    this.meter.report(this.control);
  }

  /**
   * @param {Float32Array[]} channels
   * @param {number} start
   * @param {number} count
   */
  processBlock(channels, start, count) {
    const mono = this.mono;
    const scale = 1 / channels.length;
    for (let i = 0; i < count; i++) mono[i] = channels[0][start + i] * scale;
    for (let c = 1; c < channels.length; c++) {
      for (let i = 0; i < count; i++) mono[i] += channels[c][start + i] * scale;
    }
    this.meter.measure(mono, count);
    if (this.preconnect !== null) this.processHeld(this.preconnect, count);
    else this.feed(count);
  }

  /**
   * @param {PreconnectBuffer} held
   * @param {number} count of samples in `mono`, which go behind what is held
   */
  processHeld(held, count) {
    if (!this.muted) held.write(this.mono, count);
    if (this.resampler === null || this.audio === null) return;
    for (let n = 0; n < this.pace; n++) {
      const taken = held.take(this.mono);
      if (taken === 0) break;
      this.feed(taken);
    }
    if (held.empty) {
      this.preconnect = null;
      this.audio.postMessage(this.caughtUp);
    }
  }

  /** @param {number} count of samples in `mono`, which go to the wire */
  feed(count) {
    const mono = this.mono;
    if (this.resampler === null || this.audio === null) return;
    if (this.muted) {
      if (!this.mutedFrames) return;
      mono.fill(0);
    }
    this.resampler.push(mono, 0, count);
    let made = this.resampler.pull(this.resampled, 0, CAPTURE_BLOCK_SAMPLES);
    while (made > 0) {
      this.writeFrames(made);
      made = this.resampler.pull(this.resampled, 0, CAPTURE_BLOCK_SAMPLES);
    }
  }

  /** @param {number} count of samples in `resampled` */
  writeFrames(count) {
    let done = 0;
    while (done < count) {
      if (this.frame === null) this.frame = this.takeFrame();
      const here = Math.min(count - done, this.frameSamples - this.fill);
      floatsToInt16(this.resampled, done, this.frame, this.fill, here);
      done += here;
      this.fill += here;
      if (this.fill === this.frameSamples) this.sendFrame(this.frame);
    }
  }

  /** @returns {Int16Array<ArrayBuffer>} */
  takeFrame() {
    if (this.pooled === 0) return this.newFrame();
    const frame = this.pool[--this.pooled];
    this.pool[this.pooled] = NO_FRAME;
    return frame;
  }

  /** @param {Int16Array<ArrayBuffer>} frame */
  sendFrame(frame) {
    swapToOrFromWire(frame);
    this.transfer[0] = frame.buffer;
    this.frame = null;
    this.fill = 0;
    this.audio?.postMessage(frame.buffer, this.transfer);
  }
}
