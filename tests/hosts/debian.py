"""Debian's four web servers.

What is not about `build --for` is Debian's own configuration, with other paths and another port.
"""

from __future__ import annotations

import getpass
import os
import re
import shutil
from pathlib import Path

from builder import webservers
from tests.hosts.process import HOST, HostProcess

PACKAGES = webservers.FOLDER
# What Debian's package switches on when Apache is installed for the first time, with what those need.
_APACHE_MODULES = (
    *("mpm_event", "authz_core", "authz_host", "authn_core", "auth_basic", "access_compat", "authn_file", "authz_user"),
    *(
        "alias",
        "dir",
        "autoindex",
        "env",
        "mime",
        "negotiation",
        "setenvif",
        "filter",
        "deflate",
        "status",
        "reqtimeout",
    ),
)
_APACHE_CONFS = ("charset", "localized-error-pages", "other-vhosts-access-log", "security")
_ROOT_USER = os.geteuid() == 0 if hasattr(os, "geteuid") else False


class Nginx(HostProcess):
    """nginx, in a `server` block that includes each configuration."""

    name = "nginx"

    def configure(self) -> None:
        for name in ("modules-enabled", "conf.d", "sites-enabled", "body"):
            (self.folder / name).mkdir(exist_ok=True)
        text = (PACKAGES / "etc/nginx/nginx.conf").read_text()
        text = text.replace("user www-data;", "user root;" if _ROOT_USER else "")
        text = text.replace("/run/nginx.pid", f"{self.folder}/nginx.pid").replace("/var/log/nginx", str(self.folder))
        for name in ("modules-enabled", "conf.d", "sites-enabled"):
            text = text.replace(f"/etc/nginx/{name}", f"{self.folder}/{name}")
        text = text.replace("/etc/nginx", str(PACKAGES / "etc/nginx"))
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "".join(f"\n\t{kind}_temp_path {self.folder}/body;" for kind in kinds)
        (self.folder / "nginx.conf").write_text(text.replace("http {", f"http {{{temporary}", 1))
        if self.configurations:
            module = PACKAGES / "usr/lib/nginx/modules/ngx_http_brotli_static_module.so"
            (self.folder / "modules-enabled" / "brotli.conf").write_text(f"load_module {module};\n")
        (self.folder / "sites-enabled" / "default").write_text(self._site())

    def _site(self) -> str:
        if self.configurations:
            included = "".join(f"\tinclude {folder}/parley.conf;\n" for folder in self.configurations)
            return f"server {{\n\tlisten {HOST}:{self.port};\n\troot {self.root};\n{included}}}\n"
        text = (PACKAGES / "etc/nginx/sites-available/default").read_text()
        text = text.replace("listen [::]:80 default_server;", "").replace("/var/www/html", str(self.root))
        return text.replace("listen 80 default_server;", f"listen {HOST}:{self.port} default_server;")

    def _program(self) -> list[str | Path]:
        options: list[str | Path] = [
            "-p",
            self.folder,
            "-c",
            self.folder / "nginx.conf",
            "-e",
            self.folder / "error.log",
        ]
        return [PACKAGES / webservers.PROGRAMS["nginx"], *options]

    def command(self) -> list[str | Path]:
        return [*self._program(), "-g", "daemon off;"]

    def validator(self) -> list[str | Path]:
        return [*self._program(), "-t"]


class Apache(HostProcess):
    """Apache, in a virtual host that includes each configuration."""

    name = "apache"

    def configure(self) -> None:
        etc = PACKAGES / "etc/apache2"
        for name in ("mods-enabled", "conf-enabled", "sites-enabled"):
            (self.folder / name).mkdir(exist_ok=True)
        more = ("headers", "rewrite") if self.configurations else ()
        for module in (*_APACHE_MODULES, *more):
            for file in etc.glob(f"mods-available/{module}.*"):
                text = file.read_text().replace("/usr/lib/apache2", str(PACKAGES / "usr/lib/apache2"))
                text = text.replace("/etc/mime.types", str(PACKAGES / "etc/mime.types"))
                (self.folder / "mods-enabled" / file.name).write_text(text)
        for name in _APACHE_CONFS:
            shutil.copy(etc / "conf-available" / f"{name}.conf", self.folder / "conf-enabled")
        text = (etc / "apache2.conf").read_text()
        text = text.replace("Include ports.conf", f"Listen {HOST}:{self.port}\nServerName {HOST}")
        (self.folder / "apache2.conf").write_text(text.replace("/var/www/", f"{self.root}/"))
        site = (etc / "sites-available/000-default.conf").read_text()
        site = site.replace("*:80", f"*:{self.port}").replace("/var/www/html", str(self.root))
        included = "".join(f"\tInclude {folder}/parley.conf\n" for folder in self.configurations)
        (self.folder / "sites-enabled" / "site.conf").write_text(
            site.replace("</VirtualHost>", f"{included}</VirtualHost>")
        )

    def environ(self) -> dict[str, str]:
        user = "www-data" if _ROOT_USER else getpass.getuser()
        paths = {name: str(self.folder) for name in ("APACHE_RUN_DIR", "APACHE_LOCK_DIR", "APACHE_LOG_DIR")}
        own = {"APACHE_PID_FILE": f"{self.folder}/apache.pid", "APACHE_RUN_USER": user, "APACHE_RUN_GROUP": user}
        return {**super().environ(), **paths, **own}

    def _program(self) -> list[str | Path]:
        return [PACKAGES / webservers.PROGRAMS["apache"], "-d", self.folder, "-f", self.folder / "apache2.conf"]

    def command(self) -> list[str | Path]:
        return [*self._program(), "-DFOREGROUND"]

    def validator(self) -> list[str | Path]:
        return [*self._program(), "-t"]


class Caddy(HostProcess):
    """Caddy, in a site block that imports each configuration."""

    name = "caddy"

    def configure(self) -> None:
        if self.configurations:
            imported = "".join(f"\timport {folder}/parley.caddy\n" for folder in self.configurations)
            site = f":80 {{\n\troot * {self.root}\n{imported}}}\n"
        else:
            site = (PACKAGES / "etc/caddy/Caddyfile").read_text().replace("/usr/share/caddy", str(self.root))
        options = "{\n\tadmin off\n}\n"
        address = re.sub(r"^:80 \{", f"http://:{self.port} {{\n\tbind {HOST}", site, flags=re.MULTILINE)
        (self.folder / "Caddyfile").write_text(options + address)

    def environ(self) -> dict[str, str]:
        return {**super().environ(), "XDG_DATA_HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder)}

    def command(self) -> list[str | Path]:
        return [PACKAGES / webservers.PROGRAMS["caddy"], "run", "--config", self.folder / "Caddyfile"]

    def validator(self) -> list[str | Path]:
        return [PACKAGES / webservers.PROGRAMS["caddy"], "validate", "--config", self.folder / "Caddyfile"]


class Lighttpd(HostProcess):
    """lighttpd, with each configuration among those that are switched on."""

    name = "lighttpd"

    def configure(self) -> None:
        (self.folder / "conf-enabled").mkdir(exist_ok=True)
        for number, folder in enumerate(self.configurations):
            shutil.copy(folder / "parley.conf", self.folder / "conf-enabled" / f"{number}.conf")
        script = (PACKAGES / "usr/share/lighttpd/create-mime.conf.pl").read_text()
        (self.folder / "mime.pl").write_text(script.replace("/etc/mime.types", str(PACKAGES / "etc/mime.types")))
        text = (PACKAGES / "etc/lighttpd/lighttpd.conf").read_text()
        text = re.sub(r"^(include_shell .*use-ipv6|server\.(username|groupname)).*$", "", text, flags=re.MULTILINE)
        text = re.sub(r"^server\.port .*$", f'server.port = {self.port}\nserver.bind = "{HOST}"', text, flags=re.M)
        text = text.replace("/usr/share/lighttpd/create-mime.conf.pl", f"perl {self.folder}/mime.pl")
        text = text.replace("/etc/lighttpd/", f"{self.folder}/").replace("/var/www/html", str(self.root))
        for path in ("/var/cache/lighttpd/uploads", "/var/log/lighttpd", "/run"):
            text = text.replace(path, str(self.folder))
        (self.folder / "lighttpd.conf").write_text(text)

    def _program(self) -> list[str | Path]:
        program = PACKAGES / webservers.PROGRAMS["lighttpd"]
        return [program, "-m", PACKAGES / "usr/lib/lighttpd", "-f", self.folder / "lighttpd.conf"]

    def command(self) -> list[str | Path]:
        return [*self._program(), "-D"]

    def validator(self) -> list[str | Path]:
        return [*self._program(), "-tt"]


SERVERS: dict[str, type[HostProcess]] = {server.name: server for server in (Nginx, Apache, Caddy, Lighttpd)}
