/** The page's texts for scripts that run in Node: import this before anything that calls `t`. */

import { readFileSync } from "node:fs";

/** A catalogue, as the page has it: sections, and one text on a line. @param {string} code */
export function catalogue(code) {
  const lines = readFileSync(new URL(`../../../templates/languages/${code}.toml`, import.meta.url), "utf8").split("\n");
  const texts = {};
  let section = "";
  for (const line of lines) {
    const head = /^\[(.+)\]$/.exec(line);
    const [, key, text] = /^(\w+) = (".*")$/.exec(line) ?? [];
    if (head) section = head[1];
    else if (key) texts[`${section}.${key}`] = JSON.parse(text);
  }
  return texts;
}

globalThis.parleyGuard = { config: { texts: catalogue("en") } };
