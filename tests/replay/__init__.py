"""Replay: plays the session bundle of a visitor through the session core and says whether the same came out.

bundle    reads and checks the zip file
player    plays its lines to a session of its own, and finds the first difference
"""
