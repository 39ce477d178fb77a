/**
 * Put Python's memory back as it was after the client was imported, instead of starting Python from nothing.
 *
 * The memory was kept at build time with Pyodide's own (underscored) snapshot options, so it belongs to exactly one version of
 * the runtime: Pyodide compares build ids and throws otherwise. Only the blocks that differ from a fresh module are shipped.
 */

/**
 * Options for `loadPyodide`.
 *
 * @param {{header: string, heap_bytes: number, block_bytes: number, runs: [number, number][], lock: object,
 *   zone: number[], suspending: {address: number, with: number, without: number}}} meta
 *   `runs`: blocks that a fresh module has right, and blocks that it gets, in turns
 *   `lock`: Pyodide's table of packages without the packages; it would fetch the whole one otherwise
 *   `zone`: addresses at which C keeps the time zone, as `_tzset_js` of Emscripten takes them
 *   `suspending`: the address of a word of Pyodide, and what stands there in a browser with and without stack switching
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
      let [position, target] = [0, 0];
      for (const [left, kept] of meta.runs) {
        const length = kept * meta.block_bytes;
        target += left * meta.block_bytes;
        module.HEAPU8.set(bytes.subarray(position, position + length), target);
        position += length;
        target += length;
      }
      if (position !== bytes.length) throw new Error("the snapshot is not whole");
      // What Pyodide and C found out of the builder's machine while they started, they would not look at again.
      module.HEAPU32[meta.suspending.address >> 2] = module.jspiSupported ? meta.suspending.with : meta.suspending.without;
      askZone(...meta.zone);
      return module;
    },
  };
}

/** Python that was put back becomes the visitor's: language, time zone, clock, random numbers. Once, before anything of the page runs in it. */
export function settle(python) {
  const language = `${(globalThis.navigator?.language ?? "C").replace("-", "_")}.UTF-8`; // as Emscripten says it
  const visitor = python.pyimport("_visitor");
  visitor.settle(language);
  visitor.destroy();
}
