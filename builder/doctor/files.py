"""Are the page's files there, with the right bytes, under types that browsers take, and small on the wire?"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from builder.doctor.fetching import Answer, TooMany, Unreachable
from builder.doctor.findings import Finding, fault, ok, warning
from builder.doctor.page import SCRIPTS, STYLES, File, unpacked
from builder.doctor.reach import Visit

# https://mimesniff.spec.whatwg.org/#javascript-mime-type
JAVASCRIPT = {
    f"{kind}/{name}" for kind in ("text", "application") for name in ("javascript", "x-javascript", "ecmascript")
}
_LARGE_BYTES = 50_000
# A file that a quick compressor makes this much smaller could have come smaller.
_WORTH = 0.85
_TYPES_CURE = (
    "Set the types: `python3 build.py build --for HOST` writes them for nginx, apache, caddy, lighttpd and others."
)


def fetch(visit: Visit) -> Iterator[Finding]:
    """Fetch each file once, into `visit.files`; say which are missing or damaged."""
    missing, damaged, undecodable, unasked = [], [], [], 0
    for file in visit.page.files:
        try:
            answer = visit.fetcher.get(file.url)
        except TooMany:
            unasked += 1
            continue
        except Unreachable as error:
            missing.append(f"{file.path} ({error})")
            continue
        if answer.status != 200:
            missing.append(f"{file.path} (status {answer.status})")
        elif answer.content is None:
            undecodable.append(f"{file.path} (Content-Encoding: {answer.encoding})")
        elif problem := file.damage(answer.content):
            what = "is an HTML page" if _is_page(answer) and file.suffix != ".html" else problem
            damaged.append(f"{file.path} {what}")
        else:
            visit.files[file.path] = answer
    yield from _one("files there", missing, "the page names files that do not come", "all files of the page come",
        "Upload the whole build, folder assets/ included; a host that refuses a suffix must be told to serve it.")  # fmt: skip
    yield from _one("files whole", damaged, "files are not what the build made", "all files are what the build made",
        "Upload the build again, page and assets of one build; a fall-back that answers with a page where a file is "
        "missing hides that it is.")  # fmt: skip
    yield from _one("files readable", undecodable, "files cannot be decoded as the host says",
        "all files can be decoded as the host says",
        "The host names a compression that it does not apply, or applies it twice: send these files as they are.")  # fmt: skip
    if unasked:
        yield warning(
            "files asked", f"{unasked} files were not looked at", "The page names more files than are asked for."
        )


def types(visit: Visit) -> Iterator[Finding]:
    """A browser refuses a module or a style sheet of the wrong type."""
    scripts, styles, wasm = [], [], []
    for file, answer in _came(visit):
        told = f"{file.path} comes as {answer.mime or 'no type'}"
        if file.suffix in SCRIPTS and answer.mime not in JAVASCRIPT:
            scripts.append(told)
        elif file.suffix in STYLES and answer.mime != "text/css":
            styles.append(told)
        elif file.suffix == ".wasm" and answer.header("content-type").lower() != "application/wasm":
            wasm.append(told)
    yield from _one(
        "script types", scripts, "browsers refuse these as scripts", "scripts come as JavaScript", _TYPES_CURE
    )
    yield from _one(
        "style types", styles, "browsers refuse these as style sheets", "style sheets come as CSS", _TYPES_CURE
    )
    if any(file.suffix == ".wasm" for file in visit.page.files):
        if wasm:
            problem = f"the page works, and its second visit starts slower in Chromium, which keeps nothing compiled: {_list(wasm)}"
            yield warning("wasm types", problem, _TYPES_CURE)
        else:
            yield ok("wasm types", "WebAssembly comes as application/wasm")
    named = [("the page", visit.answer), *((file.path, answer) for file, answer in _came(visit))]
    without = [name for name, answer in named if answer.header("x-content-type-options").lower() != "nosniff"]
    if not without:
        yield ok("nosniff", "nosniff everywhere")
    else:
        where = "no answer" if len(without) == len(named) else f"all but {len(without)} of {len(named)} answers"
        yield warning("nosniff", f"{where} says X-Content-Type-Options: nosniff", _headers_cure())


def compression(visit: Visit) -> Iterator[Finding]:
    """What is large must come small, in one form, and caches must know that there is another."""
    large, mixed, doubled = [], [], []
    for file, answer in _came(visit):
        assert answer.content is not None
        content = unpacked(answer.content)
        if answer.encoding and "accept-encoding" not in answer.header("vary").lower() and answer.header("vary") != "*":
            mixed.append(file.path)
        if answer.encoding and content is not answer.content and len(answer.body) > _WORTH * len(answer.content):
            doubled.append(file.path)
        if len(answer.body) > _LARGE_BYTES and len(zlib.compress(content, 1)) < _WORTH * len(answer.body):
            large.append(f"{file.path} ({len(answer.body):,} bytes)".replace(",", " "))
    total = sum(len(answer.body) for answer in (visit.answer, *visit.files.values()))
    cure = "Let the host compress, or send the .br files beside: `python3 build.py build --for HOST` says how."
    if large:
        yield warning("compression", f"these come larger than they need to: {_list(large)}", cure)
    else:
        yield ok("compression", f"what is large comes compressed ({total / 1e6:.1f} MB for all files)")
    if doubled:
        yield warning("compressed once", f"compressed files are compressed again while they are sent: {_list(doubled)}",
            "It costs the host time and gains nothing: leave .bin and .wasm out of what is compressed on the fly.")  # fmt: skip
    if mixed:
        yield warning("vary", f"compressed, without Vary: Accept-Encoding: {_list(mixed)}",
            "A cache in between may give brotli to one who cannot read it: nginx `gzip_vary on;`, else add the header.")  # fmt: skip
    else:
        negotiated = any(answer.encoding for _, answer in _came(visit))
        yield ok(
            "vary", "caches are told that there are several forms" if negotiated else "each file comes in one form"
        )


def _came(visit: Visit) -> Iterator[tuple[File, Answer]]:
    for file in visit.page.files:
        if file.path in visit.files:
            yield file, visit.files[file.path]


def _is_page(answer: Answer) -> bool:
    return answer.mime == "text/html" or b"<html" in (answer.content or b"")[:500].lower()


def _headers_cure() -> str:
    return "The host sends no headers of ours: `python3 build.py build --for HOST` writes them in the host's own words."


def _one(check: str, found: Iterable[str], said: str, well: str, cure: str) -> Iterator[Finding]:
    listed = list(found)
    yield fault(check, f"{said}: {_list(listed)}", cure) if listed else ok(check, well)


def _list(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
