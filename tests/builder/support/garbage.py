"""Have Node collect its garbage at other times, as on another machine or on a busy one: Python then lets go of
what it belonged to.
"""

from __future__ import annotations

import pytest

from builder import node


def collect_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """For every Node that builds from now on, until the test ends."""
    plain = node.environment_of_builds()
    monkeypatch.setattr(node, "environment_of_builds", lambda: {**plain, "NODE_OPTIONS": "--max-semi-space-size=1"})
