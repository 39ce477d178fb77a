/** Starts the bench's worker. `window.bench` are its figures. */

const worker = new Worker("view_worker.js", { type: "module" });
window.bench = new Promise((resolve, reject) => {
  worker.onmessage = ({ data }) => ("error" in data ? reject(new Error(data.error)) : resolve(data));
  worker.onerror = (event) => reject(new Error(event.message));
});
worker.postMessage(Number(new URLSearchParams(location.search).get("rounds")));
