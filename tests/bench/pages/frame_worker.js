/**
 * The product's worker with stand-ins at its edges: a socket that counts, a token route, ports of a worklet. Everything
 * between is the product's: its boot script, its restored Python, its session, its host. Frames go in where the browser
 * would bring them (`port.onmessage`, `socket.onmessage`) and are timed until they have gone out where the browser
 * would take them.
 *
 * Beside it, in the same worker and the same round, the same frames through plain JavaScript with
 * the platform's own base64.
 */

const FRAME_BYTES = 1920;
const LEAST_CALLS = 2000;
const BLOCK_MS = 15; // the clock has steps of up to a millisecond
const BLOCKS = 6; // in each round

const report = self.postMessage.bind(self);
const told = [];
const listeners = [];
const sockets = [];
const count = { sent: 0, characters: 0, recycled: 0, played: 0 };

/** Stands for the network. */
class FakeSocket {
  static OPEN = 1;
  readyState = 1;
  bufferedAmount = 0;
  constructor(url) {
    this.url = url;
    sockets.push(this);
  }
  send(data) {
    count.sent += 1;
    count.last = data;
    count.characters += data.length ?? data.byteLength;
  }
  close() {}
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 0));

async function until(holds, what) {
  for (let tries = 0; !holds(); tries++) {
    if (tries > 3000) throw new Error(`the worker did not come to ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

self.onmessage = ({ data }) => run(data).then(report, (error) => report({ error: `${error} ${error?.stack ?? ""}` }));

async function run({ config, asked }) {
  const call = await startCall(config);
  const rounds = Number(asked.rounds ?? 5);
  const figures = { encode: [], decode: [], encode_js: [], decode_js: [] };
  const ways = {
    encode: call.encode,
    encode_js: call.encodeInJs,
    decode: call.decode,
    decode_js: call.decodeInJs,
  };
  const calls = {};
  for (const [name, way] of Object.entries(ways)) {
    for (let i = 0; i < 4; i++) await time(way, LEAST_CALLS); // engines compile what is hot
    calls[name] = Math.max(LEAST_CALLS, Math.ceil((BLOCK_MS * 1000) / (await time(way, LEAST_CALLS))));
  }
  // One block of each after the other: whoever else uses the machine disturbs them alike.
  for (let block = 0; block < rounds * BLOCKS; block++) {
    for (const [name, way] of Object.entries(ways)) figures[name].push(await time(way, calls[name]));
  }
  if (!asked.frames) return figures;
  return { ...figures, ...(await soak(call, Number(asked.frames))) };
}

/** Microseconds per call. */
async function time(way, calls) {
  await pause(); // what was posted before arrives; not timed, for it is the other side's work
  const begin = performance.now();
  for (let i = 0; i < calls; i++) way(i);
  return ((performance.now() - begin) * 1000) / calls;
}

/** Many frames both ways, as in a long call: does anything grow, and does the collector ever hold up a frame? */
async function soak(call, frames) {
  const probe = self.pythonProbe.toJs({ dict_converter: Object.fromEntries });
  const together = async (some) => {
    for (let i = 0; i < some; i++) {
      call.encode(i);
      call.decode(i);
      if (i % 2 === 0) call.progress();
      if (i % 500 === 499) await pause();
    }
  };
  probe.begin();
  await together(2000); // caches and pools fill once, those of the probe as well
  probe.end();
  probe.begin();
  await together(frames);
  return { frames, ...JSON.parse(probe.end()) };
}

async function startCall(config) {
  self.WebSocket = FakeSocket;
  const timers = [];
  const plainTimeout = self.setTimeout;
  self.setTimeout = (run, delay, ...values) => {
    if (delay > 1000) timers.push(run);
    return plainTimeout.call(self, run, delay, ...values);
  };
  self.postMessage = (message) => {
    told.push(message);
    for (const listener of listeners) listener(message);
  };
  const plainFetch = self.fetch;
  self.fetch = async (request, options) => {
    if (options?.method !== "POST") return plainFetch.call(self, request, options);
    return new Response(JSON.stringify({ provider: "assemblyai", token: "bench", ws_url: "ws://bench.invalid/v1/ws" }));
  };
  await import(config.worker.url);
  const tell = (data) => self.onmessage({ data });
  tell({ type: "init", config });
  await until(() => told.some((it) => it.type === "dead" || it.stage === "ready"), "ready");
  const dead = told.find((it) => it.type === "dead");
  if (dead) throw new Error(dead.reason);
  const { way } = told.find((it) => it.stage === "ready");
  if (way !== "snapshot") throw new Error(`Python was started from ${way}: this is not what we ship`);

  const channel = new MessageChannel();
  channel.port2.onmessage = ({ data }) => {
    if (data.type !== "audio") return;
    count.played += data.pcm.byteLength;
    count.lastPlayed = data;
  };
  const capture = { onmessage: null, postMessage: () => (count.recycled += 1), close() {} };
  const ports = { capture, playback: channel.port1 };
  tell({ type: "connect", call: 1, voice: "", greeting: "", system_prompt: "", turn_style: "vad", ports });
  await until(() => sockets.length === 1, "a socket");
  const [socket] = sockets;
  socket.onopen();
  const hear = (message) => socket.onmessage({ data: JSON.stringify(message) });
  hear({ type: "session.ready", session_id: "sess_bench" });
  hear({ type: "reply.started", reply_id: "reply_bench", item_id: "item_bench" });
  const view = told.filter((it) => it.type === "view").at(-1).view;
  if (view.state !== "live") throw new Error(`the call is ${view.state}, not live`);

  // The session's own clocks, once, too early to mean anything: what is kept for the first of them is
  // not a frame's growth.
  self.setTimeout = plainTimeout;
  for (const run of timers) run();
  const frames = Array.from({ length: 50 }, (_, seed) => noise(seed));
  const texts = frames.map((frame) =>
    JSON.stringify({
      type: "reply.audio",
      reply_id: "reply_bench",
      item_id: "item_bench",
      data: new Uint8Array(frame).toBase64(),
    }),
  );
  const { port1: plainPort, port2: plainEnd } = new MessageChannel();
  plainEnd.onmessage = ({ data }) => (count.played += data.pcm.byteLength);
  let rendered = 0;
  const call = {
    encode: (i) => capture.onmessage({ data: frames[i % 50] }),
    decode: (i) => socket.onmessage({ data: texts[i % 50] }),
    encodeInJs: (i) =>
      socket.send(JSON.stringify({ type: "input.audio", audio: new Uint8Array(frames[i % 50]).toBase64() })),
    decodeInJs: (i) => {
      const { type, reply_id, data } = JSON.parse(texts[i % 50]);
      if (type !== "reply.audio") throw new Error("not audio");
      const { buffer } = Uint8Array.fromBase64(data);
      plainPort.postMessage({ type: "audio", item: reply_id, pcm: buffer }, [buffer]);
    },
    progress: () =>
      channel.port1.onmessage({
        data: { type: "progress", item: "reply_bench", rendered: (rendered += 960), queued: 960, underruns: 0 },
      }),
  };
  await check(call, frames);
  return call;
}

/** A bench of something that does not work measures nothing: what goes out must be what came in. */
async function check(call, frames) {
  const before = { ...count };
  for (let i = 0; i < 100; i++) call.encode(i);
  for (let i = 0; i < 100; i++) call.decode(i);
  // WebKit's messages may take longer than a timer of nothing.
  await until(
    () => count.played - before.played >= 100 * FRAME_BYTES && count.sent - before.sent >= 100,
    "sending and playing what it got",
  );
  const sent = count.sent - before.sent;
  const played = count.played - before.played;
  const characters = (count.characters - before.characters) / 100;
  if (sent !== 100 || count.recycled - before.recycled !== 100) throw new Error(`of 100 frames ${sent} were sent`);
  if (characters < (FRAME_BYTES * 4) / 3) throw new Error(`a frame left as ${characters} characters`);
  const { type, audio } = JSON.parse(count.last);
  const wanted = new Uint8Array(frames[49]).toBase64();
  if (type !== "input.audio" || audio !== wanted) throw new Error("a frame left as something else than it came");
  const { item, pcm } = count.lastPlayed;
  if (item !== "reply_bench" || new Uint8Array(pcm).toBase64() !== wanted)
    throw new Error("other samples are played than came");
  if (played !== 100 * FRAME_BYTES) throw new Error(`of ${100 * FRAME_BYTES} bytes ${played} were played`);
}

/** A frame of quiet noise, another one for each seed. */
function noise(seed) {
  const samples = new Int16Array(FRAME_BYTES / 2);
  let state = seed + 1;
  for (let i = 0; i < samples.length; i++) {
    state = (state * 48271) % 2147483647;
    samples[i] = (state % 12000) - 6000;
  }
  return samples.buffer;
}
