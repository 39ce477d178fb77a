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
   * A worker needs its time to begin, a tenth of a second in Firefox. Meanwhile the page asks for what every start needs, and hands
   * it on (`ahead.js` in the worker). What fails here the worker asks for once more.
   */
  async function handAhead(worker, file, take, integrity = "") {
    const give = (message, transfer = []) => worker.postMessage({ type: "ahead", of: file.url, ...message }, transfer);
    try {
      const answer = await fetch(file.url, { integrity });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      await take(answer, give, file);
      give({ end: true });
    } catch (error) {
      give({ failed: error.message });
    }
  }

  /** As it comes, and as the host sent it. */
  async function pieces(answer, give) {
    const reader = answer.body.getReader();
    for (let it = await reader.read(); !it.done; it = await reader.read()) give({ piece: it.value }, [it.value.buffer]);
  }

  /**
   * Chromium keeps what it compiled of an answer from the network, and of nothing else: on a second visit it need not compile again.
   * Only some hosts send such an answer: named WebAssembly, and encoded so that the browser decodes it.
   */
  async function compiled(answer, give, { sha256 }) {
    const { headers } = answer;
    if (headers.get("Content-Type") !== "application/wasm" || !headers.has("Content-Encoding") || sha256.length > 1) return pieces(answer, give);
    const copy = answer.clone();
    const compiling = WebAssembly.compileStreaming(answer);
    compiling.catch(() => {}); // told when it is awaited
    const piece = new Uint8Array(await copy.arrayBuffer());
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", piece));
    if (btoa(String.fromCharCode(...digest)) === sha256[0]) give({ module: await compiling });
    else give({ piece }); // the worker knows what to do with a file that is damaged
  }

  /** The first worker, and what it said before anybody listened: messages and errors, as events. */
  const { loader, script, wasm } = boot.runtime;
  const files = [loader, script, wasm, boot.snapshot.blocks];
  const first = { worker: startWorker(config.choices[0].settings, files.map(({ url }) => url)), said: [] };
  // A script is run from its address. Whether it is what was built, which the browser finds out, is all that is handed on.
  for (const file of [loader, script]) handAhead(first.worker, file, () => {}, `sha256-${file.sha256[0]}`);
  handAhead(first.worker, wasm, compiled);
  handAhead(first.worker, boot.snapshot.blocks, pieces);
  first.worker.onmessage = first.worker.onerror = (event) => first.said.push(event);
  globalThis.parleyAhead = { config, first, startWorker };
})();
