#!/usr/bin/env bash
# Debian's chromium 156.0.8078.108-1~deb12u1: `navigator.mediaDevices.addEventListener("devicechange", ...)` starts the
# browser's processes for sound and for cameras at once, in a page that has asked for no device and plays nothing.
#
# A good engineer takes a listener for something that waits and costs nothing until a device comes or goes. The browser
# lists all devices when somebody begins to listen, to have something to compare with, and for that it starts both
# services. In a page that loads, on two processors, they took 160 ms of processor time from it, and what the main
# process did for them 50 ms more (measured 2026-11-30 in a page that is ready after 700 ms; it was ready 110 ms
# earlier without the listener). Listen when it first matters.
#
# Seen 2026-11-30: without a listener none of the two processes, with one both.
set -euo pipefail
VERSION=156.0.8078.108
found=$(chromium --version 2>/dev/null | grep -o '[0-9.]*' | head -1 || true)
needs="needs: apt-get install chromium=$VERSION-1~deb12u1"
[ "$found" = "$VERSION" ] || { echo "$needs (found: ${found:-none})"; exit 2; }
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; sleep 1; rm -rf "$work"' EXIT
cd "$work"
mkdir page
echo '<!doctype html><title>plain</title><p>Nothing here.</p>' >page/plain.html
echo '<!doctype html><title>listens</title><script>navigator.mediaDevices.addEventListener("devicechange", () => {})</script>' >page/listens.html
timeout 90 python3 -m http.server 47351 --bind 127.0.0.1 --directory page >/dev/null 2>&1 &
sleep 1
# The services of sound and cameras that run 6 s after a page was opened.
services() {
  timeout 60 chromium --headless=new --no-sandbox --user-data-dir="$work/profile-$1" "http://localhost:47351/$1.html" >/dev/null 2>&1 &
  local browser=$!
  sleep 6
  { pgrep -a -f "user-data-dir=$work/profile-$1" || true; } |
    grep -o 'utility-sub-type=\(audio\|video_capture\)' | sort -u | sed 's/.*=//' | tr '\n' ' '
  kill $browser; wait $browser 2>/dev/null || true
}
plain=$(services plain)
listens=$(services listens)
echo "processes of a plain page: ${plain:-none}; of one that listens: ${listens:-none}"
[ -z "$plain" ] && [ "$listens" = "audio video_capture " ] && echo "as seen" || { echo "CHANGED"; exit 1; }
