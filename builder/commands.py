"""Commands of `build.py`, run inside the prepared environment. Each returns the exit code."""

from __future__ import annotations

import argparse
import errno
import os
import socket
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from builder import (
    agent_config,
    agent_tests,
    browsers,
    cli,
    hosts,
    new_agent,
    node,
    quality,
    site,
    suite,
    watch,
    webservers,
)
from builder.environment import SetupError, say

ROOT = Path(__file__).resolve().parent.parent
FIRST_PORT, PORTS_TRIED = 8000, 20


def run(arguments: argparse.Namespace) -> int:
    """Dispatch; a SetupError becomes one clear message."""
    commands = {
        "serve": serve,
        "build": build,
        "agent": agent,
        "test": test,
        "talk": talk,
        "bench": bench,
        "check": check,
        "replay": replay,
        "lock": lock,
        "graph": graph,
        "features": features,
    }
    commands |= {"doctor": doctor, "format": reformat, "new": new}
    try:
        return commands[arguments.command](arguments)
    except SetupError as error:
        print(f"\n{arguments.command} failed: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def serve(arguments: argparse.Namespace) -> int:
    """Build, start the watcher, then become the server, so that Ctrl-C and the exit code are its own."""
    port = _port(arguments.host, arguments.port)
    say("building the site")
    name = watch.new_name()
    # Not `dist/`: these pages follow their sources, and are not meant to be uploaded.
    agents = _agents(arguments)
    out = site.build(ROOT, ROOT / ".cache" / "served" / str(port), agents, remembered=True, live=name)
    command = [sys.executable, "-m", "server", "--host", arguments.host, "--port", str(port), "--site", str(out)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    watcher = watch.start(out, agents, name)
    if os.name == "posix":
        os.chdir(ROOT)
        os.execve(command[0], command, environ)
    try:
        return subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode
    finally:
        watcher.terminate()


def agent(arguments: argparse.Namespace) -> int:
    """Run the local agent alone, with its control routes: whatever keys this machine has, no vendor is called."""
    if arguments.list:
        return _hand_over("server.agent.scenario_language", [])
    if arguments.scenario and _hand_over("server.agent.scenario_language", [arguments.scenario]):
        return 2
    port = _port(arguments.host, arguments.port)
    dist = site.build(ROOT, ROOT / "dist", "demo", remembered=True)
    chosen = {"PARLEY_AGENT_SCENARIO": arguments.scenario, "PARLEY_AGENT_CONTROL": "1", "LOCAL_AGENT": "1"}
    if arguments.origin:
        chosen["ALLOWED_ORIGINS"] = ",".join(origin.rstrip("/") for origin in arguments.origin)
    say(f"the agent is at http://localhost:{port}/agent, its control at /agent/_scenario and /agent/_sessions")
    command = [sys.executable, "-m", "server", "--host", arguments.host, "--port", str(port), "--site", str(dist)]
    command += ["--env-file", os.devnull]
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    environ = {**kept, **chosen, "PYTHONPATH": str(ROOT)}
    if os.name == "posix":
        os.execve(command[0], command, environ)
    return subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode


def build(arguments: argparse.Namespace) -> int:
    out = (arguments.out or ROOT / "dist").resolve()
    agents = _agents(arguments)
    site.build(ROOT, out, agents, smallest=True, base=arguments.base, hosts=arguments.hosts)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    print(f"built {out} ({size / 1e6:.1f} MB)")
    if len(agents) > 1:
        print(f"pages: index.html ({agents[0]}), {', '.join(f'{name}.html' for name in agents)}")
    for host in arguments.hosts:
        folder = hosts.folder_for(out, host)
        print(f"for {host}: {folder} ({', '.join(sorted(path.name for path in folder.iterdir()))})")
    return 0


def _agents(arguments: argparse.Namespace) -> list[str]:
    """Which agents, in order: the first is the page at the root."""
    named: list[str] = arguments.agents or ["demo"]
    return list(agent_config.names(ROOT)) if named == ["all"] else named


def new(arguments: argparse.Namespace) -> int:
    folder = new_agent.write(ROOT, arguments.name)
    print(f"wrote agents/{folder.name}/: {', '.join(new_agent.FILES)}")
    print(f"next: python3 build.py serve --agent {folder.name}")
    print(f"its tests: python3 build.py test agents/{folder.name}")
    return 0


def test(arguments: argparse.Namespace) -> int:
    """Check, install browsers where they are needed, then hand over to pytest:
    everything without arguments (`suite.py`).
    """
    if "--coverage" in arguments.pytest:
        return _hand_over("tests.support.own_coverage", [word for word in arguments.pytest if word != "--coverage"])
    if chosen := agent_tests.named(ROOT, arguments.pytest):
        return agent_tests.run(ROOT, *chosen)
    browsers.ensure(browsers.wanted(arguments.pytest), say)
    if webservers.wanted(arguments.pytest):
        webservers.ensure(say)
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PARLEY_NODE": node.node(ROOT)}
    if not arguments.pytest:
        return suite.run(ROOT, environ) if _check_and_build() else 1
    command = [sys.executable, "-m", "pytest"]
    if "--fast" in arguments.pytest:
        # Tests wait for sound more than they compute, and the checks take that time.
        with quality.begin(ROOT) as checks:
            code = subprocess.run(
                [*command, *suite.FAST, *arguments.pytest], cwd=ROOT, env=environ, check=False
            ).returncode
            return code if checks.told() else code or 1
    if not quality.check(ROOT):
        return 1
    return subprocess.run([*command, *arguments.pytest], cwd=ROOT, env=environ, check=False).returncode


def _check_and_build() -> bool:
    """Check, and meanwhile make what the cache keeps of a site: the first tests with a
    browser would all wait for it.
    """
    with ThreadPoolExecutor(1) as pool, tempfile.TemporaryDirectory() as folder:
        built = pool.submit(site.build, ROOT, Path(folder) / "dist", "demo", smallest=True)
        clean = quality.check(ROOT)
        built.result()
    return clean


def talk(arguments: argparse.Namespace) -> int:
    """Hand over to the harness, with the browser that it will need installed."""
    if not {"-h", "--help"} & set(arguments.talk):
        _ensure_engine_of(arguments.talk)
    return _hand_over("tests.support.talk_command", arguments.talk)


def doctor(arguments: argparse.Namespace) -> int:
    """Look at a deployment, with the browser that it is opened in installed first."""
    if not {"-h", "--help", "--no-browser"} & set(arguments.doctor):
        _ensure_engine_of(arguments.doctor)
    return _hand_over("builder.doctor", arguments.doctor)


def replay(arguments: argparse.Namespace) -> int:
    """Hand over to what plays a session bundle."""
    return _hand_over("tests.replay", arguments.replay)


def bench(arguments: argparse.Namespace) -> int:
    """Hand over to the benches, with the browsers that the chosen ones need installed."""
    browsers.ensure(cli.engines_for_bench(arguments), say)
    return _hand_over("tests.bench", arguments.bench, PARLEY_NODE=node.node(ROOT))


def _ensure_engine_of(words: list[str]) -> None:
    """Install the browser that a command's own arguments ask for. What is unknown, the command says itself."""
    engine = browsers.option(words, "--engine") or "chromium"
    browsers.ensure([engine] if engine in browsers.ENGINES else [], say)


def _hand_over(module: str, words: list[str], **variables: str) -> int:
    """Run a module of this project as a command of its own; returns its exit code."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    return subprocess.run([sys.executable, "-m", module, *words], env=environ, check=False).returncode


def check(_: argparse.Namespace) -> int:
    return 0 if quality.check(ROOT) else 1


def reformat(_: argparse.Namespace) -> int:
    return 0 if quality.rewrite(ROOT) else 1


def graph(_: argparse.Namespace) -> int:
    return _hand_over("builder.import_graph", [])


def features(_: argparse.Namespace) -> int:
    return _hand_over("builder.feature_table", [])


def lock(arguments: argparse.Namespace) -> int:
    """Resolve the dependency groups again. The locks of `serve` and `mint` are cut from that of `test`, so all agree.

    What a lock holds keeps its version where the requirements still allow it, unless `--upgrade` asks for the newest.
    """
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "uv"], check=True)
    folder = ROOT / "builder" / "locks"
    as_tested = ["-c", str(folder / "test.txt")]
    groups = {"test": [], "serve": as_tested, "mint": as_tested, "node": [], "clients": []}
    for group, extra in groups.items():
        command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"]
        command += ["--generate-hashes", "--no-header", "--no-annotate", "--group", group, *extra]
        command += ["--upgrade"] if arguments.upgrade else []
        subprocess.run([*command, "-o", str(folder / f"{group}.txt")], cwd=ROOT, check=True)
    return 0


def _port(host: str, wanted: int | None) -> int:
    """Return a free port: the one that was asked for, or the first free one from 8000."""
    for port in [wanted] if wanted else range(FIRST_PORT, FIRST_PORT + PORTS_TRIED):
        # Browsers try `localhost` at ::1 first: another program there would get our visitors.
        for address in (host, "::1") if host in ("127.0.0.1", "localhost", "0.0.0.0") else (host,):
            problem = _problem_with(address, port)
            if problem and wanted:
                raise SetupError(f"port {port} on {address} cannot be used: {problem}. Try another --port.")
            if problem:
                break
        else:
            return port
    raise SetupError(f"no free port from {FIRST_PORT} to {FIRST_PORT + PORTS_TRIED - 1}; choose one with --port")


def _problem_with(address: str, port: int) -> str:
    """Why this port cannot be listened on; empty if it can, or if there is no such address on this machine."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
            if os.name == "posix":  # a port that only waits for its last connection to time out is free
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except OSError as error:
        return "" if address == "::1" and error.errno != errno.EADDRINUSE else str(error.strerror)
    return ""
