#!/usr/bin/env bash
# Debian's chromium 156: WebAssembly out of the code cache comes with a list of the functions that an earlier visit
# called. They are compiled at once, in the background, although the code cache holds no code of theirs.
#
# A good engineer knows that V8 compiles a function when it is first called, on the thread that calls it, and guesses
# that the code cache helps with what the optimising compiler made and with nothing else: of the others it keeps no
# code. It keeps which they were (V8's published source, src/wasm/wasm-serialization.cc), and on the next visit the
# baseline compiler makes them while the page still does other things. A start that calls a thousand functions once
# each gains more from that list than from the code.
#
# Seen 2026-11-30, 156.0.8078.114: of 60 functions 41 are called and one of these is made hot. The next visit, whose page
# calls none, compiles 40 functions (of the hot one the code was kept); with a new profile the same page compiles none.
set -euo pipefail
MAJOR=156
found=$(chromium --version 2>/dev/null | grep -o '[0-9.]*' | head -1 || true)
[ "${found%%.*}" = "$MAJOR" ] || { echo "needs: apt-get install chromium, of version $MAJOR (found: ${found:-none})"; exit 2; }
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; sleep 1; rm -rf "$work"' EXIT
cd "$work"
cat >serve.py <<'PY'
"""60 functions that do the same. `/?call=N`: the first N are called once, and the first of them until it is hot."""
import http.server
import sys

def leb(n):
    out = b""
    while True:
        n, low = n >> 7, n & 127
        out += bytes([low | (128 if n else 0)])
        if not n:
            return out

def section(number, body):
    return bytes([number]) + leb(len(body)) + body

COUNT = 60
# (func (param i32) (result i32)): 300 times x = x * x + x, which makes more than 1,000 bytes of optimised code
body = b"\0" + bytes([0x20, 0, 0x20, 0, 0x6C, 0x20, 0, 0x6A, 0x21, 0]) * 300 + bytes([0x20, 0, 0x0B])
code = leb(len(body)) + body
names = [f"f{i}".encode() for i in range(COUNT)]
exports = b"".join(leb(len(name)) + name + b"\0" + leb(i) for i, name in enumerate(names))
wasm = b"\0asm\1\0\0\0" + section(1, b"\1\x60\1\x7f\1\x7f") + section(3, leb(COUNT) + b"\0" * COUNT)
wasm += section(7, leb(COUNT) + exports) + section(10, leb(COUNT) + code * COUNT)
page = b"""<!doctype html><title>waiting</title><script type="module">
const { instance } = await WebAssembly.instantiateStreaming(fetch("/many.wasm"));
const count = Number(new URL(location).searchParams.get("call"));
for (let i = 0; i < count; i++) instance.exports[`f${i}`](i);
if (count) for (let i = 0; i < 200000; i++) instance.exports.f0(i);
</script>"""

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        kind, content = ("application/wasm", wasm) if self.path == "/many.wasm" else ("text/html", page)
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "public, max-age=31536000")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
PY
timeout 120 python3 serve.py 47332 &
sleep 1
# How many functions the baseline compiler made in a visit of $3 seconds to $1, with the profile $2.
compiled_in() {
  timeout "$3" chromium --headless=new --no-sandbox --user-data-dir="$work/$2" \
    --js-flags=--trace-wasm-compilation-times "http://localhost:47332/$1" >"$work/log" 2>&1 || true
  grep -c 'using Liftoff' "$work/log" || true
}
first=$(compiled_in "?call=41" kept 9)
again=$(compiled_in "?call=0" kept 5)
other=$(compiled_in "?call=0" new 5)
echo "compiled: $first in a visit that calls 41, $again in the next one that calls none, $other in a first one that calls none"
[ "$first" = 41 ] && [ "$again" -ge 40 ] && [ "$other" = 0 ] && echo "as seen" || { echo "CHANGED"; exit 1; }
