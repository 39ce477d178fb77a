/** Why Python died, in few words: for a visitor, for the site's owner under Diagnostics. */

const TRACEBACK = "Traceback (most recent call last):";
// What the client finds wrong with what a team edits; an error inside tools.py is named by its own file.
const OF_THE_TEAM = ["ConfigError", "ToolDefinitionError"];

/** What was thrown, in its own words. @param {unknown} error */
export const messageOf = (error) =>
  String(/** @type {{message?: unknown} | null | undefined} */ (error)?.message ?? error);

/**
 * Python's errors bring their traceback; a person gets what is behind it, and the line of tools.py that was being done.
 *
 * @param {unknown} error   @param {boolean} started has the client been given its settings and tools?
 * @returns {{reason: string, kind: string, what: string | null}} `kind` is for the page's choice of words (those of
 * `FileFault`, "setup" or
 *   "python"), `what` names the file at fault
 */
export function deathOf(error, started) {
  const text = messageOf(error).trim();
  /** @type {{type?: string, kind?: string, file?: string | null}} of Pyodide's errors, and of `FileFault` */
  const known = Object(error);
  const lines = [...text.matchAll(/agent_tools\.py", line (\d+)/g)];
  const said = (text.split(TRACEBACK).at(-1) ?? "").split("\n");
  const begin = said.findIndex((line) => line !== "" && !line.startsWith(" "));
  const ofTheTeam = OF_THE_TEAM.includes(known.type ?? "") || text.includes("agent_tools");
  const unfetched = known.type === "JsException" && text.includes("could not be fetched"); // what tools.py imports
  const ofPython = unfetched ? "network" : ofTheTeam ? "setup" : "python";
  const kind = known.kind ?? (started ? ofPython : "unknown");
  const at = lines.length > 0 && !known.kind ? `tools.py, line ${lines.at(-1)?.[1]}: ` : "";
  const reason = said.slice(begin).join(" ").replace(/\s+/g, " ");
  return { reason: (at + reason).slice(0, 300), kind, what: known.file ?? null };
}
