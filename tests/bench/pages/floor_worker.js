/** What nobody can beat: fetch and compile the WebAssembly of the unchanged runtime. */

self.onmessage = async ({ data: { runtime } }) => {
  try {
    await WebAssembly.compileStreaming(fetch(`${runtime}pyodide.asm.wasm`));
    self.postMessage("ready");
  } catch (error) {
    self.postMessage(String(error));
  }
};
