/**
 * Stands in the page itself, before everything else: it reads what the build knows and starts the worker, while the rest of the
 * page is on its way. The policy allows exactly this text, by its digest, and no other script in the page.
 *
 * `globalThis.parleyAhead` is for `worker_link.js`, which takes the worker over, and `shell.js`.
 */

(() => {
  if (globalThis.parleyGuard.halted) return; // `_guard.js` has said why
  const { config } = globalThis.parleyGuard;

  const { boot } = config;
  // Every file that Python needs is described by an object with its `url`; a worker would look for it from its own address.
  const absolute = (it) => {
    if (it.url) it.url = new URL(it.url, document.baseURI).href;
    for (const inner of Object.values(it)) if (inner && typeof inner === "object") absolute(inner);
  };
  absolute(boot);

  // Under `require-trusted-types-for 'script'` a worker's address must come out of a policy; ours lets in our own origin only.
  const policy = globalThis.trustedTypes?.createPolicy("parley", {
    createScriptURL(url) {
      if (new URL(url, document.baseURI).origin !== location.origin) throw new TypeError("a worker must come from this site");
      return url;
    },
  });

  /** Start a worker with `settings` for Python; `ahead`: addresses of what will be handed to it. @returns {Worker} */
  function startWorker(settings, ahead = null) {
    const { url } = boot.worker;
    const worker = new Worker(policy ? policy.createScriptURL(url) : url, { type: "module", name: "parley" });
    worker.postMessage({ type: "init", config: { ...boot, settings }, ahead });
    return worker;
  }

  /**
   * A worker needs its time to begin, a tenth of a second in Firefox. Meanwhile the page asks for what is large, and hands it on
   * as it comes, as the host sent it (`preload.js` in the worker). What fails here the worker asks for once more.
   */
  async function handAhead(worker, of) {
    const give = (message, transfer = []) => worker.postMessage({ type: "ahead", of, ...message }, transfer);
    try {
      const answer = await fetch(of);
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const reader = answer.body.getReader();
      for (let it = await reader.read(); !it.done; it = await reader.read()) give({ piece: it.value }, [it.value.buffer]);
      give({ end: true });
    } catch (error) {
      give({ failed: error.message });
    }
  }

  /** The first worker, and what it said before anybody listened: messages and errors, as events. */
  const ahead = [boot.runtime.wasm, boot.snapshot.blocks].map(({ url }) => url);
  const first = { worker: startWorker(config.choices[0].settings, ahead), said: [] };
  for (const url of ahead) handAhead(first.worker, url);
  first.worker.onmessage = first.worker.onerror = (event) => first.said.push(event);
  globalThis.parleyAhead = { config, first, startWorker };
})();
