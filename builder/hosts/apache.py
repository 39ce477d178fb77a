"""Apache: what a `<VirtualHost>` includes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from builder.hosts.deployment import SCRIPT, Deployment, checked, head
from builder.policy import TAG_HEADERS

# A browser that takes brotli, and not one that says `br;q=0`.
_TAKES_BROTLI = r"(^|,)\s*br\s*(,|$|;\s*q=(1|0\.0*[1-9]))"


def files(deployment: Deployment) -> dict[str, str]:
    """Return `parley.conf`."""
    parts = (
        _needs(deployment),
        _redirect(deployment),
        _pages(deployment),
        _tag(deployment),
        _brotli(deployment),
        _assets(deployment),
    )
    return {"parley.conf": head(deployment, "apache", _installing(deployment)) + "\n" + "\n".join(filter(None, parts))}


def quoted(name: str, value: str) -> str:
    """A header's value as mod_headers reads it.

    `${` begins a variable of the configuration and `\\n` is a line end, whatever stands before, so neither `$` nor a
    backslash is taken.
    """
    if value.startswith("expr="):
        raise ValueError(f"the header {name} begins with expr=, which is no text to Apache: {value}")
    text = checked(name, value, "$\\", "Apache").replace('"', '\\"').replace("%", "%%")
    return f'"{text}"'


def _modules(deployment: Deployment) -> tuple[str, ...]:
    return ("headers", "deflate", *(("rewrite",) if deployment.brotli else ()))


def _installing(deployment: Deployment) -> tuple[str, ...]:
    return (
        f"Install: a2enmod {' '.join(_modules(deployment))}, copy this file to /etc/apache2/parley.conf, and say in the\n"
        "<VirtualHost> of the site:\n"
        f"    DocumentRoot /srv/www              # the build lies in /srv/www{deployment.bare}\n"
        "    Include /etc/apache2/parley.conf\n"
        "Then: apachectl configtest && systemctl reload apache2",
        "It assumes that a <Directory> of the server grants access to that folder. It cannot be used as .htaccess.",
    )


def _needs(deployment: Deployment) -> str:
    return "".join(
        f'<IfModule !{module}_module>\n    Error "parley.conf needs this module: a2enmod {module}"\n</IfModule>\n'
        for module in _modules(deployment)
    )


def _redirect(deployment: Deployment) -> str:
    """mod_dir would do it too, but with the server's own idea of its address, which behind a proxy is wrong."""
    if not deployment.bare:
        return ""
    return (
        "# Without its slash the page would look for its files in the wrong place.\n"
        "<IfModule version_module>\n    <IfVersion >= 2.4.58>\n        RedirectRelative On\n    </IfVersion>\n</IfModule>\n"
        f'RedirectMatch 301 "^{re.escape(deployment.bare)}$" "{deployment.base}"\n'
    )


def _pages(deployment: Deployment) -> str:
    base = deployment.base
    return (
        "# A page that did not change is answered by its tag alone; with another tag for each encoding it never would be.\n"
        "DeflateAlterETag NoChange\n\n"
        "# The host's business, not the public's.\n"
        f'RedirectMatch 404 "^{re.escape(base)}_headers$"\n\n'
        "# The pages, and every answer that is an error: asked for again at each visit.\n"
        f'<Location "{base}">\n'
        "    Options -Indexes\n"
        "    DirectoryIndex index.html\n"
        f"    ErrorDocument 404 {base}404.html\n"
        "    AddOutputFilterByType DEFLATE text/html\n"
        f"{_encoding(deployment)}{_headers(deployment.page)}</Location>\n"
    )


def _tag(deployment: Deployment) -> str:
    return (
        "# A script for pages of others, which a browser takes only where every origin may have it.\n"
        f'<Location "{deployment.tag}">\n'
        f"    AddType {SCRIPT} .js\n"
        f"    AddOutputFilterByType DEFLATE {SCRIPT}\n"
        '    Header always merge Vary "Accept-Encoding"\n'
        f"{_headers(TAG_HEADERS)}"
        "</Location>\n"
    )


def _brotli(deployment: Deployment) -> str:
    if not deployment.brotli:
        return ""
    return (
        "# The smaller copy of a file lies beside it. `.br` is Breton to Debian's own tables, hence RemoveLanguage below.\n"
        "RewriteEngine On\n"
        f'RewriteCond "%{{HTTP:Accept-Encoding}}" "{_TAKES_BROTLI}"\n'
        'RewriteCond "%{DOCUMENT_ROOT}%{REQUEST_URI}.br" -f\n'
        f'RewriteRule "^{re.escape(deployment.base)}" "%{{REQUEST_URI}}.br" [PT]\n'
    )


def _encoding(deployment: Deployment) -> str:
    return "    RemoveLanguage .br\n    AddEncoding br .br\n" if deployment.brotli else ""


def _assets(deployment: Deployment) -> str:
    types = "".join(f"    AddType {kind} {suffix}\n" for suffix, kind in deployment.types.items())
    kept = quoted("Cache-Control", deployment.asset["Cache-Control"])
    others = {name: value for name, value in deployment.asset_differs.items() if name != "Cache-Control"}
    return (
        "# Files whose names change with their content: kept for ever, where they were found.\n"
        f'<Location "{deployment.base}assets/">\n'
        f"{types}"
        f"    AddOutputFilterByType DEFLATE {' '.join(deployment.compressible)}\n"
        '    Header always merge Vary "Accept-Encoding"\n'
        f"{_headers(others)}"
        f"    Header always set Cache-Control {kept} \"expr=%{{REQUEST_STATUS}} -in {{'200', '206', '304'}}\"\n"
        "</Location>\n"
    )


def _headers(headers: Mapping[str, str]) -> str:
    return "".join(f"    Header always set {name} {quoted(name, value)}\n" for name, value in headers.items())
