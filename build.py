#!/usr/bin/env python3
"""Parley's one entry: sets up what is missing, then builds, serves, tests or checks.

    python3 build.py [serve]          build the site and serve it with the token route and the local agent
    python3 build.py new NAME         write a commented agent of your own into agents/NAME/
    python3 build.py build [--out D]  render the static site
    python3 build.py agent [--list]   run the local agent, misbehaving as --scenario says
    python3 build.py test  [ARGS]     every check and test; ARGS go to pytest
    python3 build.py bench [NAME]     measure what it costs; --check compares with the committed budget
    python3 build.py doctor URL       look at a deployment and say what is wrong with it
    python3 build.py check            ruff, mypy and the import contracts alone
    python3 build.py graph            draw docs/import-graph.md from the imports of today
    python3 build.py lock             make the lock files agree with pyproject.toml

This file needs only Python 3.11 and its standard library. It makes `.venv` from a lock file with hashes and hands over
to `builder/`, the room where the steps live, inside that environment.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent


def main(argv: list[str]) -> int:
    if sys.version_info < (3, 11):  # noqa: UP036 - this file may be started by any Python
        print(f"Parley needs Python 3.11 or newer; this is {sys.version.split()[0]}.", file=sys.stderr)
        return 2
    sys.path.insert(0, str(ROOT))
    from builder import cli, environment

    arguments = cli.parse(argv)  # --help and wrong arguments end here, before anything is installed
    try:
        python = environment.ensure(ROOT, cli.group_for(arguments))
    except environment.SetupError as error:
        print(f"\nset-up failed: {error}", file=sys.stderr)
        return 2
    command = [str(python), "-m", "builder", *argv]
    environ = environment.for_programs(ROOT, os.environ)
    if os.name == "posix":  # one process, so that Ctrl-C and the exit code are the program's own
        os.execve(command[0], command, environ)
    return subprocess.run(command, env=environ, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
