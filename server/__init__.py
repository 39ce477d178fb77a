"""The server: it mints tokens, serves the built site, and mounts the local agent.

Run it with `python -m server --host 127.0.0.1 --port 8000 --site dist`; `__main__.py` starts and stops it.

    quick_start  quick start: what makes importing all of this cheap
    app          application: `create_app(settings)` wires the parts together
    settings     settings from the environment, secrets as `SecretStr`
    origins      origin checks: Host and Origin, before anything goes upstream; CORS
    forwarded    proxy headers: what a proxy says of the browser (TRUST_PROXY)
    limits       rate limits: moving windows, and how many upstream requests at once
    shared_limits  rate limits of several processes: the counts are kept in Redis
    audit        audit log: one line for each token request
    metrics      metrics for Prometheus, for whom METRICS allows them
    sign_in      sign-in: a team's own check of who asks (SIGN_IN)
    talk_budget  daily talk budget: how long all calls of a day may last together
    mint         token route: `POST /api/token`, `GET /api/voice-token`, `GET /api/config`
    providers    providers: how a token is requested upstream, one file per vendor
    errors       error responses: one JSON shape
    connections  connection limits: how many, and how long one may stay idle
    logs         logging without tokens and keys, with the id of the request; as text or JSON
    flood        log throttling: how often the same line is written
    site         static files: `dist`, with exactly the headers of `dist/_headers`
    stopping     shutdown: what open requests get when the server is stopped
    agent        the local agent: knows nothing of the files above, so no way leads from it to a key

Arrows: `app -> {mint, site, agent.routes}`, `mint -> {providers, limits, origins, settings,
errors}`; nothing points back.
"""

import sys

# httpx imports its own command line where rich is installed: 0.1 s and 3 MB for nothing. A name that is None here
# cannot be imported.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
