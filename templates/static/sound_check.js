/**
 * Pre-call check: the person speaks, then hears themselves, and the token server is asked whether it is there. A
 * microphone and a speaker are opened as for a call, and given back at the end.
 *
 * What is said stays in the engine: a `DelayNode` holds it, and a gate behind that opens when the person has finished.
 * So no script sees a sample, nothing is encoded, and what is forgotten needs no deleting. A context that stands still
 * is noticed: time is its own, and the playback worklet's levels are the clock's ticks.
 */

import { $ } from "./element.js";
import { answerOf } from "./network.js";
import { FIRST_CHANNEL, microphoneName } from "./quirks.js";
import { Ear, factsUrl, ofFault, ofServer } from "./sound_check_words.js";
import { t } from "./texts.js";

/** @import { AudioFault, Listeners, openAudio } from "./audio.js" */
/** @import { PageConfig } from "./messages.js" */
/** @import { Heard } from "./page_types.js" */
/** @import { Said } from "./sound_check_words.js" */
/** @typedef {Awaited<ReturnType<typeof openAudio>>} Audio */
/** @typedef {"microphone" | "speaker" | "server"} Step */
/**
 * @typedef {object} Means what the page has, and this bundle has not
 * @property {(listeners: Listeners, microphone: boolean, without: (fault: AudioFault) => null) => Promise<Audio>} open
 * @property {(who: "user" | "agent", level: Heard) => void} drawLevel
 * @property {() => {token_url: string, provider: string, credentials: RequestCredentials}} server of the next call
 * @property {PageConfig["microphone_words"]} words
 */

const SPEAK_S = 4;
// What is played lies so far behind what was said: the gate is open by then, so the first word is whole.
const BEHIND_S = SPEAK_S + 0.4;
const FADE_S = 0.01;
const TONES_HZ = [440, 554, 659];
const TONE_S = 0.25;
const TONE_EVERY_S = 0.4;
const TONE_GAIN = 0.2;
// Nothing sounds for longer than it was to: the context stands still.
const STILL_MS = 4000;
const SERVER_PATIENCE_MS = 8000;

/** @param {Step} step   @param {Said} said */
function say(step, { tone, text }) {
  const row = $(`check-${step}`);
  row.dataset.tone = tone;
  const words = /** @type {HTMLElement} */ (row.querySelector("span"));
  if (words.textContent !== text) words.textContent = text;
}

/** Who was to be looked at and was not. @param {Step[]} steps */
function notChecked(...steps) {
  for (const step of steps)
    if ($(`check-${step}`).dataset.tone === "busy") say(step, { tone: "none", text: t("check.not_checked") });
}

export class SoundCheck {
  /** @param {Means} means   @param {() => void} named devices have names from here on */
  constructor(means, named) {
    this.means = means;
    this.named = named;
    /** The check that is on. @type {AbortController | null} */
    this.run = null;
    /** @type {Audio | null} */
    this.audio = null;
    /** What the capture worklet measures. @type {(level: Heard) => void} */
    this.onLevel = () => {};
    this.onTick = () => {};
  }

  /** Inside a click: sound is asked for before the first await. */
  async begin() {
    this.stop();
    this.run = new AbortController();
    const { signal } = this.run;
    $("check").textContent = t("check.stop");
    await Promise.all([this.trySound(signal), this.tryServer(signal)]);
    if (!signal.aborted) this.stop();
  }

  stop() {
    if (!this.run) return;
    this.run.abort();
    this.run = null;
    this.audio?.close();
    this.audio = null;
    for (const who of /** @type {const} */ (["user", "agent"])) this.means.drawLevel(who, { rms: 0 });
    notChecked("microphone", "speaker", "server");
    $("check").textContent = t("check.start");
  }

  /** @param {AbortSignal} signal */
  async trySound(signal) {
    const typed = $("turn-style").value === "text";
    say("microphone", typed ? { tone: "none", text: t("check.not_needed") } : busy(t("status.microphone")));
    say("speaker", busy(t("check.hear_then")));
    const { words } = this.means;
    let lost = false;
    /** @param {string} kind   @param {string} [detail] */
    const lose = (kind, detail) => {
      lost = true;
      if (!signal.aborted) say("microphone", ofFault(words, kind, detail));
    };
    /** @type {Listeners} */
    const listeners = {
      onLevel: (who, level) => (who === "user" ? this.onLevel(level) : this.onTick()),
      onFault: (kind, fatal) => fatal && lose(kind),
    };
    const without = (/** @type {AudioFault} */ { kind, message }) => {
      lose(kind, message);
      return null;
    };
    try {
      const audio = await this.means.open(listeners, !typed, without);
      if (signal.aborted) return audio.close();
      this.audio = audio;
      this.named();
      say("speaker", await this.hearAndPlay(audio, signal, () => lost));
    } catch (error) {
      if (signal.aborted) return;
      const { kind = "unknown", message } = /** @type {AudioFault} */ (error);
      // A microphone may be there, and cannot be listened to where sound does not run.
      say(kind === "context_suspended" ? "speaker" : "microphone", ofFault(words, kind, message));
      notChecked("microphone", "speaker");
    }
  }

  /** @param {Audio} audio   @param {AbortSignal} signal   @param {() => boolean} lost   @returns {Promise<Said>} */
  async hearAndPlay(audio, signal, lost) {
    const gate = new GainNode(audio.context, { gain: 0 });
    gate.connect(audio.gain);
    try {
      const heard = audio.stream && (await this.hear(audio, gate, signal, lost));
      if (audio.chosen.volume * audio.share === 0) return { tone: "warn", text: t("check.no_volume") };
      if (heard) return await this.playWords(audio, gate, heard.until_s, signal);
      return await this.playTones(audio, gate, signal);
    } finally {
      gate.disconnect();
    }
  }

  /**
   * Until when it is played, or null where nothing was said.
   *
   * @param {Audio} audio   @param {GainNode} gate   @param {AbortSignal} signal   @param {() => boolean} lost
   */
  async hear(audio, gate, signal, lost) {
    const { context, stream } = audio;
    const ear = new Ear();
    const held = new DelayNode(context, { delayTime: BEHIND_S, maxDelayTime: BEHIND_S, ...FIRST_CHANNEL });
    held.connect(gate);
    let { source } = audio;
    source?.connect(held);
    const from_s = context.currentTime;
    this.onLevel = (level) => {
      ear.hear(level);
      this.means.drawLevel("user", level);
      // A microphone that was pulled was replaced.
      if (audio.source !== source) audio.source?.connect(held);
      ({ source } = audio);
    };
    say("microphone", busy(t("check.speak")));
    await this.reach(context, from_s + SPEAK_S, signal);
    source?.disconnect(held);
    this.onLevel = () => {};
    this.means.drawLevel("user", { rms: 0 });
    const track = (audio.stream ?? stream)?.getAudioTracks()[0];
    const name = (track && microphoneName(track)) || t("sound.default");
    if (!lost()) say("microphone", ear.said(this.means.words, name));
    return ear.heard ? { until_s: from_s + BEHIND_S + SPEAK_S } : null;
  }

  /**
   * @param {Audio} audio   @param {GainNode} gate   @param {number} until_s   @param {AbortSignal} signal
   * @returns {Promise<Said>}
   */
  async playWords(audio, gate, until_s, signal) {
    const { context, captureNode, source } = audio;
    const ear = new Ear();
    if (captureNode) {
      // From here on it measures what is played.
      source?.disconnect(captureNode);
      gate.connect(captureNode);
    }
    this.onLevel = (level) => {
      ear.hear(level);
      this.means.drawLevel("agent", level);
    };
    gate.gain.setTargetAtTime(1, context.currentTime, FADE_S);
    gate.gain.setTargetAtTime(0, until_s, FADE_S);
    say("speaker", busy(t("check.yourself")));
    await this.reach(context, until_s + 10 * FADE_S, signal);
    return ear.sounded ? { tone: "good", text: t("check.played") } : { tone: "none", text: t("check.not_checked") };
  }

  /** @param {Audio} audio   @param {GainNode} gate   @param {AbortSignal} signal   @returns {Promise<Said>} */
  async playTones({ context }, gate, signal) {
    const tone = new OscillatorNode(context);
    const beat = new GainNode(context, { gain: 0 });
    tone.connect(beat).connect(gate);
    gate.gain.value = 1;
    let at_s = context.currentTime + FADE_S;
    for (const hz of TONES_HZ) {
      tone.frequency.setValueAtTime(hz, at_s);
      beat.gain.setTargetAtTime(TONE_GAIN, at_s, FADE_S);
      beat.gain.setTargetAtTime(0, at_s + TONE_S, FADE_S);
      at_s += TONE_EVERY_S;
    }
    tone.start();
    tone.stop(at_s);
    say("speaker", busy(t("check.tones")));
    await this.reach(context, at_s, signal);
    return { tone: "good", text: t("check.tones_played") };
  }

  /**
   * Until the context has come to that time. Throws where it stands still, or the check is stopped.
   *
   * @param {AudioContext} context   @param {number} at_s   @param {AbortSignal} signal
   */
  async reach(context, at_s, signal) {
    /** @type {Promise<void>} */
    const reached = new Promise((resolve, reject) => {
      const still = Object.assign(new Error(context.state), { kind: "context_suspended" });
      const timer = setTimeout(reject, 1000 * (at_s - context.currentTime) + STILL_MS, still);
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        reject(signal.reason);
      });
      this.onTick = () => {
        if (context.currentTime < at_s) return;
        clearTimeout(timer);
        resolve();
      };
    });
    await reached;
  }

  /** @param {AbortSignal} signal */
  async tryServer(signal) {
    const { token_url, provider, credentials } = this.means.server();
    const url = factsUrl(token_url, location.href);
    if (url === null) return say("server", { tone: "none", text: t("check.only_a_call") });
    say("server", busy(t("check.asking")));
    const answer = await answerOf(url, { credentials }, SERVER_PATIENCE_MS);
    if (answer.text === "TypeError" && (await answersToNobody(url))) answer.text = "unreadable";
    if (!signal.aborted) say("server", ofServer(answer, provider));
  }
}

/** @param {string} text   @returns {Said} */
function busy(text) {
  return { tone: "busy", text };
}

/**
 * Is there somebody at this address of another origin, whose answers this page may not read? A browser tells pages the
 * same of that and of a line that broke.
 *
 * @param {string} url
 */
async function answersToNobody(url) {
  if (new URL(url).origin === location.origin) return false;
  try {
    await fetch(url, { mode: "no-cors", cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer" });
    return true;
  } catch {
    return false;
  }
}
