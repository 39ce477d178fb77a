/**
 * What Python asks of the browser, as plain mechanics: sockets, timers, ports, the token request. No decision is made here.
 *
 * Method names are in Python's style because Python calls them. Calls into Python go through `tell`, which notices when Python
 * has died. Nothing here keeps a Python object but the one client, so nothing leaks per message.
 */

const FATAL = /fatally failed|memory access out of bounds|unreachable|stack/i;

export class Host {
  /** @param {object} runtime Pyodide   @param {Function} post to the page   @param {Function} die tells the page that all is over */
  constructor(runtime, post, die) {
    this.runtime = runtime;
    this.post = post;
    this.die = die;
    this.client = null;
    this.dead = false;
    this.call = 0;
    this.sockets = new Map();
    this.timers = new Map();
    this.ports = { capture: null, playback: null };
    this.methods = new Map();
  }

  /** Call a method of the Python client. Each bound method is fetched once: a lookup would make a new proxy every time. */
  tell(name, ...values) {
    if (this.dead || !this.client) return;
    try {
      // After a fatal error proxies go on working on what is left of memory; only the public interface throws from then on.
      void this.runtime.globals;
      let method = this.methods.get(name);
      if (!method) this.methods.set(name, (method = this.client[name]));
      method(...values);
    } catch (error) {
      this.fail(error);
    }
  }

  fail(error) {
    if (this.dead) return;
    this.dead = true;
    console.warn("parley: Python failed:", error?.message ?? error);
    for (const id of [...this.sockets.keys()]) this.close_socket(id, 1000, "");
    this.die(FATAL.test(String(error)) ? "Python ran into a fatal error" : "Python ran into an internal error");
  }

  /** An intent from the page. */
  intent({ ports, ...intent }) {
    if (intent.type === "ping") {
      this.tell("ping");
      if (!this.dead) this.post({ type: "pong" });
      return;
    }
    if ("call" in intent) this.call = intent.call;
    if (ports) this.attach(ports);
    this.tell("intent", JSON.stringify(intent));
  }

  attach(ports) {
    this.ports.capture?.close();
    this.ports.playback?.close();
    this.ports = ports;
    ports.capture.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) this.tell("frame", data);
      else if (data.type === "drained") this.tell("capture_drained");
    };
    ports.playback.onmessage = ({ data }) => {
      if (data.type === "progress") this.tell("progress", data.item, data.rendered, data.queued, data.underruns);
      else if (data.type === "drained") this.tell("drained");
      else if (data.type === "flushed") this.tell("flushed", data.item, data.rendered);
    };
  }

  // --- called from Python -----------------------------------------------------------------------------------------------

  now_ms() {
    return performance.now();
  }

  /** Message for a worklet, as JSON text: only control messages come this way. */
  capture(json) {
    this.ports.capture?.postMessage(JSON.parse(json));
  }

  playback(json) {
    this.ports.playback?.postMessage(JSON.parse(json));
  }

  /** `view` is a Uint8Array of its own memory, given away. */
  play(item, view) {
    this.ports.playback?.postMessage({ type: "audio", item, pcm: view.buffer }, [view.buffer]);
  }

  /** Hand a frame's buffer back to the capture worklet's pool. */
  recycle(buffer) {
    this.ports.capture?.postMessage(buffer, [buffer]);
  }

  open_socket(id, url, protocols) {
    let socket;
    try {
      socket = new WebSocket(url, JSON.parse(protocols));
    } catch (error) {
      // A malformed address or one that the policy forbids: told like any other socket that never opened.
      setTimeout(() => this.tell("socket_closed", id, 1006, String(error.name)), 0);
      return;
    }
    socket.binaryType = "arraybuffer";
    this.sockets.set(id, socket);
    socket.onopen = () => this.tell("socket_opened", id);
    socket.onmessage = ({ data }) => this.tell("message", id, data);
    // `error` says nothing that `close` does not say, and some drops come without it.
    socket.onclose = ({ code, reason }) => {
      this.sockets.delete(id);
      this.tell("socket_closed", id, code, reason);
    };
  }

  send(id, data) {
    const socket = this.sockets.get(id);
    if (socket?.readyState === WebSocket.OPEN) socket.send(data);
  }

  /** Bytes waiting in the socket: a network that does not keep up. */
  buffered(id) {
    return this.sockets.get(id)?.bufferedAmount ?? 0;
  }

  close_socket(id, code, reason) {
    const socket = this.sockets.get(id);
    if (!socket) return;
    this.sockets.delete(id);
    // Browsers report an unanswered close after 5 to 60 s; nobody waits for that.
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(code, reason);
  }

  set_timer(name, delay_ms) {
    this.cancel_timer(name);
    const timer = setTimeout(() => {
      this.timers.delete(name);
      this.tell("timer", name);
    }, delay_ms);
    this.timers.set(name, timer);
  }

  cancel_timer(name) {
    clearTimeout(this.timers.get(name));
    this.timers.delete(name);
  }

  /** POST for a token; Python reads status, body text and Retry-After. Status 0: no answer. */
  async request_token(attempt, url, body, timeout_ms) {
    let status = 0;
    let text = "";
    let retry_after = "";
    try {
      const answer = await fetch(url, {
        method: "POST",
        body,
        headers: { "Content-Type": "application/json" },
        cache: "no-store",
        credentials: "same-origin",
        redirect: "error",
        referrerPolicy: "no-referrer",
        signal: AbortSignal.timeout(timeout_ms),
      });
      status = answer.status;
      retry_after = answer.headers.get("Retry-After") ?? "";
      text = await answer.text();
    } catch (error) {
      text = String(error.name);
    }
    this.tell("token_answered", attempt, status, text, retry_after);
  }

  show(json) {
    this.post({ type: "view", call: this.call, view: JSON.parse(json) });
  }

  log(direction, text) {
    console.debug(`${direction} ${text}`);
  }
}
