"""Helpers that tests share, and that hold no tests themselves.

What only one room of tests needs lies in its own `support/`.

A session without a browser:
    playbook        FakeHost: tells a session events, shows the commands it answers with, owns the clock
    parts           a part alone: a plain call, and no session
    two_tools       a live call with two tools
    brokenlines     steps of a call whose line breaks
    openai_host     FakeHost on the Realtime wire
    fakewire        a codec of no vendor, with whatever features a test wants
    realtime        golden messages of the Realtime wire
    fake_browser    stands for the worker's host object under `pyclient.host.pyodide_host`
    speaker         a model of the playback worklet
    recorded        a session that is recorded as a page's is
    worlds          random sequences of events, and what must hold in all of them

The product in a real browser (`voice_browsers`, the plugin of `tests/harness`, drives it):
    server          its server, and the site that is built for it once
    built           reads and changes what a built page is told
    talk            drives its page as a person does, and judges whole conversations
    talk_command    `build.py talk`
    talk_script     a conversation as a TOML script
    talk_rounds     plays it on any page; Prometheus text, JUnit
    look_command    does a page start? `build.py doctor` asks that
    framed          the page in a frame of another site
    texts           its English texts

The run of the tests:
    fast_lane       the option `--fast`
    own_coverage    `build.py test --coverage`
"""
