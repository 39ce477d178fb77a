/**
 * Stands in the page itself, before everything else: it reads what the build knows and starts the worker, while the rest of the
 * page is on its way. The policy allows exactly this text, by its digest, and no other script in the page.
 *
 * `globalThis.parleyAhead` is for `link.js`, which takes the worker over, and `shell.js`.
 */

(() => {
  const config = JSON.parse(document.getElementById("parley-config").textContent);

  const { boot } = config;
  const absolute = (it, name) => {
    if (it[name]) it[name] = new URL(it[name], document.baseURI).href;
  };
  for (const name of ["worker", "capture", "playback", "runtime", "secondary", "stock", "library", "micropip", "client", "tools"]) absolute(boot, name);
  absolute(boot.snapshot.blocks, "url");
  absolute(boot.precompiled, "url");

  // Under `require-trusted-types-for 'script'` a worker's address must come out of a policy; ours lets in our own origin only.
  const policy = globalThis.trustedTypes?.createPolicy("parley", {
    createScriptURL(url) {
      if (new URL(url, document.baseURI).origin !== location.origin) throw new TypeError("a worker must come from this site");
      return url;
    },
  });

  /** Start a worker with `settings` for Python. @returns {Worker} */
  function startWorker(settings) {
    const worker = new Worker(policy ? policy.createScriptURL(boot.worker) : boot.worker, { type: "module", name: "parley" });
    worker.postMessage({ type: "init", config: { ...boot, settings } });
    return worker;
  }

  /** The first worker, and what it said before anybody listened: messages and errors, as events. */
  const first = { worker: startWorker(config.choices[0].settings), said: [] };
  first.worker.onmessage = first.worker.onerror = (event) => first.said.push(event);
  globalThis.parleyAhead = { config, first, startWorker };
})();
