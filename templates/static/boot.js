/**
 * The worker: loads the Python runtime, says how far it is, keeps what arrives meanwhile, then hands everything to Python
 * (`pyclient.browser`). A failure that Python cannot survive is told to the page as `dead`.
 */

import { Ahead } from "./ahead.js";
import { Host } from "./host.js";
import { fetchOk, startPython } from "./runtime.js";

const ahead = new Ahead();
const waiting = [];
let host = null;
let booted = false;

const post = (message) => self.postMessage(message);
const stage = (name, percent) => post({ type: "boot", stage: name, percent });

/** Python's errors bring their traceback; a person gets its last line, the console the whole. */
function die(error) {
  const text = String(error?.message ?? error).trim();
  if (text.includes("\n")) console.warn(text);
  post({ type: "dead", reason: text.split("\n").pop().slice(0, 300) });
}

self.onmessage = ({ data }) => {
  if (data.type === "init") boot(data.config, data.ahead ? ahead : null).catch(die);
  else if (data.type === "ahead") ahead.received(data);
  else if (booted) host.intent(data);
  else waiting.push(data);
};

async function boot(config, ahead) {
  stage("runtime", 0);
  const tools = config.tools ? fetchOk(config.tools, "the agent's tools").then((answer) => answer.arrayBuffer()) : null;
  tools?.catch(() => {}); // told when it is awaited
  const { python, rest, way, why } = await startPython(config, stage, ahead);
  stage("client", 95);
  if (tools !== null) python.FS.writeFile(`/home/pyodide/agent_tools${config.tools.endsWith(".pyc") ? ".pyc" : ".py"}`, new Uint8Array(await tools));
  host = new Host(python, post, die);
  host.client = python.pyimport("pyclient.browser").start(host, JSON.stringify(config.settings), tools !== null);
  booted = true;
  post({ type: "boot", stage: "ready", percent: 100, way, why });
  for (const message of waiting.splice(0)) host.intent(message);
  rest?.bringAhead();
}
