/**
 * Every message that crosses a worklet's ports is named here, and nowhere else.
 *
 * Two ports per worklet. The audio port is a transferred MessagePort whose twin a worker holds: audio never passes the
 * page's main thread. `node.port` (twin on the main thread) only delivers the audio port, carries levels and closes.
 * Sample counts are at the wire rate; PCM is 16-bit little-endian mono.
 *
 * Over `node.port`, both worklets:
 * @typedef {{type: "port", port: MessagePort}} PortMessage   in: the audio port (transferred); replaces an earlier one
 * @typedef {{type: "close"}} CloseMessage                    in: process() ends, the node can be collected
 * @typedef {{type: "closed"}} ClosedMessage                  out, once after it: process() has returned false
 * @typedef {{type: "level", rms: number, peak: number, silent_ms: number, queued_ms:
 * number, bands: Float32Array}} LevelMessage
 *   out, 20 times a second: linear 0..1 over the last 50 ms; `silent_ms` is for how long every sample has been zero;
 *   `bands` is the RMS in each band of bands.js, `queued_ms` what waits to be played.
 *   Capture measures the microphone even when muted or not configured; playback measures what leaves it.
 * @typedef {{type: "quality", quality: Quality, share: number | null}} QualityMessage
 *   out, after each configure that changed something: the resampler's setting from now on. `share` is the part of real
 *   time that the default setting took here when it was tried, null where it was not.
 *
 * `processorOptions` of the capture worklet:
 * @typedef {{hold_ms?: number}} CaptureOptions
 *   how much of the microphone is held from the beginning until the first `configure` has it sent; 0: nothing.
 *
 * Audio port of the capture worklet:
 * @typedef {{type: "configure", rate_hz: number, frame_samples: number, quality?:
 * Quality, pace?: number}} ConfigureCapture
 *   in: start sending frames. Sent again: starts afresh, a half-filled frame is dropped. What is held goes out first,
 *   at most `pace` times as fast as it was spoken, and what is said meanwhile behind it.
 * @typedef {{type: "mute", on: boolean, silence?: boolean}} MuteMessage
 *   in: while on, nothing of the microphone leaves; with `silence` frames of zeros keep the wire's clock running. What
 *   is held is thrown away.
 * @typedef {{type: "stop"}} StopMessage                      in: no more frames until the next configure
 * @typedef {{type: "drain"}} DrainMessage
 *   in: the half-filled frame goes out now, as short as it is, and `drained` behind it (push to talk was released).
 *   in: a bare ArrayBuffer is a used frame handed back for the pool (transferred; one of another size is ignored).
 *   out: a bare ArrayBuffer is one frame, `frame_samples * 2` bytes (transferred).
 * @typedef {{type: "held", kept_ms: number, dropped_ms: number}} HeldMessage
 *   out, once, answering the first `configure` of a worklet that held: how much of what could be heard is held, and how
 *   much had to go because it was too much. Frames follow, and `caught_up` when the last held sample is out.
 * @typedef {{type: "caught_up"}} CaughtUpMessage  out: frames are live from the next one on
 *
 * Audio port of the playback worklet:
 * @typedef {{type: "configure", rate_hz: number, quality?: Quality}} ConfigurePlayback
 *   in: the rate of what follows. Audio that came before it is held for it; another rate drops what is queued, the same
 *   once more changes nothing.
 * @typedef {{type: "audio", item: string, pcm: ArrayBuffer}} AudioMessage   in: any size; queued behind what is queued
 * @typedef {{type: "flush"}} FlushMessage                    in: silence within one quantum; answered by `flushed`
 * @typedef {{type: "pause", on: boolean}} PauseMessage
 *   in: while on, nothing is rendered and all that is queued waits; then it goes on where it stood, each
 *   under a short fade.
 * @typedef {{type: "gain", gain: number, ramp_ms: number}} GainMessage
 *   in: linear ramp to `gain` (1 = as received). A flush does not touch it.
 * @typedef {object} ProgressMessage
 * @property {"progress"} type
 * @property {string} item
 * @property {number} rendered
 * @property {number} queued
 * @property {number} underruns
 * @property {number} cushion_ms
 *   out: every 50 ms while an item sounds, and once more when it has ended or run dry. `rendered` counts from where the
 *   item was turned to: anew after another item and after a flush. `queued` is over all items; `underruns` counts from
 *   construction; `cushion_ms` is what the next start will wait for.
 * @typedef {{type: "drained"}} DrainedMessage
 *   out: once each time that everything received has been rendered. More audio of the same item after it: an underrun.
 * @typedef {{type: "flushed", item: string, rendered: number}} FlushedMessage
 *   out: the item that was cut off and its count, or "" and 0 when nothing was sounding or waiting in mid-item.
 *
 * @typedef {ConfigureCapture | MuteMessage | StopMessage | DrainMessage} CaptureMessage
 * @typedef {ConfigurePlayback | AudioMessage | FlushMessage | PauseMessage | GainMessage} PlaybackMessage
 * @typedef {"cheap" | "default" | "best"} Quality
 *   settings of resampler.js. Where a configure names none, the worklet takes "default", or "cheap" on a machine that
 *   cannot keep up with it (resampler_choice.js).
 * @typedef {{postMessage(message: unknown, transfer?: ArrayBuffer[]): void}} Outlet   what the cores need of a port
 */

export const MESSAGE_PORT = "port";
export const MESSAGE_CLOSE = "close";
export const MESSAGE_CLOSED = "closed";
export const MESSAGE_LEVEL = "level";
export const MESSAGE_QUALITY = "quality";
export const MESSAGE_CONFIGURE = "configure";
export const MESSAGE_MUTE = "mute";
export const MESSAGE_STOP = "stop";
export const MESSAGE_DRAIN = "drain";
export const MESSAGE_HELD = "held";
export const MESSAGE_CAUGHT_UP = "caught_up";
export const MESSAGE_AUDIO = "audio";
export const MESSAGE_FLUSH = "flush";
export const MESSAGE_PAUSE = "pause";
export const MESSAGE_GAIN = "gain";
export const MESSAGE_PROGRESS = "progress";
export const MESSAGE_DRAINED = "drained";
export const MESSAGE_FLUSHED = "flushed";

/** Names under which the two processors are registered. */
export const CAPTURE_PROCESSOR = "parley-capture";
export const PLAYBACK_PROCESSOR = "parley-playback";

/** How often `level` and `progress` go out. */
export const REPORT_INTERVAL_MS = 50;

/**
 * A positive whole number of a message, or a TypeError that names it (a wrong message is a programming error of the
 * sender and has to be seen in the console).
 * @param {string} name
 * @param {unknown} value
 * @returns {number}
 */
export function requirePositiveInteger(name, value) {
  if (typeof value !== "number" || !Number.isInteger(value) || value <= 0) {
    throw new TypeError(`${name} must be a positive whole number, got ${String(value)}`);
  }
  return value;
}

/**
 * The error for a message that is not named here: a programming error of the sender.
 * @param {string} where who received it
 * @param {never} message
 * @returns {TypeError}
 */
export function unknownMessage(where, message) {
  return new TypeError(`${where}: unknown message ${String(Object(message).type)}`);
}
