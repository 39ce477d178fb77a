/** Which notices take their leave when their fault is over, and what is listened to for that. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { watchForRecovery } from "../../templates/static/over.js";

/** @type {string[]} */
let kinds = [];
const devices = Object.assign(new EventTarget(), {
  listened: 0,
  enumerateDevices: async () => kinds.map((kind) => ({ kind })),
});
const listen = devices.addEventListener.bind(devices);
devices.addEventListener = (/** @type {Parameters<typeof listen>} */ ...words) => {
  devices.listened++;
  listen(...words);
};
const status = Object.assign(new EventTarget(), { state: "denied" });
let queries = 0;
const query = async () => {
  queries++;
  return status;
};
Object.defineProperty(globalThis, "navigator", { value: { mediaDevices: devices, permissions: { query } } });
const page = new EventTarget();
globalThis.addEventListener = page.addEventListener.bind(page);

const settled = () => new Promise((resolve) => setTimeout(resolve));
/** @type {RegExp[]} */
const over = [];
const noticed = watchForRecovery((codes) => void over.push(codes));
/** The notices that are over since the last look. */
const told = () => {
  const codes = ["token_offline", "mic_not_found", "mic_denied", "ended"];
  return over.splice(0).flatMap((pattern) => codes.filter((code) => pattern.test(code)));
};

test("a page that loads listens to no device and asks for no permission, whatever else it says", () => {
  for (const code of ["", "token_offline", "ended"]) noticed(code);
  assert.equal(queries, 0);
  for (const code of ["mic_denied", "mic_dismissed"]) noticed(code);
  assert.equal(queries, 1);
  assert.equal(devices.listened, 0);
});

test("a line that is back", () => {
  page.dispatchEvent(new Event("online"));
  assert.deepEqual(told(), ["token_offline"]);
});

test("a permission that is given", async () => {
  await settled();
  status.dispatchEvent(new Event("change"));
  assert.deepEqual(told(), []);
  status.state = "prompt";
  status.dispatchEvent(new Event("change"));
  assert.deepEqual(told(), ["mic_denied"]);
});

test("a microphone that is there, after one was missing, however often", async () => {
  for (let n = 0; n < 3; n++) noticed("mic_not_found");
  kinds = ["audiooutput"];
  devices.dispatchEvent(new Event("devicechange"));
  await settled();
  assert.deepEqual(told(), []);
  kinds = ["audiooutput", "audioinput"];
  devices.dispatchEvent(new Event("devicechange"));
  await settled();
  assert.deepEqual(told(), ["mic_not_found"]);
});
