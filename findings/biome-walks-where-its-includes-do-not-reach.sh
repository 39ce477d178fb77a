#!/usr/bin/env bash
# biome 2.6.8: `files.includes` with only positive patterns chooses files, not folders: it walks through every other
# folder of the tree as well, hidden ones too, and what it meets there counts.
#
# A good engineer guesses that `"includes": ["src/**"]` keeps it in src. It does not: a link to nothing in .cache makes
# `lint --error-on-warnings` fail, a folder that another program clears away meanwhile makes `format` fail now and then
# ("fs/io: No such file or directory"), and a tree with large caches takes seconds for milliseconds of work. A
# negated folder keeps it out.
#
# Seen 2026-12-01: includes of src alone: 1, with fs/dereferencedSymlink; with "!.cache" beside it: 0.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent @biomejs/biome@2.6.8 >/dev/null
mkdir tree tree/src tree/.cache
echo 'export const a = 1;' >tree/src/a.js
ln -s nowhere tree/.cache/gone
cd tree
lint() {
  echo "{\"files\": {\"includes\": [$1]}, \"formatter\": {\"enabled\": false}}" >biome.json
  local code=0
  ../node_modules/.bin/biome lint --error-on-warnings >../told 2>&1 || code=$?
  echo "$code $(grep -c fs/dereferencedSymlink ../told || true)"
}
alone=$(lint '"src/**"')
kept_out=$(lint '"src/**", "!.cache"')
echo "exit code and broken links told: src alone $alone; with !.cache $kept_out"
[ "$alone/$kept_out" = "1 1/0 0" ] && echo "as seen" || { echo "CHANGED"; exit 1; }
