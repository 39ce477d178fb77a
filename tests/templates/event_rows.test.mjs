/** The event list's rows: both directions, sizes, audio folded, bounded. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { chosen, EventRows } from "../../templates/static/event_rows.js";

const lines = (...rows) => `${rows.map((row) => JSON.stringify(row)).join("\n")}\n`;
const received = (at_ms, data, out = []) => [at_ms, "MessageReceived", { socket_id: 1, data }, out];
const brief = ({ direction, type, bytes, count }) => [direction, type, bytes, count];

test("a message of each direction has its type, its size in bytes, and its text", () => {
  const it = new EventRows();
  const text = '{"type":"session.ready","ä":1}';
  it.add(
    lines([
      5,
      "SocketOpened",
      { socket_id: 1 },
      [
        ["SendMessage", 1, '{"type":"session.update"}'],
        ["Log", "<", "x"],
      ],
    ]),
  );
  it.add(lines(received(7, text, [["Log", "=", "configuring -> live"]]), received(8, "broken")));
  assert.deepEqual(it.rows.map(brief), [
    ["here", "SocketOpened", 0, 1],
    ["sent", "session.update", 25, 1],
    ["received", "session.ready", 31, 1],
    ["here", "configuring -> live", 0, 1],
    ["received", "text", 6, 1],
  ]);
  assert.deepEqual(
    it.rows.map(({ at_ms }) => at_ms),
    [5, 5, 7, 7, 8],
  );
  assert.equal(it.rows[2].text, text);
});

test("audio is one row for each direction, until something else happens", () => {
  const it = new EventRows();
  it.add(lines([1, "SessionReady", {}, [["StartCapture", { rate_hz: 24000, frame_samples: 960, pace: 1 }]]]));
  const audio = '{"type":"reply.audio","data":"(audio 6400 0 0)"}';
  it.add(lines(received(2, audio), [0, "played", [24000, 2]], [0, "sent", [25, 0]], received(3, audio)));
  it.add(lines([4, "AudioCaptured", { pcm: [1920, 0] }, [["SendMessage", 1, 2600]]]));
  it.add(lines(received(5, '{"type":"reply.done"}'), received(6, audio)));
  const [, first, sent, , second] = it.rows;
  assert.deepEqual(
    it.rows.map(({ direction, type, count }) => [direction, type, count]),
    [
      ["here", "SessionReady", 1],
      ["received", "reply.audio", 2],
      ["sent", "", 26],
      ["received", "reply.done", 1],
      ["received", "reply.audio", 1],
    ],
  );
  assert.equal(Math.round(first.audio_ms), 1200); // twice 100 ms, and a second on the fast path
  assert.equal(Math.round(sent.audio_ms), 26 * 40);
  assert.equal(second.bytes, audio.length - "(audio 6400 0 0)".length + 6400);
  assert.equal(sent.bytes, 25 * (2560 + 40) + 2600);
});

test("a wire of bytes is audio too", () => {
  const it = new EventRows();
  it.add(lines(received(1, [640, 0]), received(2, [640, -1])));
  assert.deepEqual(it.rows.map(brief), [["received", "", 1280, 2]]);
});

test("what comes all the time is no row, and rows and their texts are bounded", () => {
  const it = new EventRows();
  it.add(lines([1, "PlaybackProgressed", { item_id: "r" }], [2, "view", {}], [0, "item_of", ["r"]]));
  assert.deepEqual(it.rows, []);
  for (let n = 0; n < 1500; n++) it.add(lines(received(n, JSON.stringify({ type: `t${n}`, text: "y".repeat(9000) }))));
  assert.deepEqual([it.rows.length, it.rows[0].type], [1000, "t500"]);
  assert.ok(it.rows.every(({ text }) => text.length < 2010));
});

test("rows are chosen by direction and by a part of type or text", () => {
  const it = new EventRows();
  it.add(
    lines(
      [1, "ConnectRequested", {}, [["SendMessage", 1, '{"type":"a","text":"Wetter"}']]],
      received(2, '{"type":"B"}'),
    ),
  );
  const types = (directions, filter) => chosen(it.rows, directions, filter).map(({ type }) => type);
  assert.deepEqual(types("both", ""), ["a", "B"]);
  assert.deepEqual(types("all", ""), ["ConnectRequested", "a", "B"]);
  assert.deepEqual(types("both", " wetter "), ["a"]);
  assert.deepEqual(types("received", "b"), ["B"]);
});
