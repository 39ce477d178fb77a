/**
 * The page's own thread: the click, the microphone, and drawing. It sends intents to the worker and draws what comes back; it
 * knows no provider, no protocol and no policy.
 */

import { openAudio } from "./audio.js";
import { drawBoot, drawCountdown, drawFacts, drawLevel, drawSettings, drawView } from "./draw.js";
import { Link } from "./link.js";
import { outputLatency_ms } from "./quirks.js";
import { talkKey } from "./talk_key.js";

const $ = (id) => document.getElementById(id);
const SILENT_AFTER_MS = 2500;

const config = JSON.parse($("parley-config").textContent);
const absolute = (url) => url && new URL(url, document.baseURI).href;
for (const name of ["worker", "capture", "playback", "runtime", "micropip", "client", "tools"]) {
  config.boot[name] = absolute(config.boot[name]);
}
for (const name of ["blocks", "empty", "library"]) {
  if (config.boot.snapshot) config.boot.snapshot[name] = absolute(config.boot.snapshot[name]);
}

const EMPTY = {
  state: "idle", activity: "none", status: "Ready when you are", tone: "idle", audio_wanted: false, can_connect: true,
  can_hang_up: false, can_interrupt: false, muted: false, notice: null, turns: [], voices: null, session_id: null,
  ends_in_ms: null, stats: {}, features: null, turn_style: "vad", talking: false,
};
let view = EMPTY;
let local = null; // what only the page knows: {status, tone} between the click and Python's first word
let audio = null;
let call = 0; // counts clicks, so that a snapshot from before this call cannot release its microphone
let opening = false;
let boot = { stage: "runtime", percent: 0, ready_ms: null, way: null };
let silent = false;

let chosen = config.choices[0];

const link = new Link({ ...config.boot, settings: chosen.settings }, received, died);

function received(message) {
  if (message.type === "boot") {
    boot = { ...boot, stage: message.stage, percent: message.percent };
    if (message.stage === "ready") boot = { ...boot, way: message.way, ready_ms: Math.round(performance.now()) };
    drawBoot(message.stage, message.percent);
    if (local && !opening) waitForPython();
  } else if (message.type === "view") {
    // A fresh worker knows nothing of why it was started: what the page told stays until the next call.
    const told = message.call === 0 && view.notice ? { notice: view.notice, turns: view.turns } : {};
    view = { ...message.view, ...told };
    if (message.call === call) {
      if (!opening) local = null;
      if (!view.audio_wanted) release();
    }
    redraw();
  }
}

function redraw() {
  drawView(view, local);
  drawFacts(facts());
}

/** Everything that needs the gesture happens before this function first awaits. */
async function connect() {
  if (opening || !view.can_connect || local) return;
  opening = true;
  call += 1;
  const mine = call;
  local = { status: "Waiting for the microphone", tone: "busy" };
  const open = openAudio(config.boot, { onLevel: levelled, onFault: faulted });
  redraw();
  try {
    audio = await open;
  } catch (fault) {
    link.send({ type: "capture_failed", call: mine, kind: fault.kind, detail: fault.message, fatal: true });
    opening = false;
    waitForPython();
    return;
  }
  opening = false;
  const ports = audio.takePorts();
  link.send({ type: "connect", call: mine, ...settings(), ports }, [ports.capture, ports.playback]);
  waitForPython();
}

/** The click is kept by the worker until Python can serve it. */
function waitForPython() {
  local = boot.stage === "ready" ? { status: "Connecting", tone: "busy" } : { status: "One moment, still loading", tone: "busy" };
  if (boot.stage === "failed") local = null;
  redraw();
}

function settings() {
  const voice = $("voice").value === "*" ? $("voice-other").value.trim() : $("voice").value;
  return {
    voice,
    greeting: $("greeting").value.trim(),
    system_prompt: $("system-prompt").value.trim(),
    turn_style: $("turn-style").value,
  };
}

/** Another service for the next call. Python starts over with its settings, and says what it can do. */
function choose(index) {
  chosen = config.choices[index];
  link.config.settings = chosen.settings; // a worker that must be started anew starts with it
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
  if (recovered) link.send({ type: "capture_recovered", kind });
  else link.send({ type: "capture_failed", call, kind, detail: "", fatal });
}

/** Python is gone, and the session with it: give the microphone back, say so, start again. */
function died(reason) {
  const stage = boot.stage;
  const in_call = view.can_hang_up;
  release();
  local = null;
  opening = false;
  boot = { ...boot, stage: "failed", percent: 0 };
  view = { ...EMPTY, turns: view.turns, state: "failed", tone: "error", status: "Stopped", can_connect: false };
  if (stage === "ready") {
    view.notice = notice("worker_died", "The agent's mind crashed and was started again.", in_call ? "The call has ended. Press Connect to call again." : "Press Connect when you are ready.");
    restart();
  } else if (stage === "client") {
    view.notice = notice("boot_failed", "The agent's mind could not be started.", `Something is wrong with this page's settings or tools: ${reason}`);
    drawBoot("failed", 0);
  } else {
    view.notice = notice("boot_failed", "The agent's mind could not be loaded.", `Check your connection, then press Try again. (${reason})`);
    drawBoot("failed", 0);
  }
  redraw();
}

function notice(code, title, hint) {
  return { tone: "error", code, title, hint, retry: true };
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
    "Context rate": audio && `${audio.context.sampleRate} Hz`,
    "Output latency": latency_ms === null ? null : `${latency_ms} ms`,
    ...Object.fromEntries(Object.entries(stats).map(([name, value]) => [name.replaceAll("_", " "), value])),
  };
}

$("connect").addEventListener("click", connect);
$("hang-up").addEventListener("click", () => link.send({ type: "hang_up", page_gone: false }));
$("mute").addEventListener("click", () => link.send({ type: "mute", muted: !view.muted }));
$("interrupt").addEventListener("click", () => link.send({ type: "interrupt" }));
$("service")?.addEventListener("change", () => choose($("service").selectedIndex));
talkKey($("talk-key"), () => !$("talk-key").hidden, (intent) => link.send({ type: "talk", ...intent }));
$("apply").addEventListener("click", () => link.send({ type: "settings", ...settings() }));
$("retry").addEventListener("click", () => {
  view = { ...EMPTY, turns: view.turns };
  restart();
  redraw();
});
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
$("copy").addEventListener("click", async () => {
  const text = Object.entries({ ...facts(), Browser: navigator.userAgent }).map(([name, value]) => `${name}: ${value ?? "–"}`).join("\n");
  try {
    await navigator.clipboard.writeText(text);
    $("copied").textContent = "Copied";
  } catch {
    $("copied").textContent = "Copying is not allowed here; select the text instead";
  }
});
document.addEventListener("keydown", (event) => {
  const typing = event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable]");
  if (typing || event.altKey || event.ctrlKey || event.metaKey || event.repeat) return;
  if (event.key.toLowerCase() === "m" && !$("mute").disabled) $("mute").click();
  else if (event.key === "Escape" && !$("interrupt").disabled) $("interrupt").click();
});
addEventListener("pagehide", () => {
  link.send({ type: "hang_up", page_gone: true });
  release();
});
setInterval(drawCountdown, 1000);
setInterval(() => drawFacts(facts()), 1000);
drawBoot(boot.stage, 0);
drawSettings(chosen.settings);
redraw();

// For tests and for host pages: what is shown, as data.
globalThis.parley = Object.freeze({ snapshot: () => structuredClone(view), facts });
