/** What a reader of Pyodide's documents would write: load it, install the client's wheel with micropip, import it. */

self.onmessage = async ({ data: { runtime, micropip, client } }) => {
  try {
    const { loadPyodide } = await import(`${runtime}pyodide.mjs`);
    const python = await loadPyodide({ indexURL: runtime });
    // Its table of packages names a copy of micropip that this site does not have; the same wheel comes by its address.
    await python.loadPackage(micropip, { messageCallback() {} });
    const installer = python.pyimport("micropip");
    await installer.install(client);
    python.pyimport("pyclient");
    self.postMessage("ready");
  } catch (error) {
    self.postMessage(String(error?.stack ?? error));
  }
};
