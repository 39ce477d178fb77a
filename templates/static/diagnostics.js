/**
 * The panel "Diagnostics": a timeline of both voices, how long answers took, and the counters. Comes when
 * the panel is opened.
 */

import { $, setPairs } from "./element.js";
import { t } from "./texts.js";
import { KEPT_MS, percentile, STEP_MS } from "./history.js";
import { drawDelayParts, partsOf } from "./delay_parts.js";
import { eventList } from "./event_list.js";
import { blank, drawPlots } from "./plots.js";
import { bundlePanel } from "./session_bundle.js";

/** @import { History } from "./history.js" */
/** @import { Source } from "./session_bundle.js" */

// One picture after the other, so that none of them waits for another in the same frame.
const REDRAW_MS = 125;
const HEIGHT = 150;
const VOICES = 100;
const STRIP = 112;
/** What went on, as the strip below the voices has it. @type {Record<string, string>} */
const SPANS = {
  user_speaking: "--parley-user",
  agent_speaking: "--parley-agent",
  thinking: "--parley-edge",
  tool_pending: "--parley-edge",
  dropped: "--parley-error",
  resuming: "--parley-error",
  failed: "--parley-error",
};
/** What was drawn of the delays: they change once in an answer. */
let delays_drawn = "";
const MARKS = ["interruption", "duck", "tool", "underrun", "reconnect", "drop", "fault"];

/** @param {Source & {counters: () => Record<string, unknown>}} source what the page has; `counters` as they are now */
export function diagnosticsPanel(source) {
  const { history, counters } = source;
  const toggle = $("all-counters");
  toggle.hidden = false;
  const parts = [
    () => drawTimeline($("timeline"), history, performance.now()),
    () => drawPlots(history, performance.now()),
    () => drawDelays(history),
    () => drawCounters(toggle.getAttribute("aria-expanded") === "true" ? counters() : {}),
  ];
  let turn = 0;
  const isSeen = () => $("diagnostics").open && !document.hidden;
  const drawNext = () => isSeen() && parts[turn++ % parts.length]();
  const draw = () => {
    if (isSeen()) for (const part of parts) part();
  };
  toggle.addEventListener("click", () => {
    toggle.setAttribute("aria-expanded", String(toggle.getAttribute("aria-expanded") !== "true"));
    draw();
  });
  setInterval(drawNext, REDRAW_MS);
  $("diagnostics").addEventListener("toggle", draw);
  $("pictures").hidden = false;
  eventList(source);
  bundlePanel(source);
  draw();
}

/** @param {HTMLCanvasElement} canvas   @param {History} history   @param {number} now_ms */
function drawTimeline(canvas, history, now_ms) {
  const { pen, width, style, colour } = blank(canvas, HEIGHT);
  const x = (/** @type {number} */ at_ms) => width - ((now_ms - at_ms) / KEPT_MS) * width;

  pen.fillStyle = colour("--parley-line");
  pen.fillRect(0, VOICES / 2, width, 1);
  for (let at = 1; at < 3; at++) pen.fillRect(x(now_ms - at * 60_000), 0, 1, VOICES);
  const column_ms = KEPT_MS / width;
  for (const who of /** @type {const} */ (["user", "agent"])) {
    pen.fillStyle = colour(`--parley-${who}`);
    for (let column = 0; column < width; column++) {
      const from_ms = now_ms - KEPT_MS + column * column_ms;
      let level = 0;
      for (let at_ms = from_ms; at_ms < from_ms + column_ms; at_ms += STEP_MS)
        level = Math.max(level, history.level(who, at_ms));
      const height = level * (VOICES / 2 - 4);
      if (height > 0.5) pen.fillRect(column, who === "user" ? VOICES / 2 - height : VOICES / 2 + 1, 1, height);
    }
  }
  for (const { name, start_ms, end_ms } of history.spans) {
    if (!SPANS[name]) continue;
    const from = Math.max(0, x(start_ms));
    const to = x(end_ms ?? now_ms);
    if (to < 0) continue;
    pen.fillStyle = colour(SPANS[name]);
    pen.fillRect(from, STRIP, Math.max(1, to - from), 5);
  }
  pen.fillStyle = colour("--parley-text");
  pen.font = `11px ${style.fontFamily}`;
  let free = -Infinity;
  for (const { kind, at_ms } of history.marks) {
    const at = x(at_ms);
    if (at < 0) continue;
    pen.fillRect(at, 0, 1, STRIP + 10);
    const word = MARKS.includes(kind) ? t(`mark.${kind}`) : kind;
    const wide = pen.measureText(word).width;
    const from = Math.min(at, width - wide);
    if (from < free) continue; // its line is there, its word would lie upon another
    pen.fillText(word, from, STRIP + 22);
    free = from + wide + 6;
  }
  const words = told(history, now_ms);
  if (canvas.getAttribute("aria-label") !== words) canvas.setAttribute("aria-label", words);
}

/** The picture in words. @param {History} history   @param {number} now_ms */
function told({ spans, marks }, now_ms) {
  const since_ms = now_ms - KEPT_MS;
  const spoke = (/** @type {string} */ name) =>
    spans.filter((span) => span.name === name && (span.end_ms ?? now_ms) > since_ms).length;
  const counted = MARKS.map((kind) => ({
    word: t(`mark.${kind}`),
    count: marks.filter((mark) => mark.kind === kind && mark.at_ms > since_ms).length,
  })).filter(({ count }) => count);
  const [user, agent] = [spoke("user_speaking"), spoke("agent_speaking")];
  return t("diagnostics.picture", { user, agent }) + counted.map(({ word, count }) => `, ${word} ${count}`).join("");
}

/** @param {History} history */
function drawDelays({ delays, stats }) {
  const now = `${delays.length} ${delays.at(-1)?.at_ms} ${stats.round_trip_at_most_ms}`;
  if (now === delays_drawn) return;
  delays_drawn = now;
  const heard = delays.map(({ heard_ms }) => heard_ms).filter((value) => value !== null);
  const known = delays.map(({ known_ms }) => known_ms).filter((value) => value !== null);
  const both = (/** @type {number[]} */ values) => ({
    median: percentile(values, 0.5),
    p95: percentile(values, 0.95),
    count: values.length,
  });
  $("delays").textContent =
    heard.length === 0
      ? t("diagnostics.no_answer")
      : t("diagnostics.delays", both(heard)) + (known.length ? ` ${t("diagnostics.delays_known", both(known))}` : "");
  const most = Math.max(1, ...heard);
  const bars = delays.slice(-24).map((delay) => {
    const { heard_ms, known_ms } = delay;
    const parts = partsOf(delay);
    const bar = document.createElement("li");
    bar.textContent = `${heard_ms} ms`;
    bar.title =
      known_ms === null || heard_ms === null
        ? `${heard_ms} ms`
        : t("diagnostics.known", { heard: heard_ms, known: known_ms });
    bar.style.setProperty("--share", String((heard_ms ?? 0) / most));
    if (parts && heard_ms) {
      bar.style.setProperty("--here", `${(parts.here / heard_ms) * 100}%`);
      bar.style.setProperty("--came", `${((parts.here + parts.service) / heard_ms) * 100}%`);
    }
    return bar;
  });
  $("answers").replaceChildren(...bars);
  drawDelayParts(delays, stats.round_trip_at_most_ms);
}

/** @param {Record<string, unknown>} counters */
function drawCounters(counters) {
  const named = Object.entries(counters).map(([name, value]) => [name.replaceAll("_", " "), value]);
  setPairs($("counters"), Object.fromEntries(named));
}
