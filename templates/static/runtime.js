/**
 * Start Python: from the snapshot, which takes a fraction of the time, or from nothing where that cannot be done.
 *
 * Everything that the network must bring is asked for at once. The snapshot is Pyodide's own doing, under names that begin
 * with an underscore: should it fail for any reason, the ordinary way follows in the same worker, and the page says which it was.
 */

import { runtimeOptions } from "./restore.js";

const LIBRARY = "/lib/python314.zip";

/**
 * @param {object} config what the build knows: URLs, byte counts, the snapshot's table
 * @param {(name: string, percent: number) => void} stage
 * @returns {Promise<{python: object, way: "snapshot" | "stock"}>} Python with `pyclient` ready to be imported
 */
export async function startPython(config, stage) {
  if (config.snapshot) {
    try {
      return { python: await fromSnapshot(config, stage), way: "snapshot" };
    } catch (error) {
      console.info("parley: the snapshot of Python could not be used:", error?.message ?? error);
    }
  }
  return { python: await fromNothing(config, stage), way: "stock" };
}

const output = { stdout: (line) => console.info(line), stderr: (line) => console.info(line) };

async function fromSnapshot(config, stage) {
  const { blocks, blocks_bytes: blocksBytes, empty, library, ...meta } = config.snapshot;
  const count = countDownloads([blocks, `${config.runtime}pyodide.asm.wasm`], blocksBytes + config.wasm_bytes, stage);
  try {
    const memory = fetch(blocks).then(async (answer) => {
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      return new Uint8Array(await answer.arrayBuffer());
    });
    memory.catch(() => {}); // told when it is awaited, not as a stray rejection before that
    const [{ loadPyodide }, { default: create }] = await Promise.all([
      import(`${config.runtime}pyodide.mjs`),
      import(`${config.runtime}pyodide.asm.mjs`),
    ]);
    const python = await loadPyodide({
      ...runtimeOptions(meta, memory, create),
      ...output,
      indexURL: config.runtime,
      stdLibURL: empty,
    });
    // Every page would draw the same numbers as the machine that made the snapshot.
    python.pyimport("random").seed();
    python.pyimport("pyclient.stdlib").install(() => fetchNow(library), LIBRARY);
    return python;
  } finally {
    count.stop();
  }
}

async function fromNothing(config, stage) {
  const count = countDownloads([config.runtime], config.runtime_bytes, stage);
  let python;
  try {
    const { loadPyodide } = await import(`${config.runtime}pyodide.mjs`);
    python = await loadPyodide({ ...output, indexURL: config.runtime });
  } finally {
    count.stop();
  }
  stage("client", 85);
  await python.loadPackage(config.micropip, { messageCallback() {} });
  const micropip = python.pyimport("micropip");
  await micropip.install.callKwargs(config.client, { deps: false });
  micropip.destroy();
  return python;
}

/** An import statement cannot wait for a promise. In a worker a request may hold up everything, and here it has to. */
function fetchNow(url) {
  const request = new XMLHttpRequest();
  request.open("GET", url, false);
  request.responseType = "arraybuffer";
  request.send();
  if (request.status !== 200) throw new Error(`the rest of Python's library could not be fetched (status ${request.status})`);
  return new Uint8Array(request.response);
}

/** Progress that moves: count the bytes of what begins with one of `prefixes` as they arrive, until `stop`. */
function countDownloads(prefixes, total_bytes, stage) {
  const plain = self.fetch;
  let loaded = 0;
  self.fetch = async (request, options) => {
    const answer = await plain(request, options);
    const url = String(request?.url ?? request);
    if (!answer.body || !prefixes.some((prefix) => url.startsWith(prefix))) return answer;
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
  return { stop: () => (self.fetch = plain) };
}
