/**
 * What Diagnostics draws: the last three minutes of both voices, what went on meanwhile, and how long each answer took.
 * Kept by the page from the first call on, bounded, on the page's clock; drawn by `diagnostics.js`, which comes when it
 * is asked for.
 */

/** @import { ShownView } from "./messages.js" */
/** @typedef {{name: string, start_ms: number, end_ms: number | null}} Span   an activity, or a state where there is none */
/** @typedef {{kind: string, at_ms: number}} Mark */
/** @typedef {{at_ms: number, heard_ms: number | null, known_ms: number | null, here_ms: number | null}} Delay
 *   from the person's last word, from the service's word that it was the last, and from the arrival of the answer, to its first sound */

export const KEPT_MS = 180_000;
export const STEP_MS = 50;
const SLOTS = KEPT_MS / STEP_MS;
const MOST = 500;

/** Counters of the view, and what one more of them is. @type {Record<string, string>} */
const COUNTED = {
  interruptions: "interruption",
  ducks: "duck",
  tool_calls: "tool",
  underruns: "underrun",
  reconnects: "reconnect",
  outage_frames_dropped: "drop",
  faults: "fault",
};

export class History {
  constructor() {
    this.levels = { user: new Uint8Array(SLOTS), agent: new Uint8Array(SLOTS) };
    /** What waited to be played, in ms. */
    this.waiting = new Uint16Array(SLOTS);
    /** The slot that is written; those behind it are older. */
    this.slot = 0;
    /** @type {Span[]} */
    this.spans = [];
    /** @type {Mark[]} */
    this.marks = [];
    /** @type {Delay[]} */
    this.delays = [];
    /** @type {Record<string, unknown>} */
    this.stats = {};
  }

  /** @param {"user" | "agent"} who   @param {{rms: number, queued_ms?: number}} level   @param {number} now_ms */
  heard(who, { rms, queued_ms = 0 }, now_ms) {
    const slot = Math.floor(now_ms / STEP_MS);
    for (let empty = Math.max(this.slot + 1, slot - SLOTS + 1); empty <= slot; empty++) {
      this.levels.user[empty % SLOTS] = this.levels.agent[empty % SLOTS] = this.waiting[empty % SLOTS] = 0;
    }
    this.slot = Math.max(this.slot, slot);
    const loudness = rms > 0.001 ? 1 + Math.log10(rms) / 3 : 0;
    const level = this.levels[who];
    level[slot % SLOTS] = Math.max(level[slot % SLOTS], Math.round(Math.min(1, loudness) * 255));
    if (who === "agent") this.waiting[slot % SLOTS] = Math.min(65_535, queued_ms);
  }

  /** @param {number} at_ms   @returns {number} ms; 0 where nobody remembers */
  waited(at_ms) {
    return this.knows(at_ms) ? this.waiting[Math.floor(at_ms / STEP_MS) % SLOTS] : 0;
  }

  /** @param {number} at_ms */
  knows(at_ms) {
    const slot = Math.floor(at_ms / STEP_MS);
    return slot <= this.slot && slot > this.slot - SLOTS && slot >= 0;
  }

  /** @param {"user" | "agent"} who   @param {number} at_ms   @returns {number} 0 to 1; 0 where nobody remembers */
  level(who, at_ms) {
    return this.knows(at_ms) ? this.levels[who][Math.floor(at_ms / STEP_MS) % SLOTS] / 255 : 0;
  }

  /** @param {ShownView} view   @param {number} now_ms */
  saw({ state, activity, stats }, now_ms) {
    const name = activity === "none" ? state : activity;
    const last = this.spans.at(-1);
    if (last?.name !== name) {
      if (last) last.end_ms = now_ms;
      add(this.spans, { name, start_ms: now_ms, end_ms: null });
    }
    for (const [counter, kind] of Object.entries(COUNTED)) {
      if (number(stats[counter]) > number(this.stats[counter])) add(this.marks, { kind, at_ms: now_ms });
    }
    const {
      speech_end_to_first_sound_ms: heard_ms,
      commit_to_first_sound_ms: known_ms,
      arrival_to_first_sound_ms: here_ms,
    } = stats;
    const isNew =
      heard_ms !== this.stats.speech_end_to_first_sound_ms || known_ms !== this.stats.commit_to_first_sound_ms;
    if (isNew && typeof heard_ms === "number") {
      const orNull = (/** @type {unknown} */ value) => (typeof value === "number" ? value : null);
      add(this.delays, { at_ms: now_ms, heard_ms, known_ms: orNull(known_ms), here_ms: orNull(here_ms) });
    }
    this.stats = stats;
  }
}

/** @param {unknown} value */
function number(value) {
  return typeof value === "number" ? value : 0;
}

/** @template T @param {T[]} list   @param {T} item */
function add(list, item) {
  list.push(item);
  if (list.length > MOST) list.shift();
}

/**
 * The value below which that share of them lies (nearest rank).
 *
 * @param {number[]} values   @param {number} share   @returns {number | null}
 */
export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
}
