/** What the sound check says of what was seen: levels of a microphone, and answers of whoever is at the address. */

import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.parleyGuard = { config: { texts: {} } }; // a text is its key then
const { Ear, factsUrl, ofFault, ofServer } = await import("../../templates/static/sound_check_words.js");

const words = { silent: true, denied: true, unknown: true };
const heard = (...levels) => {
  const ear = new Ear();
  for (const rms of levels) ear.hear({ rms });
  return ear;
};

test("words are sound, a click is not, and exact zeros are a microphone that is off", () => {
  const spoken = heard(0, 0.05, 0.05, 0.001, 0.05, 0.05);
  assert.ok(spoken.heard);
  assert.deepEqual(spoken.said(words, "Headset"), { tone: "good", text: "check.sound_comes" });
  const clicked = heard(0.0003, 0.3, 0.3, 0.0003);
  assert.ok(!clicked.heard);
  assert.deepEqual(clicked.said(words, "Headset"), { tone: "warn", text: "check.quiet" });
  const off = heard(0, 0, 0, 0, 0);
  assert.ok(!off.heard);
  assert.deepEqual(off.said(words, "Headset"), {
    tone: "error",
    text: "notice.mic_silent.title. notice.mic_silent.hint",
  });
});

test("a fault has the words that it has in a call", () => {
  assert.equal(ofFault(words, "denied").text, "notice.mic_denied.title. notice.mic_denied.hint");
  assert.match(ofFault(words, "strange", "why").text, /^notice.mic_unknown.title. notice.mic_unknown.hint/);
});

test("only an address that is ours is asked, and never the one that gives tokens", () => {
  const at = (given) => factsUrl(given, "https://page.example/voice/");
  assert.equal(at("/api/token"), "https://page.example/api/config");
  assert.equal(at("https://server.example/voice/api/token?key=1"), "https://server.example/voice/api/config");
  assert.equal(at("/api/token/"), null);
  assert.equal(at("/mint"), null);
  assert.equal(at("https://server.example/api/voice-token"), null);
});

test("an answer means what it says, and one that is not ours means nothing", () => {
  const facts = (more) =>
    JSON.stringify({ provider: "a", providers: [{ name: "a", ready: true }, { name: "b" }], ...more });
  const told = (status, text, provider = "a") => {
    const said = ofServer({ status, text }, provider);
    return `${said.tone}: ${said.text.split(".").slice(0, 2).join(".")}`;
  };
  assert.equal(told(200, facts()), "good: check.ready");
  assert.equal(told(200, facts(), "b"), "error: notice.token_500");
  assert.equal(told(200, facts(), "c"), "error: notice.token_404");
  assert.equal(told(403, '{"error": {"code": "forbidden_host"}}'), "error: notice.token_forbidden_host");
  for (const [status, text] of [
    [200, "<!doctype html>"],
    [200, "null"],
    [200, '{"providers": 5}'],
    [404, "<h1>Not found</h1>"],
    [404, facts()],
    [502, ""],
  ])
    assert.equal(told(status, text), "warn: check.unclear", `${status} ${text}`);
  assert.equal(told(200, '{"providers": [null, 7]}'), "error: notice.token_404");
  assert.equal(told(0, "offline"), "error: notice.token_offline");
  assert.equal(told(0, "policy"), "error: notice.token_policy");
  assert.equal(told(0, "redirected"), "error: notice.token_redirected");
  assert.equal(told(0, "TypeError"), "error: notice.token_unreachable");
  assert.equal(told(0, "unreadable"), "error: check.unreadable");
});

test("what the server lacks is named where it is the service of this page, and cut to a sentence", () => {
  globalThis.parleyGuard.config.texts["notice.server_says"] = "<{detail}>";
  const said = (provider) =>
    ofServer(
      {
        status: 200,
        text: JSON.stringify({ provider: "a", missing: "K".repeat(999), providers: [{ name: "a" }, { name: "b" }] }),
      },
      provider,
    ).text;
  assert.match(said("a"), /<K{200}>$/);
  assert.doesNotMatch(said("b"), /K/);
});
