"""Start-up texts: what a page says before its Python has started, and to the site's owner under Diagnostics.

What it says of a microphone is the client's own table. It is read from the source, because the build imports no other room.
"""

from __future__ import annotations

import ast
from pathlib import Path

from builder.environment import SetupError

TABLE = "CAPTURE"

# Why a page did not start: (title, what the visitor can do, what the site's owner should know). The first one stands in the HTML
# and is read where no script of the page runs at all, so its words must be true in every such case.
START: dict[str, tuple[str, str, str]] = {
    "not_started": (
        "This page has not started yet",
        "Its scripts have not arrived, or something keeps them from running. Load the page again. If that does not help, tell the "
        "site's owner; the likely reasons are under Diagnostics.",
        "No script of this page ran. Usual causes: the host sends a Content-Security-Policy of its own without this page's script "
        "digests; an optimiser changed the script elements; a browser or an extension blocks scripts; or assets/ was not uploaded.",
    ),
    "file": (
        "This page does not work as a file",
        "It has to come from a web server. Open its address instead, such as one with https:// in front.",
        "Browsers start no worker and no module for a file:// page. Try it with: python3 build.py serve",
    ),
    "sandbox": (
        "The page around this one locks it in",
        "It cannot start in this frame. Open its own address in a new tab.",
        'The frame has a sandbox attribute without "allow-same-origin". It needs sandbox="allow-scripts allow-same-origin" and '
        'allow="microphone; autoplay", or no sandbox at all.',
    ),
    "insecure": (
        "This page needs a secure address",
        "A browser gives no microphone to it here. Open it with https:// in front.",
        "The page is not a secure context: only https:// and http://localhost are. Put TLS in front.",
    ),
    "old": (
        "This browser cannot run this page",
        "Use a current Chrome, Edge, Firefox or Safari. In Lockdown Mode make an exception for this page.",
        "The browser lacks:",
    ),
    "slash": (
        "This page's address lacks a slash at its end",
        "Add / to the address and load it again.",
        "The host answers the folder's address without a slash and takes the slash away again, so the page looks for its files in the "
        "wrong folder. Have it redirect to the address with the slash.",
    ),
    "offline": (
        "You are offline",
        "Check your connection. The page starts by itself when it is back.",
        "The browser says that it has no network.",
    ),
    "network": (
        "A part of this page could not be fetched",
        "Check your connection, then press Try again.",
        "A request got no answer: the line or the host broke off.",
    ),
    "slow": (
        "This page takes long to arrive",
        "Your connection or the site is slow. It starts by itself when all is there.",
        "Not all of the page's scripts have arrived yet.",
    ),
    "missing": (
        "A part of this page is missing",
        "The site may be in the middle of an update. Load the page again in a minute. If that does not help, tell the site's owner.",
        "The page names a file that the host does not have. After a deploy: this page was kept from before (send Cache-Control: "
        "no-cache with pages), or assets/ was not uploaded whole.",
    ),
    "mistyped": (
        "The site sends a part of this page in a wrong form",
        "Nothing is wrong with your connection or browser. Tell the site's owner; the reason is under Diagnostics.",
        "A script is sent with a content type that browsers do not run. Scripts must be text/javascript.",
    ),
    "damaged": (
        "A part of this page arrived damaged",
        "Load the page again. If that does not help, tell the site's owner.",
        "A file is not what was built: a proxy or an optimiser changed it, or the upload broke off.",
    ),
    "refused": (
        "The site refuses a part of this page",
        "Load the page again in a minute. If that does not help, tell the site's owner.",
        "The host answered a request for one of the page's files with an error.",
    ),
    "policy": (
        "The site's own security policy stops this page",
        "Nothing is wrong with your connection or browser. Tell the site's owner; the reason is under Diagnostics.",
        "The host sends a Content-Security-Policy that is stricter than this page's. script-src needs 'self' and 'wasm-unsafe-eval' "
        "for the page and for assets/, worker-src and connect-src need 'self'.",
    ),
    "setup": (
        "This agent is not set up right",
        "Nothing is wrong with your connection or browser. Tell the site's owner; the reason is under Diagnostics.",
        "Something is wrong with the agent's settings (agent.toml) or with its tools.py:",
    ),
    "python": (
        "Python could not be started in this browser",
        "Close other tabs or programs, then press Try again.",
        "The files arrived, and starting Python failed:",
    ),
    "unknown": (
        "This page could not be started",
        "Press Try again. If that does not help, tell the site's owner; what is known is under Diagnostics.",
        "",
    ),
}

# What the site's owner should know of a notice, by its code; shown under Diagnostics.
OWNER = {
    "mic_forbidden": "The host sends Permissions-Policy: microphone=(). The page needs microphone=(self).",
    "mic_framed": 'The frame around this page needs allow="microphone; autoplay", and no Permissions-Policy may forbid it.',
    "token_forbidden_origin": "Add this page's origin to ALLOWED_ORIGINS on the token server.",
    "token_forbidden_host": "Add the token server's own name to ALLOWED_HOSTS.",
    "token_absent": "The address in [server] token_url of agent.toml is answered by something else than a token server.",
    "token_redirected": "The token route is behind a sign-in: it redirects, and the page must be behind the same one.",
    "token_policy": "The host's Content-Security-Policy lacks the token server's origin in connect-src.",
    "socket_policy": "Add the socket's origin to connect under [server] in agent.toml and build again; a policy of the host's own "
    "needs it in connect-src too.",
}


def of_the_microphone(root: Path) -> dict[str, tuple[str, str, bool]]:
    """Return (title, hint, whether Connect can help) by kind of fault; `unknown` for every other one. Raises SetupError."""
    file = root / "pyclient" / "page" / "notice_texts.py"
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name) or node.target.id != TABLE:
            continue
        if isinstance(node.value, ast.Call) and len(node.value.args) == 1:
            table: dict[str, tuple[str, str, bool]] = ast.literal_eval(node.value.args[0])
            return table
    raise SetupError(
        f"pyclient/page/notice_texts.py has no literal table {TABLE} any more, and the page needs its words"
    )
