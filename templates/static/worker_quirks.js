/** As `quirks.js`: every browser workaround of the worker, which has no page. */

/**
 * Chromium keeps compiled WebAssembly for the next visit, whose worker then has nothing to compile (66 ms of its thread
 * in one trace), two seconds after it has optimised its first function. If another one follows within these, it keeps
 * nothing for minutes (github.com/v8/v8/blob/main/src/wasm/module-compiler.cc, TriggerCachingAfterTimeout; seen in 156).
 * So what Python does not need to be ready it does so much later. Goes when V8 hands its timer seconds.
 */
export const CALM_MS = 6_000;
