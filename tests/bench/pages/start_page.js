/**
 * Starts a worker with the product's own addresses; `window.bench` is the milliseconds from the start of the navigation until
 * the worker's word "ready" arrived here, by the page's clock, as the product's own page measures itself.
 */

const { boot } = JSON.parse(document.getElementById("config").textContent);
const { worker: script } = document.querySelector("script[data-worker]").dataset;
const worker = new Worker(script, { type: "module" });
window.bench = new Promise((resolve, reject) => {
  worker.onmessage = ({ data }) => (data === "ready" ? resolve(performance.now()) : reject(new Error(data)));
  worker.onerror = (event) => reject(new Error(event.message));
});
const absolute = (url) => new URL(`../${url}`, document.baseURI).href;
// Pyodide's own files: `boot.runtime` may be the smaller ones that the build made of them.
worker.postMessage({ runtime: absolute(boot.stock), micropip: absolute(boot.micropip), client: absolute(boot.client) });
