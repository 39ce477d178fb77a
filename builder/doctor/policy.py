"""Does the host's policy let the page work, and does each part of it have one?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from builder.doctor import csp
from builder.doctor.fetching import Answer
from builder.doctor.findings import Finding, fault, ok, warning
from builder.doctor.reach import Visit

_CURE = (
    "Send exactly the policy of this build: `python3 build.py build --for HOST` writes it, again with every build, because it "
    "names the page's script by its digest. A policy of the host's own beside it must allow the same."
)
_NO_MICROPHONE = re.compile(r"(?:^|[,;])\s*microphone\s*(?:=\s*\(\s*\)|'none')")


def page(visit: Visit) -> Iterator[Finding]:
    """The page's policies: its own, and those that the host sends with it."""
    needed = _needed(visit)
    sent = csp.parse(visit.answer.each("content-security-policy"))
    own = csp.parse([visit.page.policy])
    blocked = {what for policy in (*sent, *own) for what in _lacking(visit, policy, needed)}
    if blocked:
        which = (
            "the host's policy" if not any(_lacking(visit, policy, needed) for policy in own) else "the page's policy"
        )
        yield fault("page policy", f"{which} blocks {'; '.join(sorted(blocked))}", _CURE)
    elif not sent:
        yield warning("page policy", "the host sends no policy; the page's own stands in its HTML", _CURE)
    elif len(sent) > 1:
        yield warning(
            "page policy", f"{len(sent)} policies come with the page, and a browser obeys each of them", _CURE
        )
    else:
        yield ok("page policy", "the policy lets the page work")
    yield from _microphone(visit.answer)
    yield from _frames(visit.answer, sent)


def worker(visit: Visit) -> Iterator[Finding]:
    """A worker has the policy that its own script came with, and no other."""
    answer = visit.worker
    if answer is None:
        return  # told already: the file is missing
    sent = csp.parse(answer.each("content-security-policy"))
    needed = _needed(visit)
    blocked = {
        what for policy in sent
        for what in csp.lacking(policy, page=visit.page.origin, scripts=(), connect=needed, worker=True)
    }  # fmt: skip
    if blocked:
        yield fault("worker policy", f"the policy of {visit.page.worker} blocks {'; '.join(sorted(blocked))}", _CURE)
    elif not sent:
        yield warning(
            "worker policy", "the worker, where Python runs, has no policy: only a header can give it one",
            "`python3 build.py build --for HOST` writes it for /assets/.",
        )  # fmt: skip
    else:
        yield ok("worker policy", "the worker has its own policy")


def allows_socket(visit: Visit, ws_url: str) -> list[str]:
    """Which policies stand in the way of a socket there."""
    parts = urlsplit(ws_url)
    origin = f"{parts.scheme}://{parts.netloc}"
    places = [("the page", csp.parse([*visit.answer.each("content-security-policy"), visit.page.policy]))]
    if visit.worker is not None:
        places.append(("the worker", csp.parse(visit.worker.each("content-security-policy"))))
    found = []
    for name, policies in places:
        if any(
            "connect-src" in what
            for policy in policies
            for what in csp.lacking(policy, page=visit.page.origin, scripts=(), connect=[origin])
        ):
            found.append(name)
    return found


def _needed(visit: Visit) -> list[str]:
    """Where the page must be able to connect, as far as its own settings say."""
    token = urlsplit(visit.page.token_url)
    return list(dict.fromkeys([visit.page.origin, f"{token.scheme}://{token.netloc}"]))


def _lacking(visit: Visit, policy: dict[str, list[str]], needed: list[str]) -> list[str]:
    # A script that the build's own policy does not name is not the build's, and told as that.
    own = visit.page.policy
    scripts = [text for text in visit.page.scripts if csp.digest(text) in own]
    return csp.lacking(policy, page=visit.page.origin, scripts=scripts, connect=needed)


def _microphone(answer: Answer) -> Iterator[Finding]:
    told = [*answer.each("permissions-policy"), *answer.each("feature-policy")]
    if any(_NO_MICROPHONE.search(value) for value in told):
        yield fault(
            "microphone policy", "the host's Permissions-Policy forbids the microphone: no visitor can allow it",
            "Send Permissions-Policy: microphone=(self) with the page.",
        )  # fmt: skip
    else:
        yield ok("microphone policy", "no policy forbids the microphone")


def _frames(answer: Answer, sent: list[dict[str, list[str]]]) -> Iterator[Finding]:
    if any("frame-ancestors" in policy for policy in sent) or answer.header("x-frame-options"):
        yield ok("framing", "the page says who may put it into a frame")
    else:
        yield warning(
            "framing", "any site may show this page in a frame of its own: only a header can forbid that",
            "`python3 build.py build --for HOST` writes frame-ancestors; `[page] embedded_by` says who may.",
        )  # fmt: skip
