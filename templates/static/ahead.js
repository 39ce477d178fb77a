/**
 * What the page asked for while this worker was being started: the compiled runtime, and the snapshot piece by piece (sent by
 * `_ahead.js`). A worker that is started later gets nothing ahead and asks for itself.
 */

export class Ahead {
  constructor() {
    this.module = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
    this.module.catch(() => {}); // told when it is awaited
    this.waiting = [];
    this.wake = () => {};
  }

  /** @param {{module?: WebAssembly.Module, piece?: Uint8Array, end?: boolean, of?: "module" | "snapshot", failed?: string}} message */
  received({ module, of, failed, ...snapshot }) {
    if (module) this.resolve(module);
    else if (of === "module") this.reject(new Error(`the runtime could not be fetched (${failed})`));
    else {
      this.waiting.push({ ...snapshot, failed });
      this.wake();
    }
  }

  /** The snapshot, as far as it is there. @yields {Uint8Array} */
  async *pieces() {
    for (;;) {
      while (this.waiting.length === 0) await new Promise((wake) => (this.wake = wake));
      const { piece, end, failed } = this.waiting.shift();
      if (failed) throw new Error(`the snapshot could not be fetched (${failed})`);
      if (end) return;
      yield piece;
    }
  }
}
