/**
 * Stands in the page itself, before everything else: it reads what the build knows and starts the worker, while the
 * rest of the page is on its way. The policy allows exactly this text, by its digest, and no other script in the page.
 *
 * `globalThis.parleyAhead` is for `worker_link.js`, which takes the worker over, and `shell.js`.
 */

import { decodedCopy } from "./static/decoded_copy.js";

/** @import { AheadNews, Described } from "./static/messages.js" */
/** @typedef {(message: AheadNews, transfer?: Transferable[]) => void} Give */
/** @typedef {(answer: Response, give: Give) => Promise<void>} Take */

(() => {
  if (globalThis.parleyGuard.halted) return; // `_guard.js` has said why
  const { config } = globalThis.parleyGuard;

  const { boot } = config;
  // Every file that Python needs is described by an object with its `url`; a worker would look for it
  // from its own address.
  const absolute = (/** @type {object} */ it) => {
    if ("url" in it) it.url = new URL(String(it.url), document.baseURI).href;
    for (const inner of Object.values(it)) if (inner && typeof inner === "object") absolute(inner);
  };
  absolute(boot);

  // Under `require-trusted-types-for 'script'` a worker's address must come out of a policy; ours lets in
  // our own origin only.
  const policy = globalThis.trustedTypes?.createPolicy("parley", {
    createScriptURL(url) {
      if (new URL(url, document.baseURI).origin !== location.origin)
        throw new TypeError("a worker must come from this site");
      return url;
    },
  });

  /**
   * Start a worker with `settings` for Python; `ahead`: addresses of what will be handed to it.
   *
   * @type {typeof globalThis.parleyAhead.startWorker}
   */
  function startWorker(settings, ahead = null) {
    const { url } = boot.worker;
    const worker = new Worker(policy ? policy.createScriptURL(url) : url, { type: "module", name: "parley" });
    /** @type {import("./static/messages.js").ToWorker} */
    const message = { type: "init", config: { ...boot, settings }, ahead };
    worker.postMessage(message);
    return worker;
  }

  /**
   * A worker needs its time to begin, a tenth of a second in Firefox. Meanwhile the page asks for what every start
   * needs, and hands it on (`preload.js` in the worker). What fails here the worker asks for once more.
   *
   * @param {Worker} worker   @param {Described} file   @param {Take} take
   * @param {{integrity?: string, copy?: Promise<Response | null>}} from
   */
  async function handAhead(worker, file, take, { integrity = "", copy } = {}) {
    /** @type {Give} */
    const give = (message, transfer = []) => worker.postMessage({ type: "ahead", of: file.url, ...message }, transfer);
    try {
      const kept = await copy;
      const answer = kept ?? (await fetch(file.url, { integrity }));
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      await (kept ? inOnePiece : take)(answer, give);
      give({ end: true });
    } catch (error) {
      give({ failed: /** @type {Error} */ (error).message });
    }
  }

  /** From the disk it comes at once. @type {Take} */
  async function inOnePiece(answer, give) {
    const piece = new Uint8Array(await answer.arrayBuffer());
    give({ piece }, [piece.buffer]);
  }

  /** As it comes, and as the host sent it. @type {Take} */
  async function pieces(answer, give) {
    const reader = /** @type {ReadableStream<Uint8Array<ArrayBuffer>>} */ (answer.body).getReader();
    for (let it = await reader.read(); !it.done; it = await reader.read()) give({ piece: it.value }, [it.value.buffer]);
  }

  /**
   * Chromium keeps what it compiled of an answer from the network, and of nothing else: on a second visit it need not
   * compile again. Only some hosts send such an answer: named WebAssembly, and encoded so that the browser decodes it.
   * The browser compares it with the build's digests, beside all that goes on here: a copy of the answer to be looked at
   * took Chromium 30 ms more.
   *
   * @type {Take}
   */
  async function compiled(answer, give) {
    const { headers } = answer;
    const fits = headers.get("Content-Type") === "application/wasm" && headers.has("Content-Encoding");
    if (!fits) return pieces(answer, give);
    give({ module: await WebAssembly.compileStreaming(answer) });
  }

  const { blocks } = boot.snapshot;
  const { loader, script, wasm } = boot.runtime;
  const scripts = loader ? [loader, script] : [script];
  const urls = [...scripts, wasm, ...(blocks ? [blocks] : [])].map(({ url }) => url);
  const copy = blocks ? decodedCopy(blocks) : undefined; // looked for while the worker is being started
  // What the first worker says before anybody listens, is kept: messages and errors, as events.
  /** @type {typeof globalThis.parleyAhead.first} */
  const first = { worker: startWorker(config.choices[0].settings, urls), said: [] };
  // A script is run from its address. Whether it is what was built, which the browser finds out, is all
  // that is handed on.
  for (const file of scripts) {
    handAhead(first.worker, file, async () => {}, { integrity: `sha256-${file.sha256[0]}` });
  }
  handAhead(first.worker, wasm, compiled, { integrity: wasm.integrity });
  if (blocks) handAhead(first.worker, blocks, pieces, { copy });
  first.worker.onmessage = first.worker.onerror = (/** @type {MessageEvent | ErrorEvent} */ event) =>
    void first.said.push(event);
  globalThis.parleyAhead = { config, first, startWorker };
})();
