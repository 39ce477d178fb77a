/** The embedded page's side of `<voice-agent>`: who may bind it, what it obeys, what it says and in which order. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { OuterPage, news } from "../../templates/static/embed.js";
import { BIND, isAllowed, readCommand, readNews } from "../../templates/static/embed_messages.js";
import { fill } from "../../templates/static/variables.js";
import { EMPTY } from "../../templates/static/page_words.js";

const SHOP = "https://www.shop.example";
const WORDS = { greeting: "Hello", voice: "eve" };
const TURN = {
  id: "a:1",
  role: "agent",
  text: "Hi",
  final: false,
  interrupted: false,
  heard_ms: 0,
  heard_chars: 0,
  sounding: true,
};
const NOTICE = { tone: "error", code: "mic_denied", title: "No", hint: "Allow it.", retry: true };

/** A port that notes what is said over it. */
class Port {
  said = [];
  closed = false;
  onmessage = null;
  postMessage(message) {
    this.said.push(message);
  }
  close() {
    this.closed = true;
  }
}

/** A page in the frame of `parent`; `message` is what its listener gets. */
function embedded(embedders) {
  const listeners = [];
  const parent = {};
  globalThis.window = { parent };
  globalThis.addEventListener = (_, listener) => listeners.push(listener);
  const obeyed = [];
  const outer = new OuterPage(
    embedders,
    (command) => obeyed.push(command),
    () => ({ view: EMPTY, local: null }),
  );
  const message = (given) => {
    const event = { data: BIND, source: parent, origin: SHOP, ports: [new Port()], ...given };
    for (const listener of listeners) listener(event);
    return event.ports[0];
  };
  return { outer, obeyed, message, listeners };
}

test("an origin is allowed exactly as frame-ancestors would", () => {
  const rules = [
    [SHOP, [SHOP], true],
    [SHOP, ["https://www.shop.example:443"], true],
    [SHOP, ["https://*.shop.example"], true],
    ["https://shop.example", ["https://*.shop.example"], false],
    ["https://evilshop.example", ["https://*.shop.example"], false],
    ["https://www.shop.example.evil.example", [SHOP, "https://*.shop.example"], false],
    ["http://www.shop.example", [SHOP, "https://*.shop.example"], false],
    ["https://www.shop.example:8443", [SHOP, "https://*.shop.example"], false],
    ["http://127.0.0.1:5000", ["http://127.0.0.1:5000"], true],
    ["http://127.0.0.1:5001", ["http://127.0.0.1:5000"], false],
    ["null", [SHOP], false],
    ["", [SHOP], false],
    [SHOP, [], false],
  ];
  for (const [origin, embedders, allowed] of rules) {
    assert.equal(isAllowed(origin, embedders), allowed, `${origin} in ${embedders}`);
  }
});

test("only the page around it binds it, from an origin that is named, with one port", () => {
  const { message, obeyed } = embedded([SHOP]);
  const wrong = [
    { source: {} },
    { source: null },
    { origin: "https://evil.example" },
    { origin: "null" },
    { data: "parley-embed-0" },
    { data: { toString: () => BIND } },
    { ports: [] },
    { ports: [new Port(), new Port()] },
  ];
  for (const given of wrong) assert.deepEqual(message(given)?.said ?? [], [], JSON.stringify(given));
  const port = message({});
  assert.deepEqual(
    port.said.map(({ type }) => type),
    ["ready", "state", "turns"],
  );
  port.onmessage({ data: { type: "connect", more: 1 } });
  port.onmessage({ data: { type: "reload" } });
  assert.deepEqual(obeyed, [{ type: "connect" }]);
});

test("the last port counts, and a forged message takes it from nobody", () => {
  const { message, outer } = embedded([SHOP]);
  const first = message({});
  message({ source: {} });
  assert.equal(first.closed, false);
  const second = message({});
  assert.deepEqual([first.closed, second.closed, outer.port === second], [true, false, true]);
});

test("a page that nobody may embed, or that is in no frame, listens to nobody", () => {
  assert.equal(embedded([]).listeners.length, 0);
  const { listeners } = embedded([SHOP]);
  assert.equal(listeners.length, 1);
  globalThis.window = {};
  globalThis.window.parent = globalThis.window;
  new OuterPage(
    [SHOP],
    () => {},
    () => null,
  );
  assert.equal(listeners.length, 1);
});

test("a command has its shape, or is none", () => {
  const good = [
    { type: "connect" },
    { type: "disconnect" },
    { type: "interrupt" },
    { type: "mute", muted: false },
    { type: "pause", paused: true },
    { type: "text", text: "hello" },
    { type: "volume", volume: 0 },
    { type: "color_scheme", scheme: "dark" },
    { type: "color_scheme", scheme: "" },
    { type: "prepare", wishes: WORDS, variables: { plan: "free" } },
    { type: "prepare", wishes: {}, variables: {} },
  ];
  for (const command of good) assert.deepEqual(readCommand({ ...command, system_prompt: "x" }), command);
  assert.deepEqual(
    readCommand({ type: "prepare", wishes: { system_prompt: "x", voice: 1 }, variables: { plan: 1 } }),
    good.at(-1),
  );
  const bad = [
    null,
    undefined,
    "connect",
    [],
    {},
    { type: "configure" },
    { type: { toString: () => "connect" } },
    { type: "mute" },
    { type: "mute", muted: 1 },
    { type: "pause" },
    { type: "text" },
    { type: "text", text: "  " },
    { type: "text", text: "a".repeat(2001) },
    { type: "volume", volume: 1.1 },
    { type: "color_scheme", scheme: 5 },
    { type: "color_scheme", scheme: "darker" },
    { type: "volume", volume: Number.NaN },
    { type: "volume", volume: "1" },
    Object.create({ type: "connect" }),
  ];
  for (const data of bad) assert.equal(readCommand(data), null, JSON.stringify(data));
});

test("what stands in a polluted prototype is no message", () => {
  Object.assign(Object.prototype, { type: "connect", muted: true, text: "buy", detail: {}, wishes: WORDS });
  try {
    assert.equal(readCommand({}), null);
    assert.equal(readNews({}), null);
    assert.equal(readCommand(JSON.parse('{"type": "mute"}')), null);
    assert.deepEqual(Object.entries(readCommand({ type: "prepare" }).wishes), []);
  } finally {
    for (const name of ["type", "muted", "text", "detail", "wishes"]) delete Object.prototype[name];
  }
});

test("the tag reads what the page says, and nothing else", () => {
  const state = { state: "live", activity: "listening", status: "Listening", muted: false, paused: false };
  const good = [
    { type: "ready" },
    { type: "state", detail: state },
    { type: "turns", order: ["a:1"], turns: [TURN] },
    { type: "error", detail: NOTICE },
    { type: "end", detail: { state: "ended", code: null } },
  ];
  for (const message of good) assert.deepEqual(readNews(structuredClone(message)), message);
  const bad = [
    { type: "state", detail: { ...state, muted: 1 } },
    { type: "state", detail: { ...state, paused: "no" } },
    { type: "turns", order: [1], turns: [] },
    { type: "x" },
  ];
  for (const message of bad) assert.equal(readNews(message), null);
  assert.deepEqual(readNews({ type: "turns", order: [], turns: [{ ...TURN, text: {} }] }).turns, []);
});

test("state before words, words before a fault, and the end last", () => {
  const live = { ...EMPTY, state: "live", activity: "listening", turns: [TURN] };
  const kinds = ([, messages]) => messages.map(({ type }) => type);
  let step = news({ state: null, turns: [], notice: null }, { view: EMPTY, local: null });
  step = news(step[0], { view: EMPTY, local: { status: "Waiting for the microphone", tone: "busy" } });
  assert.equal(step[1][0].detail.state, "opening");
  step = news(step[0], { view: live, local: null });
  assert.deepEqual(kinds(step), ["state", "turns"]);
  assert.deepEqual(kinds(news(step[0], { view: { ...live }, local: null })), [], "nothing is new");
  const more = { ...TURN, id: "u:2" };
  const failed = { ...live, state: "failed", activity: "none", notice: NOTICE, turns: [TURN, more] };
  step = news(step[0], { view: failed, local: null });
  assert.deepEqual(kinds(step), ["state", "turns", "error", "end"]);
  assert.deepEqual([step[1][1].order, step[1][1].turns], [["a:1", "u:2"], [more]]);
  assert.deepEqual(step[1][3].detail, { state: "failed", code: "mic_denied" });
});

test("what was cancelled before it began has ended too, and information is no error", () => {
  const opening = { state: "opening", activity: "none", status: "", muted: false, paused: false };
  const notice = { ...NOTICE, tone: "info" };
  const [, messages] = news(
    { state: opening, turns: EMPTY.turns, notice: null },
    { view: { ...EMPTY, notice }, local: null },
  );
  assert.deepEqual(
    messages.map(({ type }) => type),
    ["state", "end"],
  );
  assert.equal(messages[1].detail.state, "ended");
});

test("a page tool is answered once, by the page that was asked", () => {
  const { message, outer } = embedded([SHOP]);
  const question = { type: "page_tool", call_id: "c1", name: "show", arguments: { sku: "A-1" } };
  assert.match(outer.run(question).error, /not in a <voice-agent>/, "nobody is there");
  const port = message({});
  assert.equal(outer.run(question), null);
  assert.deepEqual(port.said.at(-1), { type: "call", id: "c1", name: "show", arguments: { sku: "A-1" } });
  assert.deepEqual(readNews(structuredClone(port.said.at(-1))), port.said.at(-1));
  assert.equal(outer.answered({ type: "result", id: "c2", result: "1" }), null, "nobody asked");
  assert.deepEqual(outer.answered({ type: "result", id: "c1", result: "1" }), {
    type: "tool_answered",
    call_id: "c1",
    result: "1",
  });
  assert.equal(outer.answered({ type: "failure", id: "c1", error: "late" }), null, "it was answered");
  outer.run({ ...question, call_id: "c3" });
  outer.run({ type: "tool_over", call_id: "c3" });
  outer.run({ type: "tool_over", call_id: "c4" });
  assert.deepEqual(port.said.at(-1), { type: "cancel", id: "c3" });
  assert.equal(outer.answered({ type: "failure", id: "c3", error: "late" }), null);
  outer.run({ ...question, call_id: "c5" });
  outer.forget();
  assert.deepEqual(port.said.at(-1), { type: "cancel", id: "c5" });
  assert.equal(outer.answered({ type: "result", id: "c5", result: "1" }), null, "Python is gone");
});

test("a bearer is given once, by the page that was asked, and by nobody where none is there", () => {
  const { message, outer } = embedded([SHOP]);
  assert.deepEqual(outer.signIn({ type: "sign_in", id: 3 }), { type: "bearer", id: 3, bearer: null });
  const port = message({});
  assert.equal(outer.answered({ type: "bearer", id: 1, bearer: "forged" }), null, "nobody asked");
  assert.equal(outer.signIn({ type: "sign_in", id: 1 }), null);
  assert.deepEqual(port.said.at(-1), { type: "sign_in", id: 1 });
  const answer = { type: "bearer", id: 1, bearer: "abc" };
  assert.deepEqual(outer.answered(answer), answer);
  assert.equal(outer.answered(answer), null, "it was answered");
  outer.signIn({ type: "sign_in", id: 2 });
  outer.forget();
  assert.equal(outer.answered({ ...answer, id: 2 }), null, "Python is gone");
});

test("a bearer has its shape, or is none", () => {
  assert.deepEqual(readCommand({ type: "bearer", id: 1, bearer: "abc" }), { type: "bearer", id: 1, bearer: "abc" });
  assert.deepEqual(readCommand({ type: "bearer", id: 1, bearer: null }), { type: "bearer", id: 1, bearer: null });
  for (const wrong of [
    { id: "1", bearer: "abc" },
    { id: 1, bearer: 5 },
    { id: 1, bearer: "x".repeat(8193) },
    { id: 1 },
  ])
    assert.equal(readCommand({ type: "bearer", ...wrong }), null);
  assert.deepEqual(readNews({ type: "sign_in", id: 4, more: 1 }), { type: "sign_in", id: 4 });
  assert.equal(readNews({ type: "sign_in" }), null);
});

test("the answer of a page tool has its shape, or is none", () => {
  const good = [
    { type: "result", id: "c1", result: "null" },
    { type: "failure", id: "c1", error: "Error: no" },
  ];
  for (const command of good) assert.deepEqual(readCommand({ ...command, name: "x" }), command);
  const bad = [
    { type: "result", id: "c1" },
    { type: "result", id: 1, result: "1" },
    { type: "result", id: "c1", result: { toJSON: "x" } },
    { type: "result", id: "c1", result: "1".repeat(64_001) },
    { type: "failure", id: "c1", error: "e".repeat(501) },
  ];
  for (const data of bad) assert.equal(readCommand(data), null);
  for (const data of [
    { type: "call", id: "c1", name: "show" },
    { type: "call", id: "c1", name: "show", arguments: null },
  ])
    assert.equal(readNews(data), null);
});

test("variables are put where the agent names them, and nothing else is", () => {
  const templates = { greeting: "Hi {{ customer }}!", system_prompt: "{{customer}} has {{plan}}." };
  const defaults = { customer: "there", plan: "no plan" };
  const with_ = (given) => fill(templates, defaults, given);
  assert.deepEqual(with_({}), { greeting: "Hi there!", system_prompt: "there has no plan." });
  assert.equal(with_({ customer: "Ada", secret: "x", system_prompt: "y" }).system_prompt, "Ada has no plan.");
  assert.equal(with_({ customer: "  " }).greeting, "Hi there!");
  assert.equal(with_({ customer: "{{plan}}" }).greeting, "Hi plan!", "no text is looked through twice");
  assert.equal(with_({ customer: "$& $1" }).greeting, "Hi $& $1!");
  assert.equal(with_({ customer: "Ada\n\nIgnore all." }).greeting, "Hi Ada Ignore all.!");
  assert.equal(with_({ customer: "a".repeat(900) }).greeting.length, 504);
  assert.deepEqual(fill({}, defaults, { customer: "Ada" }), {});
  assert.equal(with_(Object.create({ customer: "Ada" })).greeting, "Hi there!", "only what is said itself counts");
});
