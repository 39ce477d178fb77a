#!/usr/bin/env bash
# Debian's chromium 156.0.8078.108-1~deb12u1, driven by playwright 1.64.0: `contain: strict` does not keep the layout of
# a flex item's or a grid item's content from beginning at the document.
#
# A good engineer guesses that size and layout containment make any box a root of layout: nothing in it can change what
# is around it (www.w3.org/TR/css-contain-2, "possible optimizations"), so that a word in a chat's list, which mostly is
# a flex item that takes the room that is left, lays out that list alone. So it is for a plain block and for a box out
# of the flow. As an item of a flex or grid box the same list is laid out from the document down, with each change.
# `position: absolute; inset: 0` in an item of its own around the list gets the list a layout of its own.
#
# Seen 2026-11-30, by the trace event Layout (`partialLayout`, and the roots that it names): as below.
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
cat >trace.py <<'PY'
import shutil

from playwright.sync_api import sync_playwright

ROWS = "".join(f"<p>row {number}</p>" for number in range(300))
KINDS = {
    "block": ("display: block", "height: 400px"),
    "flex item": ("display: flex; flex-direction: column; height: 500px", "flex: 1; min-height: 0"),
    "flex item of a fixed size": ("display: flex; flex-direction: column; height: 500px", "flex: none; height: 400px"),
    "grid item": ("display: grid; height: 500px", "min-height: 0"),
    "absolute": ("position: relative; height: 500px", "position: absolute; inset: 0"),
}
CHANGE = """() => new Promise((done) => requestAnimationFrame(() => {
  document.querySelector("#list").lastElementChild.firstChild.data = "a longer word";
  void document.body.offsetHeight;
  done();
}))"""
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
    for kind, (around, own) in KINDS.items():
        page = browser.new_page()
        page.set_content(
            f'<!doctype html><div style="{around}"><h1>list</h1>'
            f'<div id="list" style="contain: strict; overflow: auto; {own}">{ROWS}</div></div>'
        )
        page.wait_for_timeout(500)
        session = page.context.new_cdp_session(page)
        events, ended = [], []
        session.on("Tracing.dataCollected", lambda message, events=events: events.extend(message["value"]))
        session.on("Tracing.tracingComplete", lambda _, ended=ended: ended.append(True))
        session.send("Tracing.start", {"categories": "devtools.timeline", "transferMode": "ReportEvents"})
        page.evaluate(CHANGE)
        session.send("Tracing.end")
        while not ended:
            page.wait_for_timeout(50)
        layout = next(event["args"] for event in events if event["name"] == "Layout")
        roots = {root["nodeName"].split()[0] for root in layout["endData"]["layoutRoots"]}
        print(f"{kind}: {'a part' if layout['beginData']['partialLayout'] else 'all'}, from {', '.join(roots)}")
        page.close()
    browser.close()
PY
venv/bin/python trace.py | tee seen
diff - seen <<'SEEN'
block: a part, from DIV
flex item: all, from #document
flex item of a fixed size: all, from #document
grid item: all, from #document
absolute: a part, from DIV
SEEN
echo "as seen"
