"""The steps behind `build.py`, one per file.

Set-up, standard library only, because these run before anything is installed:
  cli.py            command line: what can be asked, and which packages each command needs
  environment.py    virtual environment: `.venv` from a lock file with hashes
  node.py           an npm and a Node, the machine's own or one from a wheel
  browsers.py       the three engines and the virtual sound card for the tests
  webservers.py     the web servers that the tests put a built site on

Building, inside `.venv`:
  commands.py       commands: what `serve`, `build`, `test` and the others do
  site.py           puts everything together in `dist/`
  pages.py          Jinja pages, and the files of the page's other languages
  fetch_runtime.py  the Pyodide runtime, micropip and the time zones, fetched once and checked
  npm_package.py    one npm package, fetched and checked
  new_agent.py      a new agent: `agents/<name>/` with commented settings, a tool and its tests (agent_template/)
  agent_config.py   agent configuration: `agents/<name>/agent.toml` read and checked
  origins.py        origins and addresses in agent.toml
  toml_faults.py    where a file stops being TOML
  consent.py        what a visitor agrees to before a call
  variables.py      dynamic variables of prompt and greeting
  agent_check.py    settings and tools checked by the client itself (in Node: agent_checker/)
  agent_tests.py    tests of an agent's tools, in CPython and in the page's Python (in Node: agent_tester/)
  texts.py          texts: the catalogue of each language, checked, and which of them a script needs
  start_texts.py    which faults of a microphone a page knows before its Python has started
  npm_tools.py      esbuild, tsc and biome, fetched once and checked
  watch.py          watcher: `serve` builds anew when a source changes
  tag_types.py      types of the tag: `voice-agent.d.ts`
  bundle.py         bundler and minifier: esbuild, with source maps
  assets.py         content-hashed file names, source maps linked
  packages          packages for tools: chosen, locked with hashes, packed
  flat_archive.py   flat archive: many small files in one for a page's Python
  packing.py        compression: gzip for every host, brotli beside it
  wheel.py          `pyclient` as a reproducible wheel
  zones.py          the time zones in one file for the page
  pyodide_slim/     slimmed runtime: Pyodide pruned, its memory kept, its code divided; or whole, with a warning
  build_cache.py    build cache: what Node makes once, in `.cache/`; builds that want the same wait for each other
  policy.py         security headers, the one source for server, meta tag and CDN
  hosts             hosting: the same told to each kind of host
  verify.py         what must be true of a finished `dist/`

Checks:
  quality.py        lint, types, import contracts, of Python and JavaScript
  text_check.py     no text of the page in the code, none unused, none missing in a language
  import_graph.py   import graph: docs/import-graph.md, drawn from the imports
  feature_table.py  feature table: docs/features.md, made from docs/features.toml
  made_page.py      writes a page that is made of something else, or says that it is not current
  suite.py          the whole test suite: which tests, on how many processes
  doctor            diagnosis of a deployment

`node_errors.mjs` is how the scripts that Node runs report what went wrong.

This package treats the others as data: it imports neither `pyclient` nor `server`.
"""
