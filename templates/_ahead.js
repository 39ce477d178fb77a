/**
 * Stands in the page itself, before everything else: it reads what the build knows and starts the worker, while the rest of the
 * page is on its way. The policy allows exactly this text, by its digest, and no other script in the page.
 *
 * `globalThis.parleyAhead` is for `link.js`, which takes the worker over, and `shell.js`.
 */

(() => {
  if (globalThis.parleyGuard.halted) return; // `_guard.js` has said why
  const { config } = globalThis.parleyGuard;

  const { boot } = config;
  // Every file that Python needs is described by an object with its `url`; a worker would look for it from its own address.
  const absolute = (/** @type {object} */ it) => {
    if ("url" in it) it.url = new URL(String(it.url), document.baseURI).href;
    for (const inner of Object.values(it)) if (inner && typeof inner === "object") absolute(inner);
  };
  absolute(boot);

  // Under `require-trusted-types-for 'script'` a worker's address must come out of a policy; ours lets in our own origin only.
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
   * A worker needs its time to begin, a tenth of a second in Firefox. Meanwhile the page asks for what is large, and hands it on
   * as it comes, as the host sent it (`ahead.js` in the worker). What fails here the worker asks for once more.
   *
   * @param {Worker} worker   @param {string} of
   */
  async function handAhead(worker, of) {
    /** @param {import("./static/messages.js").AheadNews} message   @param {Transferable[]} transfer */
    const give = (message, transfer = []) => worker.postMessage({ type: "ahead", of, ...message }, transfer);
    try {
      const answer = await fetch(of);
      if (!answer.ok || !answer.body) throw new Error(`status ${answer.status}`);
      const reader = answer.body.getReader();
      for (let it = await reader.read(); !it.done; it = await reader.read())
        give({ piece: it.value }, [it.value.buffer]);
      give({ end: true });
    } catch (error) {
      give({ failed: /** @type {Error} */ (error).message });
    }
  }

  // What the first worker says before anybody listens, is kept: messages and errors, as events.
  const ahead = [boot.runtime.wasm, boot.snapshot.blocks].map(({ url }) => url);
  /** @type {typeof globalThis.parleyAhead.first} */
  const first = { worker: startWorker(config.choices[0].settings, ahead), said: [] };
  for (const url of ahead) handAhead(first.worker, url);
  first.worker.onmessage = first.worker.onerror = (/** @type {MessageEvent | ErrorEvent} */ event) =>
    void first.said.push(event);
  globalThis.parleyAhead = { config, first, startWorker };
})();
