/**
 * Saving a session bundle: one zip file for a bug report. `python3 build.py replay` plays it to the session core. No
 * token is in it, and no voice that the person did not ask for; see docs/troubleshooting.md.
 */

import { $ } from "./element.js";
import { t } from "./texts.js";
import { zip } from "./zip.js";

/** @import { History } from "./history.js" */
/** @import { Described, Intent, VoicesMessage } from "./messages.js" */
/** @import { Recording } from "./recording.js" */
/** @import { TimedTurn } from "./turns.js" */

/** So long is waited for what a worker hands over; one whose Python died hands over nothing. */
const PATIENCE_MS = 2000;
// What Python's redaction looks for by its shape (`pyclient/host/redaction.py`), here for what the page itself knows.
const SHAPED =
  /\b(?:sk|ek|pk|rk|xox[a-z])[-_][\w-]{16,400}|\beyJ[\w-]{8,2000}\.[\w-]{4,2000}\.[\w-]{0,1000}|\bBearer [^\s"'\\]{12,2000}/g;

/**
 * What the page lends.
 *
 * @typedef {object} Source
 * @property {Recording} recording
 * @property {History} history
 * @property {(message: Intent) => void} send
 * @property {() => Record<string, unknown>} facts
 * @property {() => TimedTurn[]} turns
 * @property {string} client name of the wheel
 * @property {Described} voice_recording
 * @property {{onVoices: (voices: VoicesMessage) => void}} voices
 */

/** @param {Source} source */
export function bundlePanel(source) {
  const save = Object.assign(document.createElement("button"), {
    type: "button",
    textContent: t("bundle.save"),
  });
  const record = Object.assign(document.createElement("input"), { type: "checkbox", id: "record-voices" });
  const told = Object.assign(document.createElement("span"), { id: "bundle-saved", role: "status" });
  const help = Object.assign(document.createElement("p"), {
    className: "help",
    textContent: t("bundle.help"),
  });
  const label = document.createElement("label");
  label.append(record, ` ${t("bundle.record")}`);
  save.addEventListener("click", async () => {
    save.disabled = true;
    const blob = await bundle(source, new Date(), record.checked);
    const url = URL.createObjectURL(blob);
    Object.assign(document.createElement("a"), { href: url, download: "session.zip" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
    told.textContent = t("bundle.saved", { size: Math.ceil(blob.size / 1000) });
    save.disabled = false;
  });
  record.addEventListener("change", async () => {
    const wanted = record.checked;
    const answered = await voicesOf(source, wanted && source.voice_recording);
    record.checked = answered?.recording ?? false; // there may be no Python yet, or any more
    told.textContent = record.checked ? t("bundle.recording") : t("bundle.not_recording");
  });
  $("bundle").replaceChildren(help, label, save, " ", told);
}

/** @param {Source} source   @param {Date} now   @param {boolean} with_voices */
export async function bundle(source, now, with_voices) {
  await told(source);
  const voices = with_voices && (await voicesOf(source, null))?.voices;
  /** @type {Record<string, string | Uint8Array<ArrayBuffer>>} */
  const files = {
    "about.json": json({
      format: 1,
      saved: now.toISOString(),
      client: source.client,
      page: location.origin + location.pathname,
    }),
    "events.jsonl": linesOf(source.recording),
    "transcript.json": json(source.turns().map(({ turn, ...times }) => ({ ...turn, ...times }))),
    "figures.json": json({
      facts: source.facts(),
      delays: source.history.delays,
      activities: source.history.spans,
      marks: source.history.marks,
      now_ms: performance.now(),
    }),
    "browser.json": json(browserFacts()),
  };
  if (voices) Object.assign(files, { "you.wav": wav(voices.you), "agent.wav": wav(voices.agent) });
  return zip(files, now);
}

/** @param {Recording} recording */
export function linesOf({ first, newest }) {
  return [...first, ...(newest.length ? ['[0,"gap",[]]\n'] : []), ...newest].join("");
}

/** Until Python has handed over all that it has. @param {Source} source */
function told({ recording, send }) {
  return within((done) => {
    const told = (/** @type {string} */ lines) => {
      if (!/^\[[^,]+,"view",/m.test(lines)) return;
      recording.listeners.delete(told);
      done(null);
    };
    recording.listeners.add(told);
    send({ type: "record", whole: true });
  });
}

/** @param {Source} source   @param {Described | false | null} keep   @returns {Promise<VoicesMessage | null>} */
function voicesOf({ voices, send }, keep) {
  return within((done) => {
    voices.onVoices = done;
    send({ type: "voices", keep });
  });
}

/** @template T @param {(done: (value: T) => void) => void} ask   @returns {Promise<T | null>} */
function within(ask) {
  return new Promise((resolve) => {
    setTimeout(() => resolve(null), PATIENCE_MS);
    ask(resolve);
  });
}

/** @param {unknown} value */
function json(value) {
  return `${JSON.stringify(value, null, 1)}\n`.replaceAll(SHAPED, "(secret)");
}

function browserFacts() {
  const { language, hardwareConcurrency, onLine, maxTouchPoints, userAgent } = navigator;
  const facts = {
    language,
    hardwareConcurrency,
    onLine,
    maxTouchPoints,
    window: [innerWidth, innerHeight],
    screen: [screen.width, screen.height],
    devicePixelRatio,
    hidden: document.hidden,
    framed: self !== top,
    secure: isSecureContext,
  };
  return { ...facts, userAgent };
}

/** @param {{rate_hz: number, pcm: ArrayBuffer}} voice   @returns {Uint8Array<ArrayBuffer>} */
export function wav({ rate_hz, pcm }) {
  const out = new Uint8Array(44 + pcm.byteLength);
  const view = new DataView(out.buffer);
  const text = (/** @type {number} */ at, /** @type {string} */ word) => out.set(new TextEncoder().encode(word), at);
  text(0, "RIFF");
  view.setUint32(4, 36 + pcm.byteLength, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate_hz, true);
  view.setUint32(28, rate_hz * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, pcm.byteLength, true);
  out.set(new Uint8Array(pcm), 44);
  return out;
}
