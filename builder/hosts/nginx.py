"""nginx: locations for a `server` block. Nothing stands outside of them, so several agents fit into one block."""

from __future__ import annotations

from collections.abc import Mapping

from builder.hosts.deployment import BYTES, SCRIPT, Deployment, checked, head


def files(deployment: Deployment) -> dict[str, str]:
    """Return `parley.conf`."""
    return {"parley.conf": head(deployment, "nginx", _installing(deployment)) + "\n" + _locations(deployment)}


def quoted(name: str, value: str) -> str:
    """A header's value as nginx reads it. A `$` begins a variable there, and nothing takes that meaning away."""
    text = checked(name, value, "$", "nginx").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _installing(deployment: Deployment) -> tuple[str, ...]:
    where = f"/srv/www{deployment.bare}"
    brotli = (
        "It assumes Debian's package libnginx-mod-http-brotli-static (or another build of that module), which sends the\n"
        'smaller copies that lie beside the files. Without it nginx says `unknown directive "brotli_static"`: take those\n'
        "lines away then, the page works without them.",
    )
    return (
        "Install: copy this file to /etc/nginx/snippets/parley.conf, and say in the `server` block of the site:\n"
        f"    root /srv/www;                     # the build lies in {where}\n"
        "    include snippets/parley.conf;\n"
        "Then: nginx -t && systemctl reload nginx",
        *(brotli if deployment.brotli else ()),
        f"It assumes that the block has no other `location {deployment.base}`.",
    )


def _locations(deployment: Deployment) -> str:
    base, bare = deployment.base, deployment.bare
    parts = []
    if bare:
        parts.append(
            "# Without its slash the page would look for its files in the wrong place.\n"
            f"location = {bare} {{\n    absolute_redirect off;\n    return 301 {base};\n}}\n\n"
        )
    parts.append(
        "# The pages, and every answer that is an error: asked for again at each visit.\n"
        f"location ^~ {base} {{\n{_common(deployment)}{_static(deployment, ['text/html'])}{_headers(deployment.page)}\n"
        f"    # The host's business, not the public's.\n    location = {base}_headers {{\n        return 404;\n    }}\n\n"
    )
    parts.append(
        "    # A script for pages of others, which a browser takes only where every origin may have it.\n"
        f"    location = {deployment.tag} {{\n        types {{\n            {SCRIPT} js;\n        }}\n"
        f"{_static(deployment, [SCRIPT], 8)}{_headers(deployment.tag_headers, 8)}    }}\n\n"
    )
    kept = {"Cache-Control": deployment.asset["Cache-Control"]}
    others = {name: value for name, value in deployment.asset.items() if name not in kept}
    parts.append(
        "    # Files whose names change with their content: kept for ever. `always` is missing on purpose where it says so:\n"
        "    # an error is nothing to keep.\n"
        f"    location ^~ {base}assets/ {{\n"
        f"{_types(deployment)}{_static(deployment, deployment.compressible, 8)}"
        f"{_headers(others, 8)}{_headers(kept, 8, always=False)}    }}\n}}\n"
    )
    return "".join(parts)


def _common(deployment: Deployment) -> str:
    lines = ("index index.html;", f"error_page 404 {deployment.base}404.html;", "absolute_redirect off;")
    return "".join(f"    {line}\n" for line in lines)


def _types(deployment: Deployment) -> str:
    """A table of one's own replaces the machine's, so it must hold every type of the folder."""
    known: dict[str, list[str]] = {}
    for suffix, kind in deployment.types.items():
        if kind != BYTES:
            known.setdefault(kind, []).append(suffix.removeprefix("."))
    rows = "".join(f"            {kind} {' '.join(suffixes)};\n" for kind, suffixes in sorted(known.items()))
    return f"        types {{\n{rows}        }}\n        default_type {BYTES};\n"


def _static(deployment: Deployment, kinds: list[str], indent: int = 4) -> str:
    lines = ["brotli_static on;"] if deployment.brotli else []
    # text/html is compressed whatever is listed, and nginx warns where it is.
    listed = [kind for kind in kinds if kind != "text/html"]
    lines += ["gzip on;", "gzip_vary on;", *([f"gzip_types {' '.join(listed)};"] if listed else [])]
    return "".join(f"{' ' * indent}{line}\n" for line in lines)


def _headers(headers: Mapping[str, str], indent: int = 4, *, always: bool = True) -> str:
    tail = " always" if always else ""
    return "".join(f"{' ' * indent}add_header {name} {quoted(name, value)}{tail};\n" for name, value in headers.items())
