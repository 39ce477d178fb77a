/**
 * The main thread's share of sound: permission, one AudioContext, two worklet nodes. No audio passes through here: the
 * worklets get ports whose twins go to the worker.
 *
 * `openAudio` must be called inside a click, and does everything that needs the gesture before its first await. No
 * `sampleRate` is asked for anywhere: Safari ignores it, and in Firefox a context at another rate than the device's
 * loses echo cancellation. The worklets resample.
 */

import { inputsNow } from "./devices.js";
import { genuine, nameOf } from "./genuine.js";
import {
  AudioContextClass,
  FIRST_CHANNEL,
  announceCall,
  isMonitor,
  microphoneFault,
  runs,
  speakerWay,
} from "./quirks.js";

/** @import { Chosen } from "./devices.js" */
/** @import { Described } from "./messages.js" */
/**
 * @import { CloseMessage, ClosedMessage, LevelMessage, PortMessage, QualityMessage } from "../../worklets/messages.js"
 */
/** @typedef {{onLevel: (who: "user" | "agent", level: LevelMessage) => void, onFault: OnFault}} Listeners */
/** @typedef {(kind: string, fatal: boolean, recovered?: boolean) => void} OnFault */

const CONTEXT_PATIENCE_MS = 6000;
// A worklet answers "close" within a quantum, unless its context does not run.
const CLOSE_PATIENCE_MS = 250;
// The answer leaves before process() has returned, and the engine takes note of that some quanta later.
const SETTLED_MS = 100;
// Zeros for so long: is it still there? Before `page_state.js` says that it is silent.
const ASK_AFTER_MS = 1500;
const VOLUME_S = 0.02;
// Without echo cancellation the agent hears itself and interrupts itself. The provider focuses on the voice by itself,
// so noise suppression would only take from what it hears.
const PROCESSING = { channelCount: 1, echoCancellation: true, noiseSuppression: false, autoGainControl: true };
// What engines say of a device that is not there. One that is busy is told as that.
const GONE = ["OverconstrainedError", "NotFoundError"];

/** A failure to open or keep sound; `kind` is a word that the session knows. */
export class AudioFault extends Error {
  /** @param {string} kind */
  constructor(kind, detail = "") {
    super(detail || kind);
    this.kind = kind;
  }
}

/**
 * The chosen microphone, or the browser's default where that one is not there any more. It is asked for as the only one
 * that will do: where it is only a wish, Chromium takes its default.
 *
 * @param {string} id   @returns {Promise<MediaStream>} throws AudioFault
 */
async function microphoneOf(id) {
  let stream;
  try {
    stream = await (id ? onlyThis(id) : userMedia(PROCESSING));
  } catch (thrown) {
    const error = /** @type {Error} */ (thrown);
    throw new AudioFault(await microphoneFault(error), `${error.name}: ${error.message}`);
  }
  if (!stream.getAudioTracks().some(isMonitor)) return stream;
  stop(stream);
  throw new AudioFault("not_found", "only a monitor of a speaker was offered");
}

/** @param {string} id */
async function onlyThis(id) {
  try {
    return await userMedia({ ...PROCESSING, deviceId: { exact: id } });
  } catch (error) {
    if (!GONE.includes(/** @type {Error} */ (error).name)) throw error;
    return userMedia(PROCESSING);
  }
}

/** @param {MediaTrackConstraints} audio */
function userMedia(audio) {
  return navigator.mediaDevices.getUserMedia({ audio });
}

/** @param {MediaStream} stream */
function stop(stream) {
  for (const track of stream.getTracks()) track.stop();
}

/**
 * @param {Described} worklets both in one file (`genuine.js`)
 * @param {number} hold_ms how much of the microphone the capture worklet holds until somebody takes it
 * @param {Chosen} chosen
 * @param {Listeners} listeners
 * @param {boolean} wanted is a microphone? Without one none is asked for: the person types, and listens
 * @param {(fault: AudioFault) => null} [without] told why there is no microphone, where the speaker alone will do too
 * @returns {Promise<Audio>} throws AudioFault
 */
export async function openAudio(worklets, hold_ms, chosen, listeners, wanted, without) {
  if (!globalThis.isSecureContext || !navigator.mediaDevices?.getUserMedia) throw new AudioFault("insecure");
  if (!AudioContextClass) throw new AudioFault("unsupported");
  const context = new AudioContextClass({ latencyHint: "interactive" });
  if (!context.audioWorklet) {
    context.close();
    throw new AudioFault("no_worklet");
  }
  announceCall(wanted ? "play-and-record" : "playback");
  context.resume().catch(() => {});
  const microphone = wanted ? microphoneOf(chosen.microphone).catch(without) : Promise.resolve(null);
  const modules = addChecked(context, worklets).catch((error) => {
    throw new AudioFault("no_worklet", String(error));
  });
  try {
    const [stream] = await Promise.all([microphone, modules]);
    if (!(await runs(context, CONTEXT_PATIENCE_MS))) throw new AudioFault("context_suspended", context.state);
    return new Audio(context, stream, hold_ms, chosen, listeners);
  } catch (error) {
    microphone.then((stream) => stream && stop(stream)).catch(() => {});
    announceCall("auto");
    context.close().catch(() => {});
    throw error instanceof AudioFault ? error : new AudioFault("unknown", String(error));
  }
}

/**
 * Worklets that are what the build made. The browser has it in its cache by then.
 *
 * @param {AudioContext} context   @param {Described} file
 */
async function addChecked(context, file) {
  await genuine(file, nameOf(file));
  await context.audioWorklet.addModule(file.url);
}

/** An open speaker, and a microphone where one is wanted. `takePorts()` once, for the worker; `close()` at the end. */
class Audio {
  /**
   * @param {AudioContext} context   @param {MediaStream | null} stream   @param {number} hold_ms
   * @param {Chosen} chosen   @param {Listeners} listeners
   */
  constructor(context, stream, hold_ms, chosen, { onLevel, onFault }) {
    this.context = context;
    this.chosen = chosen;
    this.share = 1;
    this.closed = false;
    /** The microphone is being exchanged. */
    this.exchanging = false;
    /** Whether it is still there was asked in this silence. */
    this.asked = false;
    /** The devices when it was opened. */
    this.inputs = stream ? inputsNow().catch(() => "") : Promise.resolve("");
    /** Where only an element can play to a speaker that was chosen. @type {HTMLAudioElement | null} */
    this.player = null;
    this.listening = new AbortController(); // listeners on objects of the browser, which would keep all of this alive
    this.bodies = 0; // worklets that run
    /** The timer of what is still to be done when it was closed. @type {number | null} */
    this.freed = null;
    this.running = true;
    this.onFault = onFault;
    /** @type {Record<"capture" | "playback", string>} */
    this.quality = { capture: "–", playback: "–" };
    // In dBFS, the loudest sample: of the call at the microphone, of the last answer at the speaker. Who hears nothing
    // learns from it whether the page sent anything; -99 is silence.
    this.peaks = { capture: -99, playback: -99 };
    /** @type {AudioWorkletNodeOptions} */
    const capture = { numberOfInputs: 1, numberOfOutputs: 1, ...FIRST_CHANNEL, processorOptions: { hold_ms } };
    this.captureNode = stream && this.node("capture", capture, (level) => onLevel("user", level));
    this.playbackNode = this.node(
      "playback",
      { numberOfInputs: 0, numberOfOutputs: 1, outputChannelCount: [1] },
      (level) => onLevel("agent", level),
    );
    /** @type {MediaStreamAudioSourceNode | null} */
    this.source = null;
    this.stream = stream;
    if (stream) this.take(stream);
    // Its output is silence; the connection makes every engine run the node.
    this.captureNode?.connect(context.destination);
    this.gain = context.createGain();
    this.gain.gain.value = chosen.volume;
    this.playbackNode.connect(this.gain).connect(context.destination);
    const { signal } = this.listening;
    context.addEventListener("statechange", () => this.contextChanged(), { signal });
    for (const gesture of ["pointerup", "keydown", "visibilitychange"])
      document.addEventListener(gesture, () => this.wake(), { signal, capture: true });
    addEventListener("pageshow", () => this.wake(), { signal });
    navigator.mediaDevices.addEventListener?.("devicechange", () => this.speakerMayBeGone(), { signal });
    if (chosen.speaker) this.useSpeaker().catch(() => {}); // the default one plays
  }

  /** What this microphone hears is captured from here on. @param {MediaStream} stream */
  take(stream) {
    this.source?.disconnect();
    if (this.stream && this.stream !== stream) stop(this.stream);
    this.stream = stream;
    this.source = this.context.createMediaStreamSource(stream);
    if (this.captureNode) this.source.connect(this.captureNode);
    const { signal } = this.listening;
    for (const track of stream.getAudioTracks()) {
      track.addEventListener("ended", () => this.stream === stream && this.exchange(true), { signal });
    }
  }

  /**
   * Another microphone in the same call: the chosen one, else the browser's default.
   *
   * @param {boolean} isGone there is none to go on with
   */
  async exchange(isGone) {
    if (this.closed || this.exchanging || !this.stream) return;
    this.exchanging = true;
    try {
      const stream = await microphoneOf(this.chosen.microphone);
      if (this.closed) return stop(stream);
      this.inputs = inputsNow().catch(() => "");
      this.take(stream);
    } catch (thrown) {
      const { kind } = /** @type {AudioFault} */ (thrown);
      if (isGone && !this.closed) this.onFault(kind === "not_found" ? "ended" : kind, true);
    } finally {
      this.exchanging = false;
    }
  }

  /**
   * Chromium and WebKit say nothing of a microphone that was pulled, it delivers zeros. One that is muted does so too,
   * and then nothing has changed among the devices.
   *
   * @param {number} silent_ms
   */
  async microphoneMayBeGone(silent_ms) {
    if (silent_ms < ASK_AFTER_MS) this.asked = false;
    else if (!this.asked) {
      this.asked = true;
      const [then, now] = await Promise.all([this.inputs, inputsNow().catch(() => "")]);
      if (now && now !== then) await this.exchange(false);
    }
  }

  /** Play to the chosen speaker. */
  async useSpeaker(speaker = this.chosen.speaker) {
    if (this.context.setSinkId) return this.context.setSinkId(speaker);
    if (speakerWay() !== "element" || (!speaker && !this.player)) return;
    this.gain.disconnect();
    this.stopPlayer();
    if (!speaker) {
      this.gain.connect(this.context.destination);
      return;
    }
    const heard = this.context.createMediaStreamDestination();
    this.gain.connect(heard);
    this.player = Object.assign(document.createElement("audio"), { srcObject: heard.stream });
    await /** @type {HTMLAudioElement & {setSinkId(id: string): Promise<void>}} */ (this.player).setSinkId(speaker);
    await this.player.play();
  }

  /** Firefox keeps the speaker as long as an element has a stream, also one that is paused. */
  stopPlayer() {
    if (!this.player) return;
    this.player.pause();
    this.player.srcObject = null;
    this.player = null;
  }

  async speakerMayBeGone() {
    const { speaker } = this.chosen;
    const found = await navigator.mediaDevices.enumerateDevices();
    if (!this.closed && speaker && !found.some(({ deviceId }) => deviceId === speaker)) await this.useSpeaker("");
  }

  /** What the person chose, and of it what the page around this one wants. @param {number} [share] from 0 to 1 */
  setVolume(share = this.share) {
    this.share = share;
    this.gain.gain.setTargetAtTime(this.chosen.volume * share, this.context.currentTime, VOLUME_S);
  }

  /**
   * @param {"capture" | "playback"} name   @param {AudioWorkletNodeOptions} options
   * @param {(level: LevelMessage) => void} onLevel
   */
  node(name, options, onLevel) {
    const node = new AudioWorkletNode(this.context, `parley-${name}`, options);
    this.bodies += 1;
    /** @param {{data: LevelMessage | QualityMessage | ClosedMessage}} event */
    node.port.onmessage = ({ data }) => {
      if (data.type === "closed") this.bodyClosed();
      else if (this.closed) return;
      else if (data.type === "level") {
        if (name === "capture") this.microphoneMayBeGone(data.silent_ms);
        this.peaks[name] = Math.max(this.peaks[name], Math.round(20 * Math.log10(data.peak)));
        onLevel(data);
      } else if (data.type === "quality") this.quality[name] = data.quality;
    };
    node.onprocessorerror = () => this.closed || this.onFault("no_worklet", true);
    return node;
  }

  contextChanged() {
    if (this.closed) return;
    // iOS suspends for a phone call or Siri ("interrupted") and an operating system may suspend at any time.
    const running = this.context.state === "running";
    if (running === this.running) return;
    this.running = running;
    this.onFault("paused", false, running);
    this.wake();
  }

  /**
   * iOS lets a context that a phone call interrupted go on only when the page is seen again, or in a
   * gesture: each is tried.
   */
  wake() {
    if (!this.closed && !document.hidden && this.context.state !== "running") this.context.resume().catch(() => {});
  }

  /** What is measured from here on belongs to a new answer. */
  answerBegins() {
    this.peaks.playback = -99;
  }

  /** Hand one end of each audio path to the worklets and return the other ends, to be transferred to the worker. */
  takePorts() {
    /** @param {AudioWorkletNode | null} node none: nobody is at the other end */
    const hand = (node) => {
      const { port1: port, port2 } = new MessageChannel();
      /** @type {PortMessage} */
      const message = { type: "port", port };
      node?.port.postMessage(message, [port]);
      return port2;
    };
    return { capture: hand(this.captureNode), playback: hand(this.playbackNode) };
  }

  nodes() {
    return this.captureNode ? [this.captureNode, this.playbackNode] : [this.playbackNode];
  }

  close() {
    if (this.closed) return;
    this.closed = true;
    if (this.stream) stop(this.stream);
    this.listening.abort();
    announceCall("auto");
    this.source?.disconnect();
    /** @type {CloseMessage} */
    const close = { type: "close" };
    for (const node of this.nodes()) node.port.postMessage(close);
    this.freed = setTimeout(() => this.free(), CLOSE_PATIENCE_MS);
  }

  bodyClosed() {
    this.bodies -= 1;
    if (this.bodies > 0 || this.freed === null) return;
    clearTimeout(this.freed);
    for (const node of this.nodes()) node.disconnect();
    this.freed = setTimeout(() => this.free(), SETTLED_MS);
  }

  /**
   * Only when the source is gone and both worklets have ended by themselves: Chromium takes note of that while the
   * context runs, and keeps one that was closed before for good, with its nodes and the stream.
   */
  free() {
    this.freed = null;
    this.stopPlayer();
    this.gain.disconnect();
    for (const node of this.nodes()) {
      node.port.onmessage = node.onprocessorerror = null;
      node.port.close();
      node.disconnect();
    }
    this.context.close().catch(() => {});
    // Who still has this object shall keep nothing of the browser's alive by it.
    Object.assign(this, {
      captureNode: null,
      playbackNode: null,
      source: null,
      stream: null,
      gain: null,
      player: null,
    });
  }
}
