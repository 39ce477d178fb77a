/**
 * What Python asks of the browser, as plain mechanics: sockets, timers, ports, the token request. No decision is made
 * here.
 *
 * Method names are in Python's style because Python calls them. Calls into Python go through `tell`, which notices when
 * Python has died. Nothing here keeps a Python object but the one client, so nothing leaks per message.
 */

import { AudioFastPath } from "./audio_fast_path.js";
import { messageOf } from "./death.js";
import { askForToken, blocked, isBlocked, nameOf, whenBlocked } from "./network.js";
import { SignIn } from "./sign_in.js";

/** @import { AudioPorts, Intent, ToPage } from "./messages.js" */
/** @import { Client, ClientMethod, Method, Pyodide } from "./pyodide.js" */
/**
 * @import { CaughtUpMessage, DrainedMessage, FlushedMessage, HeldMessage,
 * ProgressMessage } from "../../worklets/messages.js"
 */

const FATAL = /fatally failed|memory access out of bounds|unreachable|stack/i;

export class Host {
  /**
   * @param {Pyodide} runtime
   * @param {(message: ToPage) => void} post to the page
   * @param {(error: unknown) => void} die tells the page that all is over
   * @param {import("./messages.js").SignInKind} signIn
   */
  constructor(runtime, post, die, signIn = "") {
    this.runtime = runtime;
    this.post = post;
    this.die = die;
    /** @type {Client | null} */
    this.client = null;
    this.dead = false;
    /** The agent's tools lie on Python's disk, and are not imported yet. */
    this.hasToolsToLoad = false;
    this.call = 0;
    /** @type {Map<number, WebSocket>} */
    this.sockets = new Map();
    /** @type {Map<string, number>} */
    this.timers = new Map();
    /** @type {AudioPorts | {capture: null, playback: null}} */
    this.ports = { capture: null, playback: null };
    /** @type {Map<string, Method>} */
    this.methods = new Map();
    this.fastPath = new AudioFastPath(this);
    this.signIn = new SignIn(signIn, post);
    /** Of the wire, as the worklets were last told. */
    this.rates = { capture: 24_000, playback: 24_000 };
    /** Only where the person wants it. @type {import("./voice_recording.js").VoiceRecording | null} */
    this.voices = null;
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
      // After a fatal error proxies go on working on what is left of memory; only the public interface
      // throws from then on.
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

  /** Once, and before whatever needs them. What is wrong with them ends the session, in the words of a bad start. */
  loadTools() {
    if (this.dead || !this.client || !this.hasToolsToLoad) return;
    this.hasToolsToLoad = false;
    try {
      this.client.load_tools();
    } catch (error) {
      this.dead = true;
      this.die(error);
    }
  }

  /** An intent from the page. @param {Intent} message */
  intent(message) {
    if (message.type === "connect" || message.type === "record") this.loadTools();
    // Python never sees it, so nothing writes it down
    if (message.type === "bearer") return this.signIn.answered(message);
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

  /** @param {ArrayBuffer} buffer */
  frame(buffer) {
    this.voices?.captured(buffer);
    if (!this.fastPath.sent(buffer)) this.tell("frame", buffer);
  }

  /** @param {number} id   @param {unknown} data */
  message(id, data) {
    if (!this.fastPath.played(id, data)) this.tell("message", id, data);
  }

  /** Call a method of Python's that is no event. See `tell`. @param {Method} method   @param {unknown[]} values */
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

  // --- called from Python --------------------------------------------------------------------------------------------

  /** Python is told what has passed without it. */
  settle() {
    this.fastPath.settle();
  }

  now_ms() {
    return performance.now();
  }

  /** Message for a worklet, as JSON text: only control messages come this way. @param {string} json */
  capture(json) {
    const message = JSON.parse(json);
    if (message.rate_hz) this.rates.capture = message.rate_hz;
    this.ports.capture?.postMessage(message);
  }

  /** @param {string} json */
  playback(json) {
    const message = JSON.parse(json);
    if (message.rate_hz) this.rates.playback = message.rate_hz;
    if (message.type === "flush") this.voices?.flushed();
    this.ports.playback?.postMessage(message);
  }

  /** `view` is of its own memory, given away. @param {unknown} item   @param {Uint8Array<ArrayBuffer>} view */
  play(item, view) {
    this.voices?.played(view);
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
    this.fastPath.take(id, socket, JSON.parse(audio), this.client);
    socket.onopen = () => this.tell("socket_opened", id);
    socket.onmessage = ({ data }) => this.message(id, data);
    whenBlocked(
      socket,
      () => this.sockets.get(id) === socket,
      () => {
        this.close_socket(id, 1000, "");
        this.tell("socket_closed", id, 1006, blocked(url));
      },
    );
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
    const shown = await this.signIn.shown(timeout_ms);
    if (shown === null) return this.tell("token_answered", attempt, 0, "no_bearer", "");
    const { status, text, retry_after } = await askForToken(url, body, timeout_ms, shown);
    this.tell("token_answered", attempt, status, text, retry_after);
  }

  /** @param {string} json */
  show(json) {
    this.post({ type: "view", call: this.call, view: JSON.parse(json) });
  }

  /** A question to the page, or that it is over. @param {string} json */
  ask_page(json) {
    this.post(JSON.parse(json));
  }

  /** Lines of the session recorder. @param {string} lines */
  record(lines) {
    this.post({ type: "record", lines });
  }

  /** @param {string} direction   @param {string} text */
  log(direction, text) {
    console.debug(`${direction} ${text}`);
  }
}
