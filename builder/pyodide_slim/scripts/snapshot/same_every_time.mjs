/** Entropy, clock and environment are the same in every build, so that the memory of a Python is. */

import crypto from "node:crypto";

const EPOCH_MS = 1577836800000;

/**
 * Nothing of this machine is seen from now on. @returns {() => void} begin anew: what is drawn and told from then on is
 * as at first
 */
export function sameEveryTime() {
  let [seed, tick] = [1, 0];
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  const fill = (view) => {
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    for (let i = 0; i < bytes.length; i++) bytes[i] = Math.floor(random() * 256);
    return view;
  };
  Math.random = random;
  crypto.randomFillSync = fill;
  Object.defineProperty(globalThis, "crypto", { value: { getRandomValues: fill, subtle: {} } });
  Date.now = () => EPOCH_MS + Math.floor(tick++ / 1000);
  performance.now = () => tick++ / 1000;
  process.env = { PATH: "", TZ: "UTC" };
  process.argv.length = 1; // Python would take our path for its own
  delete globalThis.navigator; // newer Nodes have one, with the builder's language
  ignoreGarbage();
  return () => ([seed, tick] = [1, 0]);
}

/**
 * When JavaScript's garbage is collected depends on how busy the machine is. Pyodide would then have Python let go of
 * what belonged to it, and what is in Python's memory is looked at afterwards.
 */
export function ignoreGarbage() {
  globalThis.FinalizationRegistry = class {
    register() {}
    unregister() {}
  };
}
