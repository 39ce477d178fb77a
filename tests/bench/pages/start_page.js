/**
 * Starts a worker with the addresses of Pyodide's own files, which the bench put beside the page; `window.bench` is the
 * milliseconds from the start of the navigation until the worker's word "ready" arrived here, by the page's clock, as
 * the product's own page measures itself.
 */

const { worker: script } = document.querySelector("script[data-worker]").dataset;
const worker = new Worker(script, { type: "module" });
window.bench = new Promise((resolve, reject) => {
  worker.onmessage = ({ data }) => (data === "ready" ? resolve(performance.now()) : reject(new Error(data)));
  worker.onerror = (event) => reject(new Error(event.message));
});
const { micropip, client } = document.getElementById("stock").dataset;
const absolute = (url) => new URL(url, document.baseURI).href;
worker.postMessage({ runtime: absolute("pyodide/"), micropip: absolute(micropip), client: absolute(client) });
