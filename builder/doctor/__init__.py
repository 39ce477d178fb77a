"""Is a deployment right? `python3 build.py doctor URL` looks at it as a person would who knows every host.

    findings.py   what was looked at, how it is, what cures it
    fetching.py   one polite request at a time, and no more than a few dozen
    page.py       what the fetched page itself says: its files with their digests, its policy, its settings
    csp.py        what a Content-Security-Policy allows
    reach.py, files.py, policy.py, tag.py, caching.py, tokens.py, browser.py: the checks, in the order in
    which they are made
    __main__.py   the command

A check is a generator of findings. It finds fault only with what a visitor or the owner would notice.
"""
