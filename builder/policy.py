"""Security headers: the one source for our server, the page's meta tag, a CDN's `_headers` file and `builder/hosts/`.

Facts behind the table, measured in Chromium, Firefox and WebKitGTK: Pyodide needs exactly 'wasm-unsafe-eval'; a meta
policy does not cover a worker loaded from a URL, so the worker's own response carries a policy too; `frame-ancestors`
in a meta tag is ignored with a console error; Pyodide probes `importScripts("data:...")` once in a worker, which a
Trusted Types rule there would report, so that rule stands only where there is a DOM to protect.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

TRUSTED_TYPES_POLICY = "parley"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inline:
    """The texts that stand in pages themselves. The policy names each by its digest, and allows no other."""

    scripts: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()


def content_security_policy(
    connect: tuple[str, ...],
    *,
    page: bool,
    header: bool = True,
    embedded_by: tuple[str, ...] = (),
    inline: Inline = Inline(),
) -> str:
    """Return the policy for a page (`page=True`) or for a script that may become a worker.

    `embedded_by`: the origins whose pages may show this one in a frame; nobody's unless named.
    """
    rules = {
        "default-src": "'none'",
        "script-src": "'self' 'wasm-unsafe-eval'",
        "worker-src": "'self'",
        "connect-src": " ".join(("'self'", *connect)),
        "style-src": "'self'",
        "img-src": "'self' data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    if header:
        rules["frame-ancestors"] = " ".join(embedded_by) or "'none'"
    if page:
        rules["require-trusted-types-for"] = "'script'"
        rules["script-src"] += _digests(inline.scripts)
        rules["style-src"] += _digests(inline.styles)
        rules["trusted-types"] = TRUSTED_TYPES_POLICY
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _digests(texts: Iterable[str]) -> str:
    found = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
    return "".join(f" 'sha256-{digest}'" for digest in found)


# The script that others put into their pages, at the site's root under a name that stays.
TAG = "voice-agent.js"
# Pages of other origins load it as a module, which every host must allow. It is the same for all, and holds no secret.
TAG_HEADERS = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteHeaders:
    """What every host shall send: with a page, and with a file below `assets/`, whose name changes with its content.

    An answer that is an error is a page, wherever it was asked for: nobody may keep it for a year. The tag gets the
    headers of a page, and `TAG_HEADERS`.
    """

    page: dict[str, str]
    asset: dict[str, str]

    @property
    def tag(self) -> dict[str, str]:
        return {**self.page, **TAG_HEADERS}


def site_headers(connect: tuple[str, ...], embedded_by: tuple[str, ...] = (), inline: Inline = Inline()) -> SiteHeaders:
    """Return the headers of a build. Our server, `_headers` and all that `build --for` writes come from here."""
    common = {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": "microphone=(self), camera=(), geolocation=(), display-capture=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        # A page around ours that asks every resource for consent (COEP) shows a frame only where its page and worker
        # ask for the same, and say themselves that another site may hold them.
        **({"Cross-Origin-Embedder-Policy": "require-corp"} if embedded_by else {}),
        "Cross-Origin-Resource-Policy": "cross-origin" if embedded_by else "same-origin",
    }
    page = {
        **common,
        # `no-transform`: a script that a CDN puts into the page is one that the policy refuses.
        "Cache-Control": "no-cache, no-transform",
        "Content-Security-Policy": content_security_policy(connect, page=True, embedded_by=embedded_by, inline=inline),
    }
    asset = {
        **common,
        "Cache-Control": "public, max-age=31536000, immutable",
        "Content-Security-Policy": content_security_policy(connect, page=False),
    }
    return SiteHeaders(page=page, asset=asset)


def headers_file(headers: SiteHeaders, pages: tuple[str, ...], base: str = "/") -> str:
    """Return `_headers` in the form that Netlify and Cloudflare Pages read; `server/site.py` reads it too.

    No two blocks match one path: those hosts would join the values, and a joined policy is a stricter one.
    """
    paths = [base, *(f"{base}{name}" for name in sorted(pages))]
    blocks = [(path, headers.page) for path in paths]
    blocks += [(f"{base}{TAG}", headers.tag), (f"{base}assets/*", headers.asset)]
    texts = ("\n".join([path, *(f"  {name}: {value}" for name, value in given.items())]) for path, given in blocks)
    return "\n\n".join(texts) + "\n"
