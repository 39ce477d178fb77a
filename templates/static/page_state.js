/**
 * The state of the page as a pure function: `(state, event) -> [state, effects]`. It holds the time before Python is
 * awake and what only the page knows: whose click is under way, which microphone is open, how far the start is.
 * `shell.js` has the effects done.
 */

import { ofCrash, ofMicrophone, ofStart, ready } from "./page_words.js";
import { t, worded } from "./texts.js";
import { mergeTurns } from "./turns.js";

/** @import { AudioPorts, BootMessage, PageConfig, ViewMessage, Wishes } from "./messages.js" */
/** @import { Boot, Effect, Event, Heard, Sending, StartFault, State } from "./page_types.js" */
/** @typedef {[State, Effect[]]} Step */

const SILENT_AFTER_MS = 2500;
// Once it was heard it is known to work, and one with a noise gate is silent whenever nobody speaks.
const SILENT_AGAIN_AFTER_MS = 10_000;
// What a new request alone does not mend: the page must be another one, or come from a host that was mended.
const PAGE_FAULTS = ["missing", "mistyped", "damaged", "refused", "policy"];
// Over as soon as there is a network.
const LINE_FAULTS = ["network", "offline"];
// Of a Python that was ready. All else, such as the agent's tools, would be as it is once more.
const CRASHES = ["unknown", "python"];

/** @param {PageConfig["microphone_words"]} words   @returns {State} */
export function initial(words) {
  const boot = /** @type {Boot} */ ({
    stage: "runtime",
    percent: 0,
    ready_ms: null,
    way: null,
    why: null,
    fault: null,
  });
  const none = {
    local: null,
    call: 0,
    opening: false,
    audio: false,
    waiting: null,
    hold_ms: 0,
    silent: false,
    sounded: false,
  };
  return { words, view: ready(), boot, ...none };
}

/** @param {State} state   @param {Event} event   @returns {Step} */
export function reduce(state, event) {
  switch (event.type) {
    case "message":
      return event.message.type === "boot" ? booted(state, event.message, event.now_ms) : viewed(state, event.message);
    case "connect":
      return connect(state, event.hold_ms, event.microphone);
    case "opened":
      return event.call === state.call ? opened(state, event.ports, event.wishes) : [state, []];
    case "refused":
      return event.call === state.call ? refused(state, event.kind, event.detail) : [state, []];
    case "level":
      return level(state, event.who, event.level);
    case "fault":
      return faulted(state, event.kind, event.fatal, event.recovered);
    case "over":
      return over(state, event.codes);
    case "died":
      return died(state, event.fault);
    case "hang_up":
      if (state.opening || state.waiting) return inTurn(state, cancel, draw);
      return [state, [{ do: "send", message: { type: "hang_up", page_gone: false } }]];
    case "mute":
      return [state, [{ do: "send", message: { type: "mute", muted: !state.view.muted } }]];
    case "retry":
      return retry(state);
    case "online":
      return state.boot.stage === "failed" && LINE_FAULTS.includes(state.boot.fault?.kind ?? "")
        ? retry(state)
        : line(state, "awake");
    case "awake":
    case "offline":
      return line(state, event.type);
    case "page_gone":
      return inTurn(
        { ...state, waiting: null },
        (it) => [it, [{ do: "send", message: { type: "hang_up", page_gone: true } }]],
        release,
      );
  }
}

/**
 * The page was seen again after whatever kept it, or there is a network again, or none: Python looks at the
 * line of a call.
 *
 * @param {State} state   @param {"awake" | "offline"} type   @returns {Step}
 */
function line(state, type) {
  return [state, state.view.can_hang_up ? [{ do: "send", message: { type } }] : []];
}

/**
 * One step after the other, each with the state that the one before left.
 *
 * @param {State} state   @param {((state: State) => Step)[]} steps
 */
function inTurn(state, ...steps) {
  /** @type {Effect[]} */
  const effects = [];
  let now = state;
  for (const step of steps) {
    const [next, more] = step(now);
    now = next;
    effects.push(...more);
  }
  return /** @type {Step} */ ([now, effects]);
}

/** @param {State} state   @returns {Step} */
const draw = (state) => [state, [{ do: "draw" }]];

/** @param {State} state   @param {BootMessage} message   @param {number} now_ms   @returns {Step} */
function booted(state, message, now_ms) {
  const { stage, percent } = message;
  const ready =
    stage === "ready" ? { way: message.way, why: message.why, ready_ms: Math.round(now_ms), fault: null } : {};
  return inTurn(
    { ...state, boot: { ...state.boot, stage, percent, ...ready } },
    (it) => (stage === "ready" ? inTurn(it, (one) => [one, [{ do: "started" }]], handOver) : [it, []]),
    (it) => [it, [{ do: "draw_boot", stage, percent }]],
    (it) => (it.local && !it.opening ? waitForPython(it) : [it, []]),
  );
}

/** @param {State} state   @param {ViewMessage} message   @returns {Step} */
function viewed(state, { call, view: update }) {
  const { view: before } = state;
  // A fresh worker knows nothing of why it was started: what the page told stays until the next call.
  const told = call === 0 && before.notice ? { notice: before.notice, turns: before.turns } : {};
  const said = worded(update);
  const view = { ...said, turns: mergeTurns(before.turns, said), ...told };
  const ofThisCall = call === state.call;
  return inTurn(
    { ...state, view, local: ofThisCall && !state.opening ? null : state.local },
    (it) => [it, state.audio && answers(view) && !answers(before) ? [{ do: "answer_begins" }] : []],
    (it) => (ofThisCall && !view.audio_wanted ? release(it) : [it, []]),
    (it) => [it, [{ do: "draw_soon" }]],
  );
}

/** @param {{activity: string}} view */
function answers({ activity }) {
  return activity === "thinking" || activity === "agent_speaking";
}

/**
 * @param {State} state   @param {number} hold_ms   @param {boolean} microphone is one wanted, or does the person type?
 * @returns {Step}
 */
function connect(state, hold_ms, microphone) {
  if (state.opening || !state.view.can_connect || state.local) return [state, []];
  const call = state.call + 1;
  return inTurn(
    { ...state, opening: true, call, hold_ms },
    release, // the last words of the call before may still have been playing
    (it) => [
      {
        ...it,
        view: { ...it.view, notice: null },
        local: { status: microphone ? t("status.microphone") : t("status.connecting"), tone: "busy" },
      },
      [{ do: "open_audio", call, hold_ms, microphone }],
    ],
    draw,
  );
}

/** @param {State} state   @param {AudioPorts} ports   @param {Wishes} wishes   @returns {Step} */
function opened(state, ports, wishes) {
  /** @type {Sending} */
  const waiting = {
    message: { type: "connect", call: state.call, ...wishes, ports },
    transfer: [ports.capture, ports.playback],
  };
  return inTurn(
    { ...state, opening: false, audio: true, waiting },
    (it) => (it.boot.stage === "ready" ? handOver(it) : [it, []]),
    waitForPython,
  );
}

/**
 * Python is there: it gets the click, and with the ports what the worklet keeps.
 *
 * @param {State} state   @returns {Step}
 */
function handOver(state) {
  const { waiting } = state;
  if (!waiting) return [state, []];
  return inTurn(
    { ...state, waiting: null },
    (it) => [it, [{ do: "send", ...waiting }]],
    (it) => (it.silent ? faulted(it, "silent", false, false) : [it, []]),
  );
}

/** @param {State} state   @returns {Step} */
function waitForPython(state) {
  const { stage } = state.boot;
  const keeps = state.audio && state.hold_ms > 0 && !state.view.muted;
  let status = keeps ? t("status.kept_until_python") : t("status.python");
  if (stage === "ready") status = keeps ? t("status.kept_until_call") : t("status.connecting");
  return draw({ ...state, local: stage === "failed" ? null : { status, tone: "busy" } });
}

/**
 * The person changed their mind before the call began: nothing was said to anybody.
 *
 * @param {State} state   @returns {Step}
 */
function cancel(state) {
  return release({ ...state, call: state.call + 1, opening: false, waiting: null, local: null });
}

/** @param {State} state   @returns {Step} */
function release(state) {
  return [{ ...state, audio: false, silent: false, sounded: false }, [{ do: "close_audio" }]];
}

/**
 * No microphone, or no sound. Python says so in its words; where it is not there yet, the page does, in the same.
 *
 * @param {State} state   @param {string} kind   @param {string} detail   @returns {Step}
 */
function refused(state, kind, detail) {
  return inTurn(
    { ...state, opening: false },
    (it) => [it, [{ do: "send", message: { type: "capture_failed", call: it.call, kind, detail, fatal: true } }]],
    (it) => (it.boot.stage === "ready" ? waitForPython(it) : complain(it, kind, true, detail)),
  );
}

/** @param {State} state   @param {string} kind   @param {boolean} fatal   @param {string} detail   @returns {Step} */
function complain(state, kind, fatal, detail = "") {
  const view = { ...state.view, notice: ofMicrophone(state.words, kind, fatal, detail) };
  if (!fatal) return draw({ ...state, view });
  return draw({
    ...state,
    local: null,
    view: { ...view, state: "failed", tone: "error", status: t("status.not_connected") },
  });
}

/**
 * A microphone that is muted in hardware, suspended or unplugged delivers exact zeros, in most engines without any
 * event.
 *
 * @param {State} state   @param {"user" | "agent"} who   @param {Heard & {silent_ms: number}} heard
 * @returns {Step}
 */
function level(state, who, heard) {
  if (!state.audio) return [state, []];
  const isUser = who === "user";
  const sounded = state.sounded || (isUser && heard.rms > 0);
  const limit_ms = sounded ? SILENT_AGAIN_AFTER_MS : SILENT_AFTER_MS;
  const silent = isUser ? heard.silent_ms >= limit_ms : state.silent;
  return inTurn(
    { ...state, sounded },
    (it) => [it, [{ do: "draw_level", who, level: heard }]],
    (it) => (silent === it.silent ? [it, []] : faulted({ ...it, silent }, "silent", false, !silent)),
  );
}

/**
 * @param {State} state   @param {string} kind   @param {boolean} fatal   @param {boolean} recovered   @returns {Step}
 */
function faulted(state, kind, fatal, recovered) {
  if (state.waiting && recovered) return draw({ ...state, view: { ...state.view, notice: null } });
  if (state.waiting)
    return inTurn(
      state,
      (it) => (fatal ? cancel(it) : [it, []]),
      (it) => complain(it, kind, fatal),
    );
  if (recovered) return [state, [{ do: "send", message: { type: "capture_recovered", kind } }]];
  return [state, [{ do: "send", message: { type: "capture_failed", call: state.call, kind, detail: "", fatal } }]];
}

/**
 * Python is gone, and the session with it: give the microphone back, say so, start again.
 *
 * @param {State} state   @param {StartFault} fault
 */
function died(state, fault) {
  const wasReady = state.boot.stage === "ready";
  const view = { ...ready(), turns: state.view.turns, state: "failed", tone: "error", can_connect: false };
  const crashed = ofCrash(state.view.can_hang_up);
  return inTurn(
    state,
    cancel,
    (it) => {
      const boot = /** @type {Boot} */ ({ ...it.boot, stage: "failed", percent: 0 });
      if (wasReady && CRASHES.includes(fault.kind))
        return restart({ ...it, boot, view: { ...view, status: t("status.stopped"), notice: crashed } });
      const failed = {
        ...it,
        boot: { ...boot, fault },
        view: { ...view, status: t("status.not_started"), notice: ofStart(fault) },
      };
      return [failed, [{ do: "draw_boot", stage: "failed", percent: 0 }]];
    },
    draw,
  );
}

/** @param {State} state   @returns {Step} */
function retry(state) {
  const needsPage = PAGE_FAULTS.includes(state.boot.fault?.kind ?? "");
  return inTurn(
    { ...state, view: { ...ready(), turns: state.view.turns } },
    (it) => [it, needsPage ? [{ do: "reload" }] : []],
    restart,
    draw,
  );
}

/**
 * What is told in these notices is over. In a call it is Python's to say so.
 *
 * @param {State} state   @param {RegExp} codes   @returns {Step}
 */
function over(state, codes) {
  const { view } = state;
  if (!view.notice || !view.can_connect || !codes.test(view.notice.code)) return [state, []];
  return draw({ ...state, view: { ...view, notice: null } });
}

/** @param {State} state   @returns {Step} */
function restart(state) {
  const boot = /** @type {Boot} */ ({ ...state.boot, stage: "runtime", percent: 0 });
  const view = { ...state.view, can_connect: true };
  return [{ ...state, boot, view }, [{ do: "draw_boot", stage: "runtime", percent: 0 }, { do: "start_worker" }]];
}
