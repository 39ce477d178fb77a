/**
 * What the page asked for while this worker was being started, piece by piece (sent by `_preload.js`). A worker that is
 * started later gets nothing ahead and asks for itself.
 */

import { FileFault, nameOf } from "./genuine.js";

/** @import { AheadMessage, AheadNews, Described } from "./messages.js" */

export class Preloaded {
  /** @param {string[]} urls of the files that the page asks for */
  constructor(urls) {
    this.coming = new Map(urls.map((url) => [url, new Coming()]));
  }

  /** @param {AheadMessage} message */
  received({ of, ...message }) {
    this.coming.get(of)?.received(message);
  }

  /**
   * Did the page find that this script is what was built? False also if nobody knows.
   *
   * @param {Described} file
   */
  async isGenuine(file) {
    const pieces = this.pieces(file, nameOf(file));
    if (pieces === null) return false;
    return pieces.next().then(
      () => true,
      () => false,
    );
  }

  /**
   * What the page has compiled of a file; null if it hands on the file itself, or nothing.
   *
   * @param {Described} file   @returns {Promise<WebAssembly.Module | null>}
   */
  async module(file) {
    const coming = this.coming.get(file.url);
    return !coming || coming.taken ? null : coming.module();
  }

  /**
   * A file as far as it is there; null if the page does not ask for it, or somebody took it already.
   *
   * @param {Described} file   @param {string} what
   */
  pieces(file, what) {
    const coming = this.coming.get(file.url);
    if (!coming || coming.taken) return null;
    coming.taken = true;
    return coming.pieces(file, what);
  }
}

class Coming {
  constructor() {
    this.taken = false;
    /** @type {AheadNews[]} */
    this.waiting = [];
    this.wake = () => {};
  }

  /** @param {AheadNews} message */
  received(message) {
    this.waiting.push(message);
    this.wake();
  }

  async first() {
    while (this.waiting.length === 0) await new Promise((wake) => (this.wake = () => wake(null)));
    return this.waiting[0];
  }

  async module() {
    const { module, failed } = await this.first();
    // Neither a line nor a digest that failed here counts as the worker's own first try.
    if (module || failed) this.taken = true;
    return module ?? null;
  }

  /** @param {Described} file   @param {string} what   @returns {AsyncGenerator<Uint8Array<ArrayBuffer>, void>} */
  async *pieces(file, what) {
    for (;;) {
      const { piece, end, failed } = await this.first();
      this.waiting.shift();
      // Whatever it was: who asks again finds out whether it lasts.
      if (failed) throw new FileFault("network", nameOf(file), `${what} could not be fetched (${failed})`);
      if (end || !piece) return;
      yield piece;
    }
  }
}
