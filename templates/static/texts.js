/** Texts: what the page says, by the keys of `templates/languages/en.toml`. The build puts the chosen language into the page. */

/**
 * The text for a key. The build looks for these calls (`used` in builder/texts.py): the key stands in them as it is, or in
 * backquotes with a part that is a variable.
 *
 * @param {string} key
 * @param {Record<string, string | number | null>} [values] for the names in braces
 */
export function t(key, values = {}) {
  const text = globalThis.parleyGuard.config.texts[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** Is there such a text? @param {string} key */
export function hasText(key) {
  return key in globalThis.parleyGuard.config.texts;
}
