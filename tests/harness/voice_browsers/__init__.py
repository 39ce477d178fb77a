"""Real browsers with real sound: a test harness for pages that talk.

One suite drives Chromium, Firefox and WebKit through Playwright's `Page`. A private PulseAudio is microphone and
speaker: speech goes in where a person's voice would, and what the page plays is recorded where a person's ear would be.

In a suite of your own
----------------------
Install the distribution (`pip install ./tests/harness`); pytest finds the plugin by itself. A test takes fixtures:

    def test_the_page_answers(page, microphone, speaker):
        page.goto("https://agent.example/")
        page.get_by_role("button", name="Connect").click()
        speaker.heard("hello")
        microphone.say("what time is it")
        assert speaker.heard("it is").latency_ms < 3_000

It runs once per engine. A test fails when its page complained: console error, exception, unhandled rejection, policy
violation, crash; `page_errors.expect(r"status of 502")` marks what the test means to provoke. A failed test leaves a
report in one HTML file. `@pytest.mark.tab(mic="deny", autoplay="allow", init_scripts=[...], size=(400, 800))` opens the
page differently; `open_tab(...)` opens more than one. Options, markers and all fixtures: the docstring of `plugin`.

Rooms
-----
    voice         microphone and speaker of a test: what is said, what is heard, on one clock
    plugin        pytest: fixtures, options, page discipline, summary  (table: what ran in which engine, as Markdown)
    engines       find an engine and open a page in it        (webkit_gtk, wkgtk_browser: Debian's WebKit)
    page_errors   everything that a page complains about
    pulse, tape   virtual microphone and speaker; recordings that can be listened to while they run
    injected      the same inside the page, for machines without PulseAudio; the test id then says `injected`
    speech        make speech, tones, sweeps, silence (`wheel_voice`: its voice where espeak-ng is not installed)
    listen        levels, segments, pitch, gaps, likeness, words
    local_agent   an agent on this machine that misbehaves on request, over HTTP
    observer      what a page does with sound           (advice: what its authors should know about that)
    report        a failed test as one HTML file          (picture: spectrograms)
    quirk_scripts init scripts: other browsers' quirks and faults
    lines_of_errors  a line for an error that a time limit raised between two: pytest would end on it
    processes     nothing started here outlives the run

Without pytest everything is a plain context manager: `Pulse()`, `virtual_display()`, `open_tab(...)`.
`python -m voice_browsers` tells what this machine has.

To remember
-----------
* A recording starts at an arbitrary moment, and a busy machine splices some milliseconds: judge pitch, windows
  (`likeness`) and words, never one correlation over the whole.
* `sound.say(...)` returns at once; `.wait()` returns when the last sample was played, not when the page has it.
* Playwright hands over events only while it is called: wait with `page.wait_for_timeout`, `expect` and locators. A
  strict policy forbids `page.wait_for_function` with a string, and in Firefox Playwright's screenshot:
  `tab.screenshot(path)` copes with that.
* Playwright asks pages as if a person had acted: `evaluate` is a gesture in Chromium, and in the system's Firefox the
  page counts as clicked from the start. To test what happens without a click, use `quirk_scripts.gesture_required`.
* In WebKitGTK Playwright's clicks are made by script: `mousedown` and `click` come, untrusted, and `pointerdown` does
  not. They open the gate for sound all the same.
* An argument of `evaluate` above some 200 kB closes a WebKitGTK page: send it in parts. Without any output device that
  page hangs as soon as it makes an AudioContext.
* A worker's WebSocket cannot be intercepted: inject faults in the server. Its fetches can (`page.route`).
"""
