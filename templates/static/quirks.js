/**
 * Every browser workaround, and nothing else. Each names the engine, a public link, and when it can go.
 */

/**
 * Safari before 14.1 knows the context only under a prefix (caniuse.com/audio-api). Goes when Safari 14.0
 * is out of use.
 */
export const AudioContextClass = globalThis.AudioContext ?? globalThis.webkitAudioContext;

/**
 * iOS plays through the quiet earpiece, and not at all with the silent switch on, once a microphone is open,
 * unless the page says what it is doing (w3c.github.io/audio-session). Goes when iOS routes a running call to
 * the speaker by itself.
 *
 * @param {"play-and-record" | "playback" | "auto"} type
 */
export function announceCall(type) {
  if (navigator.audioSession) navigator.audioSession.type = type;
}

/**
 * Firefox leaves `resume()` pending for ever where there is no output device, and Chromium's first context may need
 * most of a second (html.spec has no time-out; bugzilla.mozilla.org/show_bug.cgi?id=1674892 tells of the same graph).
 * So nobody awaits `resume()` itself. Goes when `resume()` rejects without a device.
 *
 * It is asked for once more here, when the microphone is open: a click beside the frame that a page is in is none for
 * WebKit, which lets a page have sound without one as soon as it captures
 * (github.com/WebKit/WebKit/blob/main/Source/WebCore/Modules/ webaudio/AudioContext.cpp, willBeginPlayback). Goes when
 * `allow="autoplay"` hands the click on, as in Chromium.
 *
 * @param {AudioContext} context
 * @param {number} patience_ms
 * @returns {Promise<boolean>} whether the context runs
 */
export function runs(context, patience_ms) {
  if (context.state === "running") return Promise.resolve(true);
  context.resume().catch(() => {});
  return new Promise((resolve) => {
    const done = (/** @type {boolean} */ value) => {
      clearTimeout(timer);
      context.removeEventListener("statechange", look);
      resolve(value);
    };
    const look = () => context.state === "running" && done(true);
    const timer = setTimeout(() => done(context.state === "running"), patience_ms);
    context.addEventListener("statechange", look);
  });
}

/**
 * WebKitGTK answers "no microphone" with OverconstrainedError where others say NotFoundError (measured in 2.50; the
 * specification asks for NotFoundError: w3c.github.io/mediacapture-main/#dom-mediadevices-getusermedia).
 * Goes when WebKit reports NotFoundError. With our loose constraints nothing else can be overconstrained.
 *
 * @param {Error & {constraint?: string}} error
 * @returns {Promise<string>} a kind of fault that the session knows
 */
export async function microphoneFault(error) {
  if (error.name === "NotAllowedError") return whyNotAllowed(error);
  /** @type {Record<string, string>} */
  const kinds = {
    SecurityError: "denied",
    NotFoundError: "not_found",
    OverconstrainedError: error.constraint ? "overconstrained" : "not_found",
    NotReadableError: "busy",
    AbortError: "busy",
  };
  return kinds[error.name] ?? "unknown";
}

/**
 * One error for five reasons. Chromium knows the policy of a page. Firefox and WebKit say of a page in a frame
 * that was not let have a microphone that it is "denied" without having asked anybody (measured in Firefox 153,
 * WebKitGTK 2.50; developer.mozilla.org/docs/ Web/HTTP/Reference/Headers/Permissions-Policy/microphone). Goes
 * when all have `document.permissionsPolicy`.
 *
 * @param {Error} error
 */
async function whyNotAllowed({ message }) {
  if (/dismiss/i.test(message)) return "dismissed";
  if (/by system/i.test(message)) return "denied_by_system"; // Chromium's words for a system whose settings forbid it
  const framed = window.parent !== window;
  const allowed = (document.permissionsPolicy ?? document.featurePolicy)?.allowsFeature("microphone");
  if (allowed === false) return framed ? "framed" : "forbidden";
  if (!framed || allowed) return "denied";
  const { state } = await navigator.permissions.query({ name: "microphone" }).catch(() => ({ state: "denied" }));
  return state === "denied" ? "framed" : "denied";
}

/**
 * What the node that takes the microphone makes of several channels: it keeps the first. WebKitGTK hands a microphone
 * of one channel over as two, each through a buffer of its own, and when one of them runs short both lose step by a
 * block of 128 samples or more for the rest of the call (measured in 2.50; copyGStreamerBuffersToAudioChannel in
 * github.com/WebKit/WebKit/blob/main/Source/WebCore/platform/audio/gstreamer/AudioSourceProviderGStreamer.cpp). Mixed,
 * they are the voice with an echo, 3 to 87 ms late in what was measured, and the local agent misheard the latest. Goes
 * when WebKit takes both channels from one buffer.
 *
 * @type {AudioNodeOptions}
 */
export const FIRST_CHANNEL = { channelCount: 1, channelCountMode: "explicit", channelInterpretation: "discrete" };

/**
 * How late the speaker is, in milliseconds; null where asking is dangerous. In Firefox on Linux the read takes the
 * audio graph's lock and then waits for the sound process, which may itself wait for that lock: the tab freezes for
 * good (seen in 153 in about one call of three; the same locks as in github.com/i-rinat/apulse/issues/129). Goes when
 * Firefox answers without the lock.
 *
 * @param {AudioContext} context
 */
export function outputLatency_ms(context) {
  if ("mozInnerScreenX" in globalThis) return null;
  return Math.round(1000 * (context.outputLatency ?? context.baseLatency ?? 0));
}

/**
 * Firefox on Linux offers what a speaker plays as a microphone (measured in 153;
 * bugzilla.mozilla.org/show_bug.cgi?id=1238038), and takes it where the real one is gone: the agent would answer
 * itself. Goes when Firefox leaves them out, as Chromium does.
 *
 * @param {{label: string}} device
 */
export function isMonitor({ label }) {
  return /^Monitor of /.test(label);
}

/**
 * Does this entry stand for the browser's own choice? Chromium lists that beside the devices (measured in 156;
 * github.com/w3c/mediacapture-main/issues/727). Goes when it lists devices alone.
 *
 * @param {{deviceId: string}} device
 */
export function isStandIn({ deviceId }) {
  return ["default", "communications"].includes(deviceId);
}

/**
 * What the microphone that was taken is called, "" where the browser does not say. Chromium on Linux calls its own
 * choice "Default" and tells by nothing which device that is; elsewhere the device's name follows (measured in 156;
 * github.com/w3c/mediacapture-main/issues/727). Goes when a track names its device.
 *
 * @param {MediaStreamTrack} track
 */
export function microphoneName(track) {
  const { label } = track;
  return isStandIn({ deviceId: track.getSettings().deviceId ?? "" }) && !label.includes(" - ") ? "" : label;
}

/**
 * By which way sound can be sent to a speaker that was chosen: Chromium lets a context choose, Firefox
 * only an element that plays the context's stream, WebKit neither (measured in 156, 153, 2.50). Goes
 * when all have `AudioContext.setSinkId`.
 *
 * @returns {"context" | "element" | null}
 */
export function speakerWay() {
  if (AudioContextClass && "setSinkId" in AudioContextClass.prototype) return "context";
  return "setSinkId" in HTMLMediaElement.prototype ? "element" : null;
}

/**
 * WebKit stops the worker of a page that it keeps for the back button before that has sent anything more: the service
 * has its connection, and counts its minutes, until the page is seen again (measured in WebKitGTK 2.50; with
 * no microphone live Chromium keeps the page too, and the server sees the end after 16 s;
 * html.spec.whatwg.org/#unloading-documents lets each choose). With its
 * worker the socket ends at once; who comes back gets a page that starts, as in the others. Goes when WebKit closes or
 * refuses to keep such a page.
 *
 * @param {Worker} worker
 */
export function endWithKeptPage(worker) {
  worker.terminate();
  addEventListener("pageshow", () => location.reload(), { once: true });
}
