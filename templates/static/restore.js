/**
 * Put Python's memory back as it was after the client was imported, instead of starting Python from nothing.
 *
 * The memory was kept at build time with Pyodide's own (underscored) snapshot options, so it belongs to exactly one
 * version of the runtime: Pyodide compares build ids and throws otherwise. Only the blocks that differ from a fresh
 * module are shipped.
 */

import { hashTexts } from "./text_hash.js";

/** @import { SnapshotTable } from "./messages.js" */
/** @import { Factory, ModuleSettings, Pyodide, PyodideOptions } from "./pyodide.js" */

/**
 * Options for `loadPyodide`.
 *
 * @param {SnapshotTable} meta
 * @param {Promise<Uint8Array>} blocks awaited only when the module is there to take them
 * @param {Factory} create Emscripten's factory out of pyodide.asm.mjs
 * @param {() => boolean} isComplete whether the blocks, now that they are there, hold what follows from them
 * @returns {PyodideOptions}
 */
export function runtimeOptions(meta, blocks, create, isComplete = () => false) {
  return {
    lockFileContents: meta.lock,
    // The header alone: Pyodide checks its build id, and then copies the nothing that follows it.
    _loadSnapshot: Uint8Array.from(atob(meta.header), (character) => character.charCodeAt(0)),
    /** @param {ModuleSettings} settings */
    async createPyodideModule(settings) {
      settings.INITIAL_MEMORY = meta.heap_bytes;
      const instantiate = settings.instantiateWasm;
      let askZone = /** @type {((...zone: number[]) => void) | null} */ (null);
      settings.instantiateWasm = (imports, done) => {
        askZone = imports.env._tzset_js;
        return instantiate(imports, done);
      };
      const [module, bytes] = await Promise.all([create(settings), blocks]);
      const trampoline = module.HEAPU32[meta.trampoline >> 2]; // of this engine, set a moment ago
      putBack(module.HEAPU8, bytes, meta, isComplete());
      // What Pyodide and C found out of the builder's machine while they started, they would not look at again.
      module.HEAPU32[meta.suspending.address >> 2] = module.jspiSupported
        ? meta.suspending.with
        : meta.suspending.without;
      module.HEAPU32[meta.trampoline >> 2] = trampoline;
      if (askZone === null) throw new Error("Pyodide did not ask for its WebAssembly");
      askZone(...meta.zone);
      return module;
    },
  };
}

/**
 * Write the blocks into a fresh module's memory. Those that are not complete become so, for the next visit.
 *
 * @param {Uint8Array} memory   @param {Uint8Array} bytes   @param {SnapshotTable} meta
 */
export function putBack(memory, bytes, { runs, block_bytes, text_type }, isComplete = false) {
  let position = 0;
  let target = 0;
  /** @type {[number, number, number][]} */
  const pieces = [];
  for (const [left, kept] of runs) {
    const length = kept * block_bytes;
    target += left * block_bytes;
    memory.set(bytes.subarray(position, position + length), target);
    pieces.push([position, target, target + length]);
    position += length;
    target += length;
  }
  if (position !== bytes.length) throw new Error("the snapshot is not whole");
  if (isComplete) return;
  const words = new Uint32Array(memory.buffer);
  for (const [, begin, end] of pieces) hashTexts(words, begin >> 2, end >> 2, text_type);
  for (const [from, begin, end] of pieces) bytes.set(memory.subarray(begin, end), from);
}

/**
 * Python that was put back becomes the visitor's: language, time zone, clock, random numbers. Once, before anything of
 * the page runs in it.
 *
 * @param {Pyodide} python
 */
export function settle(python) {
  const language = `${(globalThis.navigator?.language ?? "C").replace("-", "_")}.UTF-8`; // as Emscripten says it
  const visitor = python.pyimport("_visitor");
  visitor.settle(language);
  visitor.destroy();
}
