/**
 * The page before Python is awake, and what it does itself: `page_state.js`, event by
 * event. Run by test_page_scripts.py.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import "./support/texts.mjs";
import { initial, reduce } from "../../templates/static/page_state.js";
import { EMPTY } from "../../templates/static/page_words.js";

const WORDS = {
  silent: false,
  denied: true,
  unknown: true,
};
const WISHES = { voice: "", greeting: "", system_prompt: "", turn_style: "vad" };
const PORTS = { capture: { port: "capture" }, playback: { port: "playback" } };
const READY = { type: "boot", stage: "ready", percent: 100, way: "snapshot", why: null };
const LIVE = {
  ...EMPTY,
  state: "live",
  audio_wanted: true,
  can_connect: false,
  can_hang_up: true,
  gone: [],
  order: null,
};
const FAULT = { kind: "network", title: "Title", hint: "Hint", detail: "Detail" };

function frozen(value) {
  if (value && typeof value === "object" && !(value instanceof RegExp) && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(frozen);
  }
  return value;
}

/** A page to which things happen. Everything is frozen, so a reducer that writes into its state fails. */
class Page {
  constructor() {
    this.state = frozen(initial(WORDS));
  }

  /** @returns {string[]} what is to be done: `do`, and of what is sent its type */
  happens(type, values = {}) {
    const [state, effects] = reduce(this.state, frozen({ type, ...values }));
    this.state = frozen(state);
    this.effects = effects;
    return effects.map((effect) => (effect.do === "send" ? `send ${effect.message.type}` : effect.do));
  }

  worker(message) {
    return this.happens("message", { message, now_ms: 1234.5 });
  }

  shows(view, call = this.state.call) {
    return this.worker({ type: "view", call, view: { ...LIVE, ...view } });
  }

  clicks(hold_ms = 5000, microphone = true) {
    return this.happens("connect", { hold_ms, microphone });
  }

  opens(call = this.state.call) {
    return this.happens("opened", { call, ports: PORTS, wishes: WISHES });
  }

  hears(silent_ms) {
    return this.happens("level", { who: "user", level: { rms: silent_ms ? 0 : 0.01, silent_ms } });
  }
}

function inCall() {
  const page = new Page();
  page.worker(READY);
  page.clicks();
  page.opens();
  page.shows({});
  return page;
}

test("a click before Python is awake opens the microphone and waits", () => {
  const page = new Page();
  assert.deepEqual(page.clicks(), ["close_audio", "open_audio", "draw"]);
  assert.deepEqual(page.effects[1], { do: "open_audio", call: 1, hold_ms: 5000, microphone: true });
  assert.equal(page.state.local.status, "Waiting for the microphone");
  assert.deepEqual(page.opens(), ["draw"]);
  assert.equal(page.state.local.status, "Listening. What you say is kept while the agent wakes");
  assert.deepEqual(page.worker({ type: "boot", stage: "python", percent: 40 }), ["draw_boot", "draw"]);
  assert.deepEqual(page.worker(READY), ["started", "send connect", "draw_boot", "draw"]);
  const { message, transfer } = page.effects[1];
  assert.deepEqual(message, { type: "connect", call: 1, ...WISHES, ports: PORTS });
  assert.deepEqual(transfer, [PORTS.capture, PORTS.playback]);
  assert.equal(page.state.local.status, "Listening while the call is set up…");
  assert.deepEqual(page.shows({}), ["draw_soon"]);
  assert.equal(page.state.local, null);
  assert.equal(page.state.boot.ready_ms, 1235);
});

test("where nothing is kept or the microphone is muted, no words say that it is", () => {
  const page = new Page();
  page.clicks(0);
  page.opens();
  assert.equal(page.state.local.status, "One moment, still loading");
  page.worker(READY);
  assert.equal(page.state.local.status, "Connecting…");
  const muted = new Page();
  muted.shows({ can_connect: true, muted: true }, 0);
  muted.clicks();
  muted.opens();
  assert.equal(muted.state.local.status, "One moment, still loading");
});

test("a call hears that the page woke up or lost its network, and nobody else does", () => {
  for (const type of ["awake", "online", "offline"]) {
    const page = inCall();
    assert.deepEqual(page.happens(type), [type === "offline" ? "send offline" : "send awake"]);
    assert.deepEqual(new Page().happens(type), []);
  }
});

test("who only types waits for no microphone", () => {
  const page = new Page();
  page.clicks(0, false);
  assert.deepEqual(page.effects[1], { do: "open_audio", call: 1, hold_ms: 0, microphone: false });
  assert.equal(page.state.local.status, "Connecting…");
});

test("a second click changes nothing, and neither does one in a call", () => {
  const page = new Page();
  page.clicks();
  assert.deepEqual(page.clicks(), []);
  assert.deepEqual(inCall().clicks(), []);
});

test("who hangs up before the call began is told to nobody", () => {
  const page = new Page();
  page.clicks();
  assert.deepEqual(page.happens("hang_up"), ["close_audio", "draw"]);
  assert.equal(page.state.local, null);
  assert.deepEqual(page.opens(1), [], "the microphone of a click that was taken back");
  assert.deepEqual(page.happens("refused", { call: 1, kind: "denied", detail: "" }), []);
  page.clicks();
  page.opens();
  assert.deepEqual(page.happens("hang_up"), ["close_audio", "draw"]);
  assert.deepEqual(page.worker(READY), ["started", "draw_boot"], "nothing waits any more");
  assert.deepEqual(inCall().happens("hang_up"), ["send hang_up"]);
});

test("a microphone that cannot be had is told in words, by Python where it is awake", () => {
  const page = new Page();
  page.clicks();
  assert.deepEqual(page.happens("refused", { call: 1, kind: "denied", detail: "NotAllowedError" }), [
    "send capture_failed",
    "draw",
  ]);
  assert.deepEqual(page.state.view.notice, {
    tone: "error",
    code: "mic_denied",
    title: "The microphone is blocked",
    hint: "Allow it for this page in the browser's address bar, then press Connect.",
    retry: true,
  });
  assert.deepEqual(
    [page.state.view.status, page.state.view.state, page.state.local],
    ["Not connected", "failed", null],
  );
  page.clicks();
  page.happens("refused", { call: 2, kind: "odd", detail: "Odd." });
  assert.equal(page.state.view.notice.hint, "Press Connect to try again. The browser says: Odd.");
  const awake = new Page();
  awake.worker(READY);
  awake.clicks();
  assert.deepEqual(awake.happens("refused", { call: 1, kind: "denied", detail: "" }), ["send capture_failed", "draw"]);
  assert.equal(awake.state.view.notice, null);
  assert.equal(awake.state.local.status, "Connecting…");
});

test("only a view of this call gives the microphone back", () => {
  const page = inCall();
  page.shows({ audio_wanted: false, can_connect: true }, 0);
  assert.equal(page.state.audio, true);
  assert.deepEqual(page.shows({ audio_wanted: false }), ["close_audio", "draw_soon"]);
  assert.equal(page.state.audio, false);
});

test("a view during the click leaves what only the page knows", () => {
  const page = new Page();
  page.worker(READY);
  page.clicks();
  page.shows({ audio_wanted: true });
  assert.equal(page.state.local.status, "Waiting for the microphone");
});

test("an answer begins once, where somebody can hear it", () => {
  const page = inCall();
  assert.deepEqual(page.shows({ activity: "thinking" }), ["answer_begins", "draw_soon"]);
  assert.deepEqual(page.shows({ activity: "agent_speaking" }), ["draw_soon"]);
  page.shows({ activity: "listening" });
  assert.deepEqual(page.shows({ activity: "agent_speaking" }), ["answer_begins", "draw_soon"]);
  const deaf = new Page();
  assert.deepEqual(deaf.shows({ activity: "thinking" }, 0), ["draw_soon"]);
});

test("turns are merged and the list before stays as it was", () => {
  const page = inCall();
  const turn = { id: "a", role: "user", text: "one" };
  page.shows({ turns: [turn] });
  const before = page.state.view.turns;
  page.shows({
    turns: [
      { ...turn, text: "two" },
      { id: "b", role: "agent", text: "three" },
    ],
  });
  assert.deepEqual(
    page.state.view.turns.map(({ text }) => text),
    ["two", "three"],
  );
  assert.deepEqual(before, [turn]);
  page.shows({ turns: [], gone: ["a"] });
  assert.deepEqual(
    page.state.view.turns.map(({ id }) => id),
    ["b"],
  );
});

test("a microphone of exact zeros is told when it begins and when it ends", () => {
  const page = inCall();
  assert.deepEqual(page.hears(2499), ["draw_level"]);
  assert.deepEqual(page.hears(2500), ["draw_level", "send capture_failed"]);
  assert.deepEqual(page.hears(2550), ["draw_level"]);
  assert.deepEqual(page.happens("level", { who: "agent", level: { rms: 0, silent_ms: 0 } }), ["draw_level"]);
  assert.deepEqual(page.hears(0), ["draw_level", "send capture_recovered"]);
  assert.deepEqual(new Page().hears(9000), [], "no microphone, no level");
});

test("one that was heard may be silent for longer, as behind a noise gate, until its call is over", () => {
  const page = inCall();
  page.hears(0);
  assert.deepEqual(page.hears(9999), ["draw_level"]);
  assert.deepEqual(page.hears(10_000), ["draw_level", "send capture_failed"]);
  assert.deepEqual(page.hears(0), ["draw_level", "send capture_recovered"]);
  assert.equal(page.state.sounded, true);
  page.happens("died", { fault: "crashed" });
  assert.equal(page.state.sounded, false);
});

test("what happens to the microphone while Python is asleep is told by the page", () => {
  const page = new Page();
  page.clicks();
  page.opens();
  page.hears(2500);
  assert.deepEqual([page.state.view.notice.code, page.state.view.notice.tone], ["mic_silent", "warn"]);
  page.hears(0);
  assert.equal(page.state.view.notice, null);
  page.hears(10_000);
  assert.deepEqual(page.worker(READY), ["started", "send connect", "send capture_failed", "draw_boot", "draw"]);
});

test("a microphone that is lost while Python is asleep ends the click", () => {
  const page = new Page();
  page.clicks();
  page.opens();
  assert.deepEqual(page.happens("fault", { kind: "ended", fatal: true, recovered: false }), ["close_audio", "draw"]);
  assert.deepEqual(
    [page.state.view.notice.code, page.state.view.state, page.state.waiting],
    ["mic_ended", "failed", null],
  );
  assert.equal(page.state.view.can_connect, true);
});

test("Python that dies in a call is started again, and what was said stays", () => {
  const page = inCall();
  page.shows({ turns: [{ id: "a", role: "user", text: "one" }] });
  const crash = { ...FAULT, kind: "unknown" };
  assert.deepEqual(page.happens("died", { fault: crash }), ["close_audio", "draw_boot", "start_worker", "draw"]);
  const { view, boot } = page.state;
  assert.deepEqual(
    [view.notice.code, view.status, view.can_connect, view.turns.length],
    ["worker_died", "Stopped", true, 1],
  );
  assert.match(view.notice.hint, /call has ended/);
  assert.equal(boot.stage, "runtime");
  // The fresh worker knows nothing of why it was started.
  page.shows({ can_connect: true, order: [] }, 0);
  assert.deepEqual([page.state.view.notice.code, page.state.view.turns.length], ["worker_died", 1]);
  page.worker(READY);
  page.clicks();
  assert.equal(page.state.view.notice, null);
});

test("a page that was ready and finds its tools wrong says so, and does not start over and over", () => {
  const page = new Page();
  page.shows({ can_connect: true });
  page.worker(READY);
  assert.deepEqual(page.happens("died", { fault: { ...FAULT, kind: "setup" } }), ["close_audio", "draw_boot", "draw"]);
  const { view, boot } = page.state;
  assert.deepEqual([view.notice.code, view.can_connect, boot.stage], ["start_setup", false, "failed"]);
  assert.deepEqual(page.happens("retry"), ["draw_boot", "start_worker", "draw"]);
});

test("Python that does not start is said to be that, and tried again on demand", () => {
  const page = new Page();
  page.clicks();
  page.opens();
  assert.deepEqual(page.happens("died", { fault: FAULT }), ["close_audio", "draw_boot", "draw"]);
  assert.deepEqual(page.state.view.notice, {
    tone: "error",
    code: "start_network",
    title: "Title",
    hint: "Hint",
    retry: true,
  });
  assert.deepEqual([page.state.view.status, page.state.view.can_connect], ["Not started", false]);
  assert.deepEqual(page.clicks(), []);
  assert.deepEqual(page.happens("online"), ["draw_boot", "start_worker", "draw"]);
  assert.deepEqual([page.state.view.notice, page.state.view.can_connect], [null, true]);
  assert.deepEqual(page.happens("online"), [], "it is being started");
});

test("only a page that is loaded again mends a page of files that are not right", () => {
  const page = new Page();
  page.happens("died", { fault: { ...FAULT, kind: "damaged" } });
  assert.deepEqual(page.happens("online"), []);
  assert.deepEqual(page.happens("retry"), ["reload", "draw_boot", "start_worker", "draw"]);
});

test("a notice of a fault that is over goes, but not in a call", () => {
  const page = new Page();
  page.clicks();
  page.happens("refused", { call: 1, kind: "denied", detail: "" });
  assert.deepEqual(page.happens("over", { codes: /^mic_not_found$/ }), []);
  assert.deepEqual(page.happens("over", { codes: /^mic_denied$/ }), ["draw"]);
  assert.equal(page.state.view.notice, null);
  const busy = inCall();
  const texts = { title: ["notice.mic_denied.title", {}], hint: [] };
  busy.shows({ notice: { code: "mic_denied", tone: "error", retry: true, ...texts } });
  assert.deepEqual(busy.happens("over", { codes: /^mic_denied$/ }), []);
});

test("a page that goes takes its click along", () => {
  const page = new Page();
  page.clicks();
  page.opens();
  assert.deepEqual(page.happens("page_gone"), ["send hang_up", "close_audio"]);
  assert.deepEqual(page.effects[0].message, { type: "hang_up", page_gone: true });
  assert.deepEqual(page.worker(READY).slice(0, 2), ["started", "draw_boot"]);
});

test("mute asks for the other of what is shown", () => {
  const page = inCall();
  page.happens("mute");
  assert.deepEqual(page.effects[0].message, { type: "mute", muted: true });
  page.shows({ muted: true });
  page.happens("mute");
  assert.deepEqual(page.effects[0].message, { type: "mute", muted: false });
});

test("in any order of events a click waits only with a microphone, and is handed over once", () => {
  let seed = 7;
  const chance = (below) => (seed = (seed * 48271) % 2147483647) % below;
  for (let round = 0; round < 200; round++) {
    const page = new Page();
    let [clicks, handed] = [0, 0];
    for (let n = 0; n < 60; n++) {
      const step = [
        () => page.clicks(chance(2) * 5000),
        // Of each opening comes one answer; it may be of a click that was taken back.
        () => page.opens(page.state.opening ? page.state.call : -1),
        () => page.happens("refused", { call: page.state.opening ? page.state.call : -1, kind: "denied", detail: "" }),
        () =>
          page.worker(
            page.state.boot.stage === "ready" || chance(2) ? READY : { type: "boot", stage: "python", percent: 9 },
          ),
        () =>
          page.state.boot.stage !== "ready" ||
          page.shows({ audio_wanted: chance(2) === 0, can_connect: chance(2) === 0 }, page.state.call - chance(2)),
        () => page.hears(chance(2) * 3000),
        () => page.happens("fault", { kind: "ended", fatal: chance(2) === 0, recovered: false }),
        () => page.happens("died", { fault: FAULT }),
        () => page.happens("hang_up"),
        () => page.state.boot.stage !== "failed" || page.happens("retry"),
      ][chance(10)];
      const done = [step()].flat();
      clicks += done.filter((it) => it === "open_audio").length;
      handed += done.filter((it) => it === "send connect").length;
      const { opening, waiting, audio, local } = page.state;
      assert.ok(handed <= clicks);
      assert.ok(!(opening && waiting), "what waits is open");
      assert.ok(!waiting || audio || done.includes("close_audio"), "nobody waits without a microphone");
      assert.ok(!opening || local, "who waits for a microphone is told so");
    }
  }
});
