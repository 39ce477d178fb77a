#!/usr/bin/env bash
# uvicorn 0.54.0 with proxy_headers: `X-Forwarded-Proto: https, http`, or `HTTPS`, from a trusted proxy is ignored
# without a word, while a list in `X-Forwarded-For` of the same request is read.
#
# A good engineer expects both headers to be read alike: behind two proxies that append, both are lists, and schemes
# know no case. Here the address is the visitor's and the scheme stays `http`, so links, redirects and WebSocket
# addresses that the application makes for a page over https begin with http or ws, and the browser blocks them as mixed
# content.
#
# Seen 2026-11-28, Python 3.11.7: what a request's `scheme` and `client` are, for four values of the header.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uvicorn==0.54.0
cat >try.py <<'PYTHON'
import http.client
import socket
import threading
import time

import uvicorn


async def application(scope, receive, send):
    body = f"{scope['scheme']} {scope['client'][0]}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


listening = socket.socket()
listening.bind(("127.0.0.1", 0))
config = uvicorn.Config(
    application, proxy_headers=True, forwarded_allow_ips="127.0.0.1,10.0.0.1", log_level="warning", lifespan="off"
)
server = uvicorn.Server(config)
thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
thread.start()
while not server.started and thread.is_alive():
    time.sleep(0.05)
for proto in ("https", "https, https", "https, http", "HTTPS"):
    connection = http.client.HTTPConnection(*listening.getsockname())
    connection.request("GET", "/", headers={"X-Forwarded-For": "203.0.113.5, 10.0.0.1", "X-Forwarded-Proto": proto})
    print(f"{proto}: {connection.getresponse().read().decode()}")
    connection.close()
server.should_exit = True
thread.join()
PYTHON
seen=$(timeout 60 venv/bin/python try.py)
echo "$seen"
expected='https: https 203.0.113.5
https, https: http 203.0.113.5
https, http: http 203.0.113.5
HTTPS: http 203.0.113.5'
[ "$seen" = "$expected" ] && echo "as seen" || { echo "CHANGED"; exit 1; }
