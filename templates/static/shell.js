/**
 * The page's own thread: the click, the microphone, and drawing. It sends intents to the worker and draws what comes
 * back; it knows no provider, no protocol and no policy. What follows from what is decided in `page_state.js`.
 */

import { Approvals } from "./approval.js";
import { openAudio } from "./audio.js";
import { hasConsent } from "./consent.js";
import { choose as chooseDevices, devices } from "./devices.js";
import {
  copyFacts,
  drawBoot,
  drawCountdown,
  drawFacts,
  drawLevel,
  drawSettings,
  drawView,
  listed,
  takeOver,
  wishes,
} from "./draw.js";
import { $ } from "./element.js";
import { genuine, nameOf } from "./genuine.js";
import { OuterPage } from "./embed.js";
import { awakeAgain, keepAwake } from "./wake_lock.js";
import { History } from "./history.js";
import { WorkerLink } from "./worker_link.js";
import { Recording } from "./recording.js";
import { announceSwitch, timedTurns } from "./turns.js";
import { watchForRecovery } from "./over.js";
import { initial, reduce } from "./page_state.js";
import { endWithKeptPage, outputLatency_ms } from "./quirks.js";
import { guard, startFault } from "./start.js";
import { keySwitch, shortcuts, talkKey } from "./talk_key.js";
import { hasText, t } from "./texts.js";
import { fill } from "./variables.js";

/** @import { AudioFault } from "./audio.js" */
/** @import { Command } from "./embed_types.js" */
/** @import { Described, Intent, QuestionMessage, VoicesMessage, Wishes } from "./messages.js" */
/** @import { Effect, Event } from "./page_types.js" */

const { config } = globalThis.parleyAhead;

const REDRAW_WITHIN_MS = 100;
// A line that lets a page wait longer than this has time for more.
const FILL_IN_MS = 1000;

let state = initial(config.microphone_words);
let audio = /** @type {Awaited<ReturnType<typeof openAudio>> | null} */ (null);
let redraw_timer = /** @type {number | null} */ (null);
let [chosen] = config.choices;
let sound = /** @type {ReturnType<typeof import("./sound.js").soundPanel> | null} */ (null);
let orb = /** @type {import("./orb.js").Orb | null} */ (null);
/** What the page around this one wants of calls. @type {Partial<Wishes>} */
let prepared = {};
/** Greeting and prompt with what that page says of its visitor: they count although a visitor may change neither. */
let filled = {};
let volume = 1;
let isFilledIn = false;

const outer = new OuterPage(config.embedded_by, obey, () => state);
const history = new History();
const recording = new Recording();
/** Who waits for both voices. */
const voices = { onVoices: (/** @type {VoicesMessage} */ _) => {} };
const link = new WorkerLink(
  chosen.settings,
  (message) => {
    if (message.type === "boot" || message.type === "view")
      happened({ type: "message", message, now_ms: performance.now() });
    else if (message.type === "record") recording.add(message.lines);
    else if (message.type === "voices") voices.onVoices(message);
    else if (message.type === "sign_in") toPython(outer.signIn(message));
    else asked(message);
    if (message.type === "view") history.saw(state.view, performance.now());
  },
  died,
);
const noticed = watchForRecovery((codes) => happened({ type: "over", codes }));
const approvals = new Approvals((call_id, approved) => link.send({ type: "tool_approved", call_id, approved }));

/** @param {Event} event */
function happened(event) {
  const [next, effects] = reduce(state, event);
  state = next;
  for (const effect of effects) perform(effect);
  outer.changed();
}

/** @param {Effect} effect */
function perform(effect) {
  switch (effect.do) {
    case "draw":
      return redraw();
    case "draw_soon":
      return redrawSoon();
    case "draw_boot":
      drawOrb();
      return drawBoot(effect.stage, effect.percent);
    case "draw_level":
      orb?.hear(effect.who, effect.level.bands);
      history.heard(effect.who, effect.level, performance.now());
      return drawLevel(effect.who, effect.level);
    case "open_audio":
      return void open(effect.call, effect.hold_ms, effect.microphone);
    case "close_audio":
      return close();
    case "answer_begins":
      return audio?.answerBegins();
    case "send":
      return link.send(effect.message, effect.transfer);
    case "started":
      return void setTimeout(afterStart);
    case "start_worker":
      return link.start();
    case "reload":
      return location.reload();
  }
}

/** Views may come much faster than a screen shows them; a page in the background has no frames at all. */
function redrawSoon() {
  if (redraw_timer !== null) return;
  redraw_timer = setTimeout(redraw, REDRAW_WITHIN_MS);
  requestAnimationFrame(() => redraw_timer !== null && redraw());
}

function redraw() {
  if (redraw_timer !== null) clearTimeout(redraw_timer);
  redraw_timer = null;
  drawView(state.view, state.local);
  noticed(state.view.notice?.code ?? "");
  keepAwake(state.view.can_hang_up);
  drawOrb();
  drawFacts(facts);
  sound?.allow(Boolean($("hang-up").hidden));
}

function drawOrb() {
  orb?.show(state.view, { boot: state.boot, opening: state.opening, waiting: state.local !== null });
}

/** A script that nobody waits for. @param {Described} file */
async function later(file) {
  await genuine(file, nameOf(file));
  return import(file.url);
}

/**
 * A panel whose script comes when it is opened. Where it did not come, the next opening asks again.
 *
 * @param {HTMLDetailsElement} details   @param {() => Promise<void>} fetched
 */
function panel(details, fetched) {
  const opened = () => {
    if (!details.open) return;
    details.removeEventListener("toggle", opened);
    fetched().catch((error) => {
      console.info("parley: a panel is not whole:", error.message);
      details.addEventListener("toggle", opened);
    });
  };
  details.addEventListener("toggle", opened);
}

async function openSound() {
  const { soundPanel } = /** @type {typeof import("./sound.js")} */ (await later(config.boot.sound));
  sound = soundPanel(devices(), chooseDevices, () => audio, {
    open: async (listeners, microphone, without) => {
      const opened = await openAudio(config.boot.worklets, 0, devices(), listeners, microphone, without);
      opened.setVolume(volume);
      return opened;
    },
    drawLevel,
    server: () => ({
      ...chosen.settings,
      credentials: config.boot.sign_in === "cookie" ? "include" : "same-origin",
    }),
    words: config.microphone_words,
  });
  redraw();
}

async function openDiagnostics() {
  const { diagnosticsPanel } = /** @type {typeof import("./diagnostics.js")} */ (await later(config.boot.diagnostics));
  diagnosticsPanel({
    history,
    counters: () => state.view.stats,
    recording,
    voices,
    facts: allFacts,
    turns: timedTurns,
    client: config.boot.client.name,
    voice_recording: config.boot.voice_recording,
    send: (message) => link.send(message),
  });
}

async function openSaving() {
  const { savePanel } = /** @type {typeof import("./transcript_file.js")} */ (await later(config.boot.transcript_file));
  savePanel(timedTurns);
}

function afterStart() {
  guard.started();
  fillIn();
}

/** What nobody waits for, and the start of Python would: a page that is asked for a picture has less time for that. */
function fillIn() {
  if (isFilledIn) return;
  isFilledIn = true;
  fetchOrb().catch((error) => console.info("parley: no orb:", error.message));
  keySwitch();
  announceSwitch($("announce-on"));
}

/** Without it there is a plain ring. */
async function fetchOrb() {
  const { Orb } = /** @type {typeof import("./orb.js")} */ (await later(config.boot.orb));
  orb = new Orb($("orb"));
  drawOrb();
}

function connect(turn_style = $("turn-style").value) {
  // Nobody holds a talk key before there is a call.
  if (!hasConsent(config.consent, () => connect(turn_style))) return;
  const hold_ms = ["vad", "half_duplex"].includes(turn_style) ? chosen.settings.preconnect_audio_ms : 0;
  happened({ type: "connect", hold_ms, microphone: turn_style !== "text" });
}

/**
 * Everything that needs the gesture happens before this function first awaits.
 *
 * @param {number} call   @param {number} hold_ms   @param {boolean} microphone
 */
async function open(call, hold_ms, microphone) {
  /** @type {Parameters<typeof openAudio>[3]} */
  const listeners = {
    onLevel: (who, level) => happened({ type: "level", who, level }),
    onFault: (kind, fatal, recovered = false) => happened({ type: "fault", kind, fatal, recovered }),
  };
  sound?.stop();
  try {
    const opened = await openAudio(config.boot.worklets, hold_ms, devices(), listeners, microphone);
    if (call !== state.call) return opened.close(); // cancelled meanwhile
    audio = opened;
    sound?.named();
    audio.setVolume(volume);
  } catch (error) {
    const { kind, message } = /** @type {AudioFault} */ (error);
    return happened({ type: "refused", call, kind, detail: message });
  }
  const wanted = { ...wishes(), ...prepared, ...(!microphone && { turn_style: "text" }), filled };
  happened({ type: "opened", call, ports: audio.takePorts(), wishes: wanted });
}

function close() {
  audio?.close();
  audio = null;
  for (const who of /** @type {const} */ (["user", "agent"])) perform({ do: "draw_level", who, level: { rms: 0 } });
}

/** A command of the page around this one. @param {Command} command */
function obey(command) {
  switch (command.type) {
    case "prepare":
      filled = fill(chosen.templates, config.variables, command.variables);
      prepared = { ...filled, ...command.wishes };
      return;
    case "connect":
      return connect();
    case "disconnect":
      return happened({ type: "hang_up" });
    case "volume":
      volume = command.volume;
      return audio?.setVolume(volume);
    case "color_scheme":
      document.documentElement.dataset.colorScheme = command.scheme;
      return orb?.wake(true);
    case "text":
      if (state.view.state === "live") link.send(command);
      return;
    case "result":
    case "failure":
    case "bearer":
      return toPython(outer.answered(command));
    case "mute":
    case "pause":
    case "interrupt":
      return link.send(command);
  }
}

/** A tool asks the person, or the page around this one. @param {QuestionMessage} question */
function asked(question) {
  if (question.type === "approval") return approvals.ask(question.call_id, question.text);
  if (question.type === "tool_over") approvals.over(question.call_id);
  toPython(outer.run(question));
}

/** @param {Intent | null} intent */
function toPython(intent) {
  if (intent) link.send(intent);
}

/** @param {string} reason   @param {string} kind   @param {string | null} what */
function died(reason, kind, what) {
  if (state.boot.stage !== "ready" && kind === "missing" && guard.again(what ?? reason)) return;
  approvals.over();
  outer.forget();
  happened({ type: "died", fault: startFault(kind, reason) });
}

/**
 * Another service for the next call. Python starts over with its settings, and says what it can do.
 *
 * @param {number} index
 */
function choose(index) {
  chosen = config.choices[index];
  link.settings = chosen.settings; // a worker that must be started anew starts with it
  drawSettings(chosen.settings);
  link.send({ type: "configure", settings: chosen.settings });
}

/** @returns {Record<string, unknown>} */
function facts() {
  const { view, boot } = state;
  const code = view.notice?.code ?? "";
  const latency_ms = audio && outputLatency_ms(audio.context);
  return {
    [t("diagnostics.state")]: `${view.state} / ${view.activity}`,
    [t("diagnostics.session")]: view.session_id,
    [t("diagnostics.ready_after")]: boot.ready_ms === null ? null : `${boot.ready_ms} ms`,
    [t("diagnostics.started_from")]: boot.way,
    [t("diagnostics.not_faster")]: boot.why,
    ...(boot.fault && { [t("diagnostics.start_detail")]: boot.fault.detail }),
    ...(hasText(`owner.${code}`) && { [t("diagnostics.owner")]: t(`owner.${code}`) }),
    [t("diagnostics.context_rate")]: audio && `${audio.context.sampleRate} Hz`,
    [t("diagnostics.resampling")]: audio && listed(audio.quality),
    [t("diagnostics.loudest")]: audio && listed(audio.peaks),
    [t("diagnostics.output_latency")]: latency_ms === null ? null : `${latency_ms} ms`,
  };
}

/** Those and the counters, which are shown only to who asks for them. */
function allFacts() {
  const counters = Object.entries(state.view.stats).map(([name, value]) => [name.replaceAll("_", " "), value]);
  return { ...facts(), ...Object.fromEntries(counters) };
}

$("connect").addEventListener("click", () => connect());
$("still-here").addEventListener("click", () => link.send({ type: "still_here" }));
$("half-duplex").addEventListener("click", () => {
  $("turn-style").value = "half_duplex"; // for the next calls too
  link.send({ type: "half_duplex" });
});
$("type-only").addEventListener("click", () => connect("text"));
$("hang-up").addEventListener("click", () => happened({ type: "hang_up" }));
$("mute").addEventListener("click", () => happened({ type: "mute" }));
$("interrupt").addEventListener("click", () => link.send({ type: "interrupt" }));
$("pause").addEventListener("click", () => link.send({ type: "pause", paused: !state.view.paused }));
const service = /** @type {HTMLSelectElement | null} */ (document.getElementById("service"));
service?.addEventListener("change", () => choose(service.selectedIndex));
panel($("sound"), openSound);
talkKey(
  $("talk-key"),
  () => !$("talk-key").hidden,
  (intent) => link.send({ type: "talk", ...intent }),
);
$("apply").addEventListener("click", () => link.send({ type: "settings", ...wishes() }));
$("retry").addEventListener("click", () => happened({ type: "retry" }));
panel($("save"), openSaving);
document.addEventListener("visibilitychange", awakeAgain);
addEventListener("online", () => happened({ type: "online" }));
addEventListener("offline", () => happened({ type: "offline" }));
// After any sleep: a phone in a pocket, a frozen tab, a page from the back/forward cache.
const awake = () => document.hidden || happened({ type: "awake" });
for (const event of ["visibilitychange", "resume"]) document.addEventListener(event, awake);
addEventListener("pageshow", awake);
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
$("diagnostics").addEventListener("toggle", () => drawFacts(facts));
panel($("diagnostics"), openDiagnostics);
$("copy").addEventListener("click", () => copyFacts(allFacts()));
shortcuts();
addEventListener("pagehide", ({ persisted }) => {
  const inCall = state.view.can_hang_up;
  happened({ type: "page_gone" });
  if (persisted && inCall) endWithKeptPage(link.worker);
});
setInterval(drawCountdown, 1000);
setInterval(() => drawFacts(facts), 1000);
guard.alive();
takeOver();
drawBoot(state.boot.stage, 0);
drawSettings(chosen.settings);
redraw();
setTimeout(fillIn, FILL_IN_MS);

// For tests and for host pages: what is shown, as data.
globalThis.parley = Object.freeze({ snapshot: () => structuredClone(state.view), facts: allFacts });
