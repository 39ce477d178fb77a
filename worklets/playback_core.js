/**
 * Wire to speaker: queue, resampling, fades, gain, flush, and the count of what was really rendered of each reply
 * item. Pure: the worklet (or a test) calls `process` for each quantum and gives it an outlet.
 *
 * Sound comes in stretches. A stretch starts with a short fade-in when audio waits (and the jitter buffer is filled),
 * runs through items without a seam, and ends under a fade when the queue is dry (fades.js). `drained` follows when the
 * filter's tail is out.
 *
 * Whether a dry queue was an underrun shows only later: it was, if more audio of the same item arrives.
 */

import { JitterBuffer } from "./jitter_buffer.js";
import { Fades } from "./fades.js";
import { GainRamp } from "./gain.js";
import { LevelMeter } from "./level.js";
import {
  MESSAGE_AUDIO,
  MESSAGE_CONFIGURE,
  MESSAGE_DRAINED,
  MESSAGE_FLUSH,
  MESSAGE_FLUSHED,
  MESSAGE_GAIN,
  MESSAGE_PAUSE,
  MESSAGE_PROGRESS,
  MESSAGE_QUALITY,
  REPORT_INTERVAL_MS,
  requirePositiveInteger,
  unknownMessage,
} from "./messages.js";
import { affordableResampler } from "./resampler_choice.js";
import { swapToOrFromWire } from "./pcm.js";
import { Resampler } from "./resampler.js";
import { AudioQueue } from "./ring.js";

export const PLAYBACK_FADE_MS = 5;

/** The largest quantum that can be rendered. Browsers use 128 unless a context asks for another size; ours does not. */
export const PLAYBACK_LARGEST_QUANTUM = 1024;

export class PlaybackCore {
  /**
   * @param {number} contextRateHz
   * @param {import("./messages.js").Outlet} control where levels go
   * @param {() => number} [now] a clock in milliseconds
   */
  constructor(contextRateHz, control, now = Date.now) {
    this.contextRateHz = contextRateHz;
    this.control = control;
    this.now = now;
    /** @type {import("./messages.js").Outlet | null} */
    this.audio = null;
    this.meter = new LevelMeter(contextRateHz);
    this.gain = new GainRamp(contextRateHz);
    /** Down while everything is paused; what is queued stands still once it is at the bottom. */
    this.pausing = new GainRamp(contextRateHz);
    this.jitterBuffer = new JitterBuffer();
    this.queue = new AudioQueue();
    this.reportSamples = Math.round((contextRateHz * REPORT_INTERVAL_MS) / 1000);
    /** Context samples since construction, without those while everything was paused: then nothing can be late. */
    this.clock = 0;
    this.sinceReport = 0;
    this.quantum = 128;

    /** 0 before the first `configure`; no audio is rendered before it. */
    this.wireRateHz = 0;
    /** As asked for; undefined: what the machine can afford. @type {import("./messages.js").Quality | undefined} */
    this.quality = undefined;
    /** From the wire rate to the context's; `configure` makes the one that is used. */
    this.resampler = new Resampler(contextRateHz, contextRateHz);
    this.scratch = new Float64Array(512);
    /** At the wire rate; `configure` makes the ones that are used. */
    this.fades = new Fades(1);

    /** A stretch is sounding. */
    this.running = false;
    /** The stretch has run dry: `padding` samples beyond the received ones have been fed. */
    this.ending = false;
    this.padding = 0;

    /** The item that sounds or sounded last; none after a flush. @type {string | null} */
    this.item = null;
    /** Its samples that were fed so far. */
    this.fed = 0;
    this.underruns = 0;
    /** The item that may turn out to have suffered an underrun, and since when. @type {string | null} */
    this.dryItem = null;
    this.drySince = 0;
    /** When the oldest of the waiting audio came. */
    this.waitingSince = 0;

    /** The faded quantum that a flush leaves to be played. */
    this.lastBreath = new Float32Array(PLAYBACK_LARGEST_QUANTUM);
    this.lastBreathLeft = false;

    /** Sent again and again: posting copies them. */
    this.progressMessage = { type: MESSAGE_PROGRESS, item: "", rendered: 0, queued: 0, underruns: 0, cushion_ms: 0 };
    this.drainedMessage = { type: MESSAGE_DRAINED };
  }

  /**
   * Where progress goes from now on.
   * @param {import("./messages.js").Outlet} audio
   */
  attach(audio) {
    this.audio = audio;
  }

  /**
   * A message of the audio port.
   * @param {import("./messages.js").PlaybackMessage} message
   * @throws {TypeError | RangeError} for a message that is not in messages.js
   */
  receive(message) {
    if (message.type === MESSAGE_AUDIO) {
      this.enqueue(message.item, message.pcm);
    } else if (message.type === MESSAGE_FLUSH) {
      this.flush();
    } else if (message.type === MESSAGE_GAIN) {
      this.gain.moveTo(message.gain, message.ramp_ms);
    } else if (message.type === MESSAGE_PAUSE) {
      this.pausing.moveTo(message.on === true ? 0 : 1, PLAYBACK_FADE_MS);
    } else if (message.type === MESSAGE_CONFIGURE) {
      this.configure(message.rate_hz, message.quality);
    } else {
      throw unknownMessage("playback worklet", message);
    }
  }

  /**
   * @param {number} rateHz
   * @param {import("./messages.js").Quality} [quality]
   */
  configure(rateHz, quality) {
    requirePositiveInteger("rate_hz", rateHz);
    if (rateHz === this.wireRateHz && quality === this.quality) return;
    const chosen = affordableResampler(rateHz, this.contextRateHz, quality, PLAYBACK_LARGEST_QUANTUM, this.now);
    // Audio that came before any rate was told waits for this one; audio of another setting is over.
    if (this.wireRateHz !== 0) this.cut();
    this.wireRateHz = rateHz;
    this.quality = quality;
    this.resampler = chosen.resampler;
    this.control.postMessage({ type: MESSAGE_QUALITY, quality: chosen.quality, share: chosen.share });
    this.fades = new Fades(Math.max(1, Math.round((rateHz * PLAYBACK_FADE_MS) / 1000)));
  }

  /**
   * @param {string} item
   * @param {ArrayBuffer} pcm whole samples; half a sample at the end is ignored
   */
  enqueue(item, pcm) {
    if (typeof item !== "string" || !(pcm instanceof ArrayBuffer)) {
      throw new TypeError("audio needs an item name and an ArrayBuffer");
    }
    const samples = new Int16Array(pcm, 0, pcm.byteLength >> 1);
    if (samples.length === 0) return;
    swapToOrFromWire(samples);
    if (this.queue.queued === 0) this.waitingSince = this.clock;
    this.queue.append(item, samples);
    if (this.dryItem !== null) {
      if (this.dryItem === item) {
        this.underruns++;
        this.jitterBuffer.ranDry(((this.clock - this.drySince) * 1000) / this.contextRateHz);
      }
      this.dryItem = null;
    }
  }

  /**
   * Silence within the next quantum: that quantum is rendered here and now under a fade, the rest is dropped, and the
   * answer goes out at once, so that audio received after this message is already the next reply's.
   */
  flush() {
    const inMidItem = this.running || this.queue.queued > 0;
    if (this.running) this.breatheOut();
    const item = inMidItem ? this.item : null;
    const rendered = item === null ? 0 : this.rendered();
    this.cut();
    if (this.audio !== null) this.audio.postMessage({ type: MESSAGE_FLUSHED, item: item ?? "", rendered });
  }

  /** Renders the quantum that follows the last one, fading to nothing inside it. */
  breatheOut() {
    this.renderStretch(this.lastBreath, this.quantum);
    for (let i = 0; i < this.quantum; i++) this.lastBreath[i] *= 1 - (i + 1) / this.quantum;
    this.lastBreathLeft = true;
  }

  /** Drops everything but the gain and what has been learned about the network. */
  cut() {
    if (this.running && !this.lastBreathLeft) this.breatheOut();
    this.queue.clear();
    if (this.running) this.resampler.reset();
    this.running = false;
    this.item = null;
    this.fed = 0;
    this.padding = 0;
    this.dryItem = null;
  }

  /** Samples of the current item, at the wire rate, that have left for the speaker. */
  rendered() {
    if (!this.running) return this.fed;
    return this.fed - Math.min(this.fed, Math.max(0, this.resampler.pending() - this.padding));
  }

  /**
   * Fills one quantum.
   * @param {Float32Array} output
   */
  process(output) {
    const count = output.length;
    if (count > PLAYBACK_LARGEST_QUANTUM) throw new RangeError("quantum too large");
    this.quantum = count;
    if (this.lastBreathLeft) {
      for (let i = 0; i < count; i++) output[i] = this.lastBreath[i];
      this.lastBreath.fill(0);
      this.lastBreathLeft = false;
    } else if (this.pausing.atRest(0)) {
      output.fill(0);
      this.measure(output, count);
      return;
    } else if (this.running || this.begin()) {
      this.renderStretch(output, count);
      if (this.tailIsOut()) this.end();
      else this.reportNowAndThen(count);
    } else {
      output.fill(0);
      // A ramp runs on in silence.
      this.gain.apply(output, count);
      this.pausing.apply(output, count);
    }
    this.clock += count;
    this.measure(output, count);
  }

  /**
   * @param {Float32Array} output
   * @param {number} count
   */
  measure(output, count) {
    this.meter.measure(output, count);
    this.meter.report(this.control, this.wireRateHz === 0 ? 0 : (this.queue.queued * 1000) / this.wireRateHz);
  }

  /**
   * Starts a stretch if audio waits and enough of it has come, or the rest is not coming.
   * @returns {boolean}
   */
  begin() {
    if (this.wireRateHz === 0 || this.queue.queued === 0) return false;
    const waitedMs = ((this.clock - this.waitingSince) * 1000) / this.contextRateHz;
    const queuedMs = (this.queue.queued * 1000) / this.wireRateHz;
    if (queuedMs < this.jitterBuffer.ms && waitedMs < this.jitterBuffer.ms) return false;
    this.running = true;
    this.ending = false;
    this.padding = 0;
    this.sinceReport = 0;
    this.fades.restart();
    return true;
  }

  /**
   * @param {Float32Array} output
   * @param {number} count
   */
  renderStretch(output, count) {
    let need = this.resampler.needed(count);
    while (need > 0) {
      const here = Math.min(need, this.scratch.length);
      const fed = !this.ending && this.queue.queued > 0 ? this.feedReceived(here) : this.feedEnding(here);
      this.resampler.push(this.scratch, 0, fed);
      need -= fed;
    }
    this.resampler.pull(output, 0, count);
    this.gain.apply(output, count);
    this.pausing.apply(output, count);
  }

  /**
   * Moves samples of the item at the head of the queue into `scratch`.
   * @param {number} count
   * @returns {number} how many
   */
  feedReceived(count) {
    const item = this.queue.headItem();
    if (item !== this.item) this.enterItem(item);
    const taken = this.queue.read(this.scratch, 0, count);
    this.fades.rise(this.scratch, taken);
    this.fed += taken;
    return taken;
  }

  /**
   * Nothing is left: fills `scratch` with the fading end and then with silence.
   * @param {number} count
   * @returns {number} how many
   */
  feedEnding(count) {
    if (!this.ending) {
      this.ending = true;
      this.dryItem = this.item;
      this.drySince = this.clock;
    }
    this.fades.fall(this.scratch, count, this.padding);
    this.padding += count;
    return count;
  }

  /**
   * The next item follows without a seam; the one before is told as ended (it is out within the filter's lookahead).
   * @param {string} item
   */
  enterItem(item) {
    if (this.item !== null) this.report(this.fed);
    this.item = item;
    this.fed = 0;
  }

  /** @returns {boolean} the ending and what it rings after it have been rendered */
  tailIsOut() {
    return this.ending && this.padding - this.resampler.pending() >= this.fades.samples + this.resampler.lookahead;
  }

  end() {
    this.running = false;
    this.padding = 0;
    this.resampler.reset();
    this.report(this.fed);
    if (this.queue.queued === 0 && this.audio !== null) this.audio.postMessage(this.drainedMessage);
  }

  /** @param {number} count */
  reportNowAndThen(count) {
    // What remains to be told of an ending is its end, a few milliseconds from here.
    if (this.ending) return;
    this.sinceReport += count;
    if (this.sinceReport < this.reportSamples) return;
    this.sinceReport -= this.reportSamples;
    this.jitterBuffer.played(REPORT_INTERVAL_MS);
    this.report(this.rendered());
  }

  /** @param {number} rendered */
  report(rendered) {
    if (this.audio === null) return;
    this.progressMessage.item = this.item ?? "";
    this.progressMessage.rendered = rendered;
    this.progressMessage.queued = this.queue.queued;
    this.progressMessage.underruns = this.underruns;
    this.progressMessage.cushion_ms = this.jitterBuffer.ms;
    this.audio.postMessage(this.progressMessage);
  }
}
