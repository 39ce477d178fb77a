/** The session bundle: the zip file, the recording's bound, both voices, and what the page itself adds. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { Recording } from "../../templates/static/recording.js";
import { bundle, linesOf, wav } from "../../templates/static/session_bundle.js";
import { Track, VoiceRecording } from "../../templates/static/voice_recording.js";
import { zip } from "../../templates/static/zip.js";

const PYTHON = process.env.PARLEY_PYTHON ?? "python3";

/** What Python's zipfile, which is none of ours, finds in it. @param {Blob} blob */
async function unzipped(blob) {
  const path = join(mkdtempSync(join(tmpdir(), "zip-")), "a.zip");
  writeFileSync(path, Buffer.from(await blob.arrayBuffer()));
  const program = `
import base64, json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    assert archive.testzip() is None
    print(json.dumps({it.filename: [base64.b64encode(archive.read(it)).decode(), it.compress_type, it.date_time] for it in archive.infolist()}))`;
  const found = JSON.parse(execFileSync(PYTHON, ["-c", program, path], { encoding: "utf8" }));
  return Object.fromEntries(
    Object.entries(found).map(([name, [content, method, date]]) => [
      name,
      { content: Buffer.from(content, "base64"), method, date },
    ]),
  );
}

test("a zip file is read by others, byte for byte, compressed or not", async () => {
  const bytes = Uint8Array.from({ length: 70_000 }, (_, n) => (n * 7919) & 255);
  const files = { "ä.txt": "Grüße\n".repeat(500), empty: "", "a.bin": bytes };
  const now = new Date(2026, 10, 29, 12, 34, 56);
  const compressed = await unzipped(await zip(files, now));
  const { CompressionStream } = globalThis;
  delete globalThis.CompressionStream;
  const stored = await unzipped(await zip(files, now));
  globalThis.CompressionStream = CompressionStream;
  for (const found of [compressed, stored]) {
    assert.deepEqual(Object.keys(found), Object.keys(files));
    assert.equal(found["ä.txt"].content.toString(), files["ä.txt"]);
    assert.equal(found.empty.content.length, 0);
    assert.deepEqual(new Uint8Array(found["a.bin"].content), bytes);
    assert.deepEqual(found.empty.date, [2026, 11, 29, 12, 34, 56]);
  }
  assert.deepEqual([compressed["ä.txt"].method, stored["ä.txt"].method], [8, 0]);
});

test("a recording without end keeps its beginning and its newest, and says where the gap is", () => {
  const it = new Recording();
  const batch = (/** @type {number} */ n) => `[${n},"x",${JSON.stringify("y".repeat(99_000))}]\n`;
  for (let n = 0; n < 500; n++) it.add(batch(n));
  const lines = linesOf(it)
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const gap = lines.findIndex(([, kind]) => kind === "gap");
  assert.ok(linesOf(it).length < 35_000_000);
  assert.deepEqual(
    lines.slice(0, gap).map(([n]) => n),
    Array.from({ length: gap }, (_, n) => n),
  );
  assert.equal(lines.at(-1)[0], 499);
  assert.ok(gap > 100 && lines.length - gap === 201);
  const short = new Recording();
  short.add(batch(1));
  assert.equal(linesOf(short), batch(1));
});

const tone = (/** @type {number} */ length, value = 1) => new Int16Array(length).fill(value);

test("a voice is laid out as it was spoken: joined where it came late, apart where nobody spoke", () => {
  const track = new Track(1000);
  track.add(tone(100, 1), 5000);
  track.add(tone(100, 2), 5130); // 30 ms late
  track.add(tone(100, 3), 6000);
  const samples = [...new Int16Array(track.laidOut(5000))];
  assert.deepEqual(
    [samples[99], samples[100], samples[199], samples[200], samples[999], samples[1000]],
    [1, 2, 2, 0, 0, 3],
  );
  assert.equal(samples.length, 1100);
});

test("what a flush drops of the agent's voice is not in it, and both begin at the same moment", () => {
  let now_ms = 1000;
  const rates = { capture: 1000, playback: 2000 };
  const it = new VoiceRecording(rates, () => now_ms);
  it.captured(tone(100).buffer);
  it.played(new Uint8Array(tone(4000).buffer)); // two seconds at once
  now_ms = 1500;
  it.flushed();
  now_ms = 2000;
  it.played(new Uint8Array(tone(200, 7).buffer));
  const { you, agent } = it.both();
  const samples = [...new Int16Array(agent.pcm)];
  assert.equal(new Int16Array(you.pcm).length, 100);
  // The person's began 100 ms before.
  assert.deepEqual(
    [samples[199], samples[200], samples[1199], samples[1200], samples[2199], samples[2200]],
    [0, 1, 1, 0, 0, 7],
  );
  assert.equal(samples.length, 2400);
  rates.playback = 500;
  it.played(new Uint8Array(tone(50).buffer));
  assert.deepEqual([it.both().agent.rate_hz, new Int16Array(it.both().agent.pcm).length > 50], [500, true]);
});

test("no more than five minutes of a voice are kept", () => {
  const track = new Track(10);
  for (let n = 0; n < 1000; n++) track.add(tone(10), n * 1000);
  assert.equal(track.pieces.length, 300);
});

test("a bundle has what Python told last, no voice that nobody asked for, and no key that somebody wrote", async () => {
  Object.defineProperty(globalThis, "navigator", { value: { userAgent: "Node", onLine: true }, configurable: true });
  Object.assign(globalThis, {
    location: { origin: "https://a.test", pathname: "/x", search: "?key=hidden" },
    screen: { width: 1, height: 1 },
    document: { hidden: false },
    self: globalThis,
    top: globalThis,
    innerWidth: 1,
    innerHeight: 1,
    devicePixelRatio: 1,
    isSecureContext: true,
  });
  const recording = new Recording();
  recording.add('[0,"start",{}]\n');
  const sent = [];
  const turn = { id: "1", role: "user", text: "it is sk-ABCDEFGHIJKLMNOPQRST", final: true };
  const voice = { rate_hz: 8000, pcm: tone(3).buffer };
  const voices = { onVoices: (/** @type {unknown} */ _) => {} };
  const source = {
    recording,
    voices,
    history: { delays: [], spans: [], marks: [] },
    facts: () => ({ State: "live" }),
    turns: () => [{ turn, who: "You", start_ms: 1, end_ms: 2 }],
    client: "parley.whl",
    send: (/** @type {{type: string}} */ message) => {
      sent.push(message);
      if (message.type === "record") queueMicrotask(() => recording.add('[9,"view",{}]\n'));
      else
        queueMicrotask(() =>
          voices.onVoices({ type: "voices", recording: true, voices: { you: voice, agent: voice } }),
        );
    },
  };
  const plain = await unzipped(await bundle(source, new Date(), false));
  assert.deepEqual(Object.keys(plain), [
    "about.json",
    "events.jsonl",
    "transcript.json",
    "figures.json",
    "browser.json",
  ]);
  assert.equal(plain["events.jsonl"].content.toString(), '[0,"start",{}]\n[9,"view",{}]\n');
  assert.equal(JSON.parse(plain["transcript.json"].content.toString())[0].text, "it is (secret)");
  assert.equal(JSON.parse(plain["about.json"].content.toString()).page, "https://a.test/x");
  assert.deepEqual(sent, [{ type: "record", whole: true }]);
  const whole = await unzipped(await bundle(source, new Date(), true));
  assert.deepEqual(whole["you.wav"].content, Buffer.from(wav(voice)));
  assert.deepEqual(sent.at(-1), { type: "voices", keep: null });
});

test("a wave file says its rate and its length", () => {
  const view = new DataView(wav({ rate_hz: 16_000, pcm: tone(5).buffer }).buffer);
  assert.deepEqual([view.getUint32(24, true), view.getUint32(4, true), view.getUint32(40, true)], [16_000, 46, 10]);
});
