/** The screen stays on in a call: which lock is taken and given back, and what a browser without one does. */

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { awakeAgain, keepAwake } from "../../templates/static/wake_lock.js";

let held = 0;
let asked = 0;
/** What the browser answers. @type {() => Promise<unknown>} */
let answer;

Object.defineProperty(globalThis, "navigator", { value: { wakeLock: { request: () => answer() } } });
globalThis.document = { visibilityState: "visible", documentElement: { dataset: {} } };
globalThis.window = { parent: null };
window.parent = window;

const grants = async () => {
  asked += 1;
  held += 1;
  return { release: async () => (held -= 1) };
};
const settled = () => new Promise((resolve) => setTimeout(resolve));

afterEach(async () => {
  keepAwake(false);
  await settled();
  held = asked = 0;
});

test("one lock for a call, however often it is drawn, and none after it", async () => {
  answer = grants;
  for (let n = 0; n < 3; n++) keepAwake(true);
  await settled();
  assert.equal(held, 1);
  keepAwake(false);
  await settled();
  assert.equal(held, 0);
});

test("a frame that may not have one does not ask", async () => {
  answer = grants;
  document.permissionsPolicy = { allowsFeature: (name) => name !== "screen-wake-lock" };
  keepAwake(true);
  await settled();
  assert.equal(asked, 0);
  delete document.permissionsPolicy;
});

test("in a browser that tells nothing of rights only the frame of the tag asks", async () => {
  answer = grants;
  window.parent = {};
  keepAwake(true);
  await settled();
  assert.equal(asked, 0);
  keepAwake(false);
  document.documentElement.dataset.embed = "";
  keepAwake(true);
  await settled();
  assert.equal(asked, 1);
  delete document.documentElement.dataset.embed;
  window.parent = window;
});

test("who hangs up before it is granted keeps none", async () => {
  answer = grants;
  keepAwake(true);
  keepAwake(false);
  await settled();
  assert.equal(held, 0);
});

test("a page that was hidden takes it anew when it is seen in a call, and only then", async () => {
  answer = grants;
  awakeAgain();
  await settled();
  assert.equal(asked, 0);
  keepAwake(true);
  await settled();
  held = 0; // the browser took it back
  document.visibilityState = "hidden";
  awakeAgain();
  await settled();
  assert.equal(held, 0);
  document.visibilityState = "visible";
  awakeAgain();
  await settled();
  assert.equal(held, 1);
});

test("a browser that refuses changes nothing", async () => {
  answer = () => Promise.reject(new Error("battery"));
  keepAwake(true);
  await settled();
  assert.equal(held, 0);
});
