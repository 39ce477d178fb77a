/**
 * Stands in the page itself, before everything else, and knows whether the page's scripts came. As long as `shell.js`
 * does not run it is this script that says why: not under which circumstances a page works, but what was found to be
 * wrong. Where it cannot run itself, the HTML speaks (`_call.html`). It is written so that old browsers can read it.
 *
 * `globalThis.parleyGuard` is for `_preload.js`, which starts nothing where nothing can work,
 * and `shell.js` and `worker_link.js`.
 */

import { inOwnLanguage } from "./_language.js";
import { t } from "./static/texts.js";

/** @typedef {{kind: string, detail: string}} Found   what is wrong, by its name in the texts (`start.`), and for the owner */

(() => {
  const RELOADED = "parley-reloaded";
  const SLOW_AFTER_MS = 15000;
  const FAULT_AFTER_MS = 1500;
  const text = element("parley-config").textContent || "";
  /** @type {import("./static/messages.js").PageConfig} */
  const config = JSON.parse(text);
  /** @type {string[]} */
  const violations = [];
  let alive = false;
  let said = "";
  const language = inOwnLanguage(config);
  const guard = {
    config,
    language,
    halted: false,
    diagnose,
    again,
    alive: () => (alive = true),
    started: () => forget(),
  };
  globalThis.parleyGuard = guard;
  document.documentElement.className = "guarded"; // the style sheet shows what the HTML says only where this is not

  /** @param {string} id */
  function element(id) {
    return /** @type {HTMLElement} */ (document.getElementById(id));
  }

  /** Write into the page. It may not be there yet. @param {() => void} change */
  function draw(change) {
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => alive || change());
    else change();
  }

  /** @param {string} id   @param {string} [text] hides it where there is none */
  function show(id, text) {
    const shown = element(id);
    if (text !== undefined) shown.textContent = text;
    shown.hidden = text === undefined;
    return shown;
  }

  /**
   * Say what is wrong, in the words for `code`; `detail` is for the owner.
   *
   * @param {string} code   @param {string} [detail]
   */
  function tell(code, detail) {
    if (alive || (said && said !== "slow")) return;
    said = code;
    const say = () => {
      show("notice-title", t(`start.${code}.title`));
      show("notice-hint", t(`start.${code}.hint`));
      show("start-detail", `${t("diagnostics.start_detail")}: ${t(`start.${code}.owner`)} ${detail || ""}`);
      if (code !== "slow") show("status", t("status.not_started"));
    };
    draw(() => {
      if (code !== "slow") {
        document.body.dataset.boot = "failed";
        document.body.dataset.tone = "error";
        if (!guard.halted) offerAgain();
      }
      say();
      const box = element("notice");
      box.dataset.code = `start_${code}`;
      box.dataset.tone = code === "slow" ? "warn" : "error";
      box.classList.remove("late");
      box.hidden = false;
      language.then(() => alive || said !== code || say());
    });
  }

  function offerAgain() {
    show("connect");
    show("boot-text", "");
    show("boot-progress");
    show("retry", t("boot.retry")).addEventListener("click", () => location.reload());
    element("boot").hidden = false;
  }

  /**
   * Every other file is checked by what stands in the settings, so these must be what was
   * built (`settings_check` in builder/pages.py). The worker waits for this, and words take half the time of letters.
   */
  function damaged() {
    if (!("TextEncoder" in globalThis)) return false; // too old, which is found below
    const bytes = new TextEncoder().encode(`${text}\0\0\0`);
    const words = new Uint32Array(bytes.buffer, 0, bytes.length >> 2);
    let sum = 0x811c9dc5;
    for (let i = 0; i < words.length; i++) sum = Math.imul(sum ^ words[i], 0x01000193);
    const check = document.querySelector("meta[name=parley-check]");
    return !check || check.getAttribute("content") !== String(sum >>> 0);
  }

  /**
   * Where the page as it is now cannot work: the code for the words, and the detail.
   *
   * @returns {[string, string?] | null}
   */
  function hopeless() {
    if (damaged()) return ["damaged", "The settings in the page are not those that were built."];
    if (location.protocol === "file:") return ["file"];
    if (globalThis.origin === "null") return ["sandbox"];
    if (!globalThis.isSecureContext) return ["insecure"];
    const lacking = ["WebAssembly", "Worker", "AudioWorkletNode", "BigInt64Array", "ReadableStream"].filter(
      (name) => !(name in globalThis),
    );
    if (!modulesInWorkers()) lacking.push("modules in workers");
    return lacking.length > 0 ? ["old", lacking.join(", ")] : null;
  }

  /** Does a browser look at what kind of script a worker gets? It does so before it finds that this address is none. */
  function modulesInWorkers() {
    // a policy for addresses would refuse this one aloud, and is younger than modules
    let seen = Boolean(globalThis.trustedTypes);
    try {
      if (!seen)
        new Worker("http://", {
          get type() {
            seen = true;
            return /** @type {"module"} */ ("module");
          },
        }).terminate();
    } catch {
      // as it should be
    }
    return seen;
  }

  /** What became of one of our scripts? The host is asked once more. @param {string} url   @returns {Promise<Found>} */
  function diagnose(url) {
    const name = url.slice(url.lastIndexOf("/") + 1);
    if (navigator.onLine === false) return Promise.resolve({ kind: "offline", detail: "" });
    return fetch(url, { cache: "no-store" }).then(
      (answer) => {
        if (answer.body) answer.body.cancel();
        const type = answer.headers.get("content-type") || "of no type";
        if (!answer.ok)
          return {
            kind: [404, 410].includes(answer.status) ? "missing" : "refused",
            detail: `${name} was answered with ${answer.status}.`,
          };
        if (/html/.test(type)) return { kind: "missing", detail: `${name} was answered with a page.` };
        if (!/(java|ecma)script/.test(type)) return { kind: "mistyped", detail: `${name} is ${type}.` };
        if (violations.length > 0) return { kind: "policy", detail: `Refused: ${violations.join(", ")}.` };
        return { kind: "unknown", detail: `${name} is there and was not taken.` };
      },
      (error) => ({
        kind: violations.length > 0 ? "policy" : "network",
        detail: `${name}: ${error.message}. ${violations.join(", ")}`.trim(),
      }),
    );
  }

  /**
   * Once for each reason, in this tab.
   *
   * @param {string} reason   @returns {boolean} false where it was done before, or nobody could remember it
   */
  function once(reason) {
    try {
      if (sessionStorage.getItem(RELOADED) === reason) return false;
      sessionStorage.setItem(RELOADED, reason);
      return true;
    } catch {
      return false;
    }
  }

  /** All went well: what happens next is another story. */
  function forget() {
    try {
      sessionStorage.removeItem(RELOADED);
    } catch {
      // nothing is remembered where nothing may be kept
    }
  }

  /**
   * A page from before a deploy asks for files that are gone: the page of now asks for others.
   *
   * @param {string} url   @returns {boolean} whether it is being loaded
   */
  function again(url) {
    if (!once(url)) return false;
    location.reload();
    return true;
  }

  /** At `/voice` a page looks for its files beside `voice`. Are they in it? @param {string} path */
  function slashMissing(path) {
    if (/(\/|\.html?)$/.test(location.pathname)) return Promise.resolve(false);
    const isScript = (/** @type {Response} */ answer) =>
      answer.ok && /javascript/.test(answer.headers.get("content-type") || "");
    return fetch(`${location.pathname}/${path}`).then(isScript, () => false);
  }

  /** A script or the style sheet did not come, or was not taken. @param {HTMLScriptElement | HTMLLinkElement} lost */
  function missed(lost) {
    const path = lost.getAttribute("src") || lost.getAttribute("href") || "";
    const script = "src" in lost ? lost.src : "";
    slashMissing(path).then((missing) => {
      if (missing && once(location.pathname))
        location.replace(`${location.pathname}/${location.search}${location.hash}`);
      else if (missing) tell("slash");
      else if (script) return diagnose(script).then(explain);
      return null;
    });

    /** @param {Found} found */
    function explain(found) {
      const passing = ["missing", "unknown"].includes(found.kind);
      if (!(passing && again(script))) tell(found.kind === "unknown" ? "damaged" : found.kind, found.detail);
    }
  }

  const wrong = hopeless();
  if (wrong) {
    guard.halted = true;
    tell(wrong[0], wrong[1]);
    return;
  }
  draw(() => said || show("notice"));
  document.addEventListener("securitypolicyviolation", (event) =>
    violations.push(`${event.effectiveDirective} ${event.blockedURI}`),
  );
  addEventListener(
    "error",
    (event) => {
      if (alive) return;
      if (event.target instanceof HTMLScriptElement || event.target instanceof HTMLLinkElement) missed(event.target);
      else if (event.message)
        setTimeout(
          () => tell(violations.length > 0 ? "policy" : "unknown", `${event.message}. ${violations.join(", ")}`),
          FAULT_AFTER_MS,
        );
    },
    true,
  );
  addEventListener("online", () => {
    if (!alive && ["offline", "network"].includes(said)) location.reload();
  });
  setTimeout(() => tell("slow"), SLOW_AFTER_MS);
})();
