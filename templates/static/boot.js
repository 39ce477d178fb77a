/**
 * The worker: loads the Python runtime, says how far it is, keeps what arrives meanwhile, then hands everything to Python
 * (`pyclient.browser`). A failure that Python cannot survive is told to the page as `dead`.
 */

import { Host } from "./host.js";
import { startPython } from "./runtime.js";

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
  if (data.type === "init") boot(data.config).catch(die);
  else if (booted) host.intent(data);
  else waiting.push(data);
};

async function boot(config) {
  stage("runtime", 0);
  const tools = config.tools ? fetch(config.tools).then((answer) => answer.text()) : null;
  const { python, rest, way, why } = await startPython(config, stage);
  stage("client", 95);
  if (tools !== null) python.FS.writeFile("/home/pyodide/agent_tools.py", await tools);
  host = new Host(python, post, die);
  host.client = python.pyimport("pyclient.browser").start(host, JSON.stringify(config.settings), tools !== null);
  booted = true;
  post({ type: "boot", stage: "ready", percent: 100, way, why });
  for (const message of waiting.splice(0)) host.intent(message);
  rest?.bringAhead();
}
