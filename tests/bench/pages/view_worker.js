/** The client of now and of an earlier commit, one after the other in one Pyodide: `view_driver.py` measures. */

self.onmessage = ({ data }) =>
  run(data).then(self.postMessage.bind(self), (error) => self.postMessage({ error: String(error?.stack ?? error) }));

/** @param {number} rounds */
async function run(rounds) {
  const runtime = new URL("pyodide/", location.href).href;
  const { loadPyodide } = await import(`${runtime}pyodide.mjs`);
  const python = await loadPyodide({ indexURL: runtime });
  for (const name of ["ours", "earlier"]) {
    const answer = await fetch(`${name}.zip`);
    if (!answer.ok) throw new Error(`${name}.zip: ${answer.status}`);
    python.unpackArchive(await answer.arrayBuffer(), "zip", { extractDir: `/${name}` });
  }
  const driver = await fetch("view_driver.py");
  python.FS.writeFile("/view_driver.py", await driver.text());
  return JSON.parse(
    python.runPython(`
import json, sys
sys.path.insert(0, "/")
import view_driver
json.dumps(view_driver.measure({"ours": "/ours", "earlier": "/earlier"}, ${rounds}))
`),
  );
}
