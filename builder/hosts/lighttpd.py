"""lighttpd: conditions on the path, for the main configuration or a virtual host."""

from __future__ import annotations

import re
from collections.abc import Mapping

from builder.hosts.deployment import BYTES, SCRIPT, Deployment, checked, head

_MODULES = ("access", "setenv", "expire", "deflate")


def files(deployment: Deployment) -> dict[str, str]:
    """Return `parley.conf`."""
    return {"parley.conf": head(deployment, "lighttpd", _installing(deployment)) + "\n" + _conditions(deployment)}


def quoted(name: str, value: str) -> str:
    """A header's value as lighttpd reads it: a backslash before a quote takes its meaning away,
    and is literal elsewhere.
    """
    text = checked(name, value, "\\", "lighttpd").replace('"', '\\"')
    return f'"{text}"'


def _installing(deployment: Deployment) -> tuple[str, ...]:
    return (
        "Install: apt-get install lighttpd-mod-deflate, copy this file to /etc/lighttpd/conf-enabled/95-parley.conf, and\n"
        "have in /etc/lighttpd/lighttpd.conf:\n"
        f'    server.document-root = "/srv/www"  # the build lies in /srv/www{deployment.bare}\n'
        "Then: lighttpd -tt -f /etc/lighttpd/lighttpd.conf && systemctl reload lighttpd",
        "lighttpd cannot set a header by status, so files below assets/ are kept for a year by mod_expire, which leaves\n"
        "errors alone; the word `immutable` is missing there, and a reload asks for each of them again (304).\n"
        "It sends none of the copies that lie beside the files: it compresses what the page does not unpack by itself.",
    )


def _conditions(deployment: Deployment) -> str:
    base = re.escape(deployment.base)
    kinds = ", ".join(f'"{kind}"' for kind in ("text/html", *deployment.compressible))
    types = ", ".join(f'"{suffix}" => "{kind}"' for suffix, kind in deployment.types.items())
    modules = ", ".join(f'"mod_{name}"' for name in _MODULES)
    asset = {name: value for name, value in deployment.asset.items() if name != "Cache-Control"}
    return (
        f"server.modules += ( {modules} )\n\n"
        "# The pages, and every answer that is an error: asked for again at each visit.\n"
        f'$HTTP["url"] =~ "^{base}" {{\n'
        '    index-file.names = ( "index.html" )\n'
        f'    server.errorfile-prefix = server.document-root + "{deployment.base}"\n'
        f"    deflate.mimetypes = ( {kinds} )\n"
        '    deflate.allowed-encodings = ( "br", "gzip" )\n'
        f"{_headers(deployment.page)}"
        "}\n\n"
        "# A script for pages of others, which a browser takes only where every origin may have it.\n"
        f'$HTTP["url"] =~ "^{re.escape(deployment.tag)}$" {{\n'
        f'    mimetype.assign = ( ".js" => "{SCRIPT}" )\n'
        f"{_headers(deployment.tag_headers)}"
        "}\n\n"
        "# Files whose names change with their content: kept for a year, where they were found. A condition replaces what\n"
        "# another one set, as a whole, so all headers are here again.\n"
        f'$HTTP["url"] =~ "^{base}assets/" {{\n'
        f'    mimetype.assign = ( {types}, "" => "{BYTES}" )\n'
        f'    expire.url = ( "{deployment.base}assets/" => "access plus 365 days" )\n'
        f"{_headers(asset)}"
        "}\n\n"
        "# The host's business, not the public's.\n"
        f'$HTTP["url"] =~ "^{base}_headers$" {{\n    url.access-deny = ( "" )\n}}\n'
    )


def _headers(headers: Mapping[str, str]) -> str:
    rows = ",\n".join(f'        "{name}" => {quoted(name, value)}' for name, value in headers.items())
    return f"    setenv.set-response-header = (\n{rows}\n    )\n"
