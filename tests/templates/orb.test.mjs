/** The orb without a browser: which look each state has, when a frame is drawn, and in which colours. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Orb } from "../../templates/static/orb.js";
import { look } from "../../templates/static/orb_look.js";
import { EMPTY } from "../../templates/static/page_words.js";

const READY = { boot: { stage: "ready", percent: 100 }, opening: false, waiting: false };
const CUT = [{ id: "1", role: "agent", interrupted: true }];
const LIVE = { ...EMPTY, state: "live", activity: "listening" };
/** Every look, and what leads to it. */
const STATES = {
  loading: [EMPTY, { ...READY, boot: { stage: "runtime", percent: 40 } }],
  idle: [EMPTY, READY],
  permission: [EMPTY, { ...READY, opening: true }],
  connecting: [{ ...EMPTY, state: "minting" }, READY],
  listening: [LIVE, READY],
  hearing: [{ ...LIVE, activity: "user_speaking" }, READY],
  muted: [{ ...LIVE, muted: true }, READY],
  paused: [{ ...LIVE, activity: "agent_speaking", muted: true, paused: true }, READY],
  thinking: [{ ...LIVE, activity: "tool_pending" }, READY],
  speaking: [{ ...LIVE, activity: "agent_speaking", turns: CUT }, READY],
  interrupted: [{ ...LIVE, activity: "user_speaking", turns: CUT }, READY],
  reconnecting: [{ ...EMPTY, state: "dropped" }, READY],
  failed: [{ ...EMPTY, state: "failed" }, READY],
  ended: [{ ...EMPTY, state: "ended" }, READY],
};
const LOUD = new Float32Array(12).fill(0.1);

/** @type {FrameRequestCallback[]} */
let frames;
let now_ms;
let calm;
let strokes;

beforeEach(() => {
  [frames, now_ms, calm, strokes] = [[], 0, false, []];
  Object.assign(globalThis, {
    matchMedia: (query) => ({ matches: calm && query.includes("motion"), addEventListener() {} }),
    getComputedStyle: () => ({ getPropertyValue: (name) => ` ${name}` }),
    ResizeObserver: class {
      observe() {}
    },
    requestAnimationFrame: (callback) => frames.push(callback),
    Path2D: class {},
  });
});

/** Notes what is painted: the colour, and where the line went. */
function pen() {
  let path = [];
  const it = { beginPath: () => (path = []) };
  for (const name of ["moveTo", "lineTo", "quadraticCurveTo", "arc"])
    it[name] = (...values) => path.push(...values.map((value) => value.toFixed(3)));
  for (const name of ["fill", "stroke"])
    it[name] = () => strokes.push([it[`${name}Style`], path.join(" "), it.globalAlpha]);
  const known = (_, name) => it[name] ?? (() => {});
  return new Proxy(it, { get: known });
}

function orb(state = "listening") {
  const made = new Orb({ getContext: pen, clientWidth: 200, dataset: {} });
  made.show(...STATES[state]);
  return made;
}

/** Let some milliseconds pass. @returns {number} how many frames were drawn meanwhile */
function pass(length_ms) {
  let drawn = 0;
  for (const until_ms = now_ms + length_ms; now_ms < until_ms; now_ms += 16) {
    for (const frame of frames.splice(0)) {
      const before = strokes;
      strokes = [];
      frame(now_ms);
      if (strokes.length) drawn += 1;
      else strokes = before;
    }
  }
  return drawn;
}

const coloured = () => strokes.filter(([colour]) => /-(user|agent)$/.test(colour)).map(([colour]) => colour);

test("each state looks like what it is, and no two alike", () => {
  const looks = Object.entries(STATES).map(([name, [view, page]]) => {
    const { name: found, ...drawn } = look(view, page);
    assert.equal(found, name);
    return [name, JSON.stringify(drawn)];
  });
  // A voice is what tells these from each other, not a form.
  const alike = ["hearing", "listening", "idle"];
  const seen = looks.filter(([name]) => !alike.slice(1).includes(name)).map(([, drawn]) => drawn);
  assert.equal(new Set(seen).size, seen.length);
});

test("a start that failed looks so although Python never said a word", () => {
  assert.equal(look(EMPTY, { ...READY, boot: { stage: "failed" } }).name, "failed");
  assert.equal(look({ ...EMPTY, state: "failed" }, { ...READY, waiting: true }).name, "connecting");
});

test("nobody speaks: no colour, and no frame is drawn for ever", () => {
  orb();
  assert.ok(pass(200) > 0);
  assert.deepEqual(coloured(), []);
  assert.equal(pass(2000), 0);
});

test("who speaks has their colour and a form of their own, and silence ends both", () => {
  for (const who of ["user", "agent"]) {
    const it = orb("speaking");
    for (let n = 0; n < 10; n++) {
      it.hear(who, LOUD);
      pass(50);
    }
    assert.ok(coloured().length > 0 && coloured().every((colour) => colour === `--parley-${who}`), who);
    it.hear(who);
    pass(3000);
    assert.deepEqual(coloured(), []);
    assert.equal(pass(1000), 0);
  }
});

test("a form stands out where its spectrum does, and another spectrum is another form", () => {
  const forms = [0, 9].map((band) => {
    const it = orb("speaking");
    for (let n = 0; n < 10; n++) {
      it.phase = 0;
      it.hear(
        "agent",
        Float32Array.from(LOUD, (level, at) => (at === band ? level : 0)),
      );
      pass(50);
    }
    it.phase = 0;
    strokes = [];
    it.spin = 0;
    it.draw();
    const path = strokes
      .findLast(([colour]) => colour === "--parley-agent")[1]
      .split(" ")
      .map(Number);
    return path
      .slice(0, -1)
      .map((x, at) => Math.hypot(x, path[at + 1]))
      .filter((_, at) => at % 2 === 0);
  });
  for (const radii of forms) assert.ok(Math.max(...radii) > Math.min(...radii) + 3);
  const furthest = forms.map((radii) => radii.indexOf(Math.max(...radii)));
  assert.notEqual(furthest[0], furthest[1]);
});

test("of a screen that shows sixty frames a second every other one is drawn", () => {
  orb("thinking");
  const drawn = pass(3200);
  assert.ok(drawn > 60 && drawn <= 101, String(drawn));
});

test("where motion is not wanted nothing moves, and colour still says who speaks", () => {
  calm = true;
  for (const state of ["thinking", "permission", "reconnecting"]) {
    orb(state);
    pass(100);
    assert.equal(pass(1000), 0, state);
  }
  const it = orb("speaking");
  it.hear("agent", LOUD);
  pass(500);
  const first = JSON.stringify(strokes);
  assert.deepEqual(coloured(), ["--parley-agent"]);
  it.hear(
    "agent",
    LOUD.map((level, band) => level * (band % 3)),
  );
  pass(500);
  assert.equal(JSON.stringify(strokes), first);
});

test("a quiet room is no voice", () => {
  const it = orb();
  pass(500);
  it.hear("user", new Float32Array(12).fill(0.0004));
  assert.equal(pass(1000), 0);
});
