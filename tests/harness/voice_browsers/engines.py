"""One Playwright `Page` for Chromium, Firefox and WebKit, whichever way the engine came onto this machine.

    with open_tab(playwright, "firefox", env=env, options=TabOptions(mic="deny")) as tab:
        tab.page.goto(url)

Per engine: Playwright's own browser where it is installed, else Debian's (Chromium; Firefox ESR over WebDriver BiDi;
WebKitGTK over its inspector). One exception: where WebKitGTK and PulseAudio are at hand WebKitGTK goes first, because
Playwright's WebKit cannot be given a microphone. Every tab has a profile of its own. Its browser is fresh and ended
with all its processes, unless `kept` (see `kept.py`) lends one that other tabs have used before it.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from playwright.sync_api import ViewportSize

from . import pulse, webkit_gtk
from .injected import INJECTION
from .observer import OBSERVER
from .page_errors import PageErrors
from .processes import bearing, end_bearing

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, BrowserType, Page, Playwright

    from .kept import KeptBrowsers

ENGINES = ("chromium", "firefox", "webkit")

_DEBIAN = {"chromium": ("chromium", "google-chrome", "chromium-browser"), "firefox": ("firefox-esr", "firefox")}
# Playwright 1.64 sends network.addDataCollector, which Firefox has known since 143:
# https://github.com/mdn/browser-compat-data/pull/27619
_OLDEST = {"firefox": 143}
_PACKAGES = {"chromium": "chromium", "firefox": "firefox-esr", "webkit": "gir1.2-webkit2-4.1 python3-gi xdotool xvfb"}


# For a picture Playwright puts a style of its own into the page. The system's Firefox applies the page's policy to it,
# and a strict one refuses: https://github.com/microsoft/playwright/issues/29654. Can go when that comes to an end.
_REFUSED_STYLE = {"firefox": r"style-src"}


class MissingEngine(RuntimeError):
    """The engine is on this machine in neither form; the message says how to install it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An engine on this machine. `executable` is None for Playwright's own, which Playwright finds itself."""

    engine: str
    origin: str
    executable: Path | None
    version: str

    @property
    def real_microphone(self) -> bool:
        """Whether a virtual microphone of the sound system reaches it."""
        return pulse.available() and not (self.engine == "webkit" and self.executable is None)

    def __str__(self) -> str:
        return f"{self.engine} {self.version} ({self.origin})"


@dataclass(frozen=True, slots=True, kw_only=True)
class TabOptions:
    """How a page is opened.

    `mic`: "allow", "deny", or "prompt" (the question stays open for ever).
    `autoplay`: "gesture", as people have it, or "allow".
    `init_scripts`: JavaScript run before any script of any page; see `quirk_scripts`.
    `size`: width and height of the page in CSS pixels.
    `colors`: "light" or "dark", what the person has told the system to prefer.
    `profile`: a folder for what the browser keeps on disk, its cache above all: who opens it again comes back for a
    second visit. Without one nothing outlives the tab, and big files may not be kept even that long. `optimise`: False
    leaves WebAssembly as the engine's first compiler made it (Chromium and Firefox). The optimising one takes processor
    time behind a page that is soon closed, which is missing where several real-time tests share a machine. Not WebKit:
    the only time that a start of stock Pyodide was seen to read out of bounds was in a run without its optimising
    compiler. `headed`: with a window on the screen; needs a display. `observe`: with `observer.OBSERVER`, which notes
    for a report what the page does with sound.
    """

    mic: str = "allow"
    autoplay: str = "gesture"
    init_scripts: Sequence[str] = ()
    size: tuple[int, int] = (1000, 700)
    colors: Literal["light", "dark"] = "light"
    profile: Path | None = None
    optimise: bool = True
    headed: bool = False
    observe: bool = False

    def __post_init__(self) -> None:
        if self.mic not in ("allow", "deny", "prompt"):
            raise ValueError(f"mic must be allow, deny or prompt, not {self.mic!r}")
        if self.autoplay not in ("gesture", "allow"):
            raise ValueError(f"autoplay must be gesture or allow, not {self.autoplay!r}")
        if self.colors not in ("light", "dark"):
            raise ValueError(f"colors must be light or dark, not {self.colors!r}")
        if isinstance(self.init_scripts, str):
            raise TypeError("init_scripts is a list of scripts, not one script")


@dataclass(kw_only=True)
class Tab:
    """An open page, its complaints, and where it runs."""

    page: Page
    found: Found
    options: TabOptions
    errors: PageErrors = field(default_factory=PageErrors)
    shown: str = ""  # the page's text, when evidence was kept
    _trace: bool = False

    @property
    def engine(self) -> str:
        return self.found.engine

    def press(self, key: str) -> None:
        """Press and release a key as a person does, so that Tab moves the focus.

        One that `page.keyboard` knows, without others.

        WebKitGTK's driver can only hand scripts an event that looks like a key: there it goes through the display.
        """
        if gtk(self.found):
            webkit_gtk.press(self.page, key)
        else:
            self.page.keyboard.press(key)

    def settle(self) -> None:
        """Let messages that are on their way arrive. Playwright hands events over only while it is called."""
        with contextlib.suppress(Exception):  # a closed or crashed page has nothing more to say
            self.page.wait_for_timeout(50)

    def screenshot(self, path: Path) -> Path:
        """Save what the page shows as PNG and return `path`. Playwright's Error after 5 s without a picture.

        Unlike Playwright's own it is no complaint of the page where its policy refuses what Playwright needs for it.
        """
        self.settle()  # what the page has said before is its own
        with self.errors.meanwhile(_REFUSED_STYLE.get(self.engine, r"(?!)")):
            self.page.screenshot(path=path, timeout=5_000)
            self.settle()
        return path

    def keep_evidence(self, folder: Path, name: str) -> list[Path]:
        """Save a screenshot, what was complained about, and (Chromium) the trace; return the files that came about."""
        folder.mkdir(parents=True, exist_ok=True)
        kept: list[Path] = []
        picture = folder / f"{name}.png"
        with contextlib.suppress(Exception):  # evidence must not hide the failure it belongs to
            kept.append(self.screenshot(picture))
        if self._trace:
            trace = folder / f"{name}.trace.zip"
            with contextlib.suppress(Exception):
                self.page.context.tracing.stop(path=trace)
                kept.append(trace)
            self._trace = False
        said = folder / f"{name}.txt"
        lines = [str(self.found), f"url: {self.page.url}", *map(str, self.errors.all)]
        with contextlib.suppress(Exception):
            self.page.evaluate("() => document.querySelectorAll('details').forEach((it) => { it.open = true })")
            self.page.wait_for_timeout(500)  # what is shown only to those who look
            lines.append(self.page.locator("body").inner_text(timeout=2_000))
        said.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.shown = lines[-1] if len(lines) > 2 + len(self.errors.all) else ""
        return [*kept, said]

    def drop_trace(self) -> None:
        """A trace that nobody stops goes on: its folder stays, and the driver notes every
        later call of any page in it.
        """
        if self._trace:
            self._trace = False
            with contextlib.suppress(Exception):  # a crashed page has none any more
                self.page.context.tracing.stop()


def find(engine: str) -> Found:
    """Where `engine` is on this machine. ValueError for an unknown name, MissingEngine when it is nowhere."""
    if engine not in ENGINES:
        raise ValueError(f"no engine {engine!r}; there are {', '.join(ENGINES)}")
    found = _find(engine)
    if found is None:
        hint = f"python3 -m playwright install {engine}, or (Debian) apt-get install {_PACKAGES[engine]}"
        oldest = f" in version {_OLDEST[engine]} or newer" if engine in _OLDEST else ""
        raise MissingEngine(f"{engine} is not installed{oldest}: {hint}")
    return found


@functools.cache
def _find(engine: str) -> Found | None:
    own = _playwrights_own(engine)
    if engine == "webkit":
        gtk = webkit_gtk.version()
        if gtk is not None and (own is None or pulse.available()):
            return Found(
                engine=engine,
                origin="WebKitGTK of the system, over its inspector",
                executable=Path(webkit_gtk.SYSTEM_PYTHON),
                version=gtk,
            )
        return own
    if own is not None:
        return own
    for name in _DEBIAN[engine]:
        if path := shutil.which(name):
            said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=False).stdout
            number = re.search(r"(\d+)(?:\.\d+)+\w*", said)
            if number and int(number[1]) < _OLDEST.get(engine, 0):
                continue
            return Found(
                engine=engine,
                origin=f"{path} of the system",
                executable=Path(path),
                version=number[0] if number else "of unknown version",
            )
    return None


def _playwrights_own(engine: str) -> Found | None:
    """Playwright's own build, found by its folder: asking the driver would start a process for each question."""
    spec = importlib.util.find_spec("playwright")
    if spec is None or spec.origin is None:
        return None
    with contextlib.suppress(OSError, KeyError, ValueError, StopIteration):
        package = Path(spec.origin).parent / "driver" / "package"
        listed = json.loads((package / "browsers.json").read_text(encoding="utf-8"))["browsers"]
        entry = next(item for item in listed if item["name"] == engine)
        for cache in _browser_caches(package):
            # The marker is written last, so a broken download does not count.
            if any(cache.glob(f"{engine}*-{entry['revision']}/INSTALLATION_COMPLETE")):
                version = entry.get("browserVersion", f"r{entry['revision']}")
                return Found(engine=engine, origin="Playwright's own", executable=None, version=version)
    return None


def _browser_caches(package: Path) -> list[Path]:
    chosen = os.environ.get("PLAYWRIGHT_BROWSERS_PATH")
    if chosen == "0":
        return [package / ".local-browsers"]
    if chosen:
        return [Path(chosen)]
    usual = {"darwin": "Library/Caches", "win32": "AppData/Local"}.get(sys.platform, ".cache")
    return [Path.home() / usual / "ms-playwright"]


@contextlib.contextmanager
def open_tab(
    playwright: Playwright,
    engine: str,
    *,
    env: Mapping[str, str],
    options: TabOptions | None = None,
    kept: KeptBrowsers | None = None,
    trace: bool = False,
) -> Iterator[Tab]:
    """A page with a profile of its own. `env` reaches the browser: PULSE_SERVER, and DISPLAY for WebKitGTK.

    On leaving, the page and all that it kept in memory and on disk are gone. So are the browser and every process it
    started, unless it is `kept`; RuntimeError when one had to be killed.
    """
    options = options or TabOptions()
    found = find(engine)
    with contextlib.ExitStack() as stack:
        if gtk(found):
            page = stack.enter_context(_gtk_page(playwright, found, env, options))
        elif options.profile is not None:
            page = stack.enter_context(_page_with_profile(playwright, found, env, options, options.profile))
        else:
            browser = (
                kept.lend(playwright, found, env, options)
                if kept is not None
                else stack.enter_context(fresh_browser(playwright, found, env, options))
            )
            page = stack.enter_context(_page_in(browser, engine, options))
        # Firefox is told by a preference: over WebDriver BiDi Playwright changes nothing.
        page.emulate_media(color_scheme=options.colors)
        tab = Tab(page=page, found=found, options=options)
        tab.errors.attach(page)
        webkit_gtk.AFTER_CANCEL[:] = [lambda: tab.errors.expect(webkit_gtk.CANCELLED)]
        # First what stands in for the sound system: the observer must see it as the page does.
        instead = [script for script in options.init_scripts if script == INJECTION]
        others = [script for script in options.init_scripts if script != INJECTION]
        for script in [*instead, *([OBSERVER] if options.observe else []), *others]:
            page.add_init_script(script)
        if trace and engine == "chromium":
            # Without pictures of the page: they are made before and after each question that a waiting test asks it.
            page.context.tracing.start(snapshots=False, screenshots=False)
            tab._trace = True
            stack.callback(tab.drop_trace)
        yield tab
        if gtk(found) and (why := webkit_gtk.crashed(page)):
            tab.errors.add("crash", f"the page's process ended: {why}")


def gtk(found: Found) -> bool:
    """Whether it is the system's WebKitGTK, which has one page per process and cannot be lent."""
    return found.engine == "webkit" and found.executable is not None


def launch_options(engine: str, options: TabOptions) -> tuple[object, ...]:
    """What of `options` is settled when the browser starts: tabs that agree in it can share one."""
    told = (options.mic, options.colors) if engine == "firefox" else ()
    return (engine, options.autoplay, options.optimise, options.headed, *told)


@contextlib.contextmanager
def fresh_browser(
    playwright: Playwright, found: Found, env: Mapping[str, str], options: TabOptions
) -> Iterator[Browser]:
    """A browser that is ended with all its processes; RuntimeError when one of them had to be killed."""
    with _all_gone(found.engine) as mark:
        kind, how = _LAUNCH[found.engine](playwright, found, {**env, **mark}, options)
        browser = kind.launch(**how)
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def _page_with_profile(
    playwright: Playwright, found: Found, env: Mapping[str, str], options: TabOptions, profile: Path
) -> Iterator[Page]:
    """A page in a browser of its own, which keeps what it fetched in `profile`."""
    with _all_gone(found.engine) as mark:
        kind, how = _LAUNCH[found.engine](playwright, found, {**env, **mark}, options)
        size = ViewportSize(width=options.size[0], height=options.size[1])
        context = kind.launch_persistent_context(profile, viewport=size, **how)
        try:
            yield _first_page(context, found.engine, options)
        finally:
            context.close()


@contextlib.contextmanager
def _gtk_page(playwright: Playwright, found: Found, env: Mapping[str, str], options: TabOptions) -> Iterator[Page]:
    folder = Path(tempfile.mkdtemp(prefix="voice-browsers-tab-"))
    try:
        with (
            _all_gone(found.engine) as mark,
            webkit_gtk.webkit_gtk(
                playwright,
                env={**env, **mark},
                mic=options.mic,
                autoplay=options.autoplay,
                size=options.size,
                profile=options.profile,
                log=folder / "webkit.log",
            ) as page,
        ):
            yield page
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _all_gone(engine: str) -> Iterator[dict[str, str]]:
    """Yields what to put into a browser's environment; afterwards nothing that bears it may run any more."""
    name, value = "VOICE_BROWSERS_TAB", uuid.uuid4().hex
    known: list[int] = []
    try:
        yield {name: value}
        known = bearing(f"{name}={value}")
    finally:
        left = end_bearing(f"{name}={value}", known)
    if left:
        raise RuntimeError(f"{engine} left {len(left)} process(es) behind after closing; they were killed")


@contextlib.contextmanager
def _page_in(browser: Browser, engine: str, options: TabOptions) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": options.size[0], "height": options.size[1]})
    try:
        yield _first_page(context, engine, options)
    finally:
        context.close()


def _first_page(context: BrowserContext, engine: str, options: TabOptions) -> Page:
    if engine == "chromium" and options.mic == "allow":
        context.grant_permissions(["microphone"])
    page = context.pages[0] if context.pages else context.new_page()
    if engine == "chromium" and options.mic == "prompt":
        # Headless Chromium answers an open question with "no" instead of leaving it open.
        from .quirk_scripts import microphone_question_unanswered

        page.add_init_script(microphone_question_unanswered())
    return page


_How = tuple["BrowserType", dict[str, Any]]


def _chromium(playwright: Playwright, found: Found, env: Mapping[str, str], options: TabOptions) -> _How:
    policy = "no-user-gesture-required" if options.autoplay == "allow" else "document-user-activation-required"
    args = [f"--autoplay-policy={policy}"]
    if sys.platform != "win32" and os.geteuid() == 0:
        args.append("--no-sandbox")  # Chromium refuses to start as root otherwise
    if not options.optimise:
        args.append("--js-flags=--liftoff-only")
    return playwright.chromium, {
        "args": args,
        "env": dict(env),
        "executable_path": found.executable,
        "headless": not options.headed,
        "ignore_default_args": ["--mute-audio"],  # Playwright mutes headless Chromium: the speaker would stay at zero
    }


def _firefox(playwright: Playwright, found: Found, env: Mapping[str, str], options: TabOptions) -> _How:
    prefs: dict[str, str | float | bool] = {
        "media.autoplay.default": 0 if options.autoplay == "allow" else 1,
        "media.navigator.permission.disabled": options.mic == "allow",
        "layout.css.prefers-color-scheme.content-override": 0 if options.colors == "dark" else 1,
    }
    if not options.optimise:
        prefs["javascript.options.wasm_optimizingjit"] = False
    if options.mic == "deny":
        prefs["permissions.default.microphone"] = 2
    kind: dict[str, Any] = {}
    if found.executable is not None:
        # ESR speaks WebDriver BiDi, not the protocol of Playwright's patched build.
        kind = {"channel": "moz-firefox", "executable_path": found.executable}
    env = {**env, "PULSE_LATENCY_MSEC": "60"}  # without it Firefox splices its capture now and then
    return playwright.firefox, {"firefox_user_prefs": prefs, "env": env, "headless": not options.headed, **kind}


def _webkit(playwright: Playwright, _found: Found, env: Mapping[str, str], options: TabOptions) -> _How:
    return playwright.webkit, {"env": dict(env), "headless": not options.headed}


_LAUNCH = {"chromium": _chromium, "firefox": _firefox, "webkit": _webkit}
