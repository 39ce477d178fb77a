/**
 * The page's link to the worker in which Python lives: starts it, notices when it has died, starts it again.
 *
 * Pyodide can die for good (a stack overflow in C is fatal and every later call throws), and a worker can vanish. The worker
 * says `dead` where it can; where it cannot, it misses the heartbeat.
 */

const HEARTBEAT_MS = 3000;
const PATIENCE_MS = 20000;

// Under `require-trusted-types-for 'script'` a worker's address must come out of a policy; ours lets in our own origin only.
const policy = globalThis.trustedTypes?.createPolicy("parley", {
  createScriptURL(url) {
    if (new URL(url, document.baseURI).origin !== location.origin) throw new TypeError("a worker must come from this site");
    return url;
  },
});

export class Link {
  /** @param {object} config what `boot.js` needs   @param {(message: object) => void} onMessage   @param {(reason: string) => void} onDead */
  constructor(config, onMessage, onDead) {
    this.config = config;
    this.onMessage = onMessage;
    this.onDead = onDead;
    this.worker = null;
    this.start();
    setInterval(() => this.heartbeat(), HEARTBEAT_MS);
  }

  /** Start a fresh worker; the one before is gone with everything in it. */
  start() {
    this.worker?.terminate();
    this.ready = false;
    this.pinged_at = null;
    const url = this.config.worker;
    this.worker = new Worker(policy ? policy.createScriptURL(url) : url, { type: "module", name: "parley" });
    this.worker.onmessage = ({ data }) => this.received(data);
    this.worker.onerror = (event) => {
      event.preventDefault();
      this.died(event.message || "the worker could not be loaded");
    };
    this.worker.postMessage({ type: "init", config: this.config });
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
