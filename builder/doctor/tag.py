"""Can pages of other origins use `<voice-agent>` as `embedded_by` says they may: its script, and the
frame with our page?

Nothing is asked for where `embedded_by` names nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urljoin

from builder.doctor import csp
from builder.doctor.fetching import Answer, Unreachable
from builder.doctor.files import JAVASCRIPT
from builder.doctor.findings import Finding, fault, ok, warning
from builder.doctor.reach import Visit
from builder.policy import TAG

_HOST_CURE = "`python3 build.py build --for HOST` writes it, again with every build."
_LONG_S = 3600


def check(visit: Visit) -> Iterator[Finding]:
    embedders = [str(origin) for origin in visit.page.config.get("embedded_by") or []]
    if not embedders:
        return
    yield from _frame(visit, embedders)
    yield from _isolated(visit.answer)
    url = urljoin(visit.page.url, TAG)
    try:
        # As a page of that origin asks: its script is a module.
        answer = visit.fetcher.get(url, {"Origin": _example(embedders[0]), "Sec-Fetch-Mode": "cors"})
    except Unreachable as error:
        yield fault("tag", f"{TAG} cannot be had: {error}", f"Upload the whole build: {TAG} lies beside index.html.")
        return
    yield from _script(url, answer)
    if answer.status == 200:
        yield from _for_others(answer, embedders)
        yield from _kept(answer)


def _script(url: str, answer: Answer) -> Iterator[Finding]:
    if answer.status != 200:
        problem = f"{url} answers with status {answer.status}, so no page can show the agent"
        cure = f"Upload the whole build: {TAG} lies beside index.html, and no redirect or sign-in may stand before it."
        yield fault("tag", problem, cure)
    elif answer.mime not in JAVASCRIPT:
        kind = answer.mime or "no type"
        yield fault(
            "tag", f"{TAG} comes as {kind}: browsers run it only as text/javascript", f"Set the type. {_HOST_CURE}"
        )
    elif "voice-agent" not in answer.text or "customElements" not in answer.text:
        yield fault("tag", f"{TAG} is not the build's: it defines no <voice-agent>", "Upload the build again.")
    else:
        yield ok("tag", f"{TAG} is there")


def _for_others(answer: Answer, embedders: list[str]) -> Iterator[Finding]:
    """A module of another origin is taken only where the answer allows it; what asks without CORS looks
    at the other header.
    """
    allowed, shared = answer.header("access-control-allow-origin"), answer.header("cross-origin-resource-policy")
    if allowed != "*" and not (allowed == _example(embedders[0]) and len(embedders) == 1):
        said = f"says Access-Control-Allow-Origin: {allowed}" if allowed else "has no Access-Control-Allow-Origin"
        yield fault(
            "tag origins", f"{TAG} {said}: pages of other origins cannot load it",
            f"Send Access-Control-Allow-Origin: * with {TAG}; it is the same for all and holds no secret. {_HOST_CURE}",
        )  # fmt: skip
    elif shared and shared.lower() != "cross-origin":
        yield warning(
            "tag origins", f"{TAG} says Cross-Origin-Resource-Policy: {shared}: a page that preloads it is refused",
            f"Send Cross-Origin-Resource-Policy: cross-origin with {TAG}. {_HOST_CURE}",
        )  # fmt: skip
    else:
        yield ok("tag origins", f"pages of other origins may load {TAG}")


def _kept(answer: Answer) -> Iterator[Finding]:
    control = answer.header("cache-control").lower()
    age = re.search(r"max-age=(\d+)", control)
    if "immutable" in control or (age and int(age[1]) > _LONG_S and "no-cache" not in control):
        yield warning(
            "tag cache", f"{TAG} says Cache-Control: {control}: its name stays when it changes, so pages keep an old one",
            f"Send Cache-Control: no-cache with {TAG}. {_HOST_CURE}",
        )  # fmt: skip
    else:
        yield ok("tag cache", f"{TAG} is asked for again after a new build")


def _frame(visit: Visit, embedders: list[str]) -> Iterator[Finding]:
    """Each policy that names `frame-ancestors` must name every one of `embedded_by`; where one does, X-Frame-Options is
    not looked at.
    """
    sent = [
        policy["frame-ancestors"]
        for policy in csp.parse(visit.answer.each("content-security-policy"))
        if "frame-ancestors" in policy
    ]
    refused = [it for it in embedders if any(not csp.allows(words, _example(it), visit.page.origin) for words in sent)]
    frames = visit.answer.header("x-frame-options")
    cure = f"Send the policy of this build, whose frame-ancestors are {' '.join(embedders)}. {_HOST_CURE}"
    if refused:
        yield fault("tag frame", f"frame-ancestors does not allow {', '.join(refused)}, which embedded_by names", cure)
    elif not sent and frames:
        yield fault("tag frame", f"X-Frame-Options: {frames} lets no page of another origin show the agent", cure)
    else:
        yield ok("tag frame", "every origin of embedded_by may show the page in a frame")


def _isolated(answer: Answer) -> Iterator[Finding]:
    """A page that sends Cross-Origin-Embedder-Policy shows only frames that send it too and may be shared."""
    policy, shared = (answer.header(f"cross-origin-{name}-policy").lower() for name in ("embedder", "resource"))
    if policy.partition(";")[0] not in ("require-corp", "credentialless") or shared != "cross-origin":
        yield warning(
            "tag isolation", "a page that isolates itself (Cross-Origin-Embedder-Policy) cannot show this one",
            "Send Cross-Origin-Embedder-Policy: require-corp and Cross-Origin-Resource-Policy: cross-origin with the page "
            f"and its worker. {_HOST_CURE}",
        )  # fmt: skip
    else:
        yield ok("tag isolation", "pages that isolate themselves can show this one")


def _example(embedder: str) -> str:
    """An origin that the entry means."""
    return embedder.replace("*.", "www.")
