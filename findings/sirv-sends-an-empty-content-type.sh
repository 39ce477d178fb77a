#!/usr/bin/env bash
# sirv-cli 3.0.1: a file whose ending it does not know gets the header `Content-Type:` with nothing behind it.
#
# A good engineer guesses application/octet-stream, or no header at all. An empty one is neither: with `nosniff` behind
# a proxy it is not a type that anything accepts, and code that asks `headers.get("content-type") ?? fallback` gets ""
# and no fallback.
#
# Seen 2026-11-28, Node 20.20: .bin application/octet-stream; .snapshot and .whl empty; undici's fetch gives "" for
# them, not null.
set -euo pipefail
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent sirv-cli@3.0.1 >/dev/null
mkdir site
for ending in bin snapshot whl; do echo some bytes >site/file.$ending; done
timeout 120 node_modules/.bin/sirv site --host 127.0.0.1 --port 47321 >/dev/null 2>&1 &
url=http://127.0.0.1:47321
for _ in $(seq 100); do curl -s -o /dev/null "$url/file.bin" && break || sleep 0.2; done
seen=$(node -e '
  const types = ["bin", "snapshot", "whl"].map(async (ending) =>
    JSON.stringify((await fetch(`'"$url"'/file.${ending}`)).headers.get("content-type")));
  Promise.all(types).then((all) => console.log(all.join(" ")));')
echo "content-type of .bin .snapshot .whl: $seen"
[ "$seen" = '"application/octet-stream" "" ""' ] && echo "as seen" || { echo "CHANGED"; exit 1; }
