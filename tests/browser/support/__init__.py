"""Helpers of the tests with a browser.

Pages:
    pages         what several tests do to the page before a call
    bundles       a session bundle out of a page
    outer_page    a team's own page with `<voice-agent>` in it
    tools_probe   tools that tell what Python can do in the page
    ways          the ways in which Python starts, and how a test takes one

Hosts and sites:
    plain_host    the plainest host that a site may get
    hosts         hosts as they should not be: a folder for each fault
    spoiled       a built site that tests change
    damaged_site  a page whose files are missing or damaged

Tables that a run writes:
    faults_table  what a person reads where a page cannot start
    tools_table   what a tool can use in the page
    pictures      what the page looks like in each state of a call
"""
