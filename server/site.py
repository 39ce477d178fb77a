"""How is `dist` served? ServeStatic finds files, ranges, 304 and compressed copies; this file adds what it must not
decide: the headers, which come from `dist/_headers` alone, and what to say when there is no page or no build.

Two things it does in its own way: each representation of a file (plain, gzip, brotli) has an ETag of its own, and what
is sent is as small as it gets, so no proxy may change it (`no-transform`).

`_headers` is the file that Netlify and Cloudflare Pages read, so a developer's machine serves the policy of production:

    /*
      X-Content-Type-Options: nosniff
    /assets/*
      Cache-Control: public, max-age=31536000, immutable

Blocks are applied in order, a later value replaces an earlier one of the same name, `! Name` takes one away, `#` starts
a comment line. In a pattern `*` stands for anything and `:name` for one part of the path.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from wsgiref.headers import Headers as WsgiHeaders

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.errors import API_HEADERS, ApiError
from server.origins import refuse

HEADERS_FILE = "_headers"
NOT_FOUND_PAGE = "404.html"
# How much of a file goes from the disk to the socket at once. Its own 8 KiB are a change of threads each: 560 of them,
# and half of the time that a first visit takes of the server.
_BLOCK_BYTES = 256 * 1024
# How the copies that lie beside a file are named, by the word for them on the wire.
_ENCODINGS = {"br": ".br", "gzip": ".gz"}
# A tag of ours in a list of them. A proxy that changed the body makes it a weak one, of the same content.
_TAG = re.compile(r'"[0-9a-f]{32}(?:-[a-z]+)?"')
# Instructions for the host, not pages.
_UNSERVED = ("/_headers", "/_redirects", "/_routes.json")
_MEDIA_TYPES = {
    ".bin": "application/octet-stream",
    ".map": "application/json",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
}


class HeadersFileError(Exception):
    """A line of `_headers` that cannot be understood; the text gives its number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderBlock:
    """One block: which paths, which headers to set, which to take away."""

    pattern: re.Pattern[str]
    set: tuple[tuple[str, str], ...]
    drop: tuple[str, ...] = ()


def parse_headers_file(text: str) -> tuple[HeaderBlock, ...]:
    """Raises `HeadersFileError`: a policy that is half understood must not be served."""
    blocks: list[tuple[str, list[tuple[str, str]], list[str]]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.strip()
        if not content or content.startswith("#"):
            continue
        if not line[0].isspace():
            if not content.startswith("/"):
                raise HeadersFileError(f"line {number}: a path pattern must start with /")
            blocks.append((content, [], []))
            continue
        if not blocks:
            raise HeadersFileError(f"line {number}: a header before the first path pattern")
        if content.startswith("!"):
            blocks[-1][2].append(content[1:].strip().lower())
            continue
        name, colon, value = content.partition(":")
        if not colon or not re.fullmatch(r"[A-Za-z0-9-]+", name) or not value.strip().isprintable():
            raise HeadersFileError(f"line {number}: expected `Name: value`")
        blocks[-1][1].append((name, value.strip()))
    return tuple(
        HeaderBlock(pattern=_pattern(path), set=tuple(given), drop=tuple(gone)) for path, given, gone in blocks
    )


def headers_for(blocks: Sequence[HeaderBlock], path: str) -> dict[str, str]:
    """The headers of `path`, names in lower case."""
    found: dict[str, str] = {}
    for block in blocks:
        if block.pattern.fullmatch(path):
            for name in block.drop:
                found.pop(name, None)
            found |= {name.lower(): value for name, value in block.set}
    return found


class Site:
    """ASGI application for everything that no route took. A WebSocket or another method than GET and HEAD is refused.

    The directory is read once and again when it was rebuilt, so `build` and `serve` need not know of each other.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._stamp: tuple[int, ...] | None = None
        self._blocks: tuple[HeaderBlock, ...] = ()
        self._files: ASGIApp | None = None
        self._problem = ""

    @property
    def problem(self) -> str:
        """Why no page can be served, in words for a person; empty if all is well."""
        self._refresh()
        return self._problem

    def forbids_sockets_to(self, ws_origin: str) -> bool:
        """Does the built page's own policy stand in the way of `wss://host`? In the browser that is a riddle."""
        self._refresh()
        policy = headers_for(self._blocks, "/").get("content-security-policy", "")
        allowed = re.search(r"(?:^|;)\s*connect-src\s([^;]*)", policy)
        return allowed is not None and ws_origin not in allowed[1].split()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await refuse(scope, receive, send, ApiError(404, "not_found", "There is no WebSocket at this address."))
            return
        if scope["method"] not in ("GET", "HEAD"):
            error = ApiError(405, "method_not_allowed", "Pages are only read.", headers={"Allow": "GET, HEAD"})
            await refuse(scope, receive, send, error)
            return
        self._refresh()
        if self._files is None:
            # No policy was read, so nothing of the directory is shown, not even a part of it.
            text = f"{self._problem}\n"
            await PlainTextResponse(text, 503, headers=API_HEADERS)(scope, receive, send)
            return
        await self._serve(self._files, scope, receive, send)

    async def _serve(self, files: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        policy = headers_for(self._blocks, scope["path"])

        known = _known_tag(Headers(scope=scope))

        async def send_with_policy(message: Message) -> None:
            # The not-found page brings its own.
            if message["type"] == "http.response.start" and message["status"] != 404:
                _apply(policy, message)
                _tag_representation(message, known)
            await send(message)

        target = files if scope["path"] not in _UNSERVED else self._not_found
        await target(_asking_for(scope, known), receive, send_with_policy)

    async def _not_found(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The page in `dist/404.html` under its own policy, whatever path was asked for."""

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                # A missing file below /assets/* must not be remembered for a year.
                _apply({**headers_for(self._blocks, f"/{NOT_FOUND_PAGE}"), "cache-control": "no-store"}, message)
            await send(message)

        page = self._root / NOT_FOUND_PAGE
        if page.is_file():
            await Response(page.read_bytes(), 404, media_type="text/html")(scope, receive, send_with_policy)
        else:
            text = "There is nothing at this address.\n"
            await PlainTextResponse(text, 404, headers=API_HEADERS)(scope, receive, send_with_policy)

    def _refresh(self) -> None:
        """Two `stat` calls while nothing changed."""
        stamp = self._look()
        if stamp == self._stamp and stamp is not None:
            return
        self._stamp, self._files, self._blocks, self._problem = stamp, None, (), ""
        if stamp is None:
            self._problem = f"There is no built site at {self._root.name}/; run `python3 build.py build` first."
            return
        try:
            self._blocks = parse_headers_file((self._root / HEADERS_FILE).read_text(encoding="utf-8"))
        except (HeadersFileError, UnicodeDecodeError, OSError) as error:
            detail = error if isinstance(error, HeadersFileError) else type(error).__name__
            self._problem = f"{self._root.name}/{HEADERS_FILE} cannot be used ({detail}); run `python3 build.py build`."
            return
        self._files = _files_of(self._root, self._not_found)

    def _look(self) -> tuple[int, ...] | None:
        try:
            root, headers = self._root.stat(), (self._root / HEADERS_FILE).stat()
        except OSError:
            return None
        return root.st_ino, root.st_mtime_ns, headers.st_ino, headers.st_mtime_ns, headers.st_size


def _files_of(root: Path, not_found: ASGIApp) -> ASGIApp:
    # Imported here: a token server has no site.
    from servestatic import ServeStaticASGI, utils

    utils.ASGI_BLOCK_SIZE = _BLOCK_BYTES
    app: ASGIApp = ServeStaticASGI(
        not_found,
        root=root,
        max_age=None,
        allow_all_origins=False,
        index_file=True,
        immutable_file_test=lambda _path, _url: False,
        add_headers_function=_tag_by_content,
        mimetypes=_MEDIA_TYPES,
    )
    return app


# Of the names that start with content-, the ones that say something about the page and not about this body.
_POLICY_NAMES = frozenset(("content-security-policy", "content-security-policy-report-only"))


def _apply(policy: Mapping[str, str], message: Message) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in policy.items():
        if name == "vary":
            headers.add_vary_header(value)
        else:
            headers[name] = value


def _tag_by_content(headers: WsgiHeaders, path: str, _url: str) -> None:
    """A reproducible build may give every file the same date, and then date and size are no proof of sameness.

    Of the file and its compressed copies: each has this tag, and `_tag_representation` adds which one it is.
    """
    digest = hashlib.sha256()
    for beside in ("", *_ENCODINGS.values()):
        with contextlib.suppress(FileNotFoundError), open(path + beside, "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    headers["ETag"] = f'"{digest.hexdigest()[:32]}"'


def _known_tag(request: Headers) -> str | None:
    """The tag of a representation that the client has and may still be sent: of those in If-None-Match the first that
    could be ours.
    """
    accepted = request.get("accept-encoding", "")
    for tag in _TAG.findall(request.get("if-none-match", "")):
        encoding = tag.strip('"').partition("-")[2]
        if not encoding or re.search(rf"\b{re.escape(encoding)}\b", accepted):
            return str(tag)
    return None


def _asking_for(scope: Scope, tag: str | None) -> Scope:
    """ServeStatic knows a file by one tag, and compares it with the whole of the header."""
    if tag is None:
        return scope
    plain = tag.strip('"').partition("-")[0]
    kept = [(name, value) for name, value in scope["headers"] if name != b"if-none-match"]
    return {**scope, "headers": [*kept, (b"if-none-match", f'"{plain}"'.encode())]}


def _tag_representation(message: Message, known: str | None) -> None:
    headers = MutableHeaders(scope=message)
    if message["status"] == 304 and known is not None:
        headers["etag"] = known
    elif "etag" in headers and "content-encoding" in headers:
        headers["etag"] = f'{headers["etag"][:-1]}-{headers["content-encoding"]}"'
    control = headers.get("cache-control", "")
    if control and "no-transform" not in control:
        headers["cache-control"] = f"{control}, no-transform"


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\*|:[A-Za-z]\w*)", path)
    return re.compile("".join(".*" if p == "*" else "[^/]+" if p.startswith(":") else re.escape(p) for p in parts))
