/**
 * The page's link to the worker: `worker_link.js` with stand-ins for the worker, the clock and the
 * host. Run by test_page_scripts.py.
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mock, test } from "node:test";

const SCRIPT = new TextEncoder().encode("the worker's script");
const URL_OF_WORKER = "https://page.example/assets/worker.js";

async function described() {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", SCRIPT));
  const sha256 = [btoa(String.fromCharCode(...digest))];
  return { url: URL_OF_WORKER, bytes: SCRIPT.length, part_bytes: 1 << 20, sha256, crc32: crc32(SCRIPT) };
}

/** As in RFC 1952, bit by bit: another way than that of the page. */
function crc32(data) {
  let sum = 0xffffffff;
  for (const byte of data) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return ~sum >>> 0;
}

class FakeWorker {
  constructor() {
    Object.assign(this, { sent: [], ended: false, onmessage: null, onerror: null });
  }
  postMessage(message) {
    this.sent.push(message);
  }
  terminate() {
    this.ended = true;
  }
  says(data) {
    this.onmessage?.(new MessageEvent("message", { data }));
  }
}

class FakeErrorEvent extends Event {
  constructor(message) {
    super("error", { cancelable: true });
    this.message = message;
  }
}

const started = [];
const diagnosed = { kind: "missing", detail: "gone" };
const page = { boot: { worker: await described() } };
globalThis.location = { href: "https://page.example/" };
globalThis.document = { getElementById: () => ({ textContent: "{}" }), baseURI: "https://page.example/" };
globalThis.parleyGuard = { diagnose: async () => diagnosed };
const first = { worker: new FakeWorker(), said: [] };
globalThis.parleyAhead = {
  config: page,
  first,
  startWorker(settings) {
    started.push({ settings, worker: new FakeWorker() });
    return started.at(-1).worker;
  },
};
let served = SCRIPT;
const asked = [];
globalThis.fetch = async (url, { cache, integrity }) => {
  asked.push([url, cache]);
  // As browsers compare it.
  const digest = createHash("sha256").update(served).digest("base64");
  if (integrity && integrity !== `sha256-${digest}`) throw new TypeError("Failed to fetch");
  return new Response(served);
};

mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
let now_ms = 0;
performance.now = () => now_ms;
const { WorkerLink } = await import("../../templates/static/worker_link.js");

/** Digests are made on another thread: as long as one is under way, nothing is settled. */
let digesting = 0;
const plainDigest = crypto.subtle.digest.bind(crypto.subtle);
crypto.subtle.digest = (...given) => {
  digesting += 1;
  return plainDigest(...given).finally(() => (digesting -= 1));
};

/** Everything that waits for promises has come to its end. */
async function settled() {
  for (let quiet = 0; quiet < 20; quiet = digesting > 0 ? 0 : quiet + 1)
    await new Promise((done) => setImmediate(done));
}

function passes(ms) {
  now_ms += ms;
  mock.timers.tick(ms);
}

async function linked({ said = [], serve = SCRIPT } = {}) {
  served = serve;
  first.worker = new FakeWorker();
  first.said = said;
  const told = [];
  const link = new WorkerLink(
    { provider: "any" },
    (message) => told.push(message),
    (...why) => told.push(why),
  );
  await settled();
  return { link, told, worker: first.worker };
}

const READY = { type: "boot", stage: "ready", percent: 100 };
const STAGE = { type: "boot", stage: "python", percent: 50 };

test("what the worker said before anybody listened is heard, in its order", async () => {
  const said = [STAGE, READY].map((data) => new MessageEvent("message", { data }));
  const { told, link } = await linked({ said });
  assert.deepEqual(told, [STAGE, READY]);
  assert.equal(link.ready, true);
});

test("a worker is believed to be ready only when its script is what was built", async () => {
  const { told, link, worker } = await linked();
  link.adopt(worker); // as it was before its script was looked at
  worker.says(READY);
  assert.deepEqual(told, []);
  await settled();
  assert.deepEqual(told, [READY]);
});

test("a wrong copy in the browser's cache is replaced, and the worker started anew", async () => {
  served = new TextEncoder().encode("the worker's other!");
  asked.length = 0;
  const plain = globalThis.fetch;
  globalThis.fetch = async (url, options) => {
    if (options.cache === "reload") served = SCRIPT;
    return plain(url, options);
  };
  const before = started.length;
  const { worker } = await linked({ serve: served });
  globalThis.fetch = plain;
  assert.deepEqual(asked.slice(0, 3), [
    [URL_OF_WORKER, undefined],
    [URL_OF_WORKER, "default"],
    [URL_OF_WORKER, "reload"],
  ]);
  assert.equal(worker.ended, true);
  assert.equal(started.length, before + 1);
  assert.deepEqual(started.at(-1).settings, { provider: "any" });
});

test("a browser that refuses the right script again and again does not start it for ever", async () => {
  const plain = globalThis.fetch;
  globalThis.fetch = async (url, options) => {
    if (options.integrity && refusals++ < 9) throw new TypeError("Failed to fetch");
    return plain(url, options);
  };
  let refusals = 0;
  const before = started.length;
  const { link, told } = await linked();
  globalThis.fetch = plain;
  assert.ok(started.length <= before + 1);
  link.worker.says(READY);
  assert.deepEqual(told, [READY]);
});

test("a script that stays wrong is told, and nothing is asked of that worker", async () => {
  const { told, worker } = await linked({ serve: new TextEncoder().encode("another script here") });
  assert.deepEqual(told, [["the worker's script is damaged", "damaged", URL_OF_WORKER]]);
  assert.equal(worker.ended, true);
  worker.says(READY);
  assert.equal(told.length, 1);
});

test("a worker says itself that Python is dead", async () => {
  const { told, worker, link } = await linked();
  worker.says({ type: "dead", reason: "Out of memory", kind: "python", what: "tools.py" });
  assert.deepEqual(told, [["Out of memory", "python", "tools.py"]]);
  assert.deepEqual([worker.ended, link.ready], [true, false]);
});

test("one that vanishes misses its heartbeat, one that answers does not", async () => {
  const { told, worker } = await linked();
  passes(60_000);
  assert.deepEqual(worker.sent, [], "nobody asks before it is ready");
  worker.says(READY);
  passes(3_000);
  assert.deepEqual(worker.sent, [{ type: "ping" }]);
  worker.says({ type: "pong" });
  passes(3_000);
  assert.equal(worker.sent.length, 2);
  told.length = 0;
  for (let n = 0; n < 6; n++) passes(3_000);
  assert.deepEqual(told, [], "a page that is busy for a while is no death");
  passes(3_000);
  assert.deepEqual(told, [["no heartbeat", "unknown", null]]);
});

test("a page that slept does not take a worker that slept too for dead", async () => {
  const { told, worker } = await linked();
  worker.says(READY);
  passes(3_000);
  told.length = 0;
  now_ms += 600_000; // ten minutes in which no timer ran
  passes(3_000);
  assert.deepEqual(told, []);
  worker.says({ type: "pong" });
  passes(3_000);
  assert.equal(worker.sent.length, 2, "and asks it again as before");
  for (let n = 0; n < 7; n++) passes(3_000);
  assert.deepEqual(told, [["no heartbeat", "unknown", null]], "one that does not wake up is dead");
});

test("one that says nothing at first is looked for, with patience where its script is there", async () => {
  const { told } = await linked();
  diagnosed.kind = "unknown";
  passes(4_000);
  await settled();
  assert.deepEqual(told, []);
  diagnosed.kind = "mistyped";
  passes(4_000);
  await settled();
  assert.deepEqual(told, [["gone", "mistyped", URL_OF_WORKER]]);
});

test("the first word ends the looking", async () => {
  const { told, worker } = await linked();
  worker.says(STAGE);
  passes(4_000);
  await settled();
  assert.deepEqual(told, [STAGE]);
});

test("an error with words is told in them, one without is looked into", async () => {
  const loud = await linked();
  loud.worker.onerror(new FakeErrorEvent("x is not defined"));
  assert.deepEqual(loud.told, [["x is not defined", "unknown", null]]);
  const silent = await linked();
  diagnosed.kind = "refused";
  silent.worker.onerror(new FakeErrorEvent(""));
  await settled();
  assert.deepEqual(silent.told, [["gone", "refused", URL_OF_WORKER]]);
});

test("what a worker of before has to say is nobody's any more", async () => {
  const { told, worker, link } = await linked();
  const { onmessage } = worker;
  link.start();
  await settled();
  assert.equal(worker.ended, true);
  told.length = 0;
  link.worker.says(STAGE);
  assert.deepEqual(told, [STAGE]);
  assert.ok(onmessage);
});
