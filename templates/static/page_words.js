/** What the page says itself, where Python is not there to say it. */

import { t } from "./texts.js";

/** @import { Notice, PageConfig, ShownView } from "./messages.js" */
/** @import { StartFault } from "./page_types.js" */

/** What is known before Python has said a word; `ready` has its text too. @type {ShownView} */
export const EMPTY = {
  state: "idle",
  activity: "none",
  status: "",
  tone: "idle",
  audio_wanted: false,
  can_connect: true,
  can_hang_up: false,
  can_interrupt: false,
  can_type: false,
  muted: false,
  paused: false,
  notice: null,
  turns: [],
  voices: null,
  session_id: null,
  ends_in_ms: null,
  cost: null,
  stats: {},
  features: null,
  turn_style: "vad",
  talking: false,
};

/** @returns {ShownView} */
export function ready() {
  return { ...EMPTY, status: t("status.ready") };
}

/**
 * No microphone, or none that can be used: in Python's own words for it.
 *
 * @param {PageConfig["microphone_words"]} words   @param {string} kind   @param {boolean} fatal   @param {string} detail
 * @returns {Notice}
 */
export function ofMicrophone(words, kind, fatal, detail) {
  const known = kind !== "unknown" && kind in words;
  const name = known ? kind : "unknown";
  const [title, hint] = [t(`notice.mic_${name}.title`), t(`notice.mic_${name}.hint`)];
  const more = known || !detail ? "" : ` ${t("notice.browser_says", { detail: detail.slice(0, 200) })}`;
  return { tone: fatal ? "error" : "warn", code: `mic_${kind}`, title, hint: hint + more, retry: words[name] };
}

/** Python died after it was ready. @param {boolean} inCall   @returns {Notice} */
export function ofCrash(inCall) {
  const hint = inCall ? t("start.died.in_call") : t("start.died.between_calls");
  return {
    tone: "error",
    code: "worker_died",
    title: t("start.died.title"),
    hint,
    retry: true,
  };
}

/** Python did not start. @param {StartFault} fault   @returns {Notice} */
export function ofStart({ kind, title, hint }) {
  return { tone: "error", code: `start_${kind}`, title, hint, retry: true };
}
