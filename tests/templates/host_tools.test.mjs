/** When the agent's tools are imported, and what becomes of a page whose tools cannot be. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Host } from "../../templates/static/host.js";

/** A host with a client that says what it is told. */
function hostWith({ fault = null } = {}) {
  const told = [];
  const died = [];
  const host = new Host(
    { globals: {} },
    () => {},
    (error) => died.push(error),
  );
  host.client = {
    load_tools() {
      told.push("load_tools");
      if (fault) throw fault;
    },
    ping: () => told.push("ping"),
    intent: (text) => told.push(JSON.parse(text).type),
  };
  host.hasToolsToLoad = true;
  return { host, told, died };
}

test("tools are imported before the first call, and once", () => {
  const { host, told } = hostWith();
  host.intent({ type: "ping" });
  host.intent({ type: "configure", settings: {} });
  host.intent({ type: "connect", call: 1 });
  host.loadTools();
  host.intent({ type: "connect", call: 2 });
  assert.deepEqual(told, ["ping", "configure", "load_tools", "connect", "connect"]);
});

test("a recording names them too, and a page without tools imports none", () => {
  const { host, told } = hostWith();
  host.intent({ type: "record", whole: true });
  assert.deepEqual(told, ["load_tools", "record"]);
  const without = hostWith();
  without.host.hasToolsToLoad = false;
  without.host.intent({ type: "connect", call: 1 });
  without.host.loadTools();
  assert.deepEqual(without.told, ["connect"]);
});

test("tools that cannot be imported end the session, in their own words, and no call begins", () => {
  const fault = new Error('File "/home/pyodide/agent_tools.py", line 2\nZeroDivisionError: division by zero');
  const { host, told, died } = hostWith({ fault });
  host.intent({ type: "connect", call: 1 });
  host.intent({ type: "connect", call: 2 });
  assert.deepEqual(told, ["load_tools"]);
  assert.deepEqual(died, [fault]);
});
