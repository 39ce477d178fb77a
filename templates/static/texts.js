/**
 * Texts: what the page says, by the keys of `templates/languages/en.toml`. The build puts the chosen
 * language into the page.
 */

/** @import { Text, ViewUpdate } from "./messages.js" */

/**
 * The text for a key. The build looks for these calls (`used` in builder/texts.py): the key stands in them as it is, or
 * in backquotes with a part that is a variable.
 *
 * @param {string} key
 * @param {Record<string, string | number | null>} [values] for the names in braces
 */
export function t(key, values = {}) {
  const text = globalThis.parleyGuard.config.texts[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/**
 * What Python tells, in words: its status line, its notice, and its own lines in the conversation.
 *
 * @param {ViewUpdate} update
 */
export function worded(update) {
  const { notice, turns } = update;
  return {
    ...update,
    status: t(`status.${update.status}`),
    notice: notice && { ...notice, title: say(notice.title), hint: notice.hint.map(say).join(" ") },
    turns: turns.map((turn) => (turn.role === "mark" ? { ...turn, text: t(`line.${turn.text}`) } : turn)),
  };
}

/** A text of Python's. @param {Text} text   @returns {string} */
export function say([key, values]) {
  const words = Object.entries(values).map(([name, value]) => [name, Array.isArray(value) ? listed(value) : value]);
  return t(key, Object.fromEntries(words));
}

/** One text, or several as this language lists them. @param {Text | Text[]} value */
function listed(value) {
  if (!isList(value)) return say(value);
  return new Intl.ListFormat(document.documentElement.lang).format(value.map(say));
}

/** @param {Text | Text[]} value   @returns {value is Text[]} */
function isList(value) {
  return Array.isArray(value[0]);
}

/** Is there such a text? @param {string} key */
export function hasText(key) {
  return key in globalThis.parleyGuard.config.texts;
}
