/** The transcript as a file: what is written in each form. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { asJson, asSrt, asText, asVtt } from "../../templates/static/transcript_file.js";

const turn = (role, text, more = {}) => ({
  id: text,
  role,
  text,
  final: true,
  interrupted: false,
  heard_ms: null,
  ...more,
});
const TURNS = [
  { turn: turn("agent", "Hi there!", { heard_ms: 900 }), who: "Agent", start_ms: 0, end_ms: 1234 },
  { turn: turn("user", "a < b & c --> d"), who: "You", start_ms: 61_005, end_ms: 61_010 },
  { turn: turn("agent", "One\n\nTwo", { interrupted: true }), who: "Agent", start_ms: 3_600_000, end_ms: 3_661_250 },
];

test("as text each turn is a line, and a cut one is seen to be cut", () => {
  assert.equal(asText(TURNS), "Agent: Hi there!\nYou: a < b & c --> d\nAgent: One\n\nTwo —\n");
});

test("as JSON nothing of a turn is lost", () => {
  const { turns } = JSON.parse(asJson(TURNS));
  assert.deepEqual(turns[0], {
    role: "agent",
    text: "Hi there!",
    interrupted: false,
    heard_ms: 900,
    start_ms: 0,
    end_ms: 1234,
  });
  assert.equal(turns[2].text, "One\n\nTwo");
  assert.equal(turns.length, 3);
});

test("subtitles are numbered, timed, long enough to be read, and no text can end one", () => {
  assert.equal(
    asSrt(TURNS),
    [
      "1\n00:00:00,000 --> 00:00:01,234\nAgent: Hi there!\n",
      "2\n00:01:01,005 --> 00:01:01,805\nYou: a < b & c → d\n",
      "3\n01:00:00,000 --> 01:01:01,250\nAgent: One\nTwo —\n",
    ].join("\n"),
  );
});

test("WebVTT has its heading, and markup in a text stays text", () => {
  const written = asVtt(TURNS);
  assert.ok(written.startsWith("WEBVTT\n\n00:00:00.000 --> 00:00:01.234\nAgent: Hi there!\n\n"));
  assert.ok(written.includes("You: a &lt; b &amp; c → d"));
});
