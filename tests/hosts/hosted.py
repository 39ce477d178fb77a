"""The page on other hosts than ours, as people have it: a static site there, the token server at another address."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from builder import hosts, site
from tests.hosts.debian import SERVERS
from tests.hosts.process import HOST, HostProcess, free_ports, public_folder, published
from tests.hosts.simple import Dumbest, PythonsOwn
from tests.support.server import Parley, copy_of_sources

BASES = ("/", "/voice/")
STOCK: dict[str, type[HostProcess]] = {**SERVERS, PythonsOwn.name: PythonsOwn, Dumbest.name: Dumbest}


class Hosted:
    """A token server, and static hosts that are started when they are first asked for.

    Each has a site at every base.
    """

    def __init__(self, folder: Path, *, own_site: Path, env: Mapping[str, str]) -> None:
        self._stack = ExitStack()
        self._folder = folder
        wanted = [(name, False) for name in STOCK] + [(name, True) for name in SERVERS]
        self._ports = dict(zip(wanted, free_ports(len(wanted)), strict=True))
        origins = ",".join(f"http://{HOST}:{port}" for port in self._ports.values())
        self.parley = Parley(site=own_site, env={**env, "ALLOWED_ORIGINS": origins})
        self._running: dict[tuple[str, bool], HostProcess] = {}
        self._sites: dict[str, Path] = {}
        self._root = Path()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.parley)
            self._root = Path(stack.enter_context(public_folder())) / "root"
            self._sites = self._build()
            published(self._root, self._sites)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *told: object) -> None:
        self._stack.__exit__(*told)  # type: ignore[arg-type]

    def url(self, host: str, base: str, *, configured: bool = False) -> str:
        """The address of the page at `base`. `configured`: with what `build --for` wrote, else as the host comes."""
        return self._start(host, configured).url.rstrip("/") + base

    def _start(self, host: str, configured: bool) -> HostProcess:
        if (host, configured) not in self._running:
            folders = [hosts.folder_for(built, host) for built in self._sites.values()] if configured else []
            server = STOCK[host](self._root, self._ports[host, configured], folders)
            self._running[host, configured] = self._stack.enter_context(server)
        return self._running[host, configured]

    def _build(self) -> dict[str, Path]:
        root = copy_of_sources(self._folder / "sources")
        file = root / "agents" / "demo" / "agent.toml"
        address = urlsplit(self.parley.url).netloc
        text = file.read_text().replace('"/api/token"', json.dumps(f"http://{address}/api/token"))
        file.write_text(text.replace("connect = []", f"connect = {json.dumps([f'ws://{address}'])}"))
        return {
            base: site.build(root, self._folder / f"site{number}", "demo", base=base, hosts=tuple(SERVERS))
            for number, base in enumerate(BASES)
        }
