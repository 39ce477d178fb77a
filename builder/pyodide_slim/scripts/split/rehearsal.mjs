/**
 * A page's start and its calls without a page: the worker's own `Host`, with stand-ins for ports, sockets and the token
 * route. What of Python's code this uses, a page has before it is ready. Nothing here judges anything: what is
 * forgotten comes a little later (`templates/static/deferred_wasm.js`).
 *
 * What each service says in a call is in `rehearsed_calls/`; without such a file its call is rehearsed up
 * to the first answer.
 */

import { existsSync, readFileSync } from "node:fs";

import { Host } from "../../../../templates/static/host.js";

const REHEARSED_TOOLS = readFileSync(new URL("rehearsal_tools.py", import.meta.url), "utf8");
const PYTHON = readFileSync(new URL("rehearsal_python.py", import.meta.url), "utf8");
const TOKEN = JSON.stringify({
  token: "token",
  ws_url: "wss://localhost/",
  expires_at: 1790211871.25,
  max_session_seconds: 600,
});
/** Without the end of its name, which is .pyc where they were compiled. */
export const TOOLS = "/home/pyodide/agent_tools";
// Python keeps a text in one, two or four bytes for each character, and has code for each of the three.
const GREETINGS = ["Hello!", "Grüße!", "Cześć!", "Grüße, and hello! 🎙"];
// What most pages say beside their provider: what it is does not matter, but the code that reads it does.
const SETTINGS = {
  barge_in: "duck",
  preconnect_audio_ms: 15000,
  expires_in_seconds: 120,
  greeting: GREETINGS.at(-1),
  known_voices: Array.from({ length: 20 }, (_, i) => ({ id: `voice-${i}`, label: "Jürgen (German)" })), // a list that grows
  cost: { currency: "EUR", per_minute: 0.05, input_text: 4 },
  visitor_may_change: ["voice", "greeting", "system_prompt", "turn_style"],
  max_session_duration_seconds: 1800,
  system_prompt: "Be brief.\nUse a tool when one fits.",
  token_url: "/api/token",
  voice: "",
  wrap_up_lead_seconds: 15,
};
const TURNS_OF_THE_LOOP = 40; // a tool takes a few
const ROUNDS = 6; // Python changes code that runs often

let socket = null;
class FakeSocket {
  static OPEN = 1;
  constructor() {
    Object.assign(this, { readyState: 1, bufferedAmount: 0 });
    socket = this;
  }
  send() {}
  close() {}
}

/** The platform's base64, which this Node may lack; without it Python does the work. */
const base64 = {
  toBase64() {
    return Buffer.from(this.buffer, this.byteOffset, this.byteLength).toString("base64");
  },
  fromBase64: (text) => new Uint8Array(Buffer.from(text, "base64")),
};

/**
 * The start of the page: all that is done before it is ready, and what it is asked while nobody talks.
 *
 * @param {object} python as the page has it before it starts the client
 * @param {object[]} settings of each choice of the page
 * @param {{path: string, bytes: Uint8Array} | null} tools the page's own that it imports by then; they are not called
 */
export function begin(python, settings, tools) {
  if (tools !== null) python.FS.writeFile(tools.path, tools.bytes);
  for (const said of settings.flatMap((choice) => GREETINGS.map((greeting) => ({ ...choice, greeting })))) {
    try {
      start(python, said, tools !== null).intent({ type: "ping" });
    } catch (error) {
      if (error?.name !== "PythonError") throw error; // a tool may ask for what only a page has
    }
  }
}

/** Calls, and what tools may do meanwhile. Parameters: see `begin`, after which it comes; all tools of the page. */
export async function rehearse(python, settings, tools) {
  globalThis.WebSocket = FakeSocket;
  globalThis.fetch = async () => ({ status: 200, headers: { get: () => null }, text: async () => TOKEN });
  // timers are told, not waited for
  globalThis.setTimeout = (callback, delay) => (delay > 0 ? 0 : setImmediate(callback));
  forgetTools(python);
  python.runPython(PYTHON);
  await python.runPythonAsync("await waiting()");
  python.FS.writeFile(`${TOOLS}.py`, REHEARSED_TOOLS);
  for (let round = 0; round < ROUNDS; round++) {
    const short = round % 2 === 0;
    Uint8Array.prototype.toBase64 = short ? base64.toBase64 : undefined;
    Uint8Array.fromBase64 = short ? base64.fromBase64 : undefined;
    for (const choice of settings) await calls(python, choice);
  }
  python.FS.unlink(`${TOOLS}.py`);
  forgetTools(python);
  begin(python, settings, tools);
}

function forgetTools(python) {
  python.runPython("import sys, importlib; sys.modules.pop('agent_tools', None); importlib.invalidate_caches()");
}

function messagesOf(provider) {
  const file = new URL(`rehearsed_calls/${provider}.json`, import.meta.url);
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : [];
}

function start(python, settings, hasTools = true) {
  const host = new Host(
    python,
    () => {},
    (reason) => {
      throw new Error(`the rehearsal of a call ended: ${reason}`);
    },
  );
  host.client = python.pyimport("pyclient.host.pyodide_host").start(host, JSON.stringify({ ...SETTINGS, ...settings }));
  if (hasTools) host.client.load_tools();
  return host;
}

async function calls(python, settings) {
  const host = start(python, settings);
  let samples = 0; // of a frame, as the worklet is told
  const port = () => ({ postMessage: (it) => (samples = it.frame_samples ?? samples), close() {} });
  const frame = () => Int16Array.from({ length: samples }, (_, i) => (i % 40 < 20 ? 8000 : -8000)).buffer;
  const later = async () => {
    for (let turn = 0; turn < TURNS_OF_THE_LOOP; turn++) await new Promise((done) => setImmediate(done));
  };
  const [capture, playback] = [port(), port()];
  const connect = async (ports) => {
    host.intent({ type: "connect", voice: "", system_prompt: "Be brief.", greeting: "Hello.", call: 1, ports });
    await later();
  };
  host.intent({ type: "configure", settings });
  host.intent({ type: "ping" });
  await connect({ capture, playback });
  capture.onmessage({ data: { type: "held", kept_ms: 400, dropped_ms: 0 } });
  socket.onopen?.();
  for (const message of messagesOf(settings.provider)) {
    socket.onmessage?.({
      data:
        typeof message === "string" ? new Uint8Array(Buffer.from(message, "base64")).buffer : JSON.stringify(message),
    });
    capture.onmessage({ data: frame() });
    const item = message.item_id ?? "";
    playback.onmessage({ data: { type: "progress", item, rendered: 480, queued: 480, underruns: 0 } });
    await later();
  }
  capture.onmessage({ data: { type: "caught_up" } });
  playback.onmessage({ data: { type: "flushed", item: "", rendered: 960 } });
  playback.onmessage({ data: { type: "drained" } });
  for (const muted of [true, false]) host.intent({ type: "mute", muted });
  host.intent({ type: "text", text: "What day is it?" });
  host.intent({ type: "settings", voice: "", system_prompt: "Be kind." });
  host.intent({ type: "interrupt" });
  host.intent({ type: "talk", pressed: true });
  host.intent({ type: "talk" });
  for (const name of ["keepalive", "no such timer"]) host.tell("timer", name);
  socket.onmessage?.({ data: "{ this is no JSON" });
  socket.onclose?.({ code: 1006, reason: "" }); // a line that breaks, and comes back
  for (const name of [...host.timers.keys()]) host.tell("timer", name);
  await later();
  socket.onopen?.();
  capture.onmessage({ data: frame() });
  host.intent({ type: "hang_up" });
  capture.onmessage({ data: { type: "drained" } });
  await connect({ capture: port(), playback: port() });
  host.intent({ type: "capture_failed", kind: "denied", fatal: true });
  host.intent({ type: "hang_up" });
  await later();
}
