/** How the worker starts Python: `runtime.js` with stand-ins for Pyodide and the host. Run by test_page_scripts.py. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { beforeEach, test } from "node:test";
import { crc32 } from "node:zlib";

globalThis.self = globalThis;
globalThis.location = { href: "https://page.example/assets/worker.js" };
console.info = () => {};

/** What the host has, by address; null: it answers with 404. */
const hosted = new Map();
let asked = [];
globalThis.fetch = async (url) => {
  asked.push(url);
  const content = hosted.get(url);
  return content
    ? new Response(content, { headers: { "Content-Type": "text/javascript" } })
    : new Response("", { status: 404 });
};
const plainFetch = globalThis.fetch;
const plainStreaming = WebAssembly.instantiateStreaming;

function file(name, content) {
  const data = typeof content === "string" ? new TextEncoder().encode(content) : content;
  // What is imported needs an address that Node can import.
  const url = name.endsWith(".js")
    ? `data:text/javascript,${encodeURIComponent(content)}`
    : `https://page.example/assets/${name}`;
  hosted.set(url, data);
  const sha256 = [createHash("sha256").update(data).digest("base64")];
  return { url, bytes: data.length, part_bytes: 1 << 22, sha256, crc32: crc32of(data) };
}

function crc32of(data) {
  if (crc32) return crc32(data);
  let sum = 0xffffffff;
  for (const byte of data) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return ~sum >>> 0;
}

const WASM = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);
let config;
let loads;
let load;
let modules;

/** Python, which notes what is asked of it. */
const python = {
  FS: { writeFile: (path) => modules.push(`write ${path}`) },
  unpackArchive: (_, format) => modules.push(`unpack ${format}`),
  pyimport(name) {
    modules.push(name);
    const install = Object.assign((bring) => (python.bring = bring), {
      callKwargs: async (wheel) => void modules.push(wheel),
    });
    return { destroy() {}, settle() {}, install, install_zones() {} };
  },
};

/** As Pyodide starts: it asks for its WebAssembly and its library below `indexURL`, and has its module made. */
async function usual(_, options) {
  const library = fetch(`${options.indexURL}${options.stdLibURL}`).then((answer) => answer.arrayBuffer());
  const { module } = await WebAssembly.instantiateStreaming(fetch(`${options.indexURL}pyodide.asm.wasm`), {});
  assert.ok(module instanceof WebAssembly.Module);
  loads.at(-1).library = (await library).byteLength;
  const instantiateWasm = () => {};
  const made = await options.createPyodideModule({ instantiateWasm });
  loads.at(-1).memory = [...made.HEAPU8.subarray(0, 20)];
  loads.at(-1).words = [...made.HEAPU32];
  return python;
}

/** Emscripten's factory. */
globalThis.createFake = async (settings) => {
  settings.instantiateWasm({ env: { _tzset_js() {} } }, () => {});
  const memory = new ArrayBuffer(64);
  return { HEAPU8: new Uint8Array(memory), HEAPU32: new Uint32Array(memory), jspiSupported: true };
};
globalThis.loadFake = (kind, options) => {
  loads.push({ kind, options });
  return load(kind, options);
};
const LOADS = (kind) => `export const loadPyodide = (options) => loadFake("${kind}", options);`;
const MAKES = "export default globalThis.createFake;";
const runtime = (kind) => ({
  loader: file(`${kind}.js`, LOADS(kind)),
  script: file(`${kind}.asm.js`, MAKES),
  wasm: file(`${kind}.wasm.bin`, WASM),
});

const { startPython } = await import("../../templates/static/runtime.js");

beforeEach(() => {
  hosted.clear();
  asked = [];
  loads = [];
  modules = [];
  load = usual;
  config = {
    runtime: { ...runtime("small"), loader: null, script: file("small.asm.js", `${MAKES}${LOADS("small")}`) },
    stock: runtime("stock"),
    later: [],
    snapshot: {
      header: "",
      heap_bytes: 65536,
      block_bytes: 4,
      runs: [[1, 2]],
      lock: {},
      text_type: 1,
      zone: [],
      suspending: { address: 40, with: 7, without: 8 },
      trampoline: 44,
      blocks: { ...file("python.bin", Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)), complete: ["another"] },
    },
    precompiled: file("precompiled.bin", "bytecode"),
    library: file("library.bin", "the library"),
    zones: file("zones.bin", "zones"),
    micropip: file("micropip.bin", "micropip"),
    client: { name: "client.whl", ...file("client.bin", "client") },
    tools: null,
  };
});

const names = () => asked.filter((url) => url.startsWith("https")).map((url) => url.slice(url.lastIndexOf("/") + 1));

async function started(stage = () => {}) {
  const found = await startPython(config, stage, null);
  assert.equal(globalThis.fetch, plainFetch, "fetch is the browser's own again");
  assert.equal(WebAssembly.instantiateStreaming, plainStreaming);
  return found;
}

test("from the snapshot, and nothing of the ways out is asked for", async () => {
  const found = await started();
  assert.deepEqual([found.way, found.why, found.python], ["snapshot", null, python]);
  assert.deepEqual(names().sort(), ["python.bin", "small.wasm.bin"]);
  assert.deepEqual(loads[0].memory, [0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
  assert.equal(loads[0].library, 22, "an empty archive: all is in the memory");
  assert.deepEqual(modules, ["_visitor", "pyclient.host.lazy_stdlib", "pyclient.host.lazy_stdlib"]);
});

/** A text of Python, "a", as six words of the memory. */
const textWith = (hash, references = 1) => new Uint8Array(Uint32Array.of(references, 1, 1, hash, 0x64, 97).buffer);
// FNV of the one character "a", as its paper has it
const HASH_OF_A = ((((97 << 7) * 1000003) % 2 ** 32) ^ 97 ^ 1) >>> 0;

function describeText(complete, part_bytes = 1 << 22) {
  const digest = (data) => createHash("sha256").update(data).digest("base64");
  const parts = (data) =>
    Array.from({ length: Math.ceil(data.length / part_bytes) }, (_, i) =>
      digest(data.subarray(i * part_bytes, (i + 1) * part_bytes)),
    );
  const [shipped, runs] = [textWith(0), [[0, 6]]];
  const blocks = { ...file("python.bin", shipped), part_bytes, sha256: parts(shipped), complete: parts(complete) };
  Object.assign(config.snapshot, { runs, blocks });
}

test("the hashes of texts follow from them, and the next visit finds them done", async () => {
  describeText(textWith(HASH_OF_A));
  const kept = new Map();
  const put = async (key, answer) => void kept.set(key, new Uint8Array(await answer.arrayBuffer()));
  globalThis.caches = { open: async () => ({ keys: async () => [], put }) };
  const { keep } = await started();
  assert.deepEqual(loads[0].words.slice(0, 6), [1, 1, 1, HASH_OF_A, 0x64, 97]);
  await keep();
  delete globalThis.caches;
  assert.deepEqual([...kept], [[`${config.snapshot.blocks.url}?complete`, textWith(HASH_OF_A)]]);
});

test("a memory that is complete is put back as it is", async () => {
  const complete = textWith(0, 7); // a real one has its hash: that none is made shows that nobody looked for one
  describeText(complete);
  hosted.set(config.snapshot.blocks.url, complete);
  assert.equal((await started()).way, "snapshot");
  assert.deepEqual(loads[0].words.slice(0, 6), [7, 1, 1, 0, 0x64, 97]);
});

test("half of what was built and half of what was made of it is neither", async () => {
  const complete = textWith(HASH_OF_A, 7);
  describeText(complete, 12);
  hosted.set(config.snapshot.blocks.url, Uint8Array.of(...complete.subarray(0, 12), ...textWith(0).subarray(12)));
  const found = await started();
  assert.equal(found.way, "precompiled");
  assert.match(found.why, /the snapshot is damaged/);
});

test("from the precompiled library where the snapshot is damaged, with the same WebAssembly", async () => {
  hosted.set(config.snapshot.blocks.url, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 9));
  const found = await started();
  assert.equal(found.way, "precompiled");
  assert.match(found.why, /the snapshot is damaged/);
  assert.equal(names().filter((name) => name === "small.wasm.bin").length, 1);
  assert.equal(names().filter((name) => name === "python.bin").length, 2, "it is tried twice");
  assert.equal(loads.at(-1).library, "bytecode".length);
  assert.ok(!names().includes("library.bin"));
});

test("from Pyodide's own files where nothing else can be had, and says why for each", async () => {
  hosted.delete(config.snapshot.blocks.url);
  hosted.delete(config.precompiled.url);
  const found = await started();
  assert.deepEqual([found.way, found.rest], ["stock", null]);
  assert.match(found.why, /the snapshot could not be fetched \(status 404\); the precompiled library could not be/);
  assert.equal(loads.at(-1).kind, "stock");
  assert.ok(modules.includes("emfs:/tmp/client.whl") && modules.includes("unpack wheel"));
});

test("from Pyodide's own files at once where the build kept no memory of it, each fetched once", async () => {
  Object.assign(config, { runtime: config.stock, precompiled: null, snapshot: { lock: {}, blocks: null } });
  const found = await started();
  assert.deepEqual([found.way, found.rest], ["stock", null]);
  assert.equal(found.why, "this site was built without a snapshot");
  assert.equal(names().filter((name) => name === "stock.wasm.bin").length, 1);
  assert.ok(modules.includes("emfs:/tmp/client.whl"));
});

test("what keeps all ways from working is a fault with its kind and file", async () => {
  for (const wasm of [config.runtime.wasm, config.stock.wasm]) hosted.delete(wasm.url);
  await assert.rejects(started(), ({ kind, file: name, message }) => {
    assert.deepEqual([kind, name], ["missing", "stock.wasm.bin"]);
    assert.match(message, /the runtime could not be fetched \(status 404\); Pyodide's own runtime could not/);
    return true;
  });
});

test("a Pyodide that says nothing of its WebAssembly's failure does not hold up the next way", async () => {
  hosted.set(config.runtime.wasm.url, Uint8Array.of(0, 97, 115, 109, 9, 9, 9, 9));
  load = (kind, options) =>
    usual(kind, options).catch((error) => (kind === "stock" ? Promise.reject(error) : new Promise(() => {})));
  assert.equal((await started()).way, "stock");
});

test("an address of somebody else's goes to the network while Pyodide starts", async () => {
  hosted.set("https://elsewhere.example/x", "x");
  load = async (kind, options) => {
    assert.equal(await (await fetch("https://elsewhere.example/x")).text(), "x");
    return usual(kind, options);
  };
  assert.equal((await started()).way, "snapshot");
});

test("progress goes up, and a new stage is always told", async () => {
  const told = [];
  hosted.set(config.snapshot.blocks.url, Uint8Array.of(0));
  await started((name, percent) => told.push([name, percent]));
  assert.ok(told.some(([name]) => name === "python"));
  assert.ok(told.length < 10, "not each piece of a file");
});
