/**
 * The parts of Python's code that a page does not need before it is ready (made by
 * `builder/pyodide_slim/scripts/split/`): what calls were seen to use, and what a page hardly ever needs.
 *
 * The primary module has a stub for each function that it lacks; the stubs go through a table that the secondary module
 * fills. Most are fetched when Python is ready, without anybody waiting. Who calls a stub before it is there waits for
 * it. A part brings the constants with it that its functions alone read: they are not in the memory before.
 */

import { messageOf } from "./death.js";

const WAITS_MS = [0, 2_000, 15_000];
// A table takes functions of WebAssembly only: (module (import "a" "a" (func)) (export "a" (func 0)))
const CARRIER = Uint8Array.of(
  0,
  97,
  115,
  109,
  1,
  0,
  0,
  0,
  1,
  4,
  1,
  96,
  0,
  0,
  2,
  7,
  1,
  1,
  97,
  1,
  97,
  0,
  0,
  7,
  5,
  1,
  1,
  97,
  0,
  0,
);

/** @typedef {{exports: WebAssembly.Exports}} Instance */

/**
 * What the primary module hands out for a part: the table of its stubs, and how they are put to use.
 *
 * @typedef {{table: WebAssembly.Table, lend: () => void, is_there: WebAssembly.Global}} Parts
 */

/**
 * All of them, in the order in which they will be wanted. The first is there before any other: it brings what several
 * of them read.
 */
export class DeferredModules {
  /** @param {DeferredModule[]} parts */
  constructor(parts) {
    this.parts = parts;
    for (const part of parts.slice(1)) part.first = parts[0];
  }

  /**
   * Make `instance` whole when that is needed.
   *
   * @param {Instance} instance   @returns {Instance} the instance as Pyodide shall see it
   */
  attach(instance) {
    return this.parts.reduce((seen, part) => part.attach(seen), instance);
  }

  /** Bring them without holding anything up. */
  async bringAhead() {
    for (const part of this.parts) await part.bringAhead();
  }
}

export class DeferredModule {
  /**
   * @param {string} name of the part
   * @param {(() => Promise<WebAssembly.Module>) | null} ahead compiles it while other things go on; null where it waits
   * to be asked for
   * @param {() => WebAssembly.Module} now does it while everything waits
   */
  constructor(name, ahead, now) {
    this.prefix = `split:${name}:`;
    this.ahead = ahead;
    this.now = now;
    /** @type {DeferredModule | null} */
    this.first = null;
    /** @type {(WebAssembly.ModuleImports & Parts) | null} null before `attach` */
    this.parts = null;
    this.isThere = false;
  }

  /**
   * Make `instance` whole when that is needed.
   *
   * @param {Instance} instance
   * @returns {Instance} the instance as Pyodide shall see it: it takes every export for one of Python's symbols
   */
  attach(instance) {
    /** @type {WebAssembly.Exports} */
    const exports = {};
    /** @type {WebAssembly.ModuleImports} */
    const parts = {};
    for (const [name, value] of Object.entries(instance.exports)) {
      if (name.startsWith(this.prefix)) parts[name.slice(this.prefix.length)] = value;
      else exports[name] = value;
    }
    const carrier = new WebAssembly.Instance(new WebAssembly.Module(CARRIER), { a: { a: () => this.bringNow() } });
    this.parts = /** @type {WebAssembly.ModuleImports & Parts} */ (parts);
    this.parts.table.set(0, carrier.exports.a);
    return { exports };
  }

  /** Bring it without holding anything up. A line that is down at this moment may be up in the next. */
  async bringAhead() {
    if (this.ahead === null) return;
    for (const wait_ms of WAITS_MS) {
      await new Promise((done) => setTimeout(done, wait_ms));
      if (this.isThere) return;
      try {
        const module = await this.ahead();
        if (!this.isThere) this.join(module);
        return;
      } catch (error) {
        console.warn(`parley: ${messageOf(error)}; without it Python can do no more than a page has been seen to need`);
      }
    }
  }

  /** Python is in the middle of a call to what is not there. */
  bringNow() {
    if (this.isThere) return;
    const begin_ms = performance.now();
    this.join(this.now());
    console.info(`parley: Python waited ${Math.round(performance.now() - begin_ms)} ms for the rest of its code`);
  }

  /**
   * The new instance fills its part of the table by itself; the rest of it is what it calls in the primary module.
   *
   * @param {WebAssembly.Module} module
   */
  join(module) {
    if (this.parts === null) throw new Error("no instance was attached");
    this.first?.bringNow();
    new WebAssembly.Instance(module, { primary: this.parts });
    this.parts.lend();
    this.parts.is_there.value = 1;
    this.isThere = true;
  }
}
