/** Dynamic variables: what the page around this one says about its visitor, put into greeting and prompt. */

import { MAX_VARIABLE_CHARS } from "./embed_messages.js";

/**
 * The texts with these values; where one is missing, with the default. What `agent.toml` does not name is left out.
 *
 * @param {Record<string, string>} templates   @param {Record<string, string>} defaults
 * @param {Record<string, string>} given
 */
export function fill(templates, defaults, given) {
  /** @param {string} name */
  const value = (name) => {
    const known = Object.hasOwn(given, name) ? given[name] : "";
    // One line of bounded length: it is told about a visitor, and no instruction to the agent.
    return (
      known
        .replace(/[\s{}]+/g, " ")
        .trim()
        .slice(0, MAX_VARIABLE_CHARS) || defaults[name]
    );
  };
  return Object.fromEntries(
    Object.entries(templates).map(([key, text]) => [
      key,
      text.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => value(name)),
    ]),
  );
}
