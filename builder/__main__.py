"""Run one command inside the prepared environment (`build.py` starts this)."""

import sys

from builder import commands
from builder.cli import parse

raise SystemExit(commands.run(parse(sys.argv[1:])))
