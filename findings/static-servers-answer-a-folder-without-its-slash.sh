#!/usr/bin/env bash
# serve 14.2.7 and sirv-cli 3.0.1: GET /folder is answered with folder/index.html and 200, without a redirect to
# /folder/.
#
# A good engineer guesses a redirect, as nginx, Apache, Caddy, lighttpd and Python's http.server send one. Without it
# every relative address in that page is looked for one folder too high: the page is shown, and none of its scripts and
# styles is found.
#
# Seen 2026-11-28, Node 20.20: both 200, no Location; the page's own script, resolved as a browser resolves it, 404 from
# both.
set -euo pipefail
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --no-audit --no-fund --silent serve@14.2.7 sirv-cli@3.0.1 >/dev/null
mkdir -p site/folder
echo '<!doctype html><script src="page.js"></script>' >site/folder/index.html
echo 'document.title = "here"' >site/folder/page.js
timeout 120 node_modules/.bin/serve --no-port-switching -l tcp://127.0.0.1:47311 site >/dev/null 2>&1 &
timeout 120 node_modules/.bin/sirv site --host 127.0.0.1 --port 47312 >/dev/null 2>&1 &
failed=0
for server in serve:47311 sirv:47312; do
  name=${server%%:*}
  url=http://127.0.0.1:${server##*:}
  for _ in $(seq 100); do curl -s -o /dev/null "$url/folder/" && break || sleep 0.2; done
  page=$(curl -s -o /dev/null -w '%{http_code} %{redirect_url}' "$url/folder")
  # A browser at /folder resolves page.js to /page.js; at /folder/ to /folder/page.js.
  high=$(curl -s -o /dev/null -w '%{http_code}' "$url/page.js")
  right=$(curl -s -o /dev/null -w '%{http_code}' "$url/folder/page.js")
  echo "$name: /folder -> $page| /page.js -> $high | /folder/page.js -> $right"
  [ "$page $high $right" = "200  404 200" ] || failed=1
done
[ $failed = 0 ] && echo "as seen: shown without its slash, and its script is not found" || { echo "CHANGED"; exit 1; }
