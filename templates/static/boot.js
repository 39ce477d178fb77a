/**
 * The worker: loads the Python runtime, says how far it is, keeps what arrives meanwhile, then hands everything to Python
 * (`pyclient.browser`). A failure that Python cannot survive is told to the page as `dead`.
 */

import { Host } from "./host.js";

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
  const uncount = countDownloads(config.runtime, config.runtime_bytes);
  const { loadPyodide } = await import(`${config.runtime}pyodide.mjs`);
  const pyodide = await loadPyodide({
    indexURL: config.runtime,
    stdout: (line) => console.info(line),
    stderr: (line) => console.info(line),
  });
  uncount();
  stage("client", 85);
  const [tools] = await Promise.all([
    config.tools ? fetch(config.tools).then((answer) => answer.text()) : null,
    pyodide.loadPackage(config.micropip, { messageCallback() {} }),
  ]);
  const micropip = pyodide.pyimport("micropip");
  await micropip.install.callKwargs(config.client, { deps: false });
  micropip.destroy();
  stage("client", 95);
  if (tools !== null) pyodide.FS.writeFile("/home/pyodide/agent_tools.py", tools);
  host = new Host(pyodide, post, die);
  host.client = pyodide.pyimport("pyclient.browser").start(host, JSON.stringify(config.settings), tools !== null);
  booted = true;
  stage("ready", 100);
  for (const message of waiting.splice(0)) host.intent(message);
}

/** Progress that moves: count the runtime's bytes as they arrive. Returns what undoes it. */
function countDownloads(prefix, total_bytes) {
  const plain = self.fetch;
  let loaded = 0;
  self.fetch = async (request, options) => {
    const answer = await plain(request, options);
    if (!String(request?.url ?? request).startsWith(prefix) || !answer.body) return answer;
    const counted = answer.body.pipeThrough(
      new TransformStream({
        transform(chunk, controller) {
          loaded += chunk.byteLength;
          stage(loaded < total_bytes * 0.98 ? "runtime" : "python", Math.min(75, Math.round((75 * loaded) / total_bytes)));
          controller.enqueue(chunk);
        },
      }),
    );
    return new Response(counted, { status: answer.status, statusText: answer.statusText, headers: answer.headers });
  };
  return () => (self.fetch = plain);
}
