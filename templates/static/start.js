/**
 * Why a page has not started, in words; and a second way for the script that stands in the page, where
 * something kept it from running. It comes first of all modules: what is behind its two `await` runs only where
 * there is something to run.
 */

import { genuine } from "./genuine.js";
import { hasText, t } from "./texts.js";

/** @import { PageConfig } from "./messages.js" */
/** @import { StartFault } from "./page_types.js" */

// A host's own policy may forbid scripts in pages and allow the files beside them: the same text is there as a file.
if (!globalThis.parleyGuard) {
  /** @type {PageConfig} */
  const built = JSON.parse(document.getElementById("parley-config")?.textContent ?? "");
  const file = { ...built.start, url: new URL(built.start.url, document.baseURI).href };
  await genuine(file, "the script that starts the page");
  await import(file.url);
}
// `_guard.js` has said why nothing can work here, or is about to.
if (!globalThis.parleyAhead) await new Promise(() => {});

export const guard = globalThis.parleyGuard;
await guard.language; // what is drawn from here on is in the language that stays

/**
 * @param {string} kind why the worker died while it was starting, as it told (`files.js`) or as `_guard.js` found out
 * @param {string} reason in its own words
 * @returns {StartFault} its `detail` is for the owner
 */
export function startFault(kind, reason) {
  let known = hasText(`start.${kind}.owner`) ? kind : "unknown";
  if (/content security policy|\bCSP\b|unsafe-eval/i.test(reason)) known = "policy"; // WebAssembly's own error
  if (known === "network" && navigator.onLine === false) known = "offline";
  const [title, hint] = [t(`start.${known}.title`), t(`start.${known}.hint`)];
  return { kind: known, title, hint, detail: `${t(`start.${known}.owner`)} ${reason}`.trim() };
}
