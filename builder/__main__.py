"""Run one verb inside the prepared environment (`build.py` starts this)."""

import sys

from builder import verbs
from builder.cli import parse

raise SystemExit(verbs.run(parse(sys.argv[1:])))
