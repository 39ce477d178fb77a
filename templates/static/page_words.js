/** What the page says itself, where Python is not there to say it. */

/** @import { Notice, PageConfig, ShownView } from "./messages.js" */
/** @import { StartFault } from "./page_types.js" */

/** What is shown before Python has said a word. @type {ShownView} */
export const EMPTY = {
  state: "idle",
  activity: "none",
  status: "Ready when you are",
  tone: "idle",
  audio_wanted: false,
  can_connect: true,
  can_hang_up: false,
  can_interrupt: false,
  can_type: false,
  muted: false,
  notice: null,
  turns: [],
  voices: null,
  session_id: null,
  ends_in_ms: null,
  stats: {},
  features: null,
  turn_style: "vad",
  talking: false,
};

/**
 * No microphone, or none that can be used: in Python's own words for it.
 *
 * @param {PageConfig["microphone_words"]} words   @param {string} kind   @param {boolean} fatal   @param {string} detail
 * @returns {Notice}
 */
export function ofMicrophone(words, kind, fatal, detail) {
  const known = kind !== "unknown" && kind in words;
  const [title, hint, retry] = words[known ? kind : "unknown"];
  const more = known || !detail ? "" : ` The browser says: ${detail.slice(0, 200)}`;
  return { tone: fatal ? "error" : "warn", code: `mic_${kind}`, title, hint: hint + more, retry };
}

/** Python died after it was ready. @param {boolean} inCall   @returns {Notice} */
export function ofCrash(inCall) {
  const hint = inCall ? "The call has ended. Press Connect to call again." : "Press Connect when you are ready.";
  return {
    tone: "error",
    code: "worker_died",
    title: "The agent stopped unexpectedly and was restarted.",
    hint,
    retry: true,
  };
}

/** Python did not start. @param {StartFault} fault   @returns {Notice} */
export function ofStart({ kind, title, hint }) {
  return { tone: "error", code: `start_${kind}`, title, hint, retry: true };
}
