/**
 * What Diagnostics remembers of a call: levels on one clock, activities, events and delays, and no more than it may.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { History, KEPT_MS, percentile } from "../../templates/static/history.js";

const view = (activity, stats = {}, state = "live") => ({ state, activity, stats });

test("both voices are on one clock, and what is older than three minutes is forgotten", () => {
  const it = new History();
  it.heard("user", { rms: 1 }, 1000);
  it.heard("agent", { rms: 0.1 }, 1020);
  assert.equal(it.level("user", 1010), 1);
  assert.ok(Math.abs(it.level("agent", 1010) - 2 / 3) < 0.01);
  assert.equal(it.level("user", 1060), 0);
  it.heard("user", { rms: 0.5 }, 1000 + KEPT_MS);
  assert.equal(it.level("agent", 1010), 0);
  assert.equal(it.level("user", 1010), 0);
});

test("a gap in what was told is silence, also where it is longer than all that is kept", () => {
  const it = new History();
  it.heard("user", { rms: 1 }, 1000);
  it.heard("user", { rms: 1 }, 1200);
  assert.equal(it.level("user", 1100), 0);
  it.heard("agent", { rms: 1 }, 1200 + KEPT_MS + 500);
  assert.equal(it.level("user", 1200 + KEPT_MS), 0);
  it.heard("agent", { rms: 1 }, 3 * KEPT_MS);
  assert.equal(it.level("user", 3 * KEPT_MS - 100), 0);
  assert.equal(it.level("agent", 3 * KEPT_MS), 1);
});

test("what waits to be played is on the same clock", () => {
  const it = new History();
  it.heard("agent", { rms: 0, queued_ms: 250 }, 1000);
  it.heard("user", { rms: 0 }, 1010);
  it.heard("agent", { rms: 0, queued_ms: 1e9 }, 1100);
  assert.deepEqual(
    [1000, 1060, 1110, 1160].map((at_ms) => it.waited(at_ms)),
    [250, 0, 65_535, 0],
  );
  it.heard("user", { rms: 0 }, 1050 + KEPT_MS);
  assert.equal(it.waited(1010), 0);
});

test("each activity is a span, and each counter that grows is a mark", () => {
  const it = new History();
  it.saw(view("listening", { ducks: 0 }), 10);
  it.saw(view("user_speaking", { ducks: 1, interruptions: 1 }), 20);
  it.saw(view("user_speaking", { ducks: 1, interruptions: 1 }), 30);
  it.saw(view("none", {}, "dropped"), 40); // a new call counts from zero
  it.saw(view("none", { ducks: 1 }, "dropped"), 50);
  assert.deepEqual(
    it.spans.map(({ name, start_ms, end_ms }) => [name, start_ms, end_ms]),
    [
      ["listening", 10, 20],
      ["user_speaking", 20, 40],
      ["dropped", 40, null],
    ],
  );
  assert.deepEqual(
    it.marks.map(({ kind, at_ms }) => [kind, at_ms]),
    [
      ["interruption", 20],
      ["duck", 20],
      ["duck", 50],
    ],
  );
});

test("each answer has its delay once", () => {
  const it = new History();
  const answered = { speech_end_to_first_sound_ms: 700, commit_to_first_sound_ms: 200 };
  it.saw(view("listening", { speech_end_to_first_sound_ms: null, commit_to_first_sound_ms: null }), 0);
  it.saw(view("agent_speaking", answered), 1000);
  it.saw(view("listening", answered), 2000);
  it.saw(view("agent_speaking", { ...answered, speech_end_to_first_sound_ms: 900 }), 3000);
  assert.deepEqual(
    it.delays.map(({ heard_ms, known_ms }) => [heard_ms, known_ms]),
    [
      [700, 200],
      [900, 200],
    ],
  );
});

test("a call of hours is bounded", () => {
  const it = new History();
  for (let n = 0; n < 3000; n++) {
    const stats = { ducks: n, speech_end_to_first_sound_ms: n };
    it.saw(view(n % 2 ? "listening" : "thinking", stats), n);
  }
  for (const list of [it.spans, it.marks, it.delays]) assert.equal(list.length, 500);
});

test("percentiles are values that were measured", () => {
  assert.equal(percentile([], 0.5), null);
  assert.equal(percentile([3], 0.95), 3);
  const hundred = Array.from({ length: 100 }, (_, n) => 100 - n);
  assert.equal(percentile(hundred, 0.5), 50);
  assert.equal(percentile(hundred, 0.95), 95);
});
