/**
 * What page and worker know of each other, and of what the build and Python tell them: for the type checker, nothing of
 * it is sent. Scripts import these types as if from `./messages.js`, which does not exist. The messages of the worklets
 * are in `worklets/messages.js`.
 */

/**
 * A file as the build describes it: the length of its content, a digest of each part of `part_bytes`, and a sum of the
 * whole for who cannot wait for a digest (`builder/assets.py`).
 */
export interface Described {
  url: string;
  bytes: number;
  part_bytes: number;
  sha256: string[];
  crc32: number;
}

// --- what the build tells the page (`builder/site.py`)

export interface PageConfig {
  boot: BootConfig & {
    worker: Described;
    worklets: Described;
    orb: Described;
    sound: Described;
    diagnostics: Described;
    voice_recording: Described;
    transcript_file: Described;
  };
  choices: Choice[];
  /** What is asked before the first call, or nothing. */
  consent: { version: string; remember: string } | null;
  /** Whose pages may show this one and talk with it. */
  embedded_by: string[];
  /** Of greeting and prompt, with their defaults. */
  variables: Record<string, string>;
  start: Described;
  /** What scripts say, by key (`texts.js`). */
  texts: Record<string, string>;
  /** The files of other languages, by code; none where the page has one language. */
  languages: Record<string, Described>;
  /** By kind of fault of a microphone: can Connect help? */
  microphone_words: Record<string, boolean>;
}

/** One service of the picker. */
export interface Choice {
  label: string;
  settings: Settings;
  /** The texts of `settings` that name variables. */
  templates: { greeting?: string; system_prompt?: string };
}

/** What Python's `ClientConfig` takes; here only what the page looks at itself. */
export interface Settings {
  provider: string;
  token_url: string;
  preconnect_audio_ms: number;
  known_voices?: { id: string; label: string }[];
  voice?: string;
  greeting?: string;
  system_prompt?: string;
  turn_style?: TurnStyle;
  cost?: { currency?: string; per_minute?: number };
}

/** The kept memory of Python, and the small library for where it cannot be used. */
export interface Kept {
  /** `complete`: digests of the blocks when they hold what follows from them, the hashes of texts. */
  snapshot: SnapshotTable & { blocks: Described & { complete: string[] } };
  precompiled: Described;
}

/** What Python is started from. Where the build could keep no memory of its Pyodide, that is `stock` alone. */
export type BootConfig = Files & (Kept | { snapshot: { lock: object; blocks: null }; precompiled: null });

interface Files {
  runtime: RuntimeFiles;
  stock: RuntimeFiles;
  later: ({ name: string; ahead: boolean } & Described)[];
  library: Described;
  zones: Described;
  micropip: Described;
  client: { name: string } & Described;
  tools: { bytecode: Described | null; source: Described } | null;
  /** How the token server finds out who asks. */
  sign_in: SignInKind;
  /** What the agent's tools import beside the standard library. */
  packages: Described | null;
}

export interface RuntimeFiles {
  /** Null where it is within `script`. */
  loader: Described | null;
  script: Described;
  /** `integrity`: what that attribute says of either form in which a host may send it. */
  wasm: Described & { integrity: string };
}

export interface SnapshotTable {
  header: string;
  heap_bytes: number;
  block_bytes: number;
  /** Blocks that a fresh module has right, and blocks that it gets, in turns. */
  runs: [number, number][];
  /** Pyodide's table of packages without the packages; it would fetch the whole one otherwise. */
  lock: object;
  /** The address of Python's type of texts, by which those without their hash are found. */
  text_type: number;
  /** Addresses at which C keeps the time zone, as `_tzset_js` of Emscripten takes them. */
  zone: number[];
  /** The address of a word of Pyodide, and what stands there in a browser with and without stack switching. */
  suspending: { address: number; with: number; without: number };
  /** The address of a word that Pyodide has just set as this browser needs it. */
  trampoline: number;
}

// --- page to worker

export type ToWorker =
  | { type: "init"; config: BootConfig & { settings: Settings }; ahead: string[] | null }
  | AheadMessage
  | Intent;

/**
 * A piece of a file that the page has asked for before the worker could, or that there are no more, or why there are
 * none.
 */
export type AheadMessage = { type: "ahead"; of: string } & AheadNews;
export interface AheadNews {
  piece?: Uint8Array<ArrayBuffer>;
  module?: WebAssembly.Module;
  end?: boolean;
  failed?: string;
}

/** What a person wants, or what became of the microphone; all but `ping` go on to Python (`pyclient/host/pyodide_host.py`). */
export type Intent =
  | { type: "ping" }
  | ({ type: "connect"; call: number; ports: AudioPorts } & Wishes)
  | { type: "hang_up"; page_gone: boolean }
  | { type: "mute"; muted: boolean }
  | { type: "pause"; paused: boolean }
  | { type: "interrupt" | "half_duplex" | "still_here" | "awake" | "offline" }
  | { type: "talk"; pressed: boolean; cancelled: boolean }
  | { type: "text"; text: string }
  | ({ type: "settings" } & Wishes)
  | { type: "configure"; settings: Settings }
  | { type: "capture_failed"; call: number; kind: string; detail: string; fatal: boolean }
  | { type: "capture_recovered"; kind: string }
  /** Of the page around ours: `result` is JSON text. */
  | { type: "tool_answered"; call_id: string; result: string }
  | { type: "tool_answered"; call_id: string; error: string }
  | { type: "tool_approved"; call_id: string; approved: boolean }
  | BearerAnswer
  /** Hand over what the session recorder has; `whole`: and how things stand. */
  | { type: "record"; whole: boolean }
  /** Record both voices, by this script, or stop and forget, or (null) hand over what was recorded. The worker's own. */
  | { type: "voices"; keep: Described | false | null };

/** `[server] sign_in` of agent.toml. */
export type SignInKind = "" | "cookie" | "bearer";
/** The worker's own: what the page around ours gave for one token request. */
export type BearerAnswer = { type: "bearer"; id: number; bearer: string | null };

export type TurnStyle = "vad" | "half_duplex" | "push_to_talk" | "text";

/** What is chosen in the settings. */
export interface Wishes {
  voice: string;
  greeting: string;
  system_prompt: string;
  turn_style: string;
  /** Texts of the configuration, with values for their variables. */
  filled?: Record<string, string>;
}

export interface AudioPorts {
  capture: MessagePort;
  playback: MessagePort;
}

// --- worker to page

export type ToPage =
  | BootMessage
  | ViewMessage
  | DeadMessage
  | QuestionMessage
  | RecordMessage
  | VoicesMessage
  | SignInMessage
  | { type: "pong" };

/** A token request needs a bearer. */
export type SignInMessage = { type: "sign_in"; id: number };

/** How far the start is. `way`: which of the ways of starting it was; `why` it was not a faster one. */
export type BootMessage =
  | { type: "boot"; stage: "runtime" | "python" | "client"; percent: number }
  | { type: "boot"; stage: "ready"; percent: number; way: Way; why: string | null };
export type Way = "snapshot" | "precompiled" | "stock";

/** Lines of the session recorder (`pyclient/host/recorder.py`), with a line break behind each. */
export type RecordMessage = { type: "record"; lines: string };

/** Are voices recorded now? And what was, where it was asked for: both on one clock, PCM16. */
export type VoicesMessage = { type: "voices"; recording: boolean; voices: { you: Voice; agent: Voice } | null };
export interface Voice {
  rate_hz: number;
  pcm: ArrayBuffer;
}

/** What a tool asks of the page around ours, or of the person; and that nobody waits for the answer any more. */
export type QuestionMessage =
  | { type: "page_tool"; call_id: string; name: string; arguments: Record<string, unknown> }
  | { type: "approval"; call_id: string; text: string }
  | { type: "tool_over"; call_id: string };

/** `call` counts the clicks of the page: which of them this view knows of. */
export interface ViewMessage {
  type: "view";
  call: number;
  view: ViewUpdate;
}

/** Python is gone. `kind` is for the page's choice of words, `what` names the file at fault. */
export interface DeadMessage {
  type: "dead";
  reason: string;
  kind: string;
  what: string | null;
}

/** As `pyclient/page/view.py` makes it, with its comments; `tests/builder/test_quality.py` holds the two together. */
export interface View {
  state: string;
  activity: string;
  status: string;
  tone: string;
  audio_wanted: boolean;
  can_connect: boolean;
  can_hang_up: boolean;
  can_interrupt: boolean;
  can_type: boolean;
  muted: boolean;
  paused: boolean;
  provider: string;
  features: Record<string, boolean>;
  turn_style: string;
  talking: boolean;
  notice: NoticeTexts | null;
  turns: Turn[];
  voices: string[] | null;
  session_id: string | null;
  ends_in_ms: number | null;
  cost: number | null;
  stats: Record<string, unknown>;
}

/**
 * What the page shows, in its language (`worded` in texts.js): before Python has said a word it knows neither provider nor features.
 */
export type ShownView = Omit<View, "features" | "provider" | "notice"> & {
  features: View["features"] | null;
  notice: Notice | null;
};

/** The key of a text, and what goes into its braces. */
export type Text = [string, Record<string, Value>];
export type Value = string | number | Text | Text[];

/**
 * `turns` are only those that are new or changed, `gone` left; `order` is null where known turns stay where they are.
 */
export interface ViewUpdate extends View {
  gone: string[];
  order: string[] | null;
}

export interface NoticeTexts {
  tone: string;
  code: string;
  title: Text;
  /** Said in a row. */
  hint: Text[];
  retry: boolean;
}

/** In words. */
export interface Notice {
  tone: string;
  code: string;
  title: string;
  hint: string;
  retry: boolean;
}

export interface Turn {
  id: string;
  role: string;
  text: string;
  final: boolean;
  interrupted: boolean;
  heard_ms: number | null;
  heard_chars: number | null;
  sounding: boolean;
}
