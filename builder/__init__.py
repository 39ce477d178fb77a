"""The steps behind `build.py`, each in a file that answers one question.

Set-up, standard library only, because they run before anything is installed:
  cli.py          what can be asked, and which packages each verb needs
  environment.py  `.venv` from a lock file with hashes
  node.py         an npm and a Node, the machine's own or one from a wheel
  browsers.py     the three engines and the virtual sound card for the tests

Building, inside `.venv`:
  vendor.py       the Pyodide runtime, micropip and the time zones, fetched once and checked
  zones.py        the time zones in one file for the page
  agents.py       `agents/<name>/agent.toml` read and checked
  bundle.py       scripts and styles bundled and minified by esbuild, with source maps
  assets.py       names with content hashes, source maps linked
  npm_tools.py    esbuild, tsc and biome, fetched once and checked
  wheel.py        `pyclient` as a reproducible wheel
  lean.py         Pyodide without what only compiled packages need (in Node: runtime_pruner/)
  snapshot.py     the memory of a Python that has imported the client, and the way out (in Node: snapshot_maker/)
  split.py        what of it a page starts with, what calls use, and the rest (in Node: runtime_splitter/)
  kept.py         what Node makes once, kept in `.cache/`; builds that want the same wait for each other
  node_errors.mjs how the scripts that Node runs tell what went wrong
  policy.py       security headers, the one source for server, meta tag and CDN
  site.py         Jinja pages; puts everything together in `dist/`
  verify.py       what must be true of a finished `dist/`
  quality.py      ruff, mypy and import contracts; tsc and biome for scripts
  suite.py        which tests the whole suite consists of, and on how many processes

This room treats the others as data: it imports neither `pyclient` nor `server`.
"""
