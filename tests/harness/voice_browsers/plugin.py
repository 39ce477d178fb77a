"""The harness as a pytest plugin: fixtures, options, the discipline of pages, and the summary.

pytest finds it by its entry point, wherever the distribution is installed.

Options: `--engines chromium,firefox` narrows the run on purpose, and the summary says so; `--engine-table FILE` writes what
ran in which engine.
Markers: `browser` is required on every test that drives one; `tab(mic="deny", ...)` opens `tab` with other `TabOptions`.
Fixtures: `engine`, `tab`, `page`, `open_tab`, `sound`, `pulse`, `speech`, `playwright_driver`.

Nothing here is imported or started for tests that do not ask for it: unit tests need neither Playwright nor numpy.
Playwright's synchronous interface keeps an event loop running in the main thread, where `asyncio.run` would then fail, so
it is stopped before any test that does not use it, and tests with a browser run last.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from . import lines_of_errors, table

if TYPE_CHECKING:
    from playwright.sync_api import Page, Playwright

    from .engines import Tab
    from .injected import InjectedSound
    from .kept import KeptBrowsers
    from .pulse import Pulse
    from .speech import Speech

ALL_ENGINES = ("chromium", "firefox", "webkit")
_DRIVES = frozenset({"engine", "tab", "page", "open_tab", "sound", "pulse", "playwright_driver"})
_EXPECT_MS = 10_000
_ACTION_MS = 15_000


class PlaywrightDriver:
    """Playwright and a browser of it, started when first needed and stopped whenever they would be in the way."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._playwright: Playwright | None = None
        self._kept: KeptBrowsers | None = None

    def start(self) -> Playwright:
        if self._playwright is None:
            from playwright.sync_api import expect, sync_playwright

            expect.set_options(timeout=_EXPECT_MS)
            self._playwright = self._stack.enter_context(sync_playwright())
        return self._playwright

    def kept(self) -> KeptBrowsers:
        """What `open_tab` borrows its browsers from."""
        if self._kept is None:
            from .kept import KeptBrowsers

            self.start()
            self._kept = self._stack.enter_context(KeptBrowsers())
        return self._kept

    def park(self) -> None:
        self._playwright = self._kept = None
        self._stack.close()


_DRIVER = pytest.StashKey[PlaywrightDriver]()
_TABS = pytest.StashKey["list[Tab]"]()
_PULSE: pytest.StashKey[Pulse] = pytest.StashKey()
_FAILED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("browsers")
    group.addoption("--engines", default=",".join(ALL_ENGINES), help="comma-separated: chromium, firefox, webkit")
    group.addoption("--engine-table", metavar="FILE", help="write a Markdown table of checks and engines to FILE")
    parser.addini(
        "voice_browsers_output", "folder for what failed tests leave behind", type="string", default="test-results"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "alone(*engines): in these engines (all) no other browser test runs beside it: it judges sound that a busy machine would "
        "spoil; in the others it is `quiet`",
    )
    config.addinivalue_line(
        "markers",
        "quiet: comes after all others, so that its like runs beside it: a page being loaded would spoil its sound",
    )
    config.addinivalue_line("markers", "browser: drives a real browser with real sound")
    config.addinivalue_line("markers", "tab(**options): how the fixture `tab` opens its page, see engines.TabOptions")
    if unknown := sorted(set(_engines(config)) - set(ALL_ENGINES)):
        raise pytest.UsageError(f"--engines: no engine {', '.join(unknown)}; there are {', '.join(ALL_ENGINES)}")
    if not _engines(config):
        raise pytest.UsageError("--engines is empty")
    config.stash[_DRIVER] = PlaywrightDriver()
    if not hasattr(config, "workerinput"):  # one process clears away what the run before has kept
        shutil.rmtree(artifacts(config), ignore_errors=True)


def pytest_unconfigure(config: pytest.Config) -> None:
    if driver := config.stash.get(_DRIVER, None):
        driver.park()


def artifacts(config: pytest.Config) -> Path:
    """Where screenshots and traces of failed tests are kept until the next run."""
    return config.rootpath / str(config.getini("voice_browsers_output"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" in metafunc.fixturenames:
        engines = _engines(metafunc.config)
        metafunc.parametrize("engine", engines, ids=[_test_id(engine) for engine in engines], scope="session")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    unmarked = [item.nodeid for item in items if _drives(item) and not item.get_closest_marker("browser")]
    if unmarked:
        listed = "\n  ".join(unmarked)
        raise pytest.UsageError(
            f"these drive a browser and lack the marker `browser`, so -m would lose them:\n  {listed}"
        )
    # Stable: those with a browser come last, in their order, and at the very end those that all others would have to wait for.
    # Long ones come first among their like, so that no worker waits for the other's.
    items.sort(
        key=lambda item: (_drives(item), _alone(item), _quiet(item), item.get_closest_marker("slow") is None),
    )


def _alone(item: pytest.Item) -> bool:
    if (marker := item.get_closest_marker("alone")) is None:
        return False
    chosen = getattr(item, "callspec", None)
    return not marker.args or (chosen is not None and chosen.params.get("engine") in marker.args)


def _quiet(item: pytest.Item) -> bool:
    return any(map(item.get_closest_marker, ("quiet", "alone")))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    if not _drives(item):
        item.config.stash[_DRIVER].park()
    try:
        return (yield)
    except pytest.skip.Exception:
        raise
    except BaseException as error:
        _keep_evidence(item, "setup", error)
        raise


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """A test whose page complained fails, although its own assertions held."""
    try:
        result = yield
        for tab in item.stash.get(_TABS, []):
            tab.settle()
            tab.errors.check()
    except pytest.skip.Exception:
        raise
    except BaseException as error:
        _keep_evidence(item, "call", error)
        if _drives(item):
            item.stash[_FAILED] = True
        raise
    return result


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, object, object]:
    if call.excinfo is not None and lines_of_errors.give_lines(call.excinfo.value):
        call.excinfo = pytest.ExceptionInfo.from_exception(call.excinfo.value)
    return (yield)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    reports = [r for kind in terminalreporter.stats.values() for r in kind if isinstance(r, pytest.TestReport)]
    ran = Counter(
        str(value) for r in reports if r.when == "call" for name, value in r.user_properties if name == "engine"
    )
    if not ran:
        return
    terminalreporter.section("engines")
    for said, count in sorted(ran.items()):
        terminalreporter.line(f"{said}: {count} test(s)")
    if left_out := [name for name in ALL_ENGINES if name not in _engines(config)]:
        terminalreporter.line(f"NARROWED by --engines: {', '.join(left_out)} did not run", yellow=True)
    if file := config.getoption("--engine-table"):
        table.write(Path(file), reports, date=time.strftime("%Y-%m-%d"))
        terminalreporter.line(f"table of checks and engines: {file}")


# Fixtures


@pytest.fixture(scope="session")
def playwright_driver(request: pytest.FixtureRequest) -> PlaywrightDriver:
    """`playwright_driver.start()` is the running Playwright. Call it in each test: it is stopped between some."""
    return request.config.stash[_DRIVER]


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Speech:
    """Makes WAVs; each one once per worker."""
    from .speech import Speech

    return Speech(tmp_path_factory.mktemp("speech"))


@pytest.fixture(scope="session")
def _pulse_daemon() -> Iterator[Pulse]:
    from .pulse import Pulse

    with Pulse() as pulse:
        yield pulse


@pytest.fixture
def pulse(request: pytest.FixtureRequest) -> Iterator[Pulse]:
    """This worker's sound system, as new. Afterwards nobody may hold its microphone or its speaker any more."""
    from . import pulse as module

    if not module.available():
        if sys.platform == "linux":
            pytest.fail("PulseAudio is missing: apt-get install pulseaudio pulseaudio-utils", pytrace=False)
        pytest.skip("needs PulseAudio, which is for Linux only")
    daemon: Pulse = request.getfixturevalue("_pulse_daemon")
    daemon.reset()
    request.node.stash[_PULSE] = daemon
    yield daemon
    daemon.wait_unused()  # the page is closed by now: who still listens or plays has outlived it


@pytest.fixture(scope="session")
def _display() -> Iterator[str]:
    from .webkit_gtk import virtual_display

    with virtual_display() as name:
        yield name


@pytest.fixture
def _elbow_room(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests with a browser share the machine with their like, but for those marked `alone`. One process needs no lock."""
    if sys.platform == "win32" or not hasattr(request.config, "workerinput"):
        yield
        return
    import fcntl

    quiet, alone = _quiet(request.node), _alone(request.node)
    folder = tmp_path_factory.getbasetemp().parent
    with (folder / "noise").open("a") as noise, (folder / "elbow-room").open("a") as room:
        if quiet:
            # Until those of the others that run are done; they come first, so hardly any begins after that.
            fcntl.flock(noise, fcntl.LOCK_EX)
            fcntl.flock(noise, fcntl.LOCK_UN)
        else:
            fcntl.flock(noise, fcntl.LOCK_SH)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield


@pytest.fixture
def open_tab(
    request: pytest.FixtureRequest, engine: str, playwright_driver: PlaywrightDriver, _elbow_room: None
) -> Iterator[Callable[..., Tab]]:
    """Opens pages: `open_tab(mic="deny", init_scripts=[...])`, each with a profile of its own. See `engines.TabOptions`; here
    WebAssembly is not optimised, unless a test says so with `optimise=True`.

    The browser may have served other tests. It is a fresh one after a test that failed, and where this test or the one before
    it has meddled with the devices: engines remember those.
    """
    from . import engines
    from .injected import INJECTION

    try:
        found = engines.find(engine)
    except engines.MissingEngine as missing:
        pytest.fail(str(missing), pytrace=False)
    request.node.user_properties.append(("engine", str(found)))
    sound: Pulse | None = request.getfixturevalue("pulse") if found.real_microphone else None
    # pytest's own variable differs from test to test, and no browser is asked for it.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    env = {**inherited, **(sound.env if sound else {})}
    if engines.gtk(found):
        env["DISPLAY"] = request.getfixturevalue("_display")
    tabs: list[Tab] = []
    request.node.stash[_TABS] = tabs
    playwright, kept = playwright_driver.start(), playwright_driver.kept()
    with contextlib.ExitStack() as stack:

        def open_one(**options: Any) -> Tab:
            if sound is None:
                options["init_scripts"] = [INJECTION, *options.get("init_scripts", ())]
            elif sound.meddled:
                kept.discard()
            chosen = engines.TabOptions(**{"optimise": False, **options})
            opened = engines.open_tab(playwright, engine, env=env, options=chosen, kept=kept, trace=True)
            tab = stack.enter_context(opened)
            tab.page.set_default_timeout(_ACTION_MS)
            tabs.append(tab)
            return tab

        yield open_one
        tabs.clear()
    if request.node.stash.get(_FAILED, False) or (sound is not None and sound.meddled):
        kept.discard()


@pytest.fixture
def tab(request: pytest.FixtureRequest, open_tab: Callable[..., Tab]) -> Tab:
    """One page, opened with the options of the marker `tab` if there is one."""
    marker = request.node.get_closest_marker("tab")
    return open_tab(**(marker.kwargs if marker else {}))


@pytest.fixture
def page(tab: Tab) -> Page:
    """Playwright's page of `tab`."""
    return tab.page


@pytest.fixture
def sound(request: pytest.FixtureRequest, tab: Tab) -> Pulse | InjectedSound:
    """`say` and `record` for `tab`: PulseAudio, or the injected stand-in where the test id says `injected`."""
    if tab.found.real_microphone:
        daemon: Pulse = request.getfixturevalue("pulse")
        return daemon
    from .injected import InjectedSound

    return InjectedSound(tab)


# Inside


def _engines(config: pytest.Config) -> list[str]:
    return [name.strip() for name in str(config.getoption("--engines")).split(",") if name.strip()]


def _test_id(engine: str) -> str:
    from . import engines

    try:
        return engine if engines.find(engine).real_microphone else f"{engine}-injected"
    except engines.MissingEngine:
        return engine  # the test itself fails and says how to install it


def _drives(item: pytest.Item) -> bool:
    return bool(_DRIVES.intersection(getattr(item, "fixturenames", ())))


def _keep_evidence(item: pytest.Item, when: str, error: BaseException) -> None:
    """A picture and more of each page, and what was recorded; of a test without a page what went wrong, for pytest tells it only
    where no second try passes."""
    tabs: list[Tab] = item.stash.get(_TABS, [])
    folder, test = artifacts(item.config), re.sub(r"[^\w.-]+", "-", item.nodeid.replace("/", "."))[-120:]
    said = "".join(traceback.format_exception(error))
    if (pulse := item.stash.get(_PULSE, None)) is not None:
        with contextlib.suppress(Exception):  # evidence must not hide the failure it belongs to
            said += f"\n{pulse.story()}"
    folder.mkdir(parents=True, exist_ok=True)
    recorded: Path | None = getattr(item, "funcargs", {}).get("tmp_path")
    for tape in recorded.rglob("*.wav") if tabs and recorded else ():
        assert recorded
        with contextlib.suppress(OSError):
            shutil.copy(tape, folder / "-".join((test, *tape.relative_to(recorded).parts)))
    if not tabs:
        (folder / f"{test}.txt").write_text(said, encoding="utf-8")
    for number, tab in enumerate(tabs):
        kept = tab.keep_evidence(folder, test + (f"-{number}" if number else ""))
        with kept[-1].open("a", encoding="utf-8") as file:
            file.write(f"\n{said}")
        item.add_report_section(when, "kept", "\n".join(str(path) for path in kept))
        if tab.errors.unexpected:
            item.add_report_section(when, "page errors", "\n".join(str(error) for error in tab.errors.unexpected))
