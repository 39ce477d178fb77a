#!/usr/bin/env bash
# Debian's chromium 156.0.8078.108-1~deb12u1: what a page posts to a worker before the worker's script has run waits for
# the page's own thread: it is handed over only when that thread has heard that the script ran. Firefox ESR 153 hands it
# over by itself.
#
# A good engineer knows that a worker runs beside a busy page, and posts its settings right after `new Worker`: the
# worker starts with them while the page parses, lays out and draws. In Chromium it does not: its script runs, and then
# it waits until the page's thread is idle, however long that takes. (In a page that was being loaded: script run after
# 370 ms, first message after 502.) A worker's `name` and its address are there at once.
#
# Here the worker's script runs for 400 ms (it waits for an answer of the server), and the page's thread is busy from
# 150 to 1,500 ms.
#
# Seen 2026-11-30: the message comes 1,016 ms after the script has run in Chromium, 1 ms after it in Firefox.
set -euo pipefail
needs="needs: apt-get install chromium=156.0.8078.108-1~deb12u1 and firefox-esr 153"
chromium --version 2>/dev/null | grep -q ' 156\.0\.8078\.108' || { echo "$needs"; exit 2; }
firefox-esr --version 2>/dev/null | grep -q ' 153\.' || { echo "$needs"; exit 2; }
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; sleep 1; rm -rf "$work"' EXIT
cd "$work"
cat >serve.py <<'PY'
import http.server
import sys
import time

PAGE = b"""<!doctype html><title>busy</title><script>
const worker = new Worker("/worker.js");
worker.postMessage("settings");
worker.onmessage = ({ data }) => fetch("/late/" + data);
setTimeout(() => { const until = performance.now() + 1350; while (performance.now() < until); }, 150);
</script>"""
WORKER = b"""
const request = new XMLHttpRequest();
request.open("GET", "/slow", false);
request.send();
const ran = performance.now();
onmessage = () => postMessage(Math.round(performance.now() - ran));
"""

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/slow":
            time.sleep(0.4)
        if self.path.startswith("/late/"):
            print(self.path[6:], flush=True)
        kind, content = ("text/javascript", WORKER) if self.path == "/worker.js" else ("text/html", PAGE)
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
PY
# How many milliseconds after the worker's script the message came, with a browser that is started so.
late() {
  local port=$1; shift
  timeout 60 python3 serve.py "$port" >"late-$port" &
  local server=$!
  sleep 1
  timeout 40 "$@" "http://localhost:$port/" >/dev/null 2>&1 &
  local browser=$!
  for _ in $(seq 30); do [ -s "late-$port" ] && break; sleep 1; done
  kill $browser $server; wait $browser $server 2>/dev/null || true
  head -1 "late-$port"
}
chromium_ms=$(late 47361 chromium --headless=new --no-sandbox --user-data-dir="$work/chromium")
mkdir firefox
firefox_ms=$(HOME="$work" late 47362 firefox-esr --headless --no-remote --profile "$work/firefox")
echo "the message came ${chromium_ms:-never} ms after the script in Chromium, ${firefox_ms:-never} ms in Firefox"
[ "${chromium_ms:-0}" -gt 500 ] && [ "${firefox_ms:-1000}" -lt 200 ] && echo "as seen" || { echo "CHANGED"; exit 1; }
