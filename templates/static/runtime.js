/**
 * Start Python: from the snapshot, which takes a fraction of the time; from a precompiled library where the snapshot
 * cannot be used; and from Pyodide's own files, through micropip, where that fails too. All in the same worker, and the
 * page says which way it was and why. What a way out needs is fetched only when it is taken.
 *
 * The snapshot is Pyodide's own doing, under names that begin with an underscore, so it may be refused at any time.
 */

import { compiled, either, imported, whole, wholeNow } from "./files.js";
import { dropDecoded, keepDecoded } from "./decoded_copy.js";
import { messageOf } from "./death.js";
import { FileFault, nameOf } from "./genuine.js";
import { runtimeOptions, settle } from "./restore.js";
import { DeferredModules, DeferredModule } from "./deferred_wasm.js";

/** @import { Preloaded } from "./preload.js" */
/** @import { BootConfig, Described, Kept, RuntimeFiles } from "./messages.js" */
/** @import { Factory, Pyodide, PyodideOptions } from "./pyodide.js" */
/** @typedef {(name: "runtime" | "python" | "client", percent: number) => void} Stage */
/** @typedef {{python: Pyodide, rest: DeferredModules | null, keep?: () => Promise<void>}} Started   `keep` what the next visit shall find */
/**
 * @typedef {(config: BootConfig, stage: Stage, ahead: Preloaded | null, wasm:
 * Promise<WebAssembly.Module>) => Promise<Started>} Start
 */
/** @typedef {{default: Factory}} Script */
/** @typedef {{loadPyodide(options: PyodideOptions): Promise<Pyodide>}} Loader */

const LIBRARY = "/lib/python314.zip";
const ZONES = "/lib/zones";
// Pyodide wants some library; all is in the memory
const EMPTY_ZIP = Uint8Array.of(80, 75, 5, 6, ...new Array(18).fill(0));
const PROGRESS_MS = 200;
// Pyodide asks for names below an address. All of them are answered from here, whatever the files are called.
const NOWHERE = new URL("pyodide/", self.location.href).href;
/** @type {["snapshot" | "precompiled" | "stock", Start][]} */
const WAYS = [
  ["snapshot", fromSnapshot],
  ["precompiled", fromPrecompiled],
  ["stock", fromNothing],
];
const say = (/** @type {string} */ line) => console.info(line);
const output = { stdout: say, stderr: say };

/**
 * @param {BootConfig} config what the build knows: URLs, byte counts, digests, the snapshot's table
 * @param {Stage} stage
 * @param {Preloaded | null} ahead what the page fetches for it, if it does
 * @returns {Promise<Started & {way: "snapshot" | "precompiled" | "stock", why: string | null}>} Python
 *   with `pyclient` ready to be imported; the rest of its code, to be brought soon; `why` it was not the first way
 */
export async function startPython(config, stage, ahead) {
  // A build that cannot make a snapshot of its Pyodide has the last way only.
  const isWhole = !config.snapshot.blocks;
  const refused = new Set(isWhole ? ["this site was built without a snapshot"] : []);
  const told = inSteps(stage);
  const wasm = compiled(config.runtime.wasm, "the runtime", ahead); // two ways share it
  for (const [way, start] of isWhole ? WAYS.slice(-1) : WAYS) {
    try {
      return { ...(await start(config, told, ahead, wasm)), way, why: [...refused].join("; ") || null };
    } catch (error) {
      const reason = messageOf(error).replace(/\s+/g, " ").trim().slice(-300);
      console.info(`parley: Python could not be started from the ${way}: ${reason}`);
      refused.add(reason);
      const { kind, file } = /** @type {{kind?: string, file?: string}} */ (error);
      if (way === "stock") throw new FileFault(kind ?? "unknown", file ?? null, [...refused].join("; "));
    }
  }
  throw new Error("there is no way to start Python");
}

/**
 * A file comes in hundreds of parts. Each word of them is drawn, which takes time from what it tells of; a new stage is
 * always told.
 *
 * @param {Stage} stage   @returns {Stage}
 */
function inSteps(stage) {
  let [last, last_ms] = ["runtime", performance.now()]; // the worker's first word
  return (name, percent) => {
    const now_ms = performance.now();
    if (name === last && now_ms - last_ms < PROGRESS_MS) return;
    [last, last_ms] = [name, now_ms];
    stage(name, percent);
  };
}

/** @type {Start} */
async function fromSnapshot(config, stage, ahead, wasm) {
  const { blocks, ...meta } = /** @type {Kept["snapshot"]} */ (config.snapshot);
  const rest = restOf(config);
  // Pyodide would begin with the big files only when its scripts have arrived: they are on their way before that.
  // They share the line: how much there is of the one says how much there is of both.
  const progress = (/** @type {number} */ share) => stage(share < 1 ? "runtime" : "python", Math.round(75 * share));
  const again = () => dropDecoded(blocks);
  const found = either(blocks, blocks.complete, "the snapshot", { ahead, progress, again });
  let isComplete = false;
  const memory = found.then(({ data, isOther }) => {
    isComplete = isOther;
    return data;
  });
  memory.catch(() => {}); // told when it is awaited, not as a stray rejection before that
  const [{ loadPyodide }, { default: create }] = await scripts(config.runtime, ahead);
  const restoring = runtimeOptions(meta, memory, create, () => isComplete);
  const options = { ...restoring, ...output, indexURL: NOWHERE, stdLibURL: "empty.zip" };
  const python = await compiledAlready(wasm, rest, { "empty.zip": () => EMPTY_ZIP }, () => loadPyodide(options));
  settle(python);
  installLibrary(python, config);
  return { python, rest, keep: async () => keepDecoded(blocks, await memory) };
}

/** @type {Start} */
async function fromPrecompiled(config, stage, _, wasm) {
  const rest = restOf(config);
  const progress = (/** @type {number} */ share) => stage("runtime", Math.round(30 * share));
  const library = await whole(/** @type {Kept} */ (config).precompiled, "the precompiled library", { progress });
  const [{ loadPyodide }, { default: create }] = await scripts(config.runtime);
  stage("python", 40);
  const options = { ...output, ...plainOptions(config, create), stdLibURL: "precompiled.zip" };
  const python = await compiledAlready(wasm, rest, { "precompiled.zip": () => library }, () => loadPyodide(options));
  // The whole of it, before anything else may take the library's place on the disk.
  python.pyimport("pyclient.host.pyodide_host").destroy();
  installLibrary(python, config);
  return { python, rest };
}

/** @type {Start} */
async function fromNothing(config, stage, ahead, first) {
  stage("runtime", 10);
  const isFirst = !config.snapshot.blocks; // the page has fetched it ahead
  const wasm = isFirst ? first : compiled(config.stock.wasm, "Pyodide's own runtime");
  const wanted = [config.library, config.micropip, config.client].map((file) => whole(file, nameOf(file)));
  const [{ loadPyodide }, { default: create }] = await scripts(config.stock, isFirst ? ahead : null);
  const [library, micropip, client] = await Promise.all(wanted);
  const options = { ...output, ...plainOptions(config, create), stdLibURL: "library.zip" };
  const python = await compiledAlready(wasm, null, { "library.zip": () => library }, () => loadPyodide(options));
  stage("client", 85);
  python.unpackArchive(micropip, "wheel");
  python.FS.writeFile(`/tmp/${config.client.name}`, client);
  const installer = python.pyimport("micropip");
  await installer.install.callKwargs(`emfs:/tmp/${config.client.name}`, { deps: false });
  installer.destroy();
  installZones(python, config);
  return { python, rest: null };
}

/**
 * Options for a start without a snapshot. Pyodide would fetch its table of packages; no page asks for one by its name.
 *
 * @param {BootConfig} config   @param {Factory} create
 */
function plainOptions({ snapshot }, create) {
  return { indexURL: NOWHERE, packageBaseUrl: NOWHERE, lockFileContents: snapshot.lock, createPyodideModule: create };
}

/** @param {RuntimeFiles} files   @param {Preloaded | null} ahead   @returns {Promise<[Loader, Script]>} */
function scripts({ loader, script }, ahead = null) {
  const own = imported(script, "Pyodide's script", ahead);
  return Promise.all([loader ? imported(loader, "Pyodide's loader", ahead) : own, own]);
}

/** @param {Pyodide} python   @param {BootConfig} config */
function installLibrary(python, config) {
  python.pyimport("pyclient.host.lazy_stdlib").install(() => wholeNow(config.library, "Python's library"), LIBRARY);
  installZones(python, config);
}

/** Pyodide has none, on any way of starting it. @param {Pyodide} python   @param {BootConfig} config */
function installZones(python, { zones }) {
  python.pyimport("pyclient.host.lazy_stdlib").install_zones(() => wholeNow(zones, "the time zones"), ZONES);
}

/** What the smaller runtime lacks at first; a full one is whole. @param {BootConfig} config */
function restOf({ later }) {
  const what = "the rest of Python";
  /** @param {BootConfig["later"][number]} entry */
  const part = ({ name, ahead, ...file }) =>
    new DeferredModule(
      name,
      ahead ? () => compiled(file, what) : null,
      () => new WebAssembly.Module(wholeNow(file, what)),
    );
  return later.length > 0 ? new DeferredModules(later.map(part)) : null;
}

/**
 * While `load` runs, Pyodide's own fetch and compilation of the wasm are answered with the module that is being
 * compiled already, which `rest` makes whole, and other fetches with `answers`.
 *
 * @template T
 * @param {Promise<WebAssembly.Module>} compiling   @param {DeferredModules | null} rest
 * @param {Answers} answers   @param {() => Promise<T>} load
 * @returns {Promise<T>}
 */
async function compiledAlready(compiling, rest, answers, load) {
  const plain = WebAssembly.instantiateStreaming;
  let refuse = /** @type {(reason: Error) => void} */ (() => {});
  // by a policy in WebKit, which lets a module be compiled
  const refused = new Promise((_, reject) => (refuse = reject));
  /** @param {unknown} _   @param {WebAssembly.Imports | undefined} imports */
  WebAssembly.instantiateStreaming = async (_, imports) => {
    const module = await compiling;
    const instance = await WebAssembly.instantiate(module, imports).catch((error) => {
      // WebKit adds a line, and of many lines the last one is told
      refuse(new Error(error.message.replace(/\s+/g, " ")));
      throw error;
    });
    return { module, instance: rest?.attach(instance) ?? instance };
  };
  try {
    // Pyodide says nothing when the wasm fails, and waits for ever; what answers in its place must end all the same.
    const failed = compiling.then(() => new Promise(() => {}));
    const never = () => new Promise(() => {});
    return await answering(
      { ...answers, "pyodide.asm.wasm": never },
      () => /** @type {Promise<T>} */ (Promise.race([refused, failed, load()])),
    );
  } finally {
    WebAssembly.instantiateStreaming = plain;
  }
}

/**
 * @typedef {Record<string, () => BodyInit | Promise<BodyInit>>} Answers   what a fetch gets, by how its address ends
 */

/**
 * While `load` runs, a fetch of an address that ends with one of the names is answered from here.
 *
 * @template T
 * @param {Answers} answers   @param {() => Promise<T>} load
 * @returns {Promise<T>}
 */
async function answering(answers, load) {
  const plain = self.fetch;
  self.fetch = (request, options) => {
    const url = request instanceof Request ? request.url : String(request);
    const name = Object.keys(answers).find((end) => url.endsWith(end));
    return name ? Promise.resolve(answers[name]()).then((it) => new Response(it)) : plain(request, options);
  };
  try {
    return await load();
  } finally {
    self.fetch = plain;
  }
}
