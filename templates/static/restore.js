/**
 * Put Python's memory back as it was after the client was imported, instead of starting Python from nothing.
 *
 * The memory was kept at build time with Pyodide's own (underscored) snapshot options, so it belongs to exactly one version of
 * the runtime: Pyodide compares build ids and throws otherwise. Only the blocks that differ from a fresh module are shipped.
 */

/**
 * Options for `loadPyodide`.
 *
 * @param {{header: string, heap_bytes: number, block_bytes: number, runs: [number, number][], lock: object}} meta
 *   `lock`: Pyodide's table of packages without the packages; it would fetch the whole one otherwise
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
      const [module, bytes] = await Promise.all([create(settings), blocks]);
      let position = 0;
      for (const [first, count] of meta.runs) {
        const length = count * meta.block_bytes;
        module.HEAPU8.set(bytes.subarray(position, position + length), first * meta.block_bytes);
        position += length;
      }
      if (position !== bytes.length) throw new Error("the snapshot is not whole");
      return module;
    },
  };
}
