"""One browser that several tabs use one after the other: starting Firefox costs more than many a test.

    with KeptBrowser() as kept:
        with open_tab(playwright, "firefox", env=env, kept=kept) as tab: ...
        with open_tab(playwright, "firefox", env=env, kept=kept) as tab: ...      # the same process, another profile

Each tab still has cookies, storage and caches of its own. Sharing also makes the tests stricter: a microphone or a sound
stream that outlives its page used to go down with the browser and now stays to be seen.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Self

from .engines import Found, TabOptions, fresh_browser, launch_options

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright


class KeptBrowser:
    """Keeps the browser that was lent last. A context manager."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._browser: Browser | None = None
        self._key: object = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    def lend(self, playwright: Playwright, found: Found, env: Mapping[str, str], options: TabOptions) -> Browser:
        """The browser kept if it was started the same way and lives; else a fresh one, which is kept instead."""
        key = (launch_options(found.engine, options), sorted(env.items()))
        if self._browser is None or key != self._key or not self._browser.is_connected():
            self.discard()
            self._browser = self._stack.enter_context(fresh_browser(playwright, found, env, options))
            self._key = key
        return self._browser

    def discard(self) -> None:
        """End the browser. After a fault in it or in its devices, so that the next tab has nothing to do with that.

        RuntimeError when one of its processes had to be killed.
        """
        self._browser = None
        self._stack.close()
