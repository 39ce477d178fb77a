/**
 * The page in its reader's language, where `agent.toml` says `language = "auto"`: the HTML is in English, and
 * each other language is a file, asked for only where the browser prefers it. The scripts wait for it
 * (`start.js`), Python does not.
 */

import { preferred } from "./static/preferred.js";

/** @import { Described, PageConfig } from "./static/messages.js" */
/** @typedef {{texts: Record<string, string>, page: Record<string, string>}} Language   by key, and by what stands in the HTML */

// Then the page stays as it is: half a page in each language would be worse.
const PATIENCE_MS = 3000;
const ATTRIBUTES = ["aria-label", "placeholder", "title", "alt", "label"];

/** @param {PageConfig} config   @returns {Promise<void>} settled when the language of the page will not change any more */
export function inOwnLanguage(config) {
  const languages = config.languages || {};
  const own = document.documentElement.lang;
  const code = preferred([own, ...Object.keys(languages)], document.documentElement.dataset.language);
  if (!code || code === own) return Promise.resolve();
  const { url, sha256 } = languages[code];
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, null));
  const coming = fetch(url, { integrity: `sha256-${sha256[0]}` }).then((answer) => answer.json());
  return Promise.race([coming, late]).then(
    (/** @type {Language | null} */ language) => {
      if (!language) return;
      Object.assign(config.texts, language.texts);
      document.documentElement.lang = code;
      if (document.readyState !== "loading") translate(language.page);
      else document.addEventListener("DOMContentLoaded", () => translate(language.page));
    },
    () => {}, // the page stays in the language that it has
  );
}

/** @param {Record<string, string>} page */
function translate(page) {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = node.nodeValue || "";
    const found = page[text.trim()];
    if (found) node.nodeValue = text.replace(text.trim(), () => found);
  }
  for (const name of ATTRIBUTES) {
    for (const element of document.querySelectorAll(`[${name}]`)) {
      const found = page[element.getAttribute(name) || ""];
      if (found) element.setAttribute(name, found);
    }
  }
}
