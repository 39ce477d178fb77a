"""Real web servers for tests: Debian's nginx, Apache, Caddy and lighttpd as plain processes, and two
small ones in Python.

with Nginx(root, ports[0]) as host:                          # as Debian configures it
with Nginx(root, ports[0], [Path("site.nginx")]) as host:    # with what `build --for nginx` wrote
    urllib.request.urlopen(host.url)
"""
