/**
 * What the orb looks like in each state of a call: a pure function, see docs/design-language.md.
 */

/** @import { ShownView } from "./messages.js" */
/** @import { Boot } from "./page_types.js" */
/**
 * @typedef {object} Look
 * @property {string} name
 * @property {"whole" | "faint" | "dashed" | "arc" | "progress" | "broken" | "open"} ring   the person's line
 * @property {"rest" | "voice" | "thinking" | "hollow" | "closed" | "none"} body   the agent's shape
 * @property {"microphone" | "muted" | "paused" | "fault" | ""} sign   in the middle
 * @property {boolean} turns   something goes round
 */

const SETTING_UP = ["minting", "connecting", "configuring", "ending"];
const COMING_BACK = ["dropped", "resuming"];

/** @type {Record<string, Omit<Look, "name">>} */
const LOOKS = {
  idle: { ring: "whole", body: "rest", sign: "", turns: false },
  loading: { ring: "progress", body: "rest", sign: "", turns: false },
  permission: { ring: "dashed", body: "none", sign: "microphone", turns: true },
  connecting: { ring: "arc", body: "rest", sign: "", turns: true },
  listening: { ring: "whole", body: "rest", sign: "", turns: false },
  hearing: { ring: "whole", body: "rest", sign: "", turns: false },
  muted: { ring: "faint", body: "none", sign: "muted", turns: false },
  paused: { ring: "faint", body: "rest", sign: "paused", turns: false },
  thinking: { ring: "whole", body: "thinking", sign: "", turns: true },
  speaking: { ring: "whole", body: "voice", sign: "", turns: false },
  interrupted: { ring: "whole", body: "hollow", sign: "", turns: false },
  reconnecting: { ring: "broken", body: "rest", sign: "", turns: true },
  failed: { ring: "open", body: "none", sign: "fault", turns: false },
  ended: { ring: "faint", body: "closed", sign: "", turns: false },
};

/**
 * @param {Pick<ShownView, "state" | "activity" | "muted" | "paused" | "turns">} view
 * @param {{boot: Pick<Boot, "stage">, opening: boolean, waiting: boolean}} page
 *   `opening`: the person is asked for the microphone; `waiting`: they clicked, and Python does not know it yet
 * @returns {Look}
 */
export function look(view, page) {
  const name = nameOf(view, page);
  return { name, ...LOOKS[name] };
}

/** @param {Parameters<typeof look>[0]} view   @param {Parameters<typeof look>[1]} page */
function nameOf({ state, activity, muted, paused, turns }, { boot, opening, waiting }) {
  if (opening) return "permission";
  if (boot.stage === "failed" || (state === "failed" && !waiting)) return "failed";
  if (COMING_BACK.includes(state)) return activity === "agent_speaking" ? "speaking" : "reconnecting";
  if (state === "live") return paused ? "paused" : inCall(activity, muted, turns);
  if (boot.stage !== "ready") return "loading";
  if (waiting || SETTING_UP.includes(state)) return "connecting";
  if (state === "ended") return activity === "agent_speaking" ? "speaking" : "ended";
  return "idle";
}

/** @param {string} activity   @param {boolean} muted   @param {ShownView["turns"]} turns */
function inCall(activity, muted, turns) {
  if (activity === "agent_speaking") return "speaking";
  if (activity === "thinking" || activity === "tool_pending") return "thinking";
  // Until the agent says something else: the picture of a sentence that was cut.
  if (turns.findLast(({ role }) => role === "agent")?.interrupted) return "interrupted";
  if (activity === "user_speaking") return "hearing";
  return muted ? "muted" : "listening";
}
