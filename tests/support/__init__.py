"""Helpers that tests share, and that hold no tests themselves."""
