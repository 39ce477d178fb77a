/**
 * Audio fast path: moves base64 audio between socket and worklet without calling Python.
 *
 * Audio takes it where Python allows it: from one event to the next the bytes stay on this side, which has base64 of
 * its own, and before Python is told the next event it is told how many passed. Where it does not allow it, or where
 * the platform lacks base64, Python gets the bytes. Its side of it is `pyclient/audio_fast_path.py`.
 */

/** @import { Host } from "./host.js" */
/** @import { AudioMethods, Client } from "./pyodide.js" */

/** @type {(keyof AudioMethods)[]} */
const METHODS = ["may_send", "sent", "item_of", "may_play", "played"];

/**
 * Where audio stands in a socket's JSON, as the codec says (`pyclient.codecs.AudioJson`).
 *
 * @typedef {object} AudioJson
 * @property {string} before @property {string} behind
 * @property {string} type @property {string} type_field @property {string} reply_field @property {string} data_field
 * @property {number} most_buffered @property {number} most_chars @property {number} loud_peak
 */

/**
 * The socket of now, and what has taken the fast path since Python was asked: `frames` and when the last loud one was
 * sent, `samples` of the reply `reply` and when the last of them came.
 *
 * @typedef {AudioJson & AudioMethods & {id: number, socket: WebSocket, reply: string | null,
 * item: unknown, sending: unknown,
 *   playing: unknown, frames: number, loud_at: number, samples: number, heard_at: number}} Wire
 */

export class AudioFastPath {
  /** @param {Host} host */
  constructor(host) {
    this.host = host;
    /** The socket of now, where its audio may take the fast path. @type {Wire | null} */
    this.wire = null;
  }

  /**
   * What the codec says of this socket's audio, with the session's methods; they live as long as it is the socket of
   * now.
   *
   * @param {number} id   @param {WebSocket} socket   @param {AudioJson | {type?: undefined}} audio
   * @param {Client | null} client
   */
  take(id, socket, audio, client) {
    this.settle();
    for (const name of METHODS) this.wire?.[name].destroy();
    this.wire = null;
    if (!audio.type || !Uint8Array.fromBase64 || !client) return;
    const none = {
      reply: null,
      item: "",
      sending: false,
      playing: false,
      frames: 0,
      loud_at: 0,
      samples: 0,
      heard_at: 0,
    };
    const { audio_fast_path } = client;
    // Copies: the methods would go with what they were taken from.
    const [may_send, sent, item_of, may_play, played] = METHODS.map((name) => audio_fast_path[name].copy());
    this.wire = { id, socket, ...audio, ...none, may_send, sent, item_of, may_play, played };
    audio_fast_path.destroy();
  }

  /**
   * Before Python hears of anything else: what has passed since it was asked. It is asked again for what comes after.
   */
  settle() {
    const { host, wire } = this;
    if (wire === null) return;
    wire.sending = wire.playing = false;
    const { frames, loud_at, samples, heard_at } = wire;
    wire.frames = wire.loud_at = wire.samples = 0;
    if (frames > 0) host.ask(wire.sent, frames, loud_at);
    if (samples > 0) host.ask(wire.played, samples, heard_at);
  }

  /** Was this frame sent? False: nothing was done. @param {ArrayBuffer} buffer */
  sent(buffer) {
    const { host, wire } = this;
    if (wire === null) return false;
    const { socket } = wire;
    if (socket.readyState !== WebSocket.OPEN || socket.bufferedAmount > wire.most_buffered) return false;
    if (buffer.byteLength === 0 || buffer.byteLength % 2 !== 0) return false;
    wire.sending ||= host.ask(wire.may_send);
    if (!wire.sending) return false;
    wire.frames += 1;
    if (isLoud(buffer, wire.loud_peak)) wire.loud_at = performance.now();
    socket.send(wire.before + new Uint8Array(buffer).toBase64() + wire.behind);
    host.recycle(buffer);
    return true;
  }

  /**
   * Was this audio of a reply, and is it on its way to the speaker? False: nothing was done.
   *
   * @param {number} id of the socket   @param {unknown} text
   */
  played(id, text) {
    const { host, wire } = this;
    if (wire === null || id !== wire.id) return false;
    if (typeof text !== "string" || text.length > wire.most_chars || !text.includes(wire.type)) return false;
    const audio = audioOf(wire, text);
    if (audio === null) return false;
    if (audio.reply !== wire.reply) {
      this.settle();
      wire.item = host.ask(wire.item_of, audio.reply);
      wire.reply = wire.item ? audio.reply : null; // one that Python does not know yet is asked for again
    }
    if (wire.reply === null) return false;
    wire.playing ||= host.ask(wire.may_play);
    if (!wire.playing) return false;
    wire.samples += audio.pcm.length / 2;
    wire.heard_at = performance.now();
    host.play(wire.item, audio.pcm);
    return true;
  }
}

/**
 * Is any fourth sample above `limit`, on either side? Speech is loud for longer than four samples.
 *
 * @param {ArrayBuffer} buffer   @param {number} limit
 */
function isLoud(buffer, limit) {
  const samples = new Int16Array(buffer);
  for (let i = 0; i < samples.length; i += 4) {
    if (samples[i] > limit || samples[i] < -limit) return true;
  }
  return false;
}

/**
 * A reply's id and samples out of a message, or null where anything about it is unusual.
 *
 * @param {AudioJson} wire   @param {string} text
 */
function audioOf(wire, text) {
  try {
    const message = JSON.parse(text);
    const reply = message[wire.reply_field];
    const data = message[wire.data_field];
    if (message[wire.type_field] !== wire.type || typeof reply !== "string" || typeof data !== "string") return null;
    const pcm = Uint8Array.fromBase64(data);
    // Line breaks and missing padding are taken here as they are in Python; half a sample is for Python to refuse.
    const whole = pcm.length > 0 && pcm.length % 2 === 0;
    return whole ? { reply, pcm } : null;
  } catch {
    return null;
  }
}
