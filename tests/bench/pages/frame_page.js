/**
 * Starts the bench's worker with what the product's page would tell the product's worker.
 * `window.bench` are its figures.
 */

const config = JSON.parse(document.getElementById("config").textContent);
const { boot } = config;
// The same as `_preload.js` does, which cannot be imported: it would start the product's own worker.
const absolute = (it) => {
  if (it.url) it.url = new URL(`../${it.url}`, document.baseURI).href;
  for (const inner of Object.values(it)) if (inner && typeof inner === "object") absolute(inner);
};
absolute(boot);
const { settings } = config.choices.find((choice) => choice.settings.provider === "assemblyai");

const worker = new Worker("frame_worker.js", { type: "module" });
window.bench = new Promise((resolve, reject) => {
  worker.onmessage = ({ data }) => ("error" in data ? reject(new Error(data.error)) : resolve(data));
  worker.onerror = (event) => reject(new Error(event.message));
});
const asked = Object.fromEntries(new URLSearchParams(location.search));
worker.postMessage({ config: { ...boot, settings }, asked });
