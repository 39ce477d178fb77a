"""Fixtures of the worklets' tests: scripts run in Node."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.worklets.support.node import Node


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)
