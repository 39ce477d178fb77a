"""Command line: what can be asked of `build.py`, and which dependency group each command needs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from builder.browsers import ENGINES
from builder.hosts import HOSTS, checked_base

# In the order in which they run.
BENCHES = (
    "start",
    "line",
    "bytes",
    "frame",
    "view",
    "drawing",
    "latency",
    "answer",
    "end_of_turn",
    "barge_in",
    "resampler",
    "mint",
)
# The engines that each needs: as many as are asked for, or the one in which a page load is watched.
BENCHES_IN_BROWSERS = ("start", "line", "frame", "view", "drawing", "latency", "answer", "barge_in")
BENCHES_IN_CHROMIUM = ("bytes",)


def parse(argv: list[str]) -> argparse.Namespace:
    """Parse the command line; without a command it is `serve`. Exits for --help and for wrong arguments."""
    parser = argparse.ArgumentParser(
        prog="build.py", description="Build, serve and test Parley. Without a command: serve."
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    serve = commands.add_parser("serve", help="build the site and serve it with the token route and the local agent")
    serve.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default %(default)s: this machine only)"
    )
    serve.add_argument("--port", type=_port, default=None, help="port (default 8000, or the next free one)")
    _agents_option(serve)

    build = commands.add_parser("build", help="render the static site")
    build.add_argument("--out", type=Path, default=None, help="where to write it (default dist/)")
    _agents_option(build)
    build.add_argument(
        "--for", dest="hosts", metavar="HOST", action="append", default=[], choices=HOSTS,
        help=f"write the host's configuration beside the site, repeated for several: {', '.join(HOSTS)}",
    )  # fmt: skip
    build.add_argument(
        "--base",
        type=_base,
        default="/",
        metavar="PATH",
        help="the site's path on its host, such as /voice/ (default /)",
    )

    new = commands.add_parser("new", help="write a commented agent into agents/NAME/, with one tool and its tests")
    new.add_argument("name", metavar="NAME", help="what it is called: small letters, digits, - and _")

    agent = commands.add_parser("agent", help="run the local agent, misbehaving as you say")
    agent.add_argument("--scenario", default="", help="how each session is to go, such as 'drops after 3 s, is deaf'")
    agent.add_argument(
        "--list", action="store_true", help="print every sentence, moment and name that a scenario can have"
    )
    agent.add_argument(
        "--origin",
        action="append",
        default=[],
        metavar="URL",
        help="a page of another origin that may talk to it; repeatable",
    )
    agent.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    agent.add_argument("--port", type=_port, default=None, help="port (default 8000, or the next free one)")

    commands.add_parser("test", help="install what the tests need and run every check and test")
    commands.add_parser("talk", help="speak to a deployment through a real browser and judge what comes back")
    commands.add_parser("doctor", help="look at a deployment and say what is wrong with it")
    bench = commands.add_parser("bench", help="measure what it costs, and compare with the committed budget")
    _bench_options(bench)
    commands.add_parser("replay", help="play a session bundle, which the page saves, through the session core")
    commands.add_parser("check", help="check style, types and imports of Python and JavaScript, without a browser")
    commands.add_parser("format", help="write Python, scripts and styles as `check` wants them")
    commands.add_parser("graph", help="draw docs/import-graph.md from the imports of today")
    commands.add_parser("features", help="make docs/features.md from docs/features.toml")
    lock = commands.add_parser("lock", help="make builder/locks/ agree with pyproject.toml (needs network)")
    lock.add_argument(
        "--upgrade",
        action="store_true",
        help="take the newest of what pyproject.toml leaves open, instead of what is locked",
    )

    if not argv or (argv[0].startswith("-") and argv[0] not in ("-h", "--help")):
        argv = ["serve", *argv]
    if argv[0] == "test":  # everything behind `test` is pytest's, dashes too, but a person may ask for help here
        if argv[1:] in (["-h"], ["--help"]):
            print(
                "usage: build.py test [--fast | --coverage] [ARGS]\n\nInstalls what the tests need (browsers too), runs every check and test."
            )
            print("--fast leaves out what drives a browser or is slow.")
            print("--coverage reports which branches of pyclient run in tests/pyclient; takes no other ARGS.")
            print("agents/NAME runs the tests of an agent's tools, in CPython and in the page's Python.")
            print("Other ARGS go to pytest, for example: -k resampler, --engines chromium, -x")
            raise SystemExit(0)
        return argparse.Namespace(command="test", pytest=argv[1:])
    if argv[0] == "talk":  # its own options are read where the harness is
        return argparse.Namespace(command="talk", talk=argv[1:])
    if argv[0] == "replay":  # so are its own
        return argparse.Namespace(command="replay", replay=argv[1:])
    if argv[0] == "doctor":
        return argparse.Namespace(command="doctor", doctor=argv[1:])
    arguments = parser.parse_args(argv)
    if arguments.command == "bench":
        arguments.bench = argv[1:]
        arguments.names = _bench_names(bench, arguments)
        arguments.engines = tuple(dict.fromkeys(name for group in arguments.engines for name in group)) or ENGINES
    return arguments


def _agents_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--agent", dest="agents", metavar="NAME", action="append", default=[],
        help="folder under agents/ to build, repeated for several in one site, or `all` (default demo)",
    )  # fmt: skip


def _bench_options(bench: argparse.ArgumentParser) -> None:
    bench.add_argument("names", nargs="*", metavar="NAME", help=f"which, default all: {', '.join(BENCHES)}")
    bench.add_argument(
        "--engine", dest="engines", metavar="E", type=_engines, action="append", default=[],
        help="browsers to measure in, repeated or with commas (default chromium,firefox,webkit)",
    )  # fmt: skip
    bench.add_argument(
        "--rounds", type=_rounds, default=None, help="rounds that medians are taken of (default 5, `line` 3)"
    )
    bench.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    bench.add_argument("--table", type=Path, metavar="FILE", help="write them as Markdown, as docs/bench.md is")
    bench.add_argument(
        "--from", dest="earlier", type=Path, metavar="FILE", action="append", default=[],
        help="begin with the figures of an earlier --json; without NAME nothing more is measured",
    )  # fmt: skip
    bench.add_argument(
        "--check", action="store_true", help="exit with 1 where a figure is over tests/bench/budget.json"
    )


def _bench_names(bench: argparse.ArgumentParser, arguments: argparse.Namespace) -> list[str]:
    for name in arguments.names:
        if name not in BENCHES:
            bench.error(f"there is no bench '{name}'; there are {', '.join(BENCHES)}")
    if not arguments.names:
        return [] if arguments.earlier else list(BENCHES)
    return [name for name in BENCHES if name in arguments.names]


def engines_for_bench(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Which browsers the chosen benches need; none for most."""
    if any(name in BENCHES_IN_BROWSERS for name in arguments.names):
        wanted: Sequence[str] = arguments.engines
    else:
        wanted = ()
    extra = [name for name in BENCHES_IN_CHROMIUM if name in arguments.names]
    return tuple(dict.fromkeys([*wanted, *(["chromium"] if extra else [])]))


def group_for(arguments: argparse.Namespace) -> str:
    """Name the lock file that the command needs."""
    if arguments.command == "doctor":
        return "serve" if {"--no-browser", "-h", "--help"} & set(arguments.doctor) else "test"
    return "serve" if arguments.command in ("serve", "build", "new", "replay") else "test"


def _engines(text: str) -> list[str]:
    names = [name for name in text.split(",") if name]
    for name in names:
        if name not in ENGINES:
            raise argparse.ArgumentTypeError(f"there is no engine '{name}'; there are {', '.join(ENGINES)}")
    return names


def _rounds(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("at least one round")
    return value


def _base(text: str) -> str:
    try:
        return checked_base(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _port(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 65535:
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65535")
    return value
