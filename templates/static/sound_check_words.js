/**
 * Sound check: what was seen, in words. Pure, and it says no more than was seen. A fault has the words that it has in a
 * call: those of the notices.
 */

import { ofMicrophone } from "./page_words.js";
import { t } from "./texts.js";

/** @import { Heard } from "./page_types.js" */
/** @import { PageConfig } from "./messages.js" */
/** @typedef {{tone: "busy" | "good" | "warn" | "error" | "none", text: string}} Said   `none`: it was not looked at */

/** -40 dBFS over a report of 50 ms: far above a quiet room, far below speech. */
const LOUD_RMS = 0.01;
/** A fifth of a second: what is pushed or clicks is shorter. */
const LOUD_REPORTS = 4;
/** A server may name what it lacks; that is a sentence. */
const MOST_CHARS = 200;

/** What came from a microphone, by its levels. */
export class Ear {
  loud = 0;
  sounded = false;

  /** @param {Heard} level */
  hear({ rms }) {
    if (rms > 0) this.sounded = true;
    if (rms >= LOUD_RMS) this.loud += 1;
  }

  get heard() {
    return this.loud >= LOUD_REPORTS;
  }

  /** @param {PageConfig["microphone_words"]} words   @param {string} name of the microphone   @returns {Said} */
  said(words, name) {
    if (!this.sounded) return ofFault(words, "silent");
    return this.heard
      ? { tone: "good", text: t("check.sound_comes", { name }) }
      : { tone: "warn", text: t("check.quiet", { name }) };
  }
}

/**
 * No microphone, or no sound: as in a call.
 *
 * @param {PageConfig["microphone_words"]} words   @param {string} kind   @param {string} [detail]   @returns {Said}
 */
export function ofFault(words, kind, detail = "") {
  return noticed(ofMicrophone(words, kind, true, detail));
}

/** @param {{title: string, hint: string}} notice   @returns {Said} */
function noticed({ title, hint }) {
  return { tone: "error", text: `${title}. ${hint}` };
}

/** @param {string} name   @param {string} [more]   @returns {Said} */
function ofToken(name, more = "") {
  return noticed({ title: t(`notice.token_${name}.title`), hint: t(`notice.token_${name}.hint`) + more });
}

/**
 * Where a token server of ours tells what it can do, which costs nobody anything; null where the address is another
 * one: any request there may be one for a token.
 *
 * @param {string} token_url   @param {string} page its address
 */
export function factsUrl(token_url, page) {
  const url = new URL(token_url, page);
  if (!url.pathname.endsWith("/api/token")) return null;
  url.pathname = url.pathname.replace(/token$/, "config");
  url.search = "";
  return url.href;
}

/**
 * What `GET /api/config` was answered with (`server/mint.py`). Status 0: there is no answer to be read, and `text` says
 * why.
 *
 * @param {{status: number, text: string}} answer   @param {string} provider that a call would name   @returns {Said}
 */
export function ofServer({ status, text }, provider) {
  if (status === 0) {
    if (text === "unreadable") return { tone: "error", text: t("check.unreadable") };
    return ofToken(["redirected", "offline", "policy"].includes(text) ? text : "unreachable");
  }
  const facts = read(text);
  if (facts?.error?.code === "forbidden_host") return ofToken("forbidden_host");
  if (status !== 200 || !Array.isArray(facts?.providers)) return { tone: "warn", text: t("check.unclear", { status }) };
  const line = facts.providers.find((/** @type {any} */ it) => it?.name === provider);
  if (!line) return ofToken("404");
  if (line.ready === true) return { tone: "good", text: t("check.ready") };
  const missing = provider === facts.provider && typeof facts.missing === "string" ? facts.missing : "";
  return ofToken("500", missing && ` ${t("notice.server_says", { detail: missing.slice(0, MOST_CHARS) })}`);
}

/** @param {string} text   @returns {any} */
function read(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
