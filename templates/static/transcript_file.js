/** Saving the transcript: copied, or as a file, in four forms. What was cut off is in none of them: nobody heard it. */

import { $ } from "./element.js";
import { t } from "./texts.js";

/** @import { TimedTurn } from "./turns.js" */

// So long is read what was said in no time.
const SHORTEST_MS = 800;
/** @type {Record<string, {name?: string, type: string, write: (turns: TimedTurn[]) => string}>} */
export const FORMS = {
  txt: { type: "text/plain", write: asText },
  json: { name: "JSON", type: "application/json", write: asJson },
  srt: { name: "SRT", type: "application/x-subrip", write: asSrt },
  vtt: { name: "WebVTT", type: "text/vtt", write: asVtt },
};

/** @param {() => TimedTurn[]} turns as they are at that moment */
export function savePanel(turns) {
  const buttons = Object.entries(FORMS).map(([suffix, { name, type, write }]) =>
    button(name ?? t("saving.text"), () => {
      const url = URL.createObjectURL(new Blob([write(turns())], { type: `${type};charset=utf-8` }));
      Object.assign(document.createElement("a"), { href: url, download: `conversation.${suffix}` }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
      return t("saving.saved");
    }),
  );
  const copy = button(t("saving.copy"), async () => {
    try {
      await navigator.clipboard.writeText(asText(turns()));
      return t("saving.copied");
    } catch {
      return t("saving.not_allowed");
    }
  });
  $("save-forms").replaceChildren(copy, ...buttons);
}

/** @param {string} textContent   @param {() => string | Promise<string>} act returns what to tell */
function button(textContent, act) {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent });
  made.addEventListener("click", async () => {
    $("saved").textContent = await act();
  });
  return made;
}

/** @param {TimedTurn} turn */
function line({ who, turn: { text, interrupted } }) {
  return `${who}: ${text}${interrupted ? " —" : ""}`;
}

/** @param {TimedTurn[]} turns */
export function asText(turns) {
  return `${turns.map(line).join("\n")}\n`;
}

/** @param {TimedTurn[]} turns */
export function asJson(turns) {
  const told = turns.map(({ turn: { role, text, interrupted, heard_ms }, start_ms, end_ms }) => ({
    role,
    text,
    interrupted,
    heard_ms,
    start_ms,
    end_ms,
  }));
  return `${JSON.stringify({ turns: told }, null, 2)}\n`;
}

/** @param {TimedTurn[]} turns */
export function asSrt(turns) {
  return turns.map((turn, at) => `${at + 1}\n${span(turn, ",")}\n${oneBlock(line(turn))}\n`).join("\n");
}

/** @param {TimedTurn[]} turns */
export function asVtt(turns) {
  const cues = turns.map((turn) => `${span(turn, ".")}\n${escaped(oneBlock(line(turn)))}\n`);
  return ["WEBVTT\n", ...cues].join("\n");
}

/** An empty line, or an arrow, would end a cue. @param {string} text */
function oneBlock(text) {
  return text.replaceAll(/\n\s*\n/g, "\n").replaceAll("-->", "→");
}

/** @param {string} text */
function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

/** @param {TimedTurn} turn   @param {string} mark before the milliseconds */
function span({ start_ms, end_ms }, mark) {
  return `${clock(start_ms, mark)} --> ${clock(Math.max(end_ms, start_ms + SHORTEST_MS), mark)}`;
}

/** @param {number} at_ms   @param {string} mark */
function clock(at_ms, mark) {
  const [hours, minutes, seconds] = [3_600_000, 60_000, 1000].map(
    (unit, at) => Math.floor(at_ms / unit) % (at ? 60 : Infinity),
  );
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  return `${two(hours)}:${two(minutes)}:${two(seconds)}${mark}${String(Math.floor(at_ms % 1000)).padStart(3, "0")}`;
}
