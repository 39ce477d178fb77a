#!/usr/bin/env bash
# Debian's WebKitGTK 2.50.6 (gir1.2-webkit2-4.1): a HEAD request throws the file out of the browser's cache.
#
# A good engineer guesses that asking for a file's headers is free of consequences: HEAD is a safe method (RFC 9110,
# 9.2.1), and an answer to it may at most say that what is stored is stale (RFC 9111, 4.3.5). Here the style sheet,
# which may be kept for a year, is fetched again in the visit after a `fetch(url, { method: "HEAD" })` with the very
# same headers.
#
# Seen 2026-11-29: three visits of the page, the browser started anew for each: the style sheet is fetched in the
# first alone. The same with a HEAD request before the third: it is fetched again.
set -euo pipefail
VERSION=2.50.6
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >visit.py <<'PY'
"""visit.py VERSION FOLDER ADDRESS...: opens each until it has a title and a second longer, with a cache in FOLDER."""
import os
import sys

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("WebKit2", "4.1")
from gi.repository import GLib, Gtk, WebKit2

version = f"{WebKit2.get_major_version()}.{WebKit2.get_minor_version()}.{WebKit2.get_micro_version()}"
if version != sys.argv[1]:
    sys.exit(f"needs WebKitGTK {sys.argv[1]}, found {version}")
folders = {f"base_{kind}_directory": os.path.join(sys.argv[2], kind) for kind in ("cache", "data")}
context = WebKit2.WebContext.new_with_website_data_manager(WebKit2.WebsiteDataManager(**folders))
view = WebKit2.WebView(web_context=context)
window = Gtk.Window()
window.add(view)
window.show_all()
left = sys.argv[3:]

def on():
    if left:
        view.load_uri(left.pop(0))
    else:
        Gtk.main_quit()

view.connect("notify::title", lambda *_: view.get_title() and GLib.timeout_add(2500, on))
on()
GLib.timeout_add(30_000, Gtk.main_quit)
Gtk.main()
PY
cat >seen.py <<'PY'
import http.server
import subprocess
import sys
import tempfile
import threading

asked = []
PAGE = '<!doctype html><link rel="stylesheet" href="/style.css"><script>onload = () => { document.title = "loaded"; };</script>'
HEAD = '<!doctype html><script>fetch("/style.css", { method: "HEAD" }).then(() => { document.title = "asked"; });</script>'

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked.append(f"{self.command} {self.path}")
        kind, content = {"/": ("html", PAGE), "/head": ("html", HEAD)}.get(self.path, ("css", "body { color: navy }"))
        self.send_response(200)
        self.send_header("Content-Type", f"text/{kind}")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "public, max-age=31536000, immutable" if kind == "css" else "no-cache")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content.encode())

    do_HEAD = do_GET

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
threading.Thread(target=server.serve_forever, daemon=True).start()
site = f"http://localhost:{server.server_address[1]}/"

def fetched(*visits):
    """How often each visit fetched the style sheet. A visit is the addresses that the browser opens before it ends."""
    counts = []
    with tempfile.TemporaryDirectory() as folder:
        for pages in visits:
            asked.clear()
            command = ["xvfb-run", "-a", "/usr/bin/python3", "visit.py", sys.argv[1], folder]
            subprocess.run([*command, *(site + page for page in pages)], stderr=subprocess.DEVNULL, timeout=60, check=True)
            counts.append(asked.count("GET /style.css"))
    return counts

print("visits of the page:        ", fetched([""], [""], [""]))
print("HEAD before the third one: ", fetched([""], [""], ["head", ""]))
PY
command -v xvfb-run >/dev/null || { echo "needs: apt-get install gir1.2-webkit2-4.1 python3-gi xvfb"; exit 2; }
export WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS=1
seen=$(timeout 300 /usr/bin/python3 seen.py "$VERSION")
echo "$seen"
wanted='visits of the page:         [1, 0, 0]
HEAD before the third one:  [1, 0, 1]'
[ "$seen" = "$wanted" ] && echo "as seen" || { echo "CHANGED"; exit 1; }
