/**
 * Put Python's memory back as it was after the client was imported, instead of starting Python from nothing.
 *
 * The memory was kept at build time with Pyodide's own (underscored) snapshot options, so it belongs to exactly one version of
 * the runtime: Pyodide compares build ids and throws otherwise. Only the blocks that differ from a fresh module are shipped.
 */

import { hashTexts } from "./text_hash.js";

/**
 * Options for `loadPyodide`.
 *
 * @param {{header: string, heap_bytes: number, block_bytes: number, runs: [number, number][], lock: object,
 *   text_type: number, zone: number[], suspending: {address: number, with: number, without: number}, trampoline: number}} meta
 *   `runs`: blocks that a fresh module has right, and blocks that it gets, in turns
 *   `lock`: Pyodide's table of packages without the packages; it would fetch the whole one otherwise
 *   `text_type`: the address of Python's type of texts, by which those without their hash are found
 *   `zone`: addresses at which C keeps the time zone, as `_tzset_js` of Emscripten takes them
 *   `suspending`: the address of a word of Pyodide, and what stands there in a browser with and without stack switching
 *   `trampoline`: the address of a word that Pyodide has just set as this browser needs it
 * @param {Promise<Uint8Array>} blocks awaited only when the module is there to take them
 * @param {(settings: object) => Promise<object>} create Emscripten's factory out of pyodide.asm.mjs
 */
export function runtimeOptions(meta, blocks, create) {
  return {
    lockFileContents: meta.lock,
    // The header alone: Pyodide checks its build id, and then copies the nothing that follows it.
    _loadSnapshot: Uint8Array.from(atob(meta.header), (character) => character.charCodeAt(0)),
    async createPyodideModule(settings) {
      settings.INITIAL_MEMORY = meta.heap_bytes;
      const instantiate = settings.instantiateWasm;
      let askZone = null;
      settings.instantiateWasm = (imports, done) => {
        askZone = imports.env._tzset_js;
        return instantiate(imports, done);
      };
      const [module, bytes] = await Promise.all([create(settings), blocks]);
      const trampoline = module.HEAPU32[meta.trampoline >> 2]; // of this engine, set a moment ago
      putBack(module.HEAPU8, bytes, meta);
      // What Pyodide and C found out of the builder's machine while they started, they would not look at again.
      module.HEAPU32[meta.suspending.address >> 2] = module.jspiSupported ? meta.suspending.with : meta.suspending.without;
      module.HEAPU32[meta.trampoline >> 2] = trampoline;
      askZone(...meta.zone);
      return module;
    },
  };
}

/** Write the blocks into a fresh module's memory. */
export function putBack(memory, bytes, { runs, block_bytes, text_type }) {
  let [position, target] = [0, 0];
  const pieces = [];
  for (const [left, kept] of runs) {
    const length = kept * block_bytes;
    target += left * block_bytes;
    memory.set(bytes.subarray(position, position + length), target);
    pieces.push([target, target + length]);
    position += length;
    target += length;
  }
  if (position !== bytes.length) throw new Error("the snapshot is not whole");
  const words = new Uint32Array(memory.buffer);
  for (const [begin, end] of pieces) hashTexts(words, begin >> 2, end >> 2, text_type);
}

/** Python that was put back becomes the visitor's: language, time zone, clock, random numbers. Once, before anything of the page runs in it. */
export function settle(python) {
  const language = `${(globalThis.navigator?.language ?? "C").replace("-", "_")}.UTF-8`; // as Emscripten says it
  const visitor = python.pyimport("_visitor");
  visitor.settle(language);
  visitor.destroy();
}
