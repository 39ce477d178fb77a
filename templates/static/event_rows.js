/**
 * Rows of the event list, out of the lines of the session recorder: each message of both directions with its size,
 * audio folded into one row that counts, and what else happened. Secrets were replaced before the lines came here.
 */

const MOST_ROWS = 1000;
const MOST_TEXT_CHARS = 2000;
const AUDIO = /\(audio (\d+) (\d+) -?\d+\)/g;
/** What comes so often that nobody reads it, or is shown with what came of it. */
const NOT_SHOWN = new Set(["PlaybackProgressed", "AudioCaptured", "MessageReceived", "item_of", "view"]);
/** What base64 and the rest of such a message make of so many samples. @param {number} samples */
const encoded = (samples) => Math.ceil((samples * 2) / 3) * 4 + 40;

/** @type {Record<string, string[]>} */
const SEVERAL = { both: ["received", "sent"], all: ["received", "sent", "here"] };

/** @typedef {"received" | "sent" | "here"} Direction   here: neither of both */
/**
 * @typedef {object} Row
 * @property {number} id
 * @property {number} at_ms
 * @property {Direction} direction
 * @property {string} type
 * @property {number} bytes
 * @property {number} count of messages that are folded into it; 0 where only the sum of their audio is known
 * @property {number} audio_ms
 * @property {string} text
 */

export class EventRows {
  constructor() {
    /** @type {Row[]} */
    this.rows = [];
    this.made = 0;
    /** The row that further audio goes into. @type {Record<string, Row | null>} */
    this.audio = { received: null, sent: null };
    this.now_ms = 0;
    // Until a worklet is told otherwise.
    this.rate_hz = 24_000;
    this.frame_samples = 960;
  }

  /** @param {string} lines */
  add(lines) {
    for (const line of lines.split("\n")) if (line) this.line(JSON.parse(line));
  }

  /** @param {[number, string, any, any[]?]} line */
  line([at_ms, kind, what, out = []]) {
    this.now_ms = at_ms || this.now_ms;
    if (kind === "MessageReceived") this.message("received", what.data);
    else if (kind === "sent")
      this.fold("sent", what[0], what[0] * encoded(this.frame_samples), what[0] * this.frame_samples);
    else if (kind === "played") this.fold("received", 0, encoded(what[0]), what[0]);
    else if (!NOT_SHOWN.has(kind)) this.row("here", kind, 0, JSON.stringify(what));
    for (const [command, ...values] of out) this.command(command, values);
  }

  /** @param {string} command   @param {any[]} values */
  command(command, values) {
    if (command === "SendMessage") this.message("sent", values[1]);
    else if (command === "Log" && values[0] === "=") this.row("here", values[1], 0, "");
    else if (command === "StartCapture")
      [this.rate_hz, this.frame_samples] = [values[0].rate_hz, values[0].frame_samples];
  }

  /** @param {"received" | "sent"} direction   @param {string | number | number[]} data   of bytes, how many */
  message(direction, data) {
    if (typeof data !== "string") {
      const bytes = typeof data === "number" ? data : data[0];
      return this.fold(direction, 1, bytes, direction === "sent" ? this.frame_samples : bytes / 2);
    }
    let audio = 0;
    const text = data.replace(AUDIO, (_, characters, padding) => {
      audio += Number(characters) + Number(padding);
      return "";
    });
    const bytes = new TextEncoder().encode(text).length + audio;
    if (audio) this.fold(direction, 1, bytes, (audio * 3) / 8, typeOf(text));
    else this.row(direction, typeOf(text), bytes, text);
  }

  /**
   * Audio goes into one row for each direction, until something else happens.
   *
   * @param {"received" | "sent"} direction   @param {number} count   @param {number} bytes   @param {number} samples
   * @param {string} [type]
   */
  fold(direction, count, bytes, samples, type = "") {
    this.audio[direction] ??= this.row(direction, "", 0, "", true);
    const row = this.audio[direction];
    row.type ||= type;
    row.count += count;
    row.bytes += bytes;
    row.audio_ms += (samples * 1000) / this.rate_hz;
  }

  /** @param {Direction} direction   @param {string} type   @param {number} bytes   @param {string} text   @param {boolean} [isAudio] */
  row(direction, type, bytes, text, isAudio = false) {
    if (!isAudio) this.audio = { received: null, sent: null };
    const row = {
      id: ++this.made,
      at_ms: this.now_ms,
      direction,
      type,
      bytes,
      count: isAudio ? 0 : 1,
      audio_ms: 0,
      text,
    };
    row.text = text.length > MOST_TEXT_CHARS ? `${text.slice(0, MOST_TEXT_CHARS)}…` : text;
    this.rows.push(row);
    if (this.rows.length > MOST_ROWS) this.rows.shift();
    return row;
  }
}

/** @param {string} text */
function typeOf(text) {
  try {
    return String(JSON.parse(text).type ?? "JSON");
  } catch {
    return "text";
  }
}

/**
 * Those that are shown.
 *
 * @param {Row[]} rows   @param {string} directions one of them, or of `SEVERAL`   @param {string} filter a part of type or text
 */
export function chosen(rows, directions, filter) {
  const wanted = SEVERAL[directions] ?? [directions];
  const part = filter.trim().toLowerCase();
  return rows.filter(
    ({ direction, type, text }) => wanted.includes(direction) && `${type} ${text}`.toLowerCase().includes(part),
  );
}
