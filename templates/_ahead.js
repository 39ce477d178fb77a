/**
 * Stands in the page itself, before everything else: it reads what the build knows and starts the worker, while the rest of the
 * page is on its way. The policy allows exactly this text, by its digest, and no other script in the page.
 *
 * `globalThis.parleyAhead` is for `link.js`, which takes the worker over, and `shell.js`.
 */

(() => {
  if (globalThis.parleyGuard.halted) return; // `_guard.js` has said why
  const config = JSON.parse(document.getElementById("parley-config").textContent);

  const { boot } = config;
  const absolute = (it, name) => {
    if (it[name]) it[name] = new URL(it[name], document.baseURI).href;
  };
  for (const name of ["worker", "capture", "playback", "runtime", "stock", "library", "micropip", "client", "tools"]) absolute(boot, name);
  absolute(boot.snapshot.blocks, "url");
  absolute(boot.precompiled, "url");
  for (const part of boot.later) absolute(part, "url");

  // Under `require-trusted-types-for 'script'` a worker's address must come out of a policy; ours lets in our own origin only.
  const policy = globalThis.trustedTypes?.createPolicy("parley", {
    createScriptURL(url) {
      if (new URL(url, document.baseURI).origin !== location.origin) throw new TypeError("a worker must come from this site");
      return url;
    },
  });

  /** Start a worker with `settings` for Python; `ahead`: what is large will be handed to it. @returns {Worker} */
  function startWorker(settings, ahead = false) {
    const worker = new Worker(policy ? policy.createScriptURL(boot.worker) : boot.worker, { type: "module", name: "parley" });
    worker.postMessage({ type: "init", config: { ...boot, settings }, ahead });
    return worker;
  }

  /**
   * A worker needs its time to begin, a tenth of a second in Firefox. Meanwhile the page asks for what is large and hands it on
   * as it comes (`ahead.js` in the worker). What could not be fetched is told too: the worker knows other ways.
   */
  function handAhead(worker) {
    const give = (message, transfer = []) => worker.postMessage({ type: "ahead", ...message }, transfer);
    const failed = (of) => (error) => give({ of, failed: error.message });
    const ask = async (url) => {
      const answer = await fetch(url);
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      return answer;
    };
    const module = async () => give({ module: await WebAssembly.compileStreaming(ask(`${boot.runtime}pyodide.asm.wasm`)) });
    const snapshot = async () => {
      const reader = (await ask(boot.snapshot.blocks.url)).body.getReader();
      for (let it = await reader.read(); !it.done; it = await reader.read()) give({ piece: it.value }, [it.value.buffer]);
      give({ end: true });
    };
    module().catch(failed("module"));
    snapshot().catch(failed("snapshot"));
  }

  /** The first worker, and what it said before anybody listened: messages and errors, as events. */
  const first = { worker: startWorker(config.choices[0].settings, true), said: [] };
  handAhead(first.worker);
  first.worker.onmessage = first.worker.onerror = (event) => first.said.push(event);
  globalThis.parleyAhead = { config, first, startWorker };
})();
