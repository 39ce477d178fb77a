/**
 * The page's link to the worker in which Python lives: starts it, notices when it has died, starts it again.
 *
 * Pyodide can die for good (a stack overflow in C is fatal and every later call throws), and a worker can vanish. The
 * worker says `dead` where it can; where it cannot, it misses the heartbeat.
 */

import { genuine } from "./genuine.js";
import { guard } from "./start.js";

/** @import { FileFault } from "./genuine.js" */
/** @import { BootMessage, DeadMessage, Intent, Settings, ToPage } from "./messages.js" */

// Begun by the script in the page itself, `_preload.js`.
const { config: of_page, first, startWorker } = globalThis.parleyAhead;
const WORKER_URL = of_page.boot.worker.url;

const HEARTBEAT_MS = 3000;
const PATIENCE_MS = 20000;
// A beat that comes so late was held up with the whole page.
const ASLEEP_MS = 10000;
const FIRST_WORD_MS = 4000;

export class WorkerLink {
  /**
   * @param {Settings} settings for Python
   * @param {(message: Exclude<ToPage, DeadMessage | {type: "pong"}>) => void} onMessage
   * @param {(reason: string, kind: string, what: string | null) => void} onDead
   */
  constructor(settings, onMessage, onDead) {
    this.settings = settings;
    this.onMessage = onMessage;
    this.onDead = onDead;
    this.isAnew = false; // its script was refused before
    this.worker = first.worker;
    this.beat_at = performance.now();
    this.adopt(first.worker);
    // After the caller has what it makes: a message may need it.
    queueMicrotask(() => {
      for (const event of first.said.splice(0)) {
        if (event instanceof MessageEvent) this.worker.onmessage?.(event);
        else this.worker.onerror?.(event);
      }
    });
    setInterval(() => this.heartbeat(), HEARTBEAT_MS);
  }

  /** Start a fresh worker; the one before is gone with everything in it. */
  start() {
    this.worker.terminate();
    this.adopt(startWorker(this.settings));
  }

  /** @param {Worker} worker */
  adopt(worker) {
    this.worker = worker;
    this.ready = false;
    this.isGenuine = false;
    /** Its word that it is ready, as long as nobody knows whether that can be believed. @type {BootMessage | null} */
    this.held = null;
    this.heard = false;
    /** @type {number | null} */
    this.pinged_at = null;
    this.look(worker);
    worker.onmessage = ({ data }) => this.received(data);
    /** @param {ErrorEvent} event */
    worker.onerror = (event) => {
      event.preventDefault();
      if (event.message) this.died(event.message);
      else this.lookFor(worker);
    };
    this.awaitFirstWord(worker);
  }

  /**
   * A script of a wrong type is no event in WebKit (see `quirks.js`), and a slow line or machine is none anywhere.
   *
   * @param {Worker} worker
   */
  awaitFirstWord(worker) {
    setTimeout(async () => {
      const found = this.heard ? null : await guard.diagnose(WORKER_URL);
      if (worker !== this.worker || this.heard || !found) return;
      if (found.kind === "unknown") this.awaitFirstWord(worker);
      else this.died(found.detail, found.kind, WORKER_URL);
    }, FIRST_WORD_MS);
  }

  /** The event of a script that could not be loaded does not say why. @param {Worker} worker */
  async lookFor(worker) {
    const { kind, detail } = await guard.diagnose(WORKER_URL);
    if (worker === this.worker && !this.heard) this.died(detail, kind, WORKER_URL);
  }

  /**
   * The worker checks every file that it takes; its own script is checked here. Nothing is asked of a worker before
   * that.
   *
   * @param {Worker} worker
   */
  async look(worker) {
    try {
      const wasRight = await genuine(of_page.boot.worker, "the worker's script", this.isAnew);
      if (worker !== this.worker) return;
      this.isAnew = !wasRight;
      if (!wasRight) return this.start(); // from a copy that is replaced by now
      this.isGenuine = true;
      if (this.held) this.received(this.held);
    } catch (thrown) {
      const fault = /** @type {FileFault} */ (thrown);
      if (worker === this.worker) this.died(fault.message, fault.kind, WORKER_URL);
    }
  }

  /** @param {Intent} message   @param {Transferable[]} transfer */
  send(message, transfer = []) {
    this.worker.postMessage(message, transfer);
  }

  /** @param {ToPage} message */
  received(message) {
    this.heard = true;
    if (message.type === "pong") this.pinged_at = null;
    else if (message.type === "dead") this.died(message.reason, message.kind, message.what);
    else if (message.type === "boot" && message.stage === "ready" && !this.isGenuine) this.held = message;
    else {
      if (message.type === "boot" && message.stage === "ready") this.ready = true;
      this.onMessage(message);
    }
  }

  heartbeat() {
    if (!this.ready) return;
    const now = performance.now();
    // A page that was asleep: the worker was too, and has its whole time again.
    if (this.pinged_at !== null && now - this.beat_at > ASLEEP_MS) this.pinged_at = now;
    this.beat_at = now;
    if (this.pinged_at === null) {
      this.pinged_at = now;
      this.send({ type: "ping" });
    } else if (now - this.pinged_at > PATIENCE_MS) this.died("no heartbeat");
  }

  /** @param {string} reason   @param {string} kind   @param {string | null} what */
  died(reason, kind = "unknown", what = null) {
    this.heard = true; // nobody waits for its first word any more
    this.worker.onmessage = this.worker.onerror = null;
    this.worker.terminate();
    this.ready = false;
    this.onDead(reason, kind, what);
  }
}
