"""Helpers of the builder's tests.

Sites:
    planted        a small static host with a fault of the test's choice
    sites          built sites as tests compare them

Python in Node, run by the scripts beside these:
    garbage        has Node collect its garbage at other times
    visitor_probe  what a browser's Python says of its surroundings
"""
