/**
 * The first script of the page: it reads what the build knows and starts the worker, while everything else is still on its way.
 *
 * It imports nothing, so that nothing has to arrive before the worker does. `link.js` takes the worker over.
 */

export const config = JSON.parse(document.getElementById("parley-config").textContent);

const { boot } = config;
const absolute = (it, name) => {
  if (it[name]) it[name] = new URL(it[name], document.baseURI).href;
};
for (const name of ["worker", "capture", "playback", "runtime", "stock", "library", "micropip", "client", "tools"]) absolute(boot, name);
absolute(boot.snapshot, "empty");
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
export function startWorker(settings) {
  const worker = new Worker(policy ? policy.createScriptURL(boot.worker) : boot.worker, { type: "module", name: "parley" });
  worker.postMessage({ type: "init", config: { ...boot, settings } });
  return worker;
}

/** The first worker, and what it said before anybody listened: messages and errors, as events. */
export const first = { worker: startWorker(config.choices[0].settings), said: [] };
first.worker.onmessage = first.worker.onerror = (event) => first.said.push(event);
