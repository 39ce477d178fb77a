"""Everything a page complains about, gathered so that no test can overlook it.

Collected: console errors of the page and of its workers; uncaught exceptions; promises
rejected with nobody listening; violations of the security policy; a crashed page. A test that provokes one says so:

    tab.errors.expect(r"status of 502")          # from here on, messages that match are meant

Whatever is left at the end of the test fails it.
"""

from __future__ import annotations

import contextlib
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Page

# Spoken through the console because that works under the strictest policy in all three engines.
_PREFIX = "harness saw"
WATCHER = """
(() => {
  addEventListener('securitypolicyviolation', (e) => console.error(
    'harness saw a policy violation: ' + e.effectiveDirective + ' blocked ' + (e.blockedURI || 'inline')
    + ' at ' + e.sourceFile + ':' + e.lineNumber + (e.sample ? ' sample ' + e.sample : '')));
  addEventListener('unhandledrejection', (e) => console.error(
    'harness saw an unhandled rejection: ' + e.reason + ' ' + ((e.reason && e.reason.stack) || '')));
})();
"""

# WebKit (seen in WebKitGTK 2.50) tells its inspector of each failure of Cache Storage before it rejects, caught or not,
# and what a page has under way fails when the page is left (DOMCacheEngine.cpp of WebCore, convertToExceptionAndLog).
# No script can prevent that, and nobody reads it.
_OF_A_PAGE_THAT_IS_GONE = re.compile(r"Cache API operation failed: Context is stopped$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One thing that went wrong. `kind`: console, exception, policy, rejection, crash."""

    kind: str
    text: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}" + (f"  ({self.where})" if self.where else "")


class PageErrors:
    """Listens to one page from the moment it is made. `attach` may be called for further pages of the same test."""

    def __init__(self) -> None:
        self.all: list[Complaint] = []
        self.console: deque[str] = deque(maxlen=200)  # all that it said, for a report
        self._meant: list[re.Pattern[str]] = []

    def attach(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.add("exception", f"{error.name}: {error.message}"))
        page.on("crash", lambda _: self.add("crash", "the page crashed"))
        page.add_init_script(WATCHER)

    def expect(self, pattern: str) -> None:
        """Mark complaints matching the regular expression `pattern` as meant, those already made included."""
        self._meant.append(re.compile(pattern))

    @contextlib.contextmanager
    def meanwhile(self, pattern: str) -> Iterator[None]:
        """Forget complaints matching `pattern` that arrive inside the `with`: they are not the page's."""
        before = len(self.all)
        try:
            yield
        finally:
            self.all[before:] = [item for item in self.all[before:] if not re.search(pattern, str(item))]

    def add(self, kind: str, text: str, where: str = "") -> None:
        if kind == "exception" and _OF_A_PAGE_THAT_IS_GONE.search(text):
            return
        self.all.append(Complaint(kind=kind, text=text, where=where))

    @property
    def unexpected(self) -> list[Complaint]:
        return [item for item in self.all if not any(meant.search(str(item)) for meant in self._meant)]

    def check(self) -> None:
        """AssertionError listing every complaint that nobody expected."""
        if left := self.unexpected:
            lines = "\n".join(f"  {item}" for item in left)
            raise AssertionError(f"the page complained {len(left)} time(s):\n{lines}")

    def _console(self, message: ConsoleMessage) -> None:
        self.console.append(f"{message.type}: {message.text}")
        # All three engines hand a worker's console over to its page as well.
        if message.type not in ("error", "assert"):
            return
        kind, text = "console", message.text
        if text.startswith(_PREFIX):
            kind = "policy" if "policy violation" in text else "rejection"
        place: dict[str, Any] = dict(message.location or {})
        where = f"{place.get('url', '')}:{place.get('lineNumber', '')}" if place.get("url") else ""
        self.add(kind, text, where)
