/** Draws views. The page owns nothing of what it shows, and text goes in as text only. */

import { $, setPairs, setText } from "./element.js";
import { t } from "./texts.js";
import { drawTurns } from "./turns.js";

/** @import { Notice, Settings, ShownView, View, Wishes } from "./messages.js" */
/** @import { Boot, Heard } from "./page_types.js" */

const COUNTDOWN_FROM_MS = 120_000;
const IN_CALL = ["live", "dropped", "resuming"];
const OVER = ["ending", "ended", "failed"];

const LEVEL_STEPS = 25;

/** @type {Map<string, string>} */
const drawn = new Map();
let ends_at_ms = /** @type {number | null} */ (null);
/** When the call was live first, and when it ended. */
let began_ms = /** @type {number | null} */ (null);
let over_ms = /** @type {number | null} */ (null);
let rates = /** @type {NonNullable<Settings["cost"]>} */ ({});
let cost = /** @type {number | null} */ (null);
let cost_ms = 0;

/** From here on this script tells what was told without it: by the HTML, and by `_guard.js`. */
export function takeOver() {
  document.documentElement.className = "guarded";
  $("notice").classList.remove("late");
  $("start-detail").hidden = true;
  $("copying").hidden = false;
}

/**
 * @param {ShownView} view as Python made it
 * @param {{status: string, tone: string} | null} local what only the page knows yet
 */
export function drawView(view, local) {
  const tone = local?.tone ?? view.tone;
  Object.assign(document.body.dataset, { state: view.state, activity: view.activity, tone });
  setText($("status"), local?.status ?? view.status);
  const busy = Boolean(local);
  // One of the two is always there, in the same place.
  $("hang-up").hidden = !view.can_hang_up && !busy;
  $("connect").hidden = !$("hang-up").hidden || document.body.dataset.boot === "failed";
  $("connect").disabled = busy || !view.can_connect;
  setText($("hang-up"), busy ? t("call.cancel") : t("call.hang_up"));
  const by_typing = view.turn_style === "text";
  $("mute").disabled = !view.can_hang_up || by_typing;
  $("type-only").disabled = Boolean($("connect").hidden) || $("connect").disabled;
  $("mute").setAttribute("aria-pressed", String(view.muted));
  setText($("mute"), view.muted ? t("call.unmute") : t("call.mute"));
  $("interrupt").disabled = !view.can_interrupt;
  // Where one can type one is in a call, however its line is.
  $("pause").disabled = !view.can_type;
  setText($("pause"), view.paused ? t("call.go_on") : t("call.pause"));
  const live = view.state === "live";
  $("typed-send").disabled = $("apply").disabled = !live;
  const was_disabled = $("typed-text").disabled;
  $("typed-text").disabled = !view.can_type;
  if (by_typing && was_disabled && view.can_type) $("typed-text").focus();
  const by_key = live && view.turn_style === "push_to_talk";
  $("talk-key").hidden = $("talk-help").hidden = !by_key;
  $("talk-key").setAttribute("aria-pressed", String(Boolean(view.talking)));
  setText($("talk-key"), view.talking ? t("call.talking") : t("call.talk"));
  drawNotice(view.notice);
  drawFeatures(view.features);
  drawTurns($("transcript"), $("announcer"), view.turns);
  $("empty").classList.toggle("hidden", view.turns.length > 0);
  $("save").hidden = view.turns.length === 0;
  drawElapsed(view.state, Boolean(local));
  if (view.voices) drawVoices(view.voices);
  ends_at_ms = view.ends_in_ms === null ? null : performance.now() + view.ends_in_ms;
  ({ cost } = view);
  cost_ms = performance.now();
  drawCountdown();
}

/** @param {Notice | null} notice */
function drawNotice(notice) {
  const box = $("notice");
  if (notice) {
    box.dataset.tone = notice.tone;
    box.dataset.code = notice.code;
    setText($("notice-title"), notice.title);
    setText($("notice-hint"), notice.hint);
  }
  for (const it of marked("[data-notices]", box))
    it.hidden = !it.dataset.notices?.split(" ").includes(notice?.code ?? "");
  box.hidden = !notice;
}

/**
 * What the service cannot do is not offered, and said where a person would look for it. `null`: not known yet.
 *
 * @param {View["features"] | null} features
 */
function drawFeatures(features) {
  if (!features) return;
  for (const element of marked("[data-feature]")) {
    const lacking = !features[element.dataset.feature ?? ""];
    element.hidden = lacking;
    // An engine may show an entry of a list all the same.
    if (element instanceof HTMLOptionElement) element.disabled = lacking;
  }
  for (const element of marked("[data-without]")) element.hidden = features[element.dataset.without ?? ""];
}

/** @param {string} selector   @param {ParentNode} within   @returns {NodeListOf<HTMLElement>} */
function marked(selector, within = document) {
  return within.querySelectorAll(selector);
}

/** @param {string[]} voices */
function drawVoices(voices) {
  const picker = $("voice");
  const wanted = ["", ...voices, "*"];
  if (wanted.length === picker.options.length && wanted.every((id, n) => picker.options[n].value === id)) return;
  offerVoices(
    voices.map((id) => new Option(id, id)),
    "",
  );
}

/**
 * Between the first entry, the service's own choice, and the last, a voice by its name.
 *
 * @param {HTMLOptionElement[]} options   @param {string} chosen
 */
function offerVoices(options, chosen) {
  const picker = $("voice");
  picker.replaceChildren(picker.options[0], ...options, picker.options[picker.options.length - 1]);
  picker.value = chosen;
  picker.dispatchEvent(new Event("change"));
}

/** The fields of the settings, as one service's configuration has them. @param {Settings} settings */
export function drawSettings(settings) {
  offerVoices(
    (settings.known_voices ?? []).map(({ id, label }) => new Option(label, id)),
    settings.voice ?? "",
  );
  rates = settings.cost ?? {};
  $("greeting").value = settings.greeting ?? "";
  $("system-prompt").value = settings.system_prompt ?? "";
  $("turn-style").value = settings.turn_style ?? "vad";
}

/**
 * The clock of a call: it starts when the call is live, and stays when it is over. @param {string}
 * state   @param {boolean} isNew
 */
function drawElapsed(state, isNew) {
  const now_ms = performance.now();
  if (IN_CALL.includes(state)) {
    if (over_ms !== null) began_ms = over_ms = null;
    began_ms ??= now_ms;
  } else if (isNew || !OVER.includes(state)) began_ms = over_ms = null;
  else over_ms ??= now_ms;
}

/** Called every second by the shell. */
export function drawCountdown() {
  const now_ms = performance.now();
  const left_ms = ends_at_ms === null ? Infinity : Math.max(0, ends_at_ms - now_ms);
  const ends = left_ms <= COUNTDOWN_FROM_MS;
  $("timer").hidden = !ends && began_ms === null;
  if (ends) setText($("timer"), t("call.ends_in", { time: clock(Math.ceil(left_ms / 1000)) }));
  else if (began_ms !== null)
    setText($("timer"), clock(Math.floor(((over_ms ?? now_ms) - began_ms) / 1000)) + priced(over_ms ?? now_ms));
}

/**
 * What the call has cost, where rates are known. Views come seldom in a quiet call, and time has its
 * price. @param {number} at_ms
 */
function priced(at_ms) {
  if (cost === null || !rates.currency) return "";
  const minutes = Math.max(0, at_ms - cost_ms) / 60_000;
  const sum = new Intl.NumberFormat(document.documentElement.lang, { style: "currency", currency: rates.currency });
  return ` · ${t("call.cost", { cost: sum.format(cost + minutes * (rates.per_minute ?? 0)) })}`;
}

/** @param {number} seconds */
function clock(seconds) {
  const two = (/** @type {number} */ value) => String(Math.floor(value) % 60).padStart(2, "0");
  const hours = seconds >= 3600 ? `${Math.floor(seconds / 3600)}:` : "";
  return `${hours}${hours ? two(seconds / 60) : Math.floor(seconds / 60)}:${two(seconds)}`;
}

/**
 * Loudness as the ear has it: a meter over 60 dB, in steps that are worth a repaint.
 *
 * @param {"user" | "agent"} who   @param {Heard} level
 */
export function drawLevel(who, level) {
  const loudness = level.rms > 0.001 ? 1 + Math.log10(level.rms) / 3 : 0;
  const shown = (Math.round(loudness * LEVEL_STEPS) / LEVEL_STEPS).toFixed(2);
  if (shown === drawn.get(who)) return;
  drawn.set(who, shown);
  $(`meter-${who}`).value = Number(shown);
}

/** @param {Boot["stage"]} stage   @param {number} percent */
export function drawBoot(stage, percent) {
  document.body.dataset.boot = stage === "ready" || stage === "failed" ? stage : "loading";
  $("boot").hidden = stage === "ready";
  $("retry").hidden = stage !== "failed";
  $("boot-progress").hidden = stage === "failed";
  $("boot-progress").value = percent;
  setText($("boot-text"), stage === "failed" ? "" : t(`loading.${stage}`));
}

/** @param {() => Record<string, unknown>} facts asked for where somebody looks */
export function drawFacts(facts) {
  if ($("diagnostics").open) setPairs($("facts"), facts());
}

/** @param {Record<string, unknown>} facts */
export async function copyFacts(facts) {
  const text = Object.entries({ ...facts, [t("diagnostics.browser")]: navigator.userAgent })
    .map(([name, value]) => `${name}: ${value ?? "–"}`)
    .join("\n");
  try {
    await navigator.clipboard.writeText(text);
    $("copied").textContent = t("diagnostics.copied");
  } catch {
    $("copied").textContent = t("diagnostics.not_allowed");
  }
}

/** What is chosen in the settings, as Python takes it. @returns {Wishes} */
export function wishes() {
  const voice = $("voice").value === "*" ? $("voice-other").value.trim() : $("voice").value;
  return {
    voice,
    greeting: $("greeting").value.trim(),
    system_prompt: $("system-prompt").value.trim(),
    turn_style: $("turn-style").value,
  };
}

/** @param {Record<string, unknown>} pairs */
export function listed(pairs) {
  return Object.entries(pairs)
    .map((both) => both.join(" "))
    .join(", ");
}
