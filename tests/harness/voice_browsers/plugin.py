"""The plugin: fixtures, options, the discipline of pages, and the summary. pytest finds it by its entry point.

Options: `--engine chromium,firefox` (or repeated, or `--engines`) narrows the run on purpose, and the summary says so;
`--headed` shows the browsers; `--tape on|off|retain-on-failure` keeps recordings; `--output DIR` is where recordings,
reports and pictures of failed tests go (ini `voice_browsers_output`); `--engine-table FILE` writes what ran in which
engine. Markers: `only_browser(*engines)` and `skip_browser(*engines)` narrow one test; `tab(mic="deny", ...)` opens its
page with other `TabOptions`. Every test that drives a browser gets the marker `browser`. Fixtures: as in
pytest-playwright `page`, `context`, `browser_name`; `microphone`, `speaker` (see `voice`); `page_errors`, `tab`,
`engine`, `open_tab`, `sound`, `pulse`, `recording`, `speech`, `local_agent`, `playwright_driver`.

A test that no engine ran is red: one whose markers leave none, and one that was skipped in each.

Nothing here is imported or started for tests that do not ask for it: unit tests need neither Playwright nor numpy.
Playwright's synchronous interface keeps an event loop running in the main thread, where `asyncio.run` would then fail,
so it is stopped before any test that does not use it, and tests with a browser run last.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
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
    from playwright.sync_api import BrowserContext, Page, Playwright

    from .engines import Tab
    from .injected import InjectedSound
    from .kept import KeptBrowsers
    from .local_agent import LocalAgent
    from .page_errors import PageErrors
    from .pulse import Pulse
    from .speech import Speech
    from .voice import Microphone, Recording, Speaker

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
_RECORDING: pytest.StashKey[Recording] = pytest.StashKey()
_NARROWED = "narrowed by --engine"
_OURS = ".made-by-voice-browsers"


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    _alone_in_the_house(pluginmanager)
    group = parser.getgroup("voice browsers")
    group.addoption(
        "--engine",
        "--engines",
        dest="engines",
        action="append",
        metavar="NAMES",
        help="chromium, firefox, webkit: comma-separated or repeated; default all three",
    )
    group.addoption("--headed", action="store_true", help="show the browsers; needs a display")
    group.addoption(
        "--tape",
        choices=("on", "off", "retain-on-failure"),
        default="retain-on-failure",
        help="keep what was said and heard as WAV (default %(default)s)",
    )
    group.addoption(
        "--output",
        metavar="DIR",
        help="for what is kept; what an earlier run left is emptied first; default: voice_browsers_output",
    )
    group.addoption("--local-agent", metavar="URL", help="where the fixture local_agent finds its agent's routes")
    group.addoption("--engine-table", metavar="FILE", help="write a Markdown table of checks and engines to FILE")
    parser.addini(
        "voice_browsers_output", "folder for what failed tests leave behind", type="string", default="test-results"
    )


def _alone_in_the_house(pluginmanager: pytest.PytestPluginManager) -> None:
    """pytest-playwright has fixtures and options of the same names."""
    if pluginmanager.is_blocked("playwright"):
        return
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        importlib.metadata.distribution("pytest-playwright")
        raise pytest.UsageError(
            "pytest-playwright and pytest-voice-browsers both define `page`, `context` and --headed: switch one off for this "
            "suite with -p no:playwright or -p no:voice_browsers (addopts in your pytest.ini)"
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
    config.addinivalue_line("markers", "only_browser(*engines): this test runs in these engines only")
    config.addinivalue_line("markers", "skip_browser(*engines): this test does not run in these engines")
    if unknown := sorted(set(_engines(config)) - set(ALL_ENGINES)):
        raise pytest.UsageError(f"--engine: no engine {', '.join(unknown)}; there are {', '.join(ALL_ENGINES)}")
    if not _engines(config):
        raise pytest.UsageError("--engine is empty")
    if config.getoption("--headed") and sys.platform == "linux" and not os.environ.get("DISPLAY"):
        raise pytest.UsageError("--headed needs a display, and DISPLAY is not set")
    folder = artifacts(config).resolve()
    if config.rootpath.is_relative_to(folder):
        raise pytest.UsageError(f"--output {folder} would be emptied, and it holds the tests")
    config.stash[_DRIVER] = PlaywrightDriver()
    if not hasattr(config, "workerinput"):  # one process clears away what the run before has kept
        if (folder / _OURS).exists():  # nothing that somebody else has put together
            shutil.rmtree(folder, ignore_errors=True)
        config.pluginmanager.register(_EnginesThatRan(config), "voice_browsers_ran")


def pytest_unconfigure(config: pytest.Config) -> None:
    if driver := config.stash.get(_DRIVER, None):
        driver.park()


def artifacts(config: pytest.Config) -> Path:
    """Where reports and recordings are kept until the next run."""
    return config.rootpath / str(config.getoption("--output") or config.getini("voice_browsers_output"))


def _artifacts_folder(config: pytest.Config) -> Path:
    """Made where it is not there yet, with the mark that lets the next run empty it."""
    folder = artifacts(config)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _OURS).touch()
    return folder


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" not in metafunc.fixturenames:
        return
    marked = _marked_engines(metafunc.definition)
    chosen: list[Any] = [name for name in _engines(metafunc.config) if name in marked]
    ids = [_test_id(name) for name in chosen]
    if not chosen:
        reason = f"{_NARROWED} {','.join(_engines(metafunc.config))}: it is for {', '.join(marked)}"
        chosen, ids = [pytest.param(marked[0], marks=pytest.mark.skip(reason=reason))], [marked[0]]
    metafunc.parametrize("engine", chosen, ids=ids, scope="session")


def _marked_engines(item: pytest.Item) -> list[str]:
    """The engines that the test's markers leave.

    A test that they leave none, or that names one which is none, is an error.
    """
    named = {
        kind: [{str(name) for name in marker.args} for marker in item.iter_markers(kind)]
        for kind in ("only_browser", "skip_browser")
    }
    only, skipped = named["only_browser"], named["skip_browser"]
    if unknown := sorted(set().union(*only, *skipped) - set(ALL_ENGINES)):
        pytest.fail(
            f"its markers know no engine {', '.join(unknown)}; there are {', '.join(ALL_ENGINES)}", pytrace=False
        )
    left = [
        name for name in ALL_ENGINES if all(name in one for one in only) and not any(name in one for one in skipped)
    ]
    if not left:
        pytest.fail("no engine runs this test: its markers only_browser and skip_browser leave none", pytrace=False)
    return left


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    """Before `-m` looks at it."""
    if _drives(item) and not item.get_closest_marker("browser"):
        item.add_marker("browser")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Stable: those with a browser come last, in their order, and at the very end those that all others would have to
    # wait for. Long ones come first among their like, so that no worker waits for the other's.
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


class _EnginesThatRan:
    """Tests with a browser that every engine skipped: nobody reads the reasons of skips, so they are red."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._outcomes: dict[str, set[str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if "browser" in report.keywords and (report.when == "call" or report.outcome != "passed"):
            file, _, test = report.nodeid.rpartition("::")
            name, _, parameters = test.partition("[")
            rest = re.sub(rf"\b({'|'.join(ALL_ENGINES)})(-injected)?\b", "", parameters)
            outcomes = self._outcomes.setdefault(f"{file}::{name}[{rest}", set())
            outcomes.add("narrowed" if _NARROWED in str(report.longrepr) else report.outcome)

    @property
    def nowhere(self) -> list[str]:
        """Not where the run itself was narrowed: then it is the other run's matter, and the summary says so."""
        if set(_engines(self._config)) != set(ALL_ENGINES):
            return []
        return [re.sub(r"\[-*\]?$", "", test) for test, outcomes in self._outcomes.items() if outcomes == {"skipped"}]

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if self.nowhere and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for test in self.nowhere:
            terminalreporter.line(f"FAILED {test}: no engine ran it, each was skipped", red=True)


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
        terminalreporter.line(f"NARROWED by --engine: {', '.join(left_out)} did not run", yellow=True)
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
    """Tests with a browser share the machine with their like, but for those marked `alone`.

    One process needs no lock.
    """
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
    """Opens pages: `open_tab(mic="deny", init_scripts=[...])`, each with a profile of its own.

    See `engines.TabOptions`; here WebAssembly is not optimised, unless a test says so with `optimise=True`.

    The browser may have served other tests. It is a fresh one after a test that failed, and where this test or the one
    before it has meddled with the devices: engines remember those.
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
    headed = bool(request.config.getoption("--headed"))
    observe = "recording" in request.fixturenames  # other tests get the browser's own classes
    if engines.gtk(found) and not headed:
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
            usual = {"optimise": False, "headed": headed, "observe": observe}
            chosen = engines.TabOptions(**{**usual, **options})
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


@pytest.fixture
def context(page: Page) -> BrowserContext:
    """Playwright's context of `page`."""
    return page.context


@pytest.fixture
def browser_name(engine: str) -> str:
    """chromium, firefox or webkit."""
    return engine


@pytest.fixture
def page_errors(tab: Tab) -> PageErrors:
    """What the page complained about; `page_errors.expect(r"status of 502")` says what is meant."""
    return tab.errors


@pytest.fixture
def recording(
    request: pytest.FixtureRequest, tab: Tab, sound: Pulse | InjectedSound, tmp_path: Path
) -> Iterator[Recording]:
    """Both directions of the test's sound, from before its page is loaded."""
    from .voice import recorded

    with recorded(tab, sound, tmp_path / "sound") as made:
        request.node.stash[_RECORDING] = made
        yield made
        if request.config.getoption("--tape") == "on":
            _keep_tapes(request.node, made)


@pytest.fixture
def microphone(recording: Recording, speech: Speech) -> Microphone:
    """`say` a text or a WAV to the page."""
    from .voice import Microphone

    return Microphone(recording, speech)


@pytest.fixture
def speaker(recording: Recording) -> Speaker:
    """What is `heard` of the page."""
    from .voice import Speaker

    return Speaker(recording)


@pytest.fixture
def local_agent(request: pytest.FixtureRequest) -> Iterator[LocalAgent]:
    """A local agent, behaving as usual; afterwards it does so again. See the module `local_agent`."""
    from .local_agent import LocalAgent

    url = request.config.getoption("--local-agent")
    if not url:
        pytest.fail("local_agent needs --local-agent URL, such as http://localhost:8000/agent", pytrace=False)
    agent = LocalAgent(url)
    agent.scenario()
    yield agent
    agent.scenario()


# Inside


def _engines(config: pytest.Config) -> list[str]:
    given: list[str] | None = config.getoption("engines")
    return [name.strip() for one in given or [",".join(ALL_ENGINES)] for name in one.split(",") if name.strip()]


def _file_name(item: pytest.Item) -> str:
    return re.sub(r"[^\w.-]+", "-", item.nodeid.replace("/", "."))[-120:].strip("-")


def _keep_tapes(item: pytest.Item, recording: Recording) -> None:
    from .speech import write_wav

    folder = _artifacts_folder(item.config)
    for name, heard in (("microphone", recording.taken()), ("speaker", recording.played())):
        write_wav(folder / f"{_file_name(item)}-{name}.wav", heard.samples, heard.rate_hz)


def _test_id(engine: str) -> str:
    from . import engines

    try:
        return engine if engines.find(engine).real_microphone else f"{engine}-injected"
    except engines.MissingEngine:
        return engine  # the test itself fails and says how to install it


def _drives(item: pytest.Item) -> bool:
    return bool(_DRIVES.intersection(getattr(item, "fixturenames", ())))


def _keep_evidence(item: pytest.Item, when: str, error: BaseException) -> None:
    """A report of each page, a picture and more, and what was recorded; of a test without a page what went wrong, for
    pytest tells it only where no second try passes.
    """
    from .advice import advice
    from .observer import facts

    tabs: list[Tab] = item.stash.get(_TABS, [])
    folder, test = _artifacts_folder(item.config), _file_name(item)
    said = "".join(traceback.format_exception(error))
    if (pulse := item.stash.get(_PULSE, None)) is not None:
        with contextlib.suppress(Exception):  # evidence must not hide the failure it belongs to
            said += f"\n{pulse.story()}"
    recording = item.stash.get(_RECORDING, None)
    if item.config.getoption("--tape") == "retain-on-failure":
        recorded: Path | None = getattr(item, "funcargs", {}).get("tmp_path")
        for tape in recorded.rglob("*.wav") if tabs and recorded else ():
            assert recorded
            with contextlib.suppress(OSError):
                shutil.copy(tape, folder / "-".join((test, *tape.relative_to(recorded).parts)))
        if recording is not None:
            with contextlib.suppress(Exception):
                _keep_tapes(item, recording)
    if not tabs:
        (folder / f"{test}.txt").write_text(said, encoding="utf-8")
    for number, tab in enumerate(tabs):
        seen = facts(tab.page, recording if number == 0 else None)  # as it was when the test failed
        known: list[str] = []
        with contextlib.suppress(Exception):  # evidence must not hide the failure it belongs to
            known = advice(seen, tab.engine)
        kept = tab.keep_evidence(folder, test + (f"-{number}" if number else ""))
        with kept[-1].open("a", encoding="utf-8") as file:
            file.write(f"\n{said}")
        with contextlib.suppress(Exception):
            report = _report(item, tab, error, kept, recording if number == 0 else None, seen, known)
            item.user_properties.append(("report", str(report)))  # JUnit has it as a property of the test
            kept.insert(0, report)
            for sentence in known:
                item.user_properties.append(("advice", sentence))
        item.add_report_section(when, "kept", "\n".join(str(path) for path in kept))
        if known:
            item.add_report_section(when, "what the page's authors should know", "\n".join(known))
        if tab.errors.unexpected:
            item.add_report_section(when, "page errors", "\n".join(str(error) for error in tab.errors.unexpected))


def _report(
    item: pytest.Item,
    tab: Tab,
    error: BaseException,
    kept: list[Path],
    recording: Recording | None,
    seen: dict[str, Any],
    known: list[str],
) -> Path:
    from .observer import facts_in_words
    from .report import Report

    by_ending = {path.suffix: path for path in kept}
    told = Report(
        test=item.nodeid,
        engine=str(tab.found)
        + ("" if tab.found.real_microphone else ", microphone and speaker injected into the page"),
        url=tab.page.url,
        error=str(error) or type(error).__name__,
        traceback=_own_lines(error),
        advice=known,
        facts=facts_in_words(seen),
        console=[*(str(one) for one in tab.errors.unexpected), *tab.errors.console],
        shown=tab.shown,
        screenshot=by_ending.get(".png"),
        trace=by_ending.get(".zip"),
        recording=recording,
    )
    return told.write(kept[-1].with_suffix(".html"))


def _own_lines(error: BaseException) -> str:
    """Where it failed, without pytest's own way there."""
    foreign = (f"{os.sep}_pytest{os.sep}", f"{os.sep}pluggy{os.sep}", __file__)
    places = [
        it for it in traceback.extract_tb(error.__traceback__) if not any(name in it.filename for name in foreign)
    ]
    return "".join(traceback.format_list(places))
