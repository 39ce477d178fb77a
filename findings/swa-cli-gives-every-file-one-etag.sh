#!/usr/bin/env bash
# @azure/static-web-apps-cli 2.0.10: every file of a site has the same ETag, and it does not change with the file.
#
# A good engineer guesses that an emulator's 304 means "not changed". Here a browser that has seen any version of a file
# asks with the one tag and is told 304 for ever: an edited page stays the old one until its cache is emptied.
#
# Seen 2026-11-28, Node 20.20 (installed with --ignore-scripts: a dependency of it wants a prebuilt binary): two files,
# before and after an edit: ETag "SWA-CLI-ETAG"; asked with that tag: 304 each time, also after the edit.
set -euo pipefail
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund --silent @azure/static-web-apps-cli@2.0.10 >/dev/null
mkdir site
echo '<!doctype html>start' >site/index.html
echo one >site/a.txt
echo another >site/b.txt
timeout 120 node_modules/.bin/swa start site --host 127.0.0.1 --port 47331 >log 2>&1 &
url=http://127.0.0.1:47331
for _ in $(seq 200); do curl -sf -o /dev/null "$url/a.txt" && break || sleep 0.3; done
tag() { curl -sI "$url/$1" | tr -d '\r' | sed -n 's/^[Ee][Tt]ag: //p'; }
again() { curl -s -o /dev/null -w '%{http_code}' -H "If-None-Match: $(tag "$1")" "$url/$1"; }
before="$(tag a.txt) $(tag b.txt) $(again a.txt)"
echo two >site/a.txt
after="$(curl -s "$url/a.txt") $(tag a.txt) $(again a.txt)"
echo "before the edit: $before"
echo "after it:        $after"
expected='"SWA-CLI-ETAG" "SWA-CLI-ETAG" 304'
[ "$before" = "$expected" ] && [ "$after" = 'two "SWA-CLI-ETAG" 304' ] && echo "as seen" || { echo "CHANGED"; exit 1; }
