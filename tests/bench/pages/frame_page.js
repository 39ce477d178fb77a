/** Starts the bench's worker with what the product's page would tell the product's worker. `window.bench` are its figures. */

const config = JSON.parse(document.getElementById("config").textContent);
const { boot } = config;
// The same as `_ahead.js` does, which cannot be imported: it would start the product's own worker.
const absolute = (it, name) => {
  it[name] = new URL(`../${it[name]}`, document.baseURI).href;
};
for (const name of ["worker", "runtime", "stock", "library", "micropip", "client"]) absolute(boot, name);
absolute(boot.snapshot.blocks, "url");
absolute(boot.precompiled, "url");
for (const part of boot.later) absolute(part, "url");
boot.tools = new URL("frame_tools.py", document.baseURI).href;
const { settings } = config.choices.find((choice) => choice.settings.provider === "assemblyai");

const worker = new Worker("frame_worker.js", { type: "module" });
window.bench = new Promise((resolve, reject) => {
  worker.onmessage = ({ data }) => ("error" in data ? reject(new Error(data.error)) : resolve(data));
  worker.onerror = (event) => reject(new Error(event.message));
});
const asked = Object.fromEntries(new URLSearchParams(location.search));
worker.postMessage({ config: { ...boot, settings }, asked });
