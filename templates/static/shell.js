/**
 * The page's own thread: the click, the microphone, and drawing. It sends intents to the worker and draws what comes back; it
 * knows no provider, no protocol and no policy.
 */

import { openAudio } from "./audio.js";
import { $, EMPTY, copyFacts, drawBoot, drawCountdown, drawFacts, drawLevel, drawSettings, drawView, listed, takeOver, wishes } from "./draw.js";
import { Link } from "./worker_link.js";
import { watchForRecovery } from "./over.js";
import { outputLatency_ms } from "./quirks.js";
import { guard, needsLine, needsPage, startFault } from "./start.js";
import { shortcuts, talkKey } from "./talk_key.js";
import { mergeTurns } from "./turns.js";

const { config } = globalThis.parleyAhead;

const SILENT_AFTER_MS = 2500;
const REDRAW_WITHIN_MS = 100;

let view = EMPTY;
let local = null; // what only the page knows: {status, tone} between the click and Python's first word
let audio = null;
let call = 0; // counts clicks, so that a snapshot from before this call cannot release its microphone
let opening = false;
let waiting = null; // the message and ports of a click that Python is not there to serve; the worklet holds what is said
let hold_ms = 0; // how much of what is said before the call is kept, for this click
let boot = { stage: "runtime", percent: 0, ready_ms: null, way: null, why: null, fault: null };
let silent = false;
let redraw_timer = null;

let chosen = config.choices[0];

const link = new Link(chosen.settings, received, died);

function received(message) {
  if (message.type === "boot") {
    boot = { ...boot, stage: message.stage, percent: message.percent };
    if (message.stage === "ready") {
      boot = { ...boot, way: message.way, why: message.why, ready_ms: Math.round(performance.now()), fault: null };
      guard.started();
      handOver();
    }
    drawBoot(message.stage, message.percent);
    if (local && !opening) waitForPython();
  } else if (message.type === "view") {
    // A fresh worker knows nothing of why it was started: what the page told stays until the next call.
    const told = message.call === 0 && view.notice ? { notice: view.notice, turns: view.turns } : {};
    if (answers(message.view) && !answers(view)) audio?.answerBegins();
    view = { ...message.view, turns: mergeTurns(view.turns, message.view), ...told };
    if (message.call === call) {
      if (!opening) local = null;
      if (!view.audio_wanted) release();
    }
    redrawSoon();
  }
}

function answers({ activity }) {
  return activity === "thinking" || activity === "agent_speaking";
}

/** Views may come much faster than a screen shows them; a page in the background has no frames at all. */
function redrawSoon() {
  if (redraw_timer !== null) return;
  redraw_timer = setTimeout(redraw, REDRAW_WITHIN_MS);
  requestAnimationFrame(() => redraw_timer !== null && redraw());
}

function redraw() {
  clearTimeout(redraw_timer);
  redraw_timer = null;
  drawView(view, local);
  drawFacts(facts());
}

/** Everything that needs the gesture happens before this function first awaits. */
async function connect() {
  if (opening || !view.can_connect || local) return;
  opening = true;
  call += 1;
  const mine = call;
  release(); // the last words of the call before may still have been playing
  view = { ...view, notice: null };
  local = { status: "Waiting for the microphone", tone: "busy" };
  // Nobody holds a talk key before there is a call.
  hold_ms = $("turn-style").value === "vad" ? chosen.settings.preconnect_audio_ms : 0;
  const open = openAudio(config.boot, hold_ms, { onLevel: levelled, onFault: faulted });
  redraw();
  let opened = null;
  let fault = null;
  try {
    opened = await open;
  } catch (error) {
    fault = error;
  }
  if (mine !== call) {
    opened?.close(); // cancelled meanwhile
    return;
  }
  opening = false;
  if (fault) refused(fault);
  else {
    audio = opened;
    const ports = audio.takePorts();
    waiting = { message: { type: "connect", call: mine, ...wishes(), ports }, transfer: [ports.capture, ports.playback] };
    if (boot.stage === "ready") handOver();
    waitForPython();
  }
}

/** Python is there: it gets the click, and with the ports what the worklet holds. */
function handOver() {
  if (!waiting) return;
  link.send(waiting.message, waiting.transfer);
  waiting = null;
  if (silent) faulted("silent", false);
}

function waitForPython() {
  const keeps = audio && hold_ms > 0 && !view.muted;
  let status = keeps ? "Listening. What you say is kept while the agent wakes" : "One moment, still loading";
  if (boot.stage === "ready") status = keeps ? "Listening while the call is set up…" : "Connecting…";
  local = boot.stage === "failed" ? null : { status, tone: "busy" };
  redraw();
}

/** The person changed their mind before the call began: nothing was said to anybody. */
function cancel() {
  call += 1;
  opening = false;
  waiting = null;
  local = null;
  release();
  redraw();
}

/** No microphone, or no sound. Python says so in its words; where it is not there yet, the page does, in the same. */
function refused(fault) {
  link.send({ type: "capture_failed", call, kind: fault.kind, detail: fault.message, fatal: true });
  if (boot.stage === "ready") waitForPython();
  else complain(fault.kind, true, fault.message);
}

function complain(kind, fatal, detail = "") {
  const words = config.microphone_words;
  const known = kind !== "unknown" && kind in words;
  const [title, hint, retry] = words[known ? kind : "unknown"];
  const more = known || !detail ? "" : ` The browser says: ${detail.slice(0, 200)}`;
  view = { ...view, notice: { tone: fatal ? "error" : "warn", code: `mic_${kind}`, title, hint: hint + more, retry } };
  if (fatal) {
    local = null;
    Object.assign(view, { state: "failed", tone: "error", status: "Not connected" });
  }
  redraw();
}

/** Another service for the next call. Python starts over with its settings, and says what it can do. */
function choose(index) {
  chosen = config.choices[index];
  link.settings = chosen.settings; // a worker that must be started anew starts with it
  drawSettings(chosen.settings);
  link.send({ type: "configure", settings: chosen.settings });
}

function release() {
  audio?.close();
  audio = null;
  silent = false;
  for (const who of ["user", "agent"]) drawLevel(who, { rms: 0 });
}

function levelled(who, level) {
  if (!audio) return;
  drawLevel(who, level);
  if (who !== "user") return;
  // A microphone that is muted in hardware, suspended or unplugged delivers exact zeros, in most engines without any event.
  const now_silent = level.silent_ms >= SILENT_AFTER_MS;
  if (now_silent !== silent) {
    silent = now_silent;
    faulted("silent", false, !silent);
  }
}

function faulted(kind, fatal, recovered = false) {
  if (waiting && recovered) {
    view = { ...view, notice: null };
    redraw();
  } else if (waiting) {
    if (fatal) cancel();
    complain(kind, fatal);
  } else if (recovered) link.send({ type: "capture_recovered", kind });
  else link.send({ type: "capture_failed", call, kind, detail: "", fatal });
}

/** Python is gone, and the session with it: give the microphone back, say so, start again. */
function died(reason, kind, what) {
  const stage = boot.stage;
  if (stage !== "ready" && kind === "missing" && guard.again(what ?? reason)) return;
  const in_call = view.can_hang_up;
  cancel();
  boot = { ...boot, stage: "failed", percent: 0 };
  view = { ...EMPTY, turns: view.turns, state: "failed", tone: "error", status: "Stopped", can_connect: false };
  if (stage === "ready") {
    view.notice = notice("worker_died", "The agent stopped unexpectedly and was restarted.", in_call ? "The call has ended. Press Connect to call again." : "Press Connect when you are ready.");
    restart();
  } else {
    boot.fault = startFault(kind, reason);
    view.notice = notice(`start_${boot.fault.kind}`, boot.fault.title, boot.fault.hint);
    view.status = "Not started";
    drawBoot("failed", 0);
  }
  redraw();
}

function notice(code, title, hint) {
  return { tone: "error", code, title, hint, retry: true };
}

function retry() {
  if (needsPage(boot.fault?.kind)) location.reload();
  view = { ...EMPTY, turns: view.turns };
  restart();
  redraw();
}

/** What is told in these notices is over. In a call it is Python's to say so. */
function over(codes) {
  if (!view.notice || !view.can_connect || !codes.test(view.notice.code)) return;
  view = { ...view, notice: null };
  redraw();
}

function restart() {
  boot = { ...boot, stage: "runtime", percent: 0 };
  view = { ...view, can_connect: true };
  drawBoot("runtime", 0);
  link.start();
}

function facts() {
  const stats = view.stats ?? {};
  const latency_ms = audio && outputLatency_ms(audio.context);
  return {
    State: `${view.state} / ${view.activity}`,
    Session: view.session_id,
    "Python ready after": boot.ready_ms === null ? null : `${boot.ready_ms} ms`,
    "Python started from": boot.way,
    "Not faster because": boot.why,
    ...(boot.fault && { "Start-up detail": boot.fault.detail }),
    ...(config.owner_words[view.notice?.code] && { "For the site's owner": config.owner_words[view.notice.code] }),
    "Context rate": audio && `${audio.context.sampleRate} Hz`,
    Resampling: audio && listed(audio.quality),
    "Loudest dBFS": audio && listed(audio.peaks),
    "Output latency": latency_ms === null ? null : `${latency_ms} ms`,
    ...Object.fromEntries(Object.entries(stats).map(([name, value]) => [name.replaceAll("_", " "), value])),
  };
}

$("connect").addEventListener("click", connect);
$("hang-up").addEventListener("click", () => (opening || waiting ? cancel() : link.send({ type: "hang_up", page_gone: false })));
$("mute").addEventListener("click", () => link.send({ type: "mute", muted: !view.muted }));
$("interrupt").addEventListener("click", () => link.send({ type: "interrupt" }));
$("service")?.addEventListener("change", () => choose($("service").selectedIndex));
talkKey($("talk-key"), () => !$("talk-key").hidden, (intent) => link.send({ type: "talk", ...intent }));
$("apply").addEventListener("click", () => link.send({ type: "settings", ...wishes() }));
$("retry").addEventListener("click", retry);
addEventListener("online", () => boot.stage === "failed" && needsLine(boot.fault?.kind) && retry());
watchForRecovery(over);
$("voice").addEventListener("change", () => {
  $("voice-other").hidden = $("voice").value !== "*";
  if (!$("voice-other").hidden) $("voice-other").focus();
});
$("typed").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("typed-text").value.trim();
  if (text) link.send({ type: "text", text });
  $("typed-text").value = "";
});
$("diagnostics").addEventListener("toggle", () => drawFacts(facts()));
$("copy").addEventListener("click", () => copyFacts(facts()));
shortcuts();
addEventListener("pagehide", () => {
  waiting = null;
  link.send({ type: "hang_up", page_gone: true });
  release();
});
setInterval(drawCountdown, 1000);
setInterval(() => drawFacts(facts()), 1000);
guard.alive();
takeOver();
drawBoot(boot.stage, 0);
drawSettings(chosen.settings);
redraw();

// For tests and for host pages: what is shown, as data.
globalThis.parley = Object.freeze({ snapshot: () => structuredClone(view), facts });
