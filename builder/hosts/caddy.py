"""Caddy: what a site block imports."""

from __future__ import annotations

from collections.abc import Mapping

from builder.hosts.deployment import BYTES, SCRIPT, Deployment, checked, head
from builder.policy import TAG_HEADERS


def files(deployment: Deployment) -> dict[str, str]:
    """Return `parley.caddy`."""
    return {"parley.caddy": head(deployment, "caddy", _installing(deployment)) + "\n" + _site(deployment)}


def quoted(name: str, value: str) -> str:
    """A header's value as Caddy reads it. Braces are its variables; a backslash is literal except before a quote."""
    text = checked(name, value, "{}\\", "Caddy").replace('"', '\\"')
    return f'"{text}"'


def _installing(deployment: Deployment) -> tuple[str, ...]:
    return (
        "Install: copy this file to /etc/caddy/parley.caddy, and say in the Caddyfile:\n"
        "    voice.example.com {\n"
        f"        root * /srv/www                # the build lies in /srv/www{deployment.bare}\n"
        "        import parley.caddy\n"
        "    }\n"
        "Then: caddy validate --config /etc/caddy/Caddyfile && systemctl reload caddy",
        f"It assumes that nothing else in that block answers {deployment.base}.",
    )


def _site(deployment: Deployment) -> str:
    base, bare = deployment.base, deployment.bare
    redirect = (
        f"# Without its slash the page would look for its files in the wrong place.\nredir {bare} {base} permanent\n\n"
    )
    return (redirect if bare else "") + f"handle {base}* {{\n\troute {{\n{_inside(deployment)}\t}}\n}}\n"


def _inside(deployment: Deployment) -> str:
    base = deployment.base
    lines = [
        "# The pages, and every answer that is an error: asked for again at each visit.",
        *_headers("header", deployment.page),
        "",
        "# A script for pages of others, which a browser takes only where every origin may have it.",
        "@tag {",
        f"\tpath {deployment.tag}",
        "\tfile",
        "}",
        *_headers("header @tag", {**TAG_HEADERS, "Content-Type": SCRIPT}),
        "",
        "# Files whose names change with their content: kept for ever, where they are found.",
        "@asset {",
        f"\tpath {base}assets/*",
        "\tfile",
        "}",
        *_headers("header @asset", deployment.asset_differs),
        *_types(deployment),
        "",
        "# `_headers` is for other hosts; the public gets neither it nor what is not there.",
        "@missing {",
        "\tnot {",
        "\t\tfile {path} {path}index.html",
        f"\t\tnot path {base}_headers",
        "\t}",
        "}",
        "handle @missing {",
        f"\trewrite * {base}404.html",
        "\tfile_server {",
        "\t\tstatus 404",
        "\t}",
        "}",
        "handle {",
        *_encode(deployment),
        "\tfile_server" + (" {" if deployment.brotli else ""),
        *(
            ("\t\t# The smaller copies that lie beside the files.", "\t\tprecompressed br", "\t}")
            if deployment.brotli
            else ()
        ),
        "}",
    ]
    return "".join(f"\t\t{line}".rstrip() + "\n" for line in lines)


def _headers(directive: str, headers: Mapping[str, str]) -> list[str]:
    return [f"{directive} {{", *(f"\t{name} {quoted(name, value)}" for name, value in headers.items()), "}"]


def _types(deployment: Deployment) -> list[str]:
    """Caddy's own table is what the machine happens to have."""
    lines = []
    for suffix, kind in deployment.types.items():
        name = f"@type_{suffix.removeprefix('.')}"
        lines += [f"{name} {{", f"\tpath {deployment.base}assets/*{suffix}", "\tfile", "}"]
        lines.append(f'header {name} Content-Type "{kind}"')
    return lines


def _encode(deployment: Deployment) -> list[str]:
    kinds = [kind for kind in ("text/html", *deployment.compressible) if kind != BYTES]
    matches = [f"\t\t\theader Content-Type {kind}*" for kind in kinds]
    return ["\tencode {", "\t\tgzip", "\t\tmatch {", *matches, "\t\t}", "\t}"]
