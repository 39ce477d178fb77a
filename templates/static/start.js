/**
 * Why a page has not started, in words; and a second way for the script that stands in the page, where something kept it from
 * running. It comes first of all modules: what is behind its two `await` runs only where there is something to run.
 */

import { genuine } from "./genuine.js";

/** @import { PageConfig } from "./messages.js" */

/** @type {PageConfig} */
const built = JSON.parse(document.getElementById("parley-config")?.textContent ?? "");

// A host's own policy may forbid scripts in pages and allow the files beside them: the same text is there as a file.
if (!globalThis.parleyGuard) {
  const file = { ...built.start, url: new URL(built.start.url, document.baseURI).href };
  await genuine(file, "the script that starts the page");
  await import(file.url);
}
// `_guard.js` has said why nothing can work here, or is about to.
if (!globalThis.parleyAhead) await new Promise(() => {});

export const guard = globalThis.parleyGuard;

// What a new request alone does not mend: the page must be another one, or come from a host that was mended.
const PAGE_FAULTS = ["missing", "mistyped", "damaged", "refused", "policy"];
const LINE_FAULTS = ["network", "offline"];

/** Does it take a page that is loaded again? Else a new worker will do. @param {string} kind */
export const needsPage = (kind) => PAGE_FAULTS.includes(kind);

/** Is it over as soon as there is a network? @param {string} kind */
export const needsLine = (kind) => LINE_FAULTS.includes(kind);

/**
 * @param {string} kind why the worker died while it was starting, as it told (`files.js`) or as `_guard.js` found out
 * @param {string} reason in its own words
 * @returns {{kind: string, title: string, hint: string, detail: string}} `detail` is for the owner
 */
export function startFault(kind, reason) {
  let known = kind in built.start_words ? kind : "unknown";
  if (/content security policy|\bCSP\b|unsafe-eval/i.test(reason)) known = "policy"; // WebAssembly's own error
  if (known === "network" && navigator.onLine === false) known = "offline";
  const [title, hint, owner] = built.start_words[known];
  return { kind: known, title, hint, detail: `${owner} ${reason}`.trim() };
}
