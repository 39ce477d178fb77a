"""Hosts to which a folder is uploaded, with a file of its own kind beside the pages: Netlify, Cloudflare Pages,
Firebase Hosting, Azure Static Web Apps, Vercel. JSON takes no comments, so what to do stands in INSTALL.txt beside it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from builder import policy
from builder.hosts.deployment import SCRIPT, Deployment, checked, head

# What Cloudflare Pages takes of a `_headers` file: longer lines are dropped without a word to the visitor.
_CLOUDFLARE_LINE, _CLOUDFLARE_RULES = 2000, 100


def netlify(deployment: Deployment) -> dict[str, str]:
    """Return `_headers` for the root of what is published, where the build's own is not."""
    found = {"INSTALL.txt": _install(deployment, "netlify", _headers_place(deployment, "netlify deploy --dir"))}
    if deployment.bare:
        found["_headers"] = _headers_file(deployment)
        missing = f"{deployment.base}404.html"
        rules = (
            f"{deployment.bare} {deployment.base} 301!",
            f"{deployment.base}_headers {missing} 404!",
            f"{deployment.base}* {missing} 404",
        )
        found["_redirects"] = "".join(f"{rule}\n" for rule in rules)
    return found


def cloudflare(deployment: Deployment) -> dict[str, str]:
    """Return the same for Cloudflare Pages, which has limits. Raises ValueError where a policy is too long for it."""
    text = _headers_file(deployment)
    for line in text.splitlines():
        if len(line.strip()) > _CLOUDFLARE_LINE:
            long = f"a line of _headers is {len(line.strip())} characters long; Cloudflare drops those over {_CLOUDFLARE_LINE}"
            raise ValueError(f"{long}. Name fewer origins in `connect` and `embedded_by`: {line.strip()[:60]}...")
    if sum(line.startswith("/") for line in text.splitlines()) > _CLOUDFLARE_RULES:
        raise ValueError(f"_headers has more than {_CLOUDFLARE_RULES} rules, which is all that Cloudflare takes")
    found = {"INSTALL.txt": _install(deployment, "cloudflare", _headers_place(deployment, "wrangler pages deploy"))}
    if deployment.bare:
        found["_headers"] = text
        found["_redirects"] = f"{deployment.bare} {deployment.base} 301\n"
    return found


def firebase(deployment: Deployment) -> dict[str, str]:
    """Return `firebase.json`. Of two rules for one header the later one counts."""
    base = deployment.base
    rules = [
        {"source": f"{base}**", "headers": _pairs(deployment.page)},
        {"source": deployment.tag, "headers": _pairs({**deployment.tag_headers, "Content-Type": SCRIPT})},
        {"source": f"{base}assets/**", "headers": _pairs(deployment.asset)},
        *(
            {"source": f"{base}assets/**/*{suffix}", "headers": _pairs({"Content-Type": kind})}
            for suffix, kind in deployment.types.items()
        ),
        # Firebase's own name for the answer to what is not there.
        {"source": "404.html", "headers": _pairs(deployment.page)},
    ]
    hosting: dict[str, Any] = {
        "public": "public",
        "ignore": ["firebase.json", "**/.*", "**/_headers", "**/*.br", "**/*.gz"],
        "cleanUrls": False,
        "headers": rules,
    }
    if deployment.bare:
        hosting["redirects"] = [{"source": deployment.bare, "destination": base, "type": 301}]
    text = (
        f"Install: have a folder `public` whose content is the build {deployment.place}, put firebase.json beside that folder,\n"
        "and run: firebase deploy --only hosting",
        *(
            ("Firebase shows one page for what is not there, 404.html of the root. A copy of ours there serves all.",)
            * bool(deployment.bare)
        ),
    )
    return {"firebase.json": _json({"hosting": hosting}), "INSTALL.txt": _install(deployment, "firebase", text)}


def azure(deployment: Deployment) -> dict[str, str]:
    """Return `staticwebapp.config.json`. The first route that fits is the only one that counts."""
    base = deployment.base
    config = {
        "routes": [
            {"route": f"{base}_headers", "statusCode": 404},
            {"route": f"{base}assets/*", "headers": _values(deployment.asset)},
            {"route": deployment.tag, "headers": _values(deployment.tag_headers)},
            {"route": f"{base}*", "headers": _values(deployment.page)},
        ],
        "mimeTypes": {**deployment.types, ".js": SCRIPT},
        "trailingSlash": "auto",
        "responseOverrides": {"404": {"rewrite": f"{base}404.html"}},
    }
    text = (
        f"Install: put staticwebapp.config.json into the root of what is uploaded, where the build lies {deployment.place},\n"
        "or name this folder with --swa-config-location when you run: swa deploy",
        "It assumes that the app has no other configuration: there is one per app, so several agents need their routes joined.",
    )
    return {"staticwebapp.config.json": _json(config), "INSTALL.txt": _install(deployment, "azure", text)}


def vercel(deployment: Deployment) -> dict[str, str]:
    """Return `vercel.json`."""
    base = deployment.base
    config: dict[str, Any] = {
        "cleanUrls": False,
        "headers": [
            {"source": f"{base}((?!assets/|{re.escape(policy.TAG)}).*)", "headers": _pairs(deployment.page)},
            {"source": deployment.tag, "headers": _pairs(deployment.tag_headers)},
            {"source": f"{base}assets/(.*)", "headers": _pairs(deployment.asset)},
        ],
    }
    if deployment.bare:
        config["redirects"] = [{"source": deployment.bare, "destination": base, "statusCode": 301}]
    text = (
        f"Install: put vercel.json into the root of what is uploaded, where the build lies {deployment.place}, and run: vercel deploy",
        "Vercel shows 404.html of the root for what is not there. Nobody of us has seen this file at work on Vercel itself.",
    )
    return {"vercel.json": _json(config), "INSTALL.txt": _install(deployment, "vercel", text)}


def _headers_file(deployment: Deployment) -> str:
    headers = policy.SiteHeaders(page=_values(deployment.page), asset=_values(deployment.asset))
    return policy.headers_file(headers, deployment.pages, deployment.base)


def _headers_place(deployment: Deployment, command: str) -> tuple[str, ...]:
    if not deployment.bare:
        return (
            f"Install: nothing. The host reads {deployment.folder}/_headers, which is in the build: {command} {deployment.folder}",
        )
    return (
        f"Install: publish a folder in which the build lies {deployment.place}, and put _headers and _redirects of this folder\n"
        f"into its root: {command} FOLDER. The paths in them are whole ones, so the build's own _headers says nothing there.",
        "Where that root has such files already, append ours: several agents stand one after the other.",
    )


def _install(deployment: Deployment, host: str, paragraphs: tuple[str, ...]) -> str:
    return head(deployment, host, paragraphs, mark="")


def _values(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: checked(name, value, "", "this host") for name, value in headers.items()}


def _pairs(headers: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": name, "value": value} for name, value in _values(headers).items()]


def _json(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"
