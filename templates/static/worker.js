/**
 * The worker: loads the Python runtime, says how far it is, keeps what arrives meanwhile, then hands everything to
 * Python (`pyclient.host.pyodide_host`). A failure that Python cannot survive is told to the page as `dead`.
 */

import { Preloaded } from "./preload.js";
import { deathOf, messageOf } from "./death.js";
import { whole } from "./files.js";
import { genuine } from "./genuine.js";
import { Host } from "./host.js";
import { CALM_MS } from "./worker_quirks.js";
import { startPython } from "./runtime.js";

/** @import { BootConfig, Described, Intent, Settings, ToPage, ToWorker } from "./messages.js" */

const FOLDER = "/home/pyodide";
/** @type {Intent[]} */
const waiting = [];
/** @type {Preloaded | null} */
let ahead = null;
/** @type {Host | null} */
let host = null;

/** @param {ToPage} message */
const post = (message) => self.postMessage(message);
/** @param {"runtime" | "python" | "client"} name   @param {number} percent */
const stage = (name, percent) => post({ type: "boot", stage: name, percent });

/** The console gets the whole of it. @param {unknown} error */
function die(error) {
  const text = messageOf(error).trim();
  if (text.includes("\n")) console.warn(text);
  post({ type: "dead", ...deathOf(error, host !== null) });
}

/** @param {{data: ToWorker}} event */
self.onmessage = ({ data }) => {
  if (data.type === "init") {
    ahead = data.ahead ? new Preloaded(data.ahead) : null;
    boot(data.config).catch(die);
  } else if (data.type === "ahead") ahead?.received(data);
  else if (data.type === "voices") keepVoices(data.keep);
  else if (host?.client) host.intent(data);
  else waiting.push(data);
};

/** @param {BootConfig & {settings: Settings}} config */
async function boot(config) {
  stage("runtime", 0);
  const coming = toolsOf(config.tools);
  coming.catch(() => {}); // told when it is awaited
  const packages = config.packages && whole(config.packages, "the packages of the agent's tools");
  packages?.catch(() => {});
  const { python, rest, keep, way, why } = await startPython(config, stage, ahead);
  stage("client", 95);
  const tools = await coming;
  if (packages) python.pyimport("pyclient.host.lazy_stdlib").install_packages(await packages);
  if (tools !== null) python.FS.writeFile(`${FOLDER}/agent_tools${tools.suffix}`, tools.data);
  host = new Host(python, post, die, config.sign_in);
  host.client = python.pyimport("pyclient.host.pyodide_host").start(host, JSON.stringify(config.settings));
  host.hasToolsToLoad = tools !== null;
  // To import packages may take seconds, of which a page that loads tells, and one that connects does not.
  if (packages) host.loadTools();
  if (host.dead) return;
  const whys = [why, tools?.why].filter(Boolean).join("; ");
  post({ type: "boot", stage: "ready", percent: 100, way, why: whys || null });
  for (const message of waiting.splice(0)) host.intent(message);
  await rest?.bringAhead();
  await keep?.();
  setTimeout(() => host?.loadTools(), CALM_MS);
}

/**
 * Both voices from now on, by the script that does it, or none (`false`); `null` hands over what there is.
 *
 * @param {Described | false | null} keep
 */
async function keepVoices(keep) {
  if (host && keep) {
    await genuine(keep, "the voice recording");
    const { VoiceRecording } = /** @type {typeof import("./voice_recording.js")} */ (await import(keep.url));
    host.voices = new VoiceRecording(host.rates);
  } else if (host && keep === false) host.voices = null;
  const voices = (keep === null && host?.voices?.both()) || null;
  post({ type: "voices", recording: Boolean(host?.voices), voices });
}

/**
 * The page's tools: as bytecode, and as source where that cannot be had.
 *
 * @param {BootConfig["tools"]} tools
 * @returns {Promise<{suffix: string, data: Uint8Array, why: string | null} | null>}
 */
async function toolsOf(tools) {
  if (tools === null) return null;
  /** @param {string | null} why */
  const source = async (why) => ({ suffix: ".py", data: await whole(tools.source, "the agent's tools"), why });
  if (tools.bytecode === null) return source(null);
  try {
    return { suffix: ".pyc", data: await whole(tools.bytecode, "the bytecode of the agent's tools"), why: null };
  } catch (error) {
    return source(messageOf(error));
  }
}
