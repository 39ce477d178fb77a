"""`serve` while its sources change: the open page follows, offers it in a call, tells a mistake until it is mended."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error

from builder import site, watch
from tests.support.server import Parley, copy_of_sources
from tests.support.talk import Call
from voice_browsers.tape import poll

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATIENCE_S = 90.0
NOTICE = "document.querySelector('#reload').shadowRoot.textContent"
SHOWN = "!document.querySelector('#reload').hidden"


class Workshop:
    """Sources of one's own, a server that shows what was built of them, and a watcher."""

    def __init__(self, folder: Path) -> None:
        self.root = copy_of_sources(folder / "sources")
        self.agent = self.root / "agents" / "demo"
        self.out = folder / "served"
        self.build("0")
        self.watcher = watch.Watcher(self.root, self.out, self.build, "0")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def build(self, name: str) -> None:
        site.build(self.root, self.out, "demo", remembered=True, live=name)

    def change(self, file: Path, before: str, after: str) -> None:
        text = file.read_text()
        assert before in text
        file.write_text(text.replace(before, after))

    def _watch(self) -> None:
        while not self._ended.wait(0.2):
            self.watcher.step()

    def end(self) -> None:
        self._ended.set()
        self._thread.join(120)


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    made = Workshop(tmp_path)
    yield made
    made.end()


# What the author has in front of them; a visitor's page has none of it.
@pytest.mark.only_browser("chromium")
@pytest.mark.timeout(600)
def test_the_open_page_follows_its_sources(tab: Any, sound: Any, workshop: Workshop) -> None:
    tab.errors.expect("Failed to load resource|404|503|NetworkError|access control|not load")
    with Parley(site=workshop.out) as parley:
        call = Call(tab, sound)
        call.open(parley.url)
        call.wait_booted()
        page = tab.page

        def true(expression: str) -> bool:
            page.wait_for_timeout(100)
            try:
                return bool(page.evaluate(expression))
            except Error:  # between two pages there is none to ask
                return False

        def wait(expression: str, what: str) -> None:
            assert poll(lambda: true(expression), PATIENCE_S), f"the page did not come to {what}"

        tools = workshop.agent / "tools.py"
        workshop.change(tools, "def get_weather(city: str)", "def get_weather(city: str")
        wait(SHOWN, "to tell the mistake")
        text = page.evaluate(NOTICE)
        line = 1 + tools.read_text().partition("def get_weather(")[0].count("\n")
        assert f"agents/demo/tools.py, line {line}: it is not Python" in text and "Mend the file" in text, text
        workshop.change(tools, "def get_weather(city: str", "def get_weather(city: str)")
        wait("document.readyState === 'complete' && document.querySelector('#reload')?.hidden", "to show the good page")

        workshop.change(workshop.agent / "agent.toml", "Hi there! I am Parley.", "Good day.")
        wait("document.querySelector('#parley-config').textContent.includes('Good day.')", "to load the new prompt")
        call.wait_booted()
        call.connect()
        call.wait_turn("agent", containing="good day")

        workshop.change(workshop.agent / "agent.toml", 'title = "Parley"', 'title = "Corner"')
        wait(SHOWN, "to offer the newer page")
        assert page.title() == "Parley" and call.state == "live", "nobody's call is ended"
        call.hang_up()
        wait("document.title === 'Corner'", "to load itself when the call is over")
