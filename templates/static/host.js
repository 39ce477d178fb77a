/**
 * What Python asks of the browser, as plain mechanics: sockets, timers, ports, the token request. No decision is made
 * here.
 *
 * Method names are in Python's style because Python calls them. Calls into Python go through `tell`, which notices when
 * Python has died. Nothing here keeps a Python object but the one client, so nothing leaks per message.
 *
 * Audio takes a short way where Python allows it: from one event to the next the bytes stay on this side, which has
 * base64 of its own, and before Python is told the next event it is told how many passed. Where it does not allow it,
 * or where the platform lacks base64, Python gets the bytes.
 */

import { messageOf } from "./death.js";
import { askForToken, blocked, isBlocked, nameOf, whenBlocked } from "./network.js";

/** @import { AudioPorts, Intent, ToPage } from "./messages.js" */
/** @import { Client, ClientMethod, Method, Pyodide, ShortWay } from "./pyodide.js" */
/**
 * @import { CaughtUpMessage, DrainedMessage, FlushedMessage, HeldMessage, ProgressMessage } from "../../worklets/messages.js"
 */

const FATAL = /fatally failed|memory access out of bounds|unreachable|stack/i;

/** @type {(keyof ShortWay)[]} */
const SHORT_WAY = ["may_send", "sent", "item_of", "may_play", "played"];

/**
 * Where audio stands in a socket's JSON, as the codec says (`pyclient.codecs.AudioJson`).
 *
 * @typedef {object} AudioJson
 * @property {string} before @property {string} behind
 * @property {string} type @property {string} type_field @property {string} reply_field @property {string} data_field
 * @property {number} most_buffered @property {number} most_chars @property {number} loud_peak
 */

/**
 * The socket of now, and what has taken the short way since Python was asked: `frames` and when the last loud one was
 * sent, `samples` of the reply `reply` and when the last of them came.
 *
 * @typedef {AudioJson & ShortWay & {id: number, socket: WebSocket, reply: string | null, item: unknown, sending: unknown,
 *   playing: unknown, frames: number, loud_at: number, samples: number, heard_at: number}} Wire
 */

export class Host {
  /**
   * @param {Pyodide} runtime
   * @param {(message: ToPage) => void} post to the page
   * @param {(error: unknown) => void} die tells the page that all is over
   */
  constructor(runtime, post, die) {
    this.runtime = runtime;
    this.post = post;
    this.die = die;
    /** @type {Client | null} */
    this.client = null;
    this.dead = false;
    this.call = 0;
    /** @type {Map<number, WebSocket>} */
    this.sockets = new Map();
    /** @type {Map<string, number>} */
    this.timers = new Map();
    /** @type {AudioPorts | {capture: null, playback: null}} */
    this.ports = { capture: null, playback: null };
    /** @type {Map<string, Method>} */
    this.methods = new Map();
    /** Where the audio of the socket of now may take the short way. @type {Wire | null} */
    this.wire = null;
  }

  /**
   * Call a method of the Python client. Each bound method is fetched once: a lookup would make a new proxy every time.
   *
   * @param {ClientMethod} name   @param {unknown[]} values
   */
  tell(name, ...values) {
    if (this.dead || !this.client) return undefined;
    this.settle();
    try {
      // After a fatal error proxies go on working on what is left of memory; only the public interface throws from then on.
      void this.runtime.globals;
      let method = this.methods.get(name);
      if (!method) this.methods.set(name, (method = this.client[name]));
      return method(...values);
    } catch (error) {
      this.fail(error);
      return undefined;
    }
  }

  /** @param {unknown} error */
  fail(error) {
    if (this.dead) return;
    this.dead = true;
    console.warn("parley: Python failed:", messageOf(error));
    for (const id of [...this.sockets.keys()]) this.close_socket(id, 1000, "");
    this.die(FATAL.test(String(error)) ? "Python ran into a fatal error" : "Python ran into an internal error");
  }

  /** An intent from the page. @param {Intent} message */
  intent(message) {
    if (message.type === "ping") {
      this.tell("ping");
      if (!this.dead) this.post({ type: "pong" });
      return;
    }
    const { ports, ...intent } = { ports: null, ...message };
    if ("call" in intent) this.call = intent.call;
    if (ports) this.attach(ports);
    this.tell("intent", JSON.stringify(intent));
  }

  /** @param {AudioPorts} ports */
  attach(ports) {
    this.ports.capture?.close();
    this.ports.playback?.close();
    this.ports = ports;
    /** @param {{data: ArrayBuffer | HeldMessage | CaughtUpMessage | DrainedMessage}} event */
    ports.capture.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) this.frame(data);
      else if (data.type === "held") this.tell("capture_held", data.kept_ms, data.dropped_ms);
      else if (data.type === "caught_up") this.tell("capture_caught_up");
      else if (data.type === "drained") this.tell("capture_drained");
    };
    /** @param {{data: ProgressMessage | DrainedMessage | FlushedMessage}} event */
    ports.playback.onmessage = ({ data }) => {
      if (data.type === "progress") this.tell("progress", data.item, data.rendered, data.queued, data.underruns);
      else if (data.type === "drained") this.tell("drained");
      else if (data.type === "flushed") this.tell("flushed", data.item, data.rendered);
    };
  }

  // --- the short way of audio ----------------------------------------------------------------------------------------------

  /** @param {ArrayBuffer} buffer */
  frame(buffer) {
    if (this.wire === null || !this.passed(this.wire, buffer)) this.tell("frame", buffer);
  }

  /** @param {number} id   @param {unknown} data */
  message(id, data) {
    if (this.wire === null || id !== this.wire.id || !this.played(this.wire, data)) this.tell("message", id, data);
  }

  /** Before Python hears of anything else: what has passed since it was asked. It is asked again for what comes after that. */
  settle() {
    const { wire } = this;
    if (wire === null) return;
    wire.sending = wire.playing = false;
    const { frames, loud_at, samples, heard_at } = wire;
    wire.frames = wire.loud_at = wire.samples = 0;
    if (frames > 0) this.ask(wire.sent, frames, loud_at);
    if (samples > 0) this.ask(wire.played, samples, heard_at);
  }

  /** Was this frame sent? False: nothing was done. @param {Wire} wire   @param {ArrayBuffer} buffer */
  passed(wire, buffer) {
    const { socket } = wire;
    if (socket.readyState !== WebSocket.OPEN || socket.bufferedAmount > wire.most_buffered) return false;
    if (buffer.byteLength === 0 || buffer.byteLength % 2 !== 0) return false;
    wire.sending ||= this.ask(wire.may_send);
    if (!wire.sending) return false;
    wire.frames += 1;
    if (isLoud(buffer, wire.loud_peak)) wire.loud_at = performance.now();
    socket.send(wire.before + new Uint8Array(buffer).toBase64() + wire.behind);
    this.recycle(buffer);
    return true;
  }

  /**
   * Was this audio of a reply, and is it on its way to the speaker? False: nothing was done.
   *
   * @param {Wire} wire   @param {unknown} text
   */
  played(wire, text) {
    if (typeof text !== "string" || text.length > wire.most_chars || !text.includes(wire.type)) return false;
    const audio = audioOf(wire, text);
    if (audio === null) return false;
    if (audio.reply !== wire.reply) {
      this.settle();
      wire.item = this.ask(wire.item_of, audio.reply);
      wire.reply = wire.item ? audio.reply : null; // one that Python does not know yet is asked for again
    }
    if (wire.reply === null) return false;
    wire.playing ||= this.ask(wire.may_play);
    if (!wire.playing) return false;
    wire.samples += audio.pcm.length / 2;
    wire.heard_at = performance.now();
    this.play(wire.item, audio.pcm);
    return true;
  }

  /** Call a method of the short way. See `tell`. @param {Method} method   @param {unknown[]} values */
  ask(method, ...values) {
    if (this.dead) return undefined;
    try {
      void this.runtime.globals;
      return method(...values);
    } catch (error) {
      this.fail(error);
      return undefined;
    }
  }

  /**
   * What the codec says of this socket's audio, with the session's methods; they live as long as it is the socket of
   * now.
   *
   * @param {number} id   @param {WebSocket} socket   @param {AudioJson | {type?: undefined}} audio
   */
  takeShortWay(id, socket, audio) {
    this.settle();
    for (const name of SHORT_WAY) this.wire?.[name].destroy();
    this.wire = null;
    if (!audio.type || !Uint8Array.fromBase64 || !this.client) return;
    const none = { reply: null, item: "", sending: false, playing: false, frames: 0, loud_at: 0, samples: 0, heard_at: 0 };
    const { short_way } = this.client;
    const { may_send, sent, item_of, may_play, played } = short_way;
    // They would go with what they were taken from.
    const kept = { may_send: may_send.copy(), sent: sent.copy(), item_of: item_of.copy(), may_play: may_play.copy(), played: played.copy() };
    this.wire = { id, socket, ...audio, ...none, ...kept };
    short_way.destroy();
  }

  // --- called from Python -----------------------------------------------------------------------------------------------

  now_ms() {
    return performance.now();
  }

  /** Message for a worklet, as JSON text: only control messages come this way. @param {string} json */
  capture(json) {
    this.ports.capture?.postMessage(JSON.parse(json));
  }

  /** @param {string} json */
  playback(json) {
    this.ports.playback?.postMessage(JSON.parse(json));
  }

  /** `view` is of its own memory, given away. @param {unknown} item   @param {Uint8Array<ArrayBuffer>} view */
  play(item, view) {
    this.ports.playback?.postMessage({ type: "audio", item, pcm: view.buffer }, [view.buffer]);
  }

  /** Hand a frame's buffer back to the capture worklet's pool. @param {ArrayBuffer} buffer */
  recycle(buffer) {
    this.ports.capture?.postMessage(buffer, [buffer]);
  }

  /** @param {number} id   @param {string} url   @param {string} protocols   @param {string} audio */
  open_socket(id, url, protocols, audio) {
    /** @type {WebSocket} */
    let socket;
    try {
      socket = new WebSocket(url, JSON.parse(protocols));
    } catch (error) {
      // A malformed address or one that the policy forbids: told like any other socket that never opened.
      setTimeout(() => this.tell("socket_closed", id, 1006, isBlocked(error) ? blocked(url) : nameOf(error)), 0);
      return;
    }
    socket.binaryType = "arraybuffer";
    this.sockets.set(id, socket);
    this.takeShortWay(id, socket, JSON.parse(audio));
    socket.onopen = () => this.tell("socket_opened", id);
    socket.onmessage = ({ data }) => this.message(id, data);
    whenBlocked(socket, () => this.sockets.get(id) === socket, () => {
      this.close_socket(id, 1000, "");
      this.tell("socket_closed", id, 1006, blocked(url));
    });
    // Else `error` says nothing that `close` does not say, and some drops come without it.
    socket.onclose = ({ code, reason }) => {
      this.sockets.delete(id);
      this.tell("socket_closed", id, code, reason);
    };
  }

  /** @param {number} id   @param {string | ArrayBuffer} data */
  send(id, data) {
    const socket = this.sockets.get(id);
    if (socket?.readyState === WebSocket.OPEN) socket.send(data);
  }

  /** Bytes waiting in the socket: a network that does not keep up. @param {number} id */
  buffered(id) {
    return this.sockets.get(id)?.bufferedAmount ?? 0;
  }

  /** @param {number} id   @param {number} code   @param {string} reason */
  close_socket(id, code, reason) {
    const socket = this.sockets.get(id);
    if (!socket) return;
    this.sockets.delete(id);
    // Browsers report an unanswered close after 5 to 60 s; nobody waits for that.
    socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null;
    socket.close(code, reason);
  }

  /** @param {string} name   @param {number} delay_ms */
  set_timer(name, delay_ms) {
    this.cancel_timer(name);
    const timer = setTimeout(() => {
      this.timers.delete(name);
      this.tell("timer", name);
    }, delay_ms);
    this.timers.set(name, timer);
  }

  /** @param {string} name */
  cancel_timer(name) {
    clearTimeout(this.timers.get(name));
    this.timers.delete(name);
  }

  /**
   * POST for a token; Python reads status, body text and Retry-After. Status 0: no answer, and the text is why.
   *
   * @param {number} attempt   @param {string} url   @param {string} body   @param {number} timeout_ms
   */
  async request_token(attempt, url, body, timeout_ms) {
    const { status, text, retry_after } = await askForToken(url, body, timeout_ms);
    this.tell("token_answered", attempt, status, text, retry_after);
  }

  /** @param {string} json */
  show(json) {
    this.post({ type: "view", call: this.call, view: JSON.parse(json) });
  }

  /** @param {string} direction   @param {string} text */
  log(direction, text) {
    console.debug(`${direction} ${text}`);
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
