"""Is there a page of ours at this address, the whole of it, under conditions in which a browser gives a microphone?"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from builder.doctor import page as pages
from builder.doctor.csp import digest, parse, sources
from builder.doctor.fetching import Answer, Fetcher, Unreachable
from builder.doctor.findings import Finding, fault, ok, warning

_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5
_LOCAL = ("localhost", "127.0.0.1", "::1")
# How what a browser sends with the question for a page; some hosts answer programs otherwise.
_AS_BROWSERS = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


class CannotCheck(Exception):
    """There is nothing to look at; the text says why."""


@dataclass(slots=True, kw_only=True)
class Visit:
    """What the checks share: the page as it came, and each of its files that came."""

    fetcher: Fetcher
    answer: Answer
    page: pages.Page
    files: dict[str, Answer] = field(default_factory=dict)

    @property
    def worker(self) -> Answer | None:
        return self.files.get(self.page.worker)


def arrive(fetcher: Fetcher, url: str) -> tuple[Visit, list[Finding]]:
    """Fetch the page, as a person who types `url`. Raises `CannotCheck` where no page of ours is."""
    found: list[Finding] = []
    asked = [url]
    answer = _get(fetcher, url)
    while answer.status in _REDIRECTS and answer.header("location"):
        asked.append(urljoin(asked[-1], answer.header("location")))
        if len(asked) > _MOST_REDIRECTS:
            raise CannotCheck(f"{url} redirects again and again: {' → '.join(asked)}")
        answer = _get(fetcher, asked[-1])
    where = asked[-1]
    if answer.status != 200:
        raise CannotCheck(f"{where} answers with status {answer.status}, not with a page")
    if answer.content is None:
        raise CannotCheck(f"{where} says Content-Encoding: {answer.encoding}, and what it sends is not that")
    try:
        page = pages.read(where, answer.text)
    except pages.NotOurs as error:
        raise CannotCheck(f"{error}: is it the address of a build of Parley?") from None
    found += _way(asked)
    found += _secure(where)
    return Visit(fetcher=fetcher, answer=answer, page=page), found


def _get(fetcher: Fetcher, url: str) -> Answer:
    try:
        return fetcher.get(url, _AS_BROWSERS)
    except Unreachable as error:
        raise CannotCheck(str(error)) from None


def _way(asked: list[str]) -> Iterator[Finding]:
    if len(asked) == 1:
        yield ok("reachable", "the page answers at once")
        return
    way = " → ".join(asked)
    if any(urlsplit(a).scheme == "https" and urlsplit(b).scheme == "http" for a, b in itertools.pairwise(asked)):
        yield fault("reachable", f"a redirect leads from https to http: {way}", "Let it lead to the https address.")
    elif len(asked) > 2:
        yield warning(
            "reachable", f"the page is reached over {len(asked) - 1} redirects: {way}",
            "Give people the last address; each redirect is a round trip in which nothing starts.",
        )  # fmt: skip
    else:
        yield ok("reachable", f"the page answers after one redirect: {way}")


def _secure(url: str) -> Iterator[Finding]:
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.hostname or "") in _LOCAL:
        yield ok("secure", "browsers give this address a microphone")
    else:
        yield fault(
            "secure", f"{parts.scheme}://{parts.netloc} is no secure address: no browser gives it a microphone",
            "Put TLS in front of it. Only https:// and http://localhost count.",
        )  # fmt: skip


def whole(visit: Visit) -> Iterator[Finding]:
    """Did the page arrive as it was built?"""
    if visit.answer.mime != "text/html":
        kind = visit.answer.mime or "no type"
        yield fault("page type", f"the page comes as {kind}", "Have the host send .html files as text/html.")
    else:
        yield ok("page type", "the page comes as text/html")
    if not visit.page.policy:
        yield fault(
            "page whole", "the page's own policy (a meta element) is gone: something changed the page on its way",
            "Switch off what rewrites HTML at the host or CDN, or upload the build again.",
        )  # fmt: skip
        return
    own = parse([visit.page.policy])[0]
    allowed = sources(own, "script-src") or []
    foreign = [text for text in visit.page.scripts if digest(text) not in allowed]
    if foreign:
        yield fault(
            "page whole", f"a script in the page is not the build's, and its policy refuses it: {foreign[0].strip()[:60]!r}",
            "Switch off what minifies or adds scripts at the host or CDN (Rocket Loader, analytics, a bot check); the "
            "`Cache-Control: no-transform` that `build --for HOST` writes forbids it.",
        )  # fmt: skip
    else:
        yield ok("page whole", "the page's scripts are the build's own")


def addresses(visit: Visit) -> Iterator[Finding]:
    """What of the addresses beside the page's own."""
    yield from _slash(visit)
    try:
        answer = visit.fetcher.get(urljoin(visit.page.url, "_headers"))
    except Unreachable:
        return
    if answer.status == 200 and "Content-Security-Policy" in answer.text and "<html" not in answer.text[:500].lower():
        yield warning(
            "_headers", "the file _headers is public: it is meant for the host",
            "Leave it out of the upload where the host does not read it, or hide it (`build --for HOST` does).",
        )  # fmt: skip
    else:
        yield ok("_headers", "the host's own file is not public")


def _slash(visit: Visit) -> Iterator[Finding]:
    parts = urlsplit(visit.page.url)
    if parts.path in ("", "/") or not parts.path.endswith("/"):
        return
    bare = visit.page.url.partition("?")[0].rstrip("/")
    cure = f"Redirect {parts.path.rstrip('/')} to {parts.path} (`build --for HOST --base {parts.path}` writes it)."
    try:
        answer = visit.fetcher.get(bare, _AS_BROWSERS)
    except Unreachable as error:
        yield warning("slash", f"{bare}: {error}", cure)
        return
    target = urljoin(bare, answer.header("location"))
    if answer.status in _REDIRECTS and urlsplit(target).path == parts.path:
        yield ok("slash", "the address without its slash leads to the one with it")
    elif answer.status == 200:
        yield warning(
            "slash", f"{bare} shows the page without a redirect: all its files are looked for one folder too high, until the "
            "page notices and loads itself once more", cure,
        )  # fmt: skip
    else:
        yield warning("slash", f"{bare} answers with status {answer.status}: people leave the slash out", cure)
