"""Does a visitor get the new page after a deployment, and fetch nothing twice?"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from urllib.parse import urljoin

from builder.doctor.fetching import Answer, Unreachable
from builder.doctor.findings import Finding, fault, ok, warning
from builder.doctor.reach import Visit

_DAY_S = 86_400
_LONG_S = 30 * _DAY_S
_CURE = (
    "`python3 build.py build --for HOST` writes both: the page is asked for anew each time, assets are kept for ever."
)
# What a network of caches between host and visitor says of itself.
_BETWEEN = ("via", "cf-ray", "x-amz-cf-id", "x-served-by", "x-cache", "age")


def page(visit: Visit) -> Iterator[Finding]:
    """The page must be asked for anew, and that must cost no more than a question."""
    rules = _rules(visit.answer)
    kept_s = _kept_s(rules)
    if "immutable" in rules or (kept_s > _DAY_S and "no-cache" not in rules and "no-store" not in rules):
        said = f"the page itself is kept for {kept_s:,} s: after a deployment visitors go on with the old one"
        yield fault("page cache", said.replace(",", " "), "Send Cache-Control: no-cache with the page. " + _CURE)
    elif {"no-cache", "no-store"} & set(rules) or rules.get("max-age") == "0":
        yield ok("page cache", "the page is asked for anew each time")
    else:
        how = f"kept for {kept_s} s" if kept_s else "kept for as long as each browser guesses (no Cache-Control)"
        yield warning("page cache", f"the page is {how}: after a deployment some visitors still get the old one", _CURE)
    between = [name for name in _BETWEEN if name in visit.answer.headers]
    if between and "no-transform" not in rules:
        yield warning(
            "no-transform", f"a cache stands in between ({between[0]}) and is not told to leave the page as it is",
            "Add no-transform to the page's Cache-Control: a script that a CDN puts in is one that the policy refuses.",
        )  # fmt: skip
    yield from _validators(visit)


def _validators(visit: Visit) -> Iterator[Finding]:
    tag, date = visit.answer.header("etag"), visit.answer.header("last-modified")
    if not tag and not date:
        yield warning("validators", "the page has no ETag and no Last-Modified: each visit fetches it whole",
            "Have the host send one of them; most do by themselves.")  # fmt: skip
        return
    same = [path for path, answer in visit.files.items() if tag and answer.header("etag") == tag]
    if same and not any(visit.files[path].body == visit.answer.body for path in same):
        yield fault("validators", f"the page and {same[0]} have the same ETag {tag}: a changed page would count as unchanged",
            "Have the host make the ETag from each file, or send none.")  # fmt: skip
        return
    question = {"If-None-Match": tag} if tag else {"If-Modified-Since": date}
    try:
        again = visit.fetcher.get(visit.page.url, question)
    except Unreachable as error:
        yield warning("validators", f"asked anew with {next(iter(question))}: {error}", "Try again later.")
        return
    if again.status == 304:
        yield ok("validators", "an unchanged page is answered with 304")
    else:
        yield warning(
            "validators", f"an unchanged page is sent whole again (status {again.status} to {next(iter(question))})",
            "Apache: `DeflateAlterETag NoChange`. Elsewhere: switch off what changes the ETag while compressing.",
        )  # fmt: skip


def assets(visit: Visit) -> Iterator[Finding]:
    """What carries a hash in its name may be kept for ever; what is not there may not."""
    short, never = [], []
    for path, answer in visit.files.items():
        rules = _rules(answer)
        if "no-store" in rules:
            never.append(path)
        elif _kept_s(rules) < _LONG_S or "no-cache" in rules:
            short.append(path)
    if never:
        yield warning("asset cache", f"{never[0]} and {len(never) - 1} more may not be kept at all (no-store)", _CURE)
    elif short:
        yield warning(
            "asset cache", f"{len(short)} of {len(visit.files)} assets are not kept for long, {short[0]} for one", _CURE
        )
    else:
        yield ok("asset cache", "assets are kept for ever")
    yield from _missing(visit)


def _missing(visit: Visit) -> Iterator[Finding]:
    """A file that is not there: below assets/, where a 404 might be kept for a year, and beside the page."""
    name = f"doctor-{secrets.token_hex(4)}"
    for path, check in ((f"assets/{name}.js", "missing asset"), (f"{name}/deep", "missing page")):
        try:
            answer = visit.fetcher.get(urljoin(visit.page.url, path))
        except Unreachable as error:
            yield warning(check, f"what is not there: {error}", "Try again later.")
            continue
        rules = _rules(answer)
        if answer.status in (404, 410) and ("immutable" in rules or _kept_s(rules) > _DAY_S):
            yield fault(check, "the answer that a file is missing is kept like a file: missing for a second is missing for a year",
                "Send long cache times with status 200 only; `build --for HOST` does.")  # fmt: skip
        elif answer.status in (404, 410):
            yield ok(check, "what is not there is a 404, and is not kept")
        elif answer.status == 200:
            yield warning(check, f"{path.rpartition('/')[0] or path}/… that is not there is answered with status 200: a file that is "
                "missing looks as if it were damaged", "Switch off the fall-back to index.html for this site.")  # fmt: skip
        else:
            yield warning(
                check,
                f"what is not there is answered with status {answer.status}",
                "Let it be a 404 with our 404.html.",
            )


def _rules(answer: Answer) -> dict[str, str]:
    parts = (part.strip().partition("=") for value in answer.each("cache-control") for part in value.lower().split(","))
    return {name: value.strip('"') for name, _, value in parts if name}


def _kept_s(rules: dict[str, str]) -> int:
    given = rules.get("max-age", "")
    return int(given) if re.fullmatch(r"\d{1,12}", given) else 0
