/** State, events and effects of `page_state.js`. */

import type { AudioPorts, BootMessage, Intent, PageConfig, ShownView, ViewMessage, Way, Wishes } from "./messages.js";

export interface State {
  words: PageConfig["microphone_words"];
  view: ShownView;
  /** What only the page knows, between the click and Python's first word. */
  local: { status: string; tone: string } | null;
  /** Counts clicks, so that a view from before this call cannot release its microphone. */
  call: number;
  /** The microphone of this call is being opened. */
  opening: boolean;
  /** It is open. */
  audio: boolean;
  /** A click that Python is not there to serve; the worklet keeps what is said. */
  waiting: Sending | null;
  /** How much of what is said before the call is kept, for this click. */
  hold_ms: number;
  /** The microphone delivers exact zeros. */
  silent: boolean;
  /** It has delivered more than that since it was opened. */
  sounded: boolean;
  boot: Boot;
}

/** How far Python is. */
export interface Boot {
  stage: "runtime" | "python" | "client" | "ready" | "failed";
  percent: number;
  /** When it was ready. */
  ready_ms: number | null;
  /** As the worker said. */
  way: Way | null;
  why: string | null;
  /** Why it is not there. */
  fault: StartFault | null;
}

/** Why Python did not start, in words: see `startFault`. */
export interface StartFault {
  kind: string;
  title: string;
  hint: string;
  /** For the owner. */
  detail: string;
}

export interface Sending {
  message: Intent;
  transfer: Transferable[];
}

/** How loud a voice is, and its spectrum (`worklets/bands.js`). */
export interface Heard {
  rms: number;
  bands?: Float32Array;
  queued_ms?: number;
}

export type Event =
  | { type: "message"; message: BootMessage | ViewMessage; now_ms: number }
  | { type: "connect"; hold_ms: number; microphone: boolean }
  | { type: "opened"; call: number; ports: AudioPorts; wishes: Wishes }
  | { type: "refused"; call: number; kind: string; detail: string }
  | { type: "level"; who: "user" | "agent"; level: Heard & { silent_ms: number } }
  | { type: "fault"; kind: string; fatal: boolean; recovered: boolean }
  | { type: "over"; codes: RegExp }
  | { type: "died"; fault: StartFault }
  | { type: "hang_up" | "mute" | "retry" | "online" | "offline" | "awake" | "page_gone" };

/** What is to be done, in order. */
export type Effect =
  | { do: "draw" | "draw_soon" | "close_audio" | "answer_begins" | "started" | "start_worker" | "reload" }
  | { do: "draw_boot"; stage: Boot["stage"]; percent: number }
  | { do: "draw_level"; who: "user" | "agent"; level: Heard }
  | { do: "open_audio"; call: number; hold_ms: number; microphone: boolean }
  | { do: "send"; message: Intent; transfer?: Transferable[] };
