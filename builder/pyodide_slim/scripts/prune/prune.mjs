/**
 * Run by Node at build time: make a smaller copy of Pyodide that cannot load compiled packages.
 *
 *   node prune.mjs RUNTIME_FOLDER ACORN.mjs OUT_FOLDER
 *
 * Writes pyodide.asm.wasm without the exports that Pyodide's own scripts never name and the code behind them, and
 * pyodide.asm.mjs without the lines that would bind those exports. Prints what was done as JSON. The scripts
 * are the pinned ones: where they do not look as they did when this was written, it stops with a reason on
 * stderr and exit code 3.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { prune } from "./dead_code.mjs";
import { shake } from "./shake.mjs";
import { UnlikeError } from "../unlike.mjs";

const BINDING = /^(?:[\w$]+=|Module\["[\w$]+"\]=)+wasmExports\["([\w$.]+)"\](?:\.value>>>0)?$/;
const DECLARED = /var ((?:[\w$]+,){1000,}[\w$]+);function assignWasmExports\(wasmExports\)\{/;

process.on("uncaughtException", (error) => {
  process.stderr.write(`${String(error?.message ?? error).slice(0, 500)}\n`);
  process.exit(error?.exitCode ?? 1);
});

const LOADS_COMPILED = "var loadWebAssemblyModule=(binary,flags,libName,localScope,handle)=>{";
// Python turns it into an ImportError or OSError. Without it such code would run into what is not
// there, which is fatal.
const REFUSES =
  'throw new Error("this runtime loads no compiled packages; `[runtime] full = true` in agent.toml brings one that does");';

// Pyodide's own beginning compiles five lines of Python, and with them the browser compiles the whole of Python's
// compiler, which a page may never need. What the lines ask for is there already, where the memory was put back.
const BEGINS = [
  [
    'let[r,n]=API.rawRun("import _pyodide_core");r&&API.fatal_loading_error(`Failed to import _pyodide_core\\n`,n),',
    'let[r,n]=t?[0,""]:API.rawRun("import _pyodide_core");r&&API.fatal_loading_error(`Failed to import _pyodide_core\\n`,n);' +
      "const modules=API._pyodide._importhook.sys.modules;",
  ],
  [
    'API.runPythonInternal_dict=API._pyodide._base.eval_code("{}"),',
    'API.runPythonInternal_dict=modules.get("builtins").dict(),',
  ],
  ['API.importlib=API.runPythonInternal("import importlib; importlib");', 'API.importlib=modules.get("importlib");'],
  ['let i=API.runPythonInternal("import __main__; __main__.__dict__"),', 'let i=modules.get("__main__").__dict__,'],
  ['s=API.runPythonInternal("import builtins; builtins.__dict__");', 's=modules.get("builtins").__dict__;'],
];

// What is done for main loops, windows and SDL whenever the script runs, or a file is loaded: a worker
// has none of them.
const FOR_A_WINDOW = [
  'if(typeof Browser!="undefined")Browser.init();',
  "registerPostMainLoop(()=>SDL.audio?.queueNewAudioData?.());",
  'Module["requestAnimationFrame"]=MainLoop.requestAnimationFrame;Module["pauseMainLoop"]=MainLoop.pause;Module["resumeMainLoop"]=MainLoop.resume;MainLoop.init();',
];

const [runtime, acorn, out] = process.argv.slice(2);
const text = readFileSync(join(runtime, "pyodide.asm.mjs"), "utf8");
const loader = readFileSync(join(runtime, "pyodide.mjs"), "utf8");

const head = DECLARED.exec(text);
if (!head) throw new UnlikeError("pyodide.asm.mjs declares its exports in another way than it did");
const bodyBegin = head.index + head[0].length;
const bodyEnd = text.indexOf("}", bodyBegin);
const before = text.slice(0, head.index);
const after = text.slice(bodyEnd);

// A name that stands anywhere else, as a variable, a property or a text, may be asked for.
const words = new Set(`${before} ${after} ${loader}`.split(/[^\w$]+/));
const isUsed = (name) => words.has(name) || words.has(`_${name}`);

const bindings = text.slice(bodyBegin, bodyEnd).split(";");
const wanted = new Set();
const kept = bindings.filter((binding) => {
  const match = BINDING.exec(binding);
  // Memory and table are bound in lines of their own form; they stay.
  if (!match) {
    if (!/^[\w$]+=.*wasmExports\["(memory|__indirect_function_table)"\]$/.test(binding)) {
      throw new UnlikeError(`pyodide.asm.mjs binds an export in another way than it did: ${binding.slice(0, 80)}`);
    }
    return true;
  }
  if (isUsed(match[1])) wanted.add(match[1]);
  return wanted.has(match[1]);
});
if (wanted.size < 50 || wanted.size > bindings.length / 2)
  throw new UnlikeError(`${wanted.size} exports are in use: that cannot be right`);
for (const word of words) wanted.add(word).add(word.replace(/^_/, ""));

const assigned = new Set(kept.flatMap((binding) => binding.split("=").map((part) => part.trim())));
const declared = head[1].split(",").filter((name) => assigned.has(name) || words.has(name));

/** Replace what stands there exactly once. */
function replaced(script, old, wanted, complaint) {
  if (script.split(old).length !== 2) throw new UnlikeError(`pyodide.asm.mjs ${complaint} in another way than it did`);
  return script.replace(old, () => wanted);
}
let changed = replaced(before, LOADS_COMPILED, LOADS_COMPILED + REFUSES, "loads compiled code");
for (const [old, wanted] of BEGINS) changed = replaced(changed, old, wanted, "begins");
for (const part of FOR_A_WINDOW) changed = replaced(changed, part, "", "speaks of windows");
const whole = `${changed}var ${declared.join(",")};function assignWasmExports(wasmExports){${kept.join(";")}${after}`;

const wasm = readFileSync(join(runtime, "pyodide.asm.wasm"));
const pruned = prune(new Uint8Array(wasm.buffer, wasm.byteOffset, wasm.length), wanted);
await WebAssembly.compile(pruned.bytes).catch((error) => {
  throw new UnlikeError(`the smaller module is not valid: ${error.message}`);
});
const glue = shake(await import(pathToFileURL(acorn)), whole, pruned.imported, pruned.called, loader);

writeFileSync(join(out, "pyodide.asm.wasm"), pruned.bytes);
writeFileSync(join(out, "pyodide.asm.mjs"), glue);
writeFileSync(join(out, "pyodide.mjs"), loader);
const { bytes, called, imported, ...counts } = pruned;
process.stdout.write(JSON.stringify({ ...counts, wasm_bytes: bytes.length, glue_bytes: glue.length }));
