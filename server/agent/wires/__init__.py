"""The server side of the vendors' protocols, one folder each, which know nothing of each other.

A wire translates; it decides nothing about speech.
"""
