/** What `<voice-agent>` and the embedded page send each other (`embed_messages.js` reads it). */

import type { Notice, ShownView, Turn } from "./messages.js";

/** From the tag. */
export type Command =
  /** For the calls from now on, instead of what `agent.toml` says. */
  | { type: "prepare"; wishes: { greeting?: string; voice?: string }; variables: Record<string, string> }
  | { type: "connect" }
  | { type: "disconnect" }
  | { type: "interrupt" }
  | { type: "mute"; muted: boolean }
  | { type: "pause"; paused: boolean }
  | { type: "text"; text: string }
  | { type: "volume"; volume: number }
  /** "light" or "dark"; anything else is as the visitor's system has it. */
  | { type: "color_scheme"; scheme: string }
  /** What became of a call of a page tool; `result` is JSON text. */
  | { type: "result"; id: string; result: string }
  | { type: "failure"; id: string; error: string }
  /** What the token server is to be shown for the visitor; null: they are not signed in. */
  | { type: "bearer"; id: number; bearer: string | null };

/** From the page. */
export type News =
  | { type: "ready" }
  | { type: "state"; detail: StateDetail }
  /** `order`: the ids of all turns; `turns`: those that are new or changed. */
  | { type: "turns"; order: string[]; turns: Turn[] }
  | { type: "error"; detail: Notice }
  | { type: "end"; detail: EndDetail }
  /** Answer this tool; nobody waits for it any more. */
  | { type: "call"; id: string; name: string; arguments: Record<string, unknown> }
  | { type: "cancel"; id: string }
  /** Say who the visitor is. */
  | { type: "sign_in"; id: number };

export interface StateDetail {
  /** A value of Python's `State`; "opening" while the microphone is asked for; "loading" before the page is there. */
  state: string;
  activity: string;
  status: string;
  muted: boolean;
  paused: boolean;
}

export interface EndDetail {
  state: string;
  code: string | null;
}

/** What the tag was told last. */
export interface Told {
  state: StateDetail | null;
  turns: Turn[];
  notice: Notice | null;
}

/** Of the page's state what the tag hears of. */
export interface Shown {
  view: ShownView;
  local: { status: string; tone: string } | null;
}
