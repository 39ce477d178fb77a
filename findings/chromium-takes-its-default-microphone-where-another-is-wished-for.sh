#!/usr/bin/env bash
# Debian's chromium 156.0.8078.108-1~deb12u1, driven by playwright 1.64.0: `deviceId` of a microphone is ignored by
# getUserMedia, unless it is `exact`.
#
# A good engineer guesses that { deviceId: id } and { deviceId: { ideal: id } } give that device where it is there: the
# specification has the browser take the settings nearest to what is wished for (w3c.github.io/mediacapture-main,
# SelectSettings), and Firefox 153 and WebKitGTK 2.50 do so. Here the browser's default device is taken, and no error
# says so: a page's list of microphones changes nothing.
#
# Seen 2026-11-30, with three of Chromium's own fake devices, the last of which is asked for:
#   bare: Fake Default Audio Input
#   ideal: Fake Default Audio Input
#   exact: Fake Audio Input 2
set -euo pipefail
VERSION=156.0.8078.108
found=$(chromium --version 2>/dev/null | grep -o '[0-9.]*' | head -1 || true)
needs="needs: apt-get install chromium=$VERSION-1~deb12u1"
[ "$found" = "$VERSION" ] || { echo "$needs (found: ${found:-none})"; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet playwright==1.64.0
cat >ask.py <<'PY'
import http.server
import shutil
import threading

from playwright.sync_api import sync_playwright

ASK = """async () => {
  const label = async (audio) => {
    const stream = await navigator.mediaDevices.getUserMedia({ audio });
    const [track] = stream.getTracks();
    track.stop();
    return track.label;
  };
  await label(true);  // names and ids are there after that
  const found = await navigator.mediaDevices.enumerateDevices();
  const { deviceId } = found.filter(({ kind }) => kind === "audioinput").at(-1);
  return {
    bare: await label({ deviceId }),
    ideal: await label({ deviceId: { ideal: deviceId } }),
    exact: await label({ deviceId: { exact: deviceId } }),
  };
}"""


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>microphones</title>")

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
threading.Thread(target=server.serve_forever, daemon=True).start()
with sync_playwright() as playwright:
    arguments = ["--no-sandbox", "--use-fake-device-for-media-stream=device-count=2"]
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
    context = browser.new_context()
    context.grant_permissions(["microphone"])
    page = context.new_page()
    page.goto(f"http://localhost:{server.server_port}/")
    for name, label in page.evaluate(ASK).items():
        print(f"{name}: {label}")
    browser.close()
PY
venv/bin/python ask.py | tee seen
diff - seen <<'SEEN'
bare: Fake Default Audio Input
ideal: Fake Default Audio Input
exact: Fake Audio Input 2
SEEN
echo "as seen"
