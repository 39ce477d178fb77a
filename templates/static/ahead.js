/**
 * What the page asked for while this worker was being started, piece by piece (sent by `_ahead.js`). A worker that is started later
 * gets nothing ahead and asks for itself.
 */

import { FileFault, nameOf } from "./genuine.js";

export class Ahead {
  /** @param {string[]} urls of the files that the page asks for */
  constructor(urls) {
    this.coming = new Map(urls.map((url) => [url, new Coming()]));
  }

  /** @param {{of: string, piece?: Uint8Array, end?: boolean, failed?: string}} message */
  received({ of, ...message }) {
    this.coming.get(of).received(message);
  }

  /** Did the page find that this script is what was built? False also if nobody knows. */
  async isGenuine(file) {
    const pieces = this.pieces(file, nameOf(file));
    if (pieces === null) return false;
    return pieces.next().then(() => true, () => false);
  }

  /** What the page has compiled of a file; null if it hands on the file itself, or nothing. */
  async module(file) {
    const coming = this.coming.get(file.url);
    return !coming || coming.taken ? null : coming.module();
  }

  /** A file as far as it is there; null if the page does not ask for it, or somebody took it already. */
  pieces(file, what) {
    const coming = this.coming.get(file.url);
    if (!coming || coming.taken) return null;
    coming.taken = true;
    return coming.pieces(file, what);
  }
}

class Coming {
  constructor() {
    Object.assign(this, { taken: false, waiting: [], wake: () => {} });
  }

  received(message) {
    this.waiting.push(message);
    this.wake();
  }

  async first() {
    while (this.waiting.length === 0) await new Promise((wake) => (this.wake = wake));
    return this.waiting[0];
  }

  async module() {
    const { module } = await this.first();
    if (module) this.taken = true;
    return module ?? null;
  }

  /** @yields {Uint8Array} */
  async *pieces(file, what) {
    for (;;) {
      await this.first();
      const { piece, end, failed } = this.waiting.shift();
      // Whatever it was: who asks again finds out whether it lasts.
      if (failed) throw new FileFault("network", nameOf(file), `${what} could not be fetched (${failed})`);
      if (end) return;
      yield piece;
    }
  }
}
