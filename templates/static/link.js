/**
 * The page's link to the worker in which Python lives: starts it, notices when it has died, starts it again.
 *
 * Pyodide can die for good (a stack overflow in C is fatal and every later call throws), and a worker can vanish. The worker
 * says `dead` where it can; where it cannot, it misses the heartbeat.
 */

// Begun by the script in the page itself, `_ahead.js`.
const { first, startWorker } = globalThis.parleyAhead;

const HEARTBEAT_MS = 3000;
const PATIENCE_MS = 20000;

export class Link {
  /** @param {object} settings for Python   @param {(message: object) => void} onMessage   @param {(reason: string) => void} onDead */
  constructor(settings, onMessage, onDead) {
    this.settings = settings;
    this.onMessage = onMessage;
    this.onDead = onDead;
    this.worker = null;
    this.adopt(first.worker);
    // After the caller has what it makes: a message may need it.
    queueMicrotask(() => first.said.splice(0).forEach((event) => this.worker[`on${event.type}`]?.(event)));
    setInterval(() => this.heartbeat(), HEARTBEAT_MS);
  }

  /** Start a fresh worker; the one before is gone with everything in it. */
  start() {
    this.worker.terminate();
    this.adopt(startWorker(this.settings));
  }

  adopt(worker) {
    this.worker = worker;
    this.ready = false;
    this.pinged_at = null;
    worker.onmessage = ({ data }) => this.received(data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.died(event.message || "the worker could not be loaded");
    };
  }

  send(message, transfer = []) {
    this.worker.postMessage(message, transfer);
  }

  received(message) {
    if (message.type === "pong") this.pinged_at = null;
    else if (message.type === "dead") this.died(message.reason);
    else {
      if (message.type === "boot" && message.stage === "ready") this.ready = true;
      this.onMessage(message);
    }
  }

  heartbeat() {
    if (!this.ready) return;
    const now = performance.now();
    if (this.pinged_at === null) {
      this.pinged_at = now;
      this.send({ type: "ping" });
    } else if (now - this.pinged_at > PATIENCE_MS) this.died("no heartbeat");
  }

  died(reason) {
    this.worker.onmessage = this.worker.onerror = null;
    this.worker.terminate();
    this.ready = false;
    this.onDead(reason);
  }
}
