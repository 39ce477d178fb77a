"""What must the host of a built site be told? One configuration per kind of host, all of them from `builder/policy.py`.

Each is made for exactly one build: the page's policy names the one script that stands in the page by its digest, and
the types are those of the files that are there. It is written beside the site, to `OUT.nginx/` and so on, because a
host's configuration is not for the public.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from builder.environment import SetupError
from builder.hosts import apache, caddy, lighttpd, nginx, s3, uploads
from builder.hosts.deployment import Deployment
from builder.policy import SiteHeaders

# For each host the files that it gets, by name.
HOSTS: dict[str, Callable[[Deployment], dict[str, str]]] = {
    "nginx": nginx.files,
    "apache": apache.files,
    "caddy": caddy.files,
    "lighttpd": lighttpd.files,
    "netlify": uploads.netlify,
    "cloudflare": uploads.cloudflare,
    "firebase": uploads.firebase,
    "azure": uploads.azure,
    "vercel": uploads.vercel,
    "s3": s3.files,
}
# Such names need no escaping in any of the syntaxes, nor in a URL.
_STEP = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*")


def checked_base(text: str) -> str:
    """Return the path that a site shall have on its host, such as `/` or `/voice/`.

    Raises ValueError that says what is wrong.
    """
    if not (text.startswith("/") and text.endswith("/")):
        raise ValueError(f"'{text}' must begin and end with a slash, such as /voice/")
    steps = text.strip("/").split("/") if text != "/" else []
    for step in steps:
        if not _STEP.fullmatch(step):
            allowed = "letters, digits, '-', '_', '~' and, not first, '.'"
            raise ValueError(f"'{text}' holds the part '{step}'; a part may hold {allowed}")
    if "".join(f"/{step}" for step in steps) + "/" != text:
        raise ValueError(f"'{text}' holds a slash too many")
    return text


def folder_for(out: Path, host: str) -> Path:
    """Where the files for `host` go: beside the site, never inside what is uploaded."""
    return out.with_name(f"{out.name}.{host}")


def write(out: Path, hosts: Sequence[str], base: str, headers: SiteHeaders, pages: tuple[str, ...]) -> None:
    """Write the configuration of each of `hosts` for the site that was just built into `out`. Raises SetupError."""
    if not hosts:
        return
    deployment = look(out, base, headers, pages)
    for host in hosts:
        try:
            files = HOSTS[host](deployment)
        except ValueError as error:
            raise SetupError(f"--for {host}: {error}") from None
        folder = folder_for(out, host)
        for name, text in files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
            target.chmod(0o755 if name.endswith(".sh") else 0o644)


def look(out: Path, base: str, headers: SiteHeaders, pages: tuple[str, ...]) -> Deployment:
    """What the configurations are made of: the headers, and what of the built files they must know."""
    names = [path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()]
    assets = [name for name in names if name.startswith("assets/")]
    index = hashlib.sha256((out / "index.html").read_bytes()).hexdigest()[:16]
    return Deployment(
        base=base,
        folder=out.name,
        page=headers.page,
        asset=headers.asset,
        pages=tuple(sorted(pages)),
        suffixes=tuple(sorted({Path(name).suffix for name in assets} - {".br", ".gz", ""})),
        brotli=any(name.endswith(".br") for name in names),
        build=index,
    )
