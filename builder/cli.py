"""What can be asked of `build.py`, and which dependency group each verb needs."""

from __future__ import annotations

import argparse
from pathlib import Path


def parse(argv: list[str]) -> argparse.Namespace:
    """Parse the command line; without a verb it is `serve`. Exits for --help and for wrong arguments."""
    parser = argparse.ArgumentParser(
        prog="build.py", description="Build, serve and test Parley. Without a verb: serve."
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")

    serve = verbs.add_parser("serve", help="build the site and serve it with the token route and the local agent")
    serve.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default %(default)s: this machine only)"
    )
    serve.add_argument("--port", type=_port, default=None, help="port (default 8000, or the next free one)")
    serve.add_argument("--agent", default="demo", help="folder under agents/ to build (default %(default)s)")

    build = verbs.add_parser("build", help="render the static site")
    build.add_argument("--out", type=Path, default=None, help="where to write it (default dist/)")
    build.add_argument("--agent", default="demo", help="folder under agents/ to build (default %(default)s)")

    verbs.add_parser("test", help="install what the tests need and run every check and test")
    verbs.add_parser("talk", help="speak to a deployment through a real browser and judge what comes back")
    verbs.add_parser("check", help="run ruff, mypy --strict and the import contracts")
    verbs.add_parser("lock", help="make builder/locks/ again from pyproject.toml (needs network)")

    if not argv or (argv[0].startswith("-") and argv[0] not in ("-h", "--help")):
        argv = ["serve", *argv]
    if argv[0] == "test":  # everything behind `test` is pytest's, dashes too, but a person may ask for help here
        if argv[1:] in (["-h"], ["--help"]):
            print(
                "usage: build.py test [ARGS]\n\nInstalls what the tests need (browsers too), runs every check and test."
            )
            print("ARGS go to pytest, for example: -k resampler, --engines chromium, -x")
            raise SystemExit(0)
        return argparse.Namespace(verb="test", pytest=argv[1:])
    if argv[0] == "talk":  # its own options are read where the harness is
        return argparse.Namespace(verb="talk", talk=argv[1:])
    return parser.parse_args(argv)


def group_for(arguments: argparse.Namespace) -> str:
    """Name the lock file that the verb needs."""
    return "serve" if arguments.verb in ("serve", "build") else "test"


def _port(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 65535:
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65535")
    return value
