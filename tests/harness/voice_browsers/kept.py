"""Browsers that several tabs use one after the other: starting Firefox costs more than many a test.

    with KeptBrowsers() as kept:
        with open_tab(playwright, "firefox", env=env, kept=kept) as tab: ...
        with open_tab(playwright, "firefox", env=env, kept=kept) as tab: ...      # the same process, another profile

Each tab still has cookies, storage and caches of its own. Sharing also makes the tests stricter: a microphone or a
sound stream that outlives its page used to go down with the browser and now stays to be seen.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Self

from .engines import Found, TabOptions, fresh_browser, launch_options

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright


# The usual one, and one that was started otherwise: tests with a denied microphone come between others.
_KEPT = 2


class KeptBrowsers:
    """Keeps those that were lent last. A context manager."""

    def __init__(self) -> None:
        self._browsers: dict[tuple[object, ...], tuple[Browser, contextlib.ExitStack]] = {}  # the last used is the last

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    def lend(self, playwright: Playwright, found: Found, env: Mapping[str, str], options: TabOptions) -> Browser:
        """A kept browser that was started the same way and lives; else a fresh one, which is kept
        instead of the oldest.
        """
        key = (*launch_options(found.engine, options), *sorted(env.items()))
        browser, stack = self._browsers.pop(key, (None, contextlib.ExitStack()))
        if browser is None or not browser.is_connected():
            stack.close()
            self._end([it for it in self._browsers if it[0] != found.engine])
            self._end(list(self._browsers)[: 1 - _KEPT])
            browser = stack.enter_context(fresh_browser(playwright, found, env, options))
        self._browsers[key] = (browser, stack)
        return browser

    def discard(self) -> None:
        """End all. After a fault in one or in its devices, so that the next tab has nothing to do with that.

        RuntimeError when one of their processes had to be killed.
        """
        self._end(list(self._browsers))

    def _end(self, keys: list[tuple[object, ...]]) -> None:
        with contextlib.ExitStack() as ending:  # all of them, also where one makes trouble
            for key in keys:
                ending.push(self._browsers.pop(key)[1])
