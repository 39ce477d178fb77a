/**
 * Both voices as they pass through the worker, where the person asked for it: each laid out on one clock, bounded.
 *
 * Another service has another rate: what went before is not kept then. The agent's comes faster than it sounds. Each
 * piece lies behind the one before, and what a flush drops is cut off.
 */

const KEPT_MS = 300_000;
/** Pieces that are no further apart than this belong together: messages do not come on the dot. */
const JOINED_MS = 250;

/** @typedef {{at_ms: number, pcm: Int16Array<ArrayBuffer>}} Piece */

export class Track {
  /** @param {number} rate_hz */
  constructor(rate_hz) {
    this.rate_hz = rate_hz;
    /** @type {Piece[]} */
    this.pieces = [];
    this.end_ms = 0;
  }

  /** @param {Int16Array<ArrayBuffer>} pcm   @param {number} at_ms when it begins, at the earliest */
  add(pcm, at_ms) {
    const from_ms = at_ms - this.end_ms < JOINED_MS ? Math.max(this.end_ms, at_ms - JOINED_MS) : at_ms;
    this.pieces.push({ at_ms: from_ms, pcm: pcm.slice() });
    this.end_ms = from_ms + this.ms(pcm.length);
    while (this.end_ms - this.pieces[0].at_ms > KEPT_MS) this.pieces.shift();
  }

  /** Nothing is heard from `now_ms` on. @param {number} now_ms */
  cut(now_ms) {
    if (this.end_ms <= now_ms) return;
    this.pieces = this.pieces.filter(({ at_ms }) => at_ms < now_ms);
    const last = this.pieces.at(-1);
    if (last) last.pcm = last.pcm.slice(0, Math.round(((now_ms - last.at_ms) * this.rate_hz) / 1000));
    this.end_ms = now_ms;
  }

  /** From `from_ms` on, silence where nothing was. @param {number} from_ms */
  laidOut(from_ms) {
    const place = (/** @type {number} */ at_ms) => Math.round(((at_ms - from_ms) * this.rate_hz) / 1000);
    const whole = new Int16Array(Math.max(0, ...this.pieces.map(({ at_ms, pcm }) => place(at_ms) + pcm.length)));
    for (const { at_ms, pcm } of this.pieces) whole.set(pcm, place(at_ms));
    return whole.buffer;
  }

  /** @param {number} samples */
  ms(samples) {
    return (samples * 1000) / this.rate_hz;
  }
}

export class VoiceRecording {
  /** @param {{capture: number, playback: number}} rates those of the wire at any moment   @param {() => number} now_ms */
  constructor(rates, now_ms = () => performance.now()) {
    this.rates = rates;
    this.now_ms = now_ms;
    this.you = new Track(rates.capture);
    this.agent = new Track(rates.playback);
  }

  /** @param {ArrayBuffer} buffer */
  captured(buffer) {
    const pcm = new Int16Array(buffer, 0, buffer.byteLength >> 1);
    if (this.you.rate_hz !== this.rates.capture) this.you = new Track(this.rates.capture);
    this.you.add(pcm, this.now_ms() - this.you.ms(pcm.length));
  }

  /** @param {Uint8Array<ArrayBuffer>} view */
  played(view) {
    if (this.agent.rate_hz !== this.rates.playback) this.agent = new Track(this.rates.playback);
    this.agent.add(new Int16Array(view.buffer, 0, view.byteLength >> 1), this.now_ms());
  }

  flushed() {
    this.agent.cut(this.now_ms());
  }

  /** Both from the same moment on. */
  both() {
    const begins = [this.you, this.agent].flatMap(({ pieces }) => pieces.slice(0, 1).map(({ at_ms }) => at_ms));
    const from_ms = Math.min(...begins);
    const of = (/** @type {Track} */ track) => ({ rate_hz: track.rate_hz, pcm: track.laidOut(from_ms) });
    return { you: of(this.you), agent: of(this.agent) };
  }
}
