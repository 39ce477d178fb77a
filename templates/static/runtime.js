/**
 * Start Python: from the snapshot, which takes a fraction of the time; from a precompiled library where the snapshot cannot be
 * used; and from Pyodide's own files, through micropip, where that fails too. All in the same worker, and the page says which
 * way it was and why. What a way out needs is fetched only when it is taken.
 *
 * The snapshot is Pyodide's own doing, under names that begin with an underscore, so it may be refused at any time.
 */

import { runtimeOptions } from "./restore.js";
import { Secondaries, Secondary } from "./secondary.js";

const LIBRARY = "/lib/python314.zip";
const EMPTY_ZIP = Uint8Array.of(80, 75, 5, 6, ...new Array(18).fill(0)); // Pyodide wants some library; all is in the memory
const PROGRESS_MS = 200;
const WAYS = [
  ["snapshot", fromSnapshot],
  ["precompiled", fromPrecompiled],
  ["stock", fromNothing],
];
const output = { stdout: (line) => console.info(line), stderr: (line) => console.info(line) };

/**
 * @param {object} config what the build knows: URLs, byte counts, digests, the snapshot's table
 * @param {(name: string, percent: number) => void} stage
 * @param {Ahead | null} ahead what the page fetches for it, if it does
 * @returns {Promise<{python: object, rest: Secondaries | null, way: "snapshot" | "precompiled" | "stock", why: string | null}>} Python
 *   with `pyclient` ready to be imported; the rest of its code, to be brought soon; `why` it was not the first way
 */
export async function startPython(config, stage, ahead) {
  const refused = [];
  const told = inSteps(stage);
  for (const [way, start] of WAYS) {
    try {
      return { ...(await start(config, told, ahead)), way, why: refused.join("; ") || null };
    } catch (error) {
      if (way === "stock") throw error;
      const reason = String(error?.message ?? error).replace(/\s+/g, " ").trim().slice(-300);
      console.info(`parley: Python could not be started from the ${way}: ${reason}`);
      refused.push(reason);
    }
  }
}

/** A file comes in hundreds of parts. Each word of them is drawn, which takes time from what it tells of; a new stage is always told. */
function inSteps(stage) {
  let [last, last_ms] = ["runtime", performance.now()]; // the worker's first word
  return (name, percent) => {
    const now_ms = performance.now();
    if (name === last && now_ms - last_ms < PROGRESS_MS) return;
    [last, last_ms] = [name, now_ms];
    stage(name, percent);
  };
}

async function fromSnapshot(config, stage, ahead) {
  const { blocks, ...meta } = config.snapshot;
  // Pyodide would begin with the big files only when its scripts have arrived: they are on their way before that.
  const wasm = ahead?.module ?? compile(`${config.runtime}pyodide.asm.wasm`);
  const rest = restOf(config);
  // The two big files share the line: how much there is of the one says how much there is of both.
  const pieces = ahead?.pieces() ?? fetched(blocks.url, "the snapshot");
  const memory = exactly(blocks, pieces, "the snapshot", (share) => stage(share < 1 ? "runtime" : "python", Math.round(75 * share)));
  memory.catch(() => {}); // told when it is awaited, not as a stray rejection before that
  const [{ loadPyodide }, { default: create }] = await Promise.all([
    import(`${config.runtime}pyodide.mjs`),
    import(`${config.runtime}pyodide.asm.mjs`),
  ]);
  const options = { ...runtimeOptions(meta, memory, create), ...output, indexURL: config.runtime, stdLibURL: "empty.zip" };
  const python = await compiledAlready(wasm, rest, { "empty.zip": () => new Response(EMPTY_ZIP) }, () => loadPyodide(options));
  // Every page would draw the same numbers as the machine that made the snapshot.
  python.pyimport("random").seed();
  python.pyimport("pyclient.stdlib").install(() => fetchNow(config.library, "Python's library"), LIBRARY);
  return { python, rest };
}

async function fromPrecompiled(config, stage) {
  const wasm = compile(`${config.runtime}pyodide.asm.wasm`);
  const rest = restOf(config);
  const pieces = fetched(config.precompiled.url, "the precompiled library");
  const library = await exactly(config.precompiled, pieces, "the precompiled library", (share) => stage("runtime", Math.round(30 * share)));
  const { loadPyodide } = await import(`${config.runtime}pyodide.mjs`);
  stage("python", 40);
  const options = { indexURL: config.runtime, stdLibURL: config.precompiled.url, lockFileContents: config.snapshot.lock };
  const answers = { [config.precompiled.url]: () => new Response(library) };
  const python = await compiledAlready(wasm, rest, answers, () => loadPyodide({ ...output, ...options }));
  // The whole of it, before anything else may take the library's place on the disk.
  python.pyimport("pyclient.browser").destroy();
  python.pyimport("pyclient.stdlib").install(() => fetchNow(config.library, "Python's library"), LIBRARY);
  return { python, rest };
}

async function fromNothing(config, stage) {
  stage("runtime", 10);
  const { loadPyodide } = await import(`${config.stock}pyodide.mjs`);
  const wasm = compile(`${config.stock}pyodide.asm.wasm`);
  const python = await compiledAlready(wasm, null, {}, () => loadPyodide({ ...output, indexURL: config.stock }));
  stage("client", 85);
  await python.loadPackage(config.micropip, { messageCallback() {} });
  const micropip = python.pyimport("micropip");
  await micropip.install.callKwargs(config.client, { deps: false });
  micropip.destroy();
  return { python, rest: null };
}

/** What the smaller runtime lacks at first; a full one is whole. */
function restOf({ later }) {
  const what = "the rest of Python";
  const part = ({ name, url }) => new Secondary(name, () => compile(url, what), () => new WebAssembly.Module(fetchNow(url, what)));
  return later.length > 0 ? new Secondaries(later.map(part)) : null;
}

function compile(url, what = "the runtime") {
  const wasm = WebAssembly.compileStreaming(fetchOk(url, what));
  wasm.catch(() => {}); // told when it is awaited
  return wasm;
}

/** Fetch, or an Error that says of what. */
export async function fetchOk(url, what) {
  let answer;
  try {
    answer = await fetch(url);
  } catch (error) {
    throw new Error(`${what} could not be fetched (${error.message})`);
  }
  if (!answer.ok) throw new Error(`${what} could not be fetched (status ${answer.status})`);
  return answer;
}

/** A file as it comes. @yields {Uint8Array} */
async function* fetched(url, what) {
  const reader = (await fetchOk(url, what)).body.getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) yield piece.value;
}

/** Put a file together that must be what the build made: a memory or a library with one wrong byte fails in strange ways, later. */
async function exactly({ sha256, bytes, part_bytes }, pieces, what, progress) {
  const data = new Uint8Array(bytes);
  const checks = []; // each part is looked at while the next one is on its way
  let position = 0;
  for await (const piece of pieces) {
    if (position + piece.length > bytes) throw new Error(`${what} is damaged`);
    data.set(piece, position);
    position += piece.length;
    while (checks.length < sha256.length) {
      const begin = checks.length * part_bytes;
      const end = Math.min(begin + part_bytes, bytes);
      if (end > position) break;
      checks.push(matches(data.subarray(begin, end), sha256[checks.length]));
    }
    progress(position / bytes);
  }
  const whole = position === bytes && checks.length === sha256.length;
  if (!whole || (await Promise.all(checks)).includes(false)) throw new Error(`${what} is damaged`);
  return data;
}

async function matches(data, sha256) {
  if (!crypto.subtle) return true; // an insecure page: it gets no microphone and will say so
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  return btoa(String.fromCharCode(...digest)) === sha256;
}

/**
 * While `load` runs, Pyodide's own fetch and compilation of the wasm are answered with the module that is being compiled already,
 * which `rest` makes whole, and other fetches with `answers`.
 */
async function compiledAlready(compiling, rest, answers, load) {
  const plain = WebAssembly.instantiateStreaming;
  let refuse = null;
  const refused = new Promise((_, reject) => (refuse = reject)); // by a policy in WebKit, which lets a module be compiled
  WebAssembly.instantiateStreaming = async (_, imports) => {
    const module = await compiling;
    const instance = await WebAssembly.instantiate(module, imports).catch((error) => {
      refuse(new Error(error.message.replace(/\s+/g, " "))); // WebKit adds a line, and of many lines the last one is told
      throw error;
    });
    return { module, instance: rest?.attach(instance) ?? instance };
  };
  try {
    // Pyodide says nothing when the wasm fails, and waits for ever; what answers in its place must end all the same.
    const failed = compiling.then(() => new Promise(() => {}));
    const never = () => new Promise(() => {});
    return await answering({ ...answers, "pyodide.asm.wasm": never }, () => Promise.race([refused, failed, load()]));
  } finally {
    WebAssembly.instantiateStreaming = plain;
  }
}

/** While `load` runs, a fetch of an address that ends with one of the names is answered from here. */
async function answering(answers, load) {
  const plain = self.fetch;
  self.fetch = (request, options) => {
    const url = String(request?.url ?? request);
    const name = Object.keys(answers).find((end) => url.endsWith(end));
    return name ? Promise.resolve(answers[name]()) : plain(request, options);
  };
  try {
    return await load();
  } finally {
    self.fetch = plain;
  }
}

/** An import statement cannot wait for a promise. In a worker a request may hold up everything, and here it has to. */
function fetchNow(url, what) {
  const request = new XMLHttpRequest();
  request.open("GET", url, false);
  request.responseType = "arraybuffer";
  request.send();
  if (request.status !== 200) throw new Error(`${what} could not be fetched (status ${request.status})`);
  return new Uint8Array(request.response);
}
