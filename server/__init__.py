"""The server room: it mints tokens, serves the built site, and mounts the local agent.

Run it with `python -m server --host 127.0.0.1 --port 8000 --site dist`. One question per file:

    __main__.py   how is it started and stopped?            (arguments, socket, ready line, signals)
    app.py        what is wired to what?                    (`create_app(settings)`)
    settings.py   what does the environment say?            (typed, secrets kept as `SecretStr`)
    origins.py    who may ask?                              (Host and Origin, before anything goes upstream; CORS)
    forwarded.py  what does a proxy say of the browser?     (TRUST_PROXY)
    limits.py     how often, and how many at once?          (moving windows, upstream slots)
    mint.py       how does a browser get a token?           (`POST /api/token`, `GET /api/voice-token`, `GET /api/config`)
    providers/    how is one token asked for upstream?      (a table: one line and one file per vendor)
    errors.py     what does a refusal look like?            (one JSON shape)
    connections.py  how long may a connection keep us waiting, and how many may there be?
    logs.py       what may be written down?                 (no token, no key)
    flood.py      how often may the same line be written?
    site.py       how is `dist` served?                     (exactly the headers of `dist/_headers`)
    agent/        the local agent: knows nothing of the files above, so no way leads from it to a key

Arrows: `app -> {mint, site, agent.routes}`, `mint -> {providers, limits, origins, settings, errors}`; nothing points back.
"""
