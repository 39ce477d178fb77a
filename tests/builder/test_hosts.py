"""What `build --for HOST` writes: valid, exact, and obeyed by the real servers.

What a browser makes of it: tests/browser/test_hosts.py.
"""

from __future__ import annotations

import gzip
import http.client
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import brotli
import pytest

from builder import agent_config, hosts, policy, site, webservers
from builder.cli import parse
from builder.environment import SetupError
from builder.hosts import HOSTS, apache, caddy, lighttpd, nginx
from tests.hosts.debian import SERVERS
from tests.hosts.process import HostProcess, free_ports, public_folder, published

ROOT = Path(__file__).resolve().parents[2]
CONNECT = ("wss://agents.example.com", "https://token.example.com:8443")
HEADERS = policy.site_headers(
    CONNECT, ("https://www.example.com",), policy.Inline(scripts=("start();",), styles=("p {}",))
)
PAGES = ("404.html", "index.html")
BASES = ("/", "/voice/", "/a/b/")
FILES = {
    "index.html": b"<!doctype html><title>The page</title>" + b" " * 2000,
    "404.html": b"<!doctype html><title>Nothing here</title>",
    "_headers": b"/\n  X: y\n",
    policy.TAG: b"customElements.define('voice-agent', class {});\n" * 100,
    "assets/shell.0123456789ab.js": b"export const word = 'a';\n" * 100,
    "assets/python.0123456789ab.bin": bytes(range(256)) * 20,
    "assets/style.0123456789ab.css": b"body { margin: 0 }\n" * 100,
    "assets/pyodide-0123456789ab/python.wasm": b"\0asm" * 500,
}
SCRIPT, BINARY = "assets/shell.0123456789ab.js", "assets/python.0123456789ab.bin"


def needs_servers(test: Callable[..., None]) -> Callable[..., None]:
    possible = pytest.mark.skipif(not webservers.possible(), reason="needs the packages of Debian")
    marked: Callable[..., None] = pytest.mark.slow(possible(test))
    return marked


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes


def small_site(folder: Path, *, brotli_too: bool = True) -> Path:
    for name, data in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        if brotli_too and name.startswith("assets/"):
            path.with_name(path.name + ".br").write_bytes(brotli.compress(data))
    return folder


def sites(folder: Path, host: str, headers: Mapping[str, policy.SiteHeaders]) -> dict[str, Path]:
    """A site for each base, with its configuration beside it."""
    found = {}
    for number, (base, given) in enumerate(headers.items()):
        found[base] = small_site(folder / f"site{number}")
        hosts.write(found[base], (host,), base, given, PAGES)
    return found


@contextmanager
def laid_out(host: str, headers: Mapping[str, policy.SiteHeaders]) -> Iterator[HostProcess]:
    """Debian's server with one site at each base, not yet started."""
    if not webservers.present():
        pytest.fail("run this once: python3 build.py test tests/builder/test_hosts.py", pytrace=False)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(public_folder()))
        made = sites(folder / "made", host, headers)
        root = published(folder / "root", made)
        yield SERVERS[host](root, free_ports(1)[0], [hosts.folder_for(site, host) for site in made.values()])


@pytest.fixture(scope="module", params=sorted(SERVERS))
def server(request: pytest.FixtureRequest) -> Iterator[HostProcess]:
    with laid_out(request.param, dict.fromkeys(BASES, HEADERS)) as process, process:
        yield process


def ask(server: HostProcess, path: str, **headers: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    found = Answer(answer.status, answer.headers, answer.read())
    connection.close()
    return found


def own_headers(answer: Answer, expected: Mapping[str, str]) -> dict[str, str]:
    """Those of the answer that `expected` names; one that came twice is joined, as browsers do it."""
    return {name: ", ".join(answer.headers.get_all(name, [])) for name in expected}


def without(headers: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in names}


@needs_servers
@pytest.mark.parametrize("host", sorted(SERVERS))
def test_the_server_itself_finds_nothing_wrong_with_its_configuration(host: str) -> None:
    with laid_out(host, dict.fromkeys(BASES, HEADERS)) as process:
        assert process.check() == ""
        broken = next(process.configurations[0].glob("parley.*"))
        broken.write_text(broken.read_text() + "\n}{ no such thing\n")
        assert process.check(), "a validator that finds nothing"


@needs_servers
@pytest.mark.parametrize("base", BASES)
def test_pages_and_assets_get_their_own_headers_and_each_once(server: HostProcess, base: str) -> None:
    for name in ("", "index.html"):
        page = ask(server, base + name)
        assert (page.status, page.body) == (200, FILES["index.html"])
        assert own_headers(page, HEADERS.page) == HEADERS.page
        assert page.headers.get_content_type() == "text/html"
    script = ask(server, base + SCRIPT)
    assert (script.status, script.body) == (200, FILES[SCRIPT])
    # lighttpd cannot say it of good answers alone, so it says how long, which it can.
    kept = {**HEADERS.asset, **({"Cache-Control": "max-age=31536000"} if server.name == "lighttpd" else {})}
    assert own_headers(script, kept) == kept
    kinds = {
        SCRIPT: "text/javascript",
        BINARY: "application/octet-stream",
        "assets/style.0123456789ab.css": "text/css",
        "assets/pyodide-0123456789ab/python.wasm": "application/wasm",
    }
    assert {name: ask(server, base + name).headers["Content-Type"] for name in kinds} == kinds


@needs_servers
@pytest.mark.parametrize("base", BASES)
def test_pages_of_any_origin_may_load_the_tag_and_no_other_file(server: HostProcess, base: str) -> None:
    tag = ask(server, base + policy.TAG)
    assert (tag.status, tag.body) == (200, FILES[policy.TAG])
    assert own_headers(tag, HEADERS.tag) == HEADERS.tag
    assert tag.headers.get_content_type() == "text/javascript"
    small = ask(server, base + policy.TAG, Accept_Encoding="gzip")
    assert small.headers["Content-Encoding"] == "gzip" and gzip.decompress(small.body) == FILES[policy.TAG]
    for name in ("", SCRIPT, f"not/{policy.TAG}", f"{policy.TAG}.map"):
        assert ask(server, base + name).headers["Access-Control-Allow-Origin"] is None, name


@needs_servers
@pytest.mark.parametrize("base", BASES)
def test_an_error_is_a_page_and_nothing_that_may_be_kept(server: HostProcess, base: str) -> None:
    """A file that is missing for a moment of a deployment must not be missing for a year."""
    for name in ("nothing", "assets/nothing.js", "deep/er/nothing"):
        missing = ask(server, base + name)
        assert (missing.status, missing.body) == (404, FILES["404.html"]), name
        assert missing.headers.get_content_type() == "text/html"
        told = ", ".join(missing.headers.get_all("Cache-Control", []))
        assert "max-age" not in told and "immutable" not in told, name
        common = without(HEADERS.page, "Cache-Control", "Content-Security-Policy")
        assert own_headers(missing, common) == common
        assert len(missing.headers.get_all("Content-Security-Policy", [])) == 1
    folder = ask(server, base + "assets/")
    assert folder.status in (403, 404), "what is in the folder is listed"
    assert "default-src 'none'" in folder.headers["Content-Security-Policy"]
    assert "max-age" not in (folder.headers["Cache-Control"] or "")


@needs_servers
@pytest.mark.parametrize("base", BASES)
def test_what_is_for_hosts_is_not_for_the_public(server: HostProcess, base: str) -> None:
    for spelling in ("_headers", "%5Fheaders", "./_headers", "assets/../_headers"):
        answer = ask(server, base + spelling)
        assert answer.status in (400, 403, 404) and FILES["_headers"] not in answer.body, spelling


@needs_servers
@pytest.mark.parametrize("base", BASES)
def test_a_browser_that_takes_brotli_gets_it_and_the_others_do_not(server: HostProcess, base: str) -> None:
    for name in (SCRIPT, BINARY):
        plain = ask(server, base + name)
        assert plain.headers["Content-Encoding"] is None and plain.body == FILES[name]
        small = ask(server, base + name, Accept_Encoding="gzip, deflate, br, zstd")
        if server.name == "lighttpd" and name == BINARY:  # it compresses what it sends, and that is packed already
            assert small.body == FILES[name]
            continue
        assert small.headers["Content-Encoding"] == "br" and brotli.decompress(small.body) == FILES[name]
        assert small.headers["Content-Type"] == plain.headers["Content-Type"]
        assert "Accept-Encoding" in small.headers["Vary"]
    zipped = ask(server, base + SCRIPT, Accept_Encoding="gzip")
    assert zipped.headers["Content-Encoding"] == "gzip" and gzip.decompress(zipped.body) == FILES[SCRIPT]
    if server.name != "lighttpd":  # it looks for the word alone
        refused = ask(server, base + SCRIPT, Accept_Encoding="gzip, br;q=0")
        assert refused.headers["Content-Encoding"] == "gzip"


@needs_servers
@pytest.mark.parametrize("encoding", ["identity", "gzip, br"])
def test_what_did_not_change_is_not_sent_again(server: HostProcess, encoding: str) -> None:
    for name in ("/voice/", "/voice/index.html", f"/voice/{SCRIPT}"):
        first = ask(server, name, Accept_Encoding=encoding)
        again = ask(server, name, Accept_Encoding=encoding, If_None_Match=first.headers["ETag"])
        assert (again.status, again.body) == (304, b""), name
        # What a 304 says replaces what was kept, so a policy may be missing in it but not differ.
        told = again.headers["Content-Security-Policy"]
        assert told in (None, first.headers["Content-Security-Policy"])


@needs_servers
def test_a_path_without_its_slash_gets_it(server: HostProcess) -> None:
    """Wherever TLS ends: the answer does not name an address that the server only believes to have."""
    for base in BASES[1:]:
        answer = ask(server, base.rstrip("/"), Host="voice.example.com")
        assert (answer.status, answer.headers["Location"]) == (301, base)


@needs_servers
@pytest.mark.parametrize("host", sorted(SERVERS))
def test_several_agents_on_one_host_each_have_their_own_policy(host: str) -> None:
    other = policy.site_headers(("wss://other.example.net",), (), policy.Inline(scripts=("begin();",)))
    both = {"/a/": HEADERS, "/b/": other}
    with laid_out(host, both) as process, process:
        for base, headers in both.items():
            for name, own in ((base, headers.page), (base + SCRIPT, headers.asset), (f"{base}nothing", headers.page)):
                assert ask(process, name).headers["Content-Security-Policy"] == own["Content-Security-Policy"], name
        assert ask(process, "/").headers["Content-Security-Policy"] is None, "it reaches beyond its path"


QUOTING: dict[str, Callable[[str, str], str]] = {
    "nginx": nginx.quoted,
    "apache": apache.quoted,
    "caddy": caddy.quoted,
    "lighttpd": lighttpd.quoted,
}
ODD = (
    *(
        'say "it"',
        "it's",
        "a;b",
        "100%",
        "%{HOST}e",
        "a#b",
        "# all",
        "\\",
        "a\\",
        'a\\"b',
        "\\n",
        "$uri",
        "${HOME}",
        "{path}",
    ),
    *("`a`", "a } b", "<a>", "expr=1", "a,  b", "~", "*"),
)


@needs_servers
@pytest.mark.parametrize("host", sorted(SERVERS))
def test_an_odd_character_arrives_as_it_is_or_stops_the_build(host: str) -> None:
    """What breaks out of its quotes would be a directive of its own."""
    taken = []
    for value in ODD:
        try:
            QUOTING[host]("X-Odd", value)
            taken.append(value)
        except ValueError as error:
            assert "X-Odd" in str(error)
    assert len(taken) > len(ODD) / 2
    odd = {f"X-Odd-{number}": value for number, value in enumerate(taken)}
    headers = policy.SiteHeaders(page={**HEADERS.page, **odd}, asset={**HEADERS.asset, **odd})
    with laid_out(host, {"/voice/": headers}) as process, process:
        for name in ("/voice/", f"/voice/{SCRIPT}"):
            assert own_headers(ask(process, name), odd) == odd


@pytest.mark.parametrize("host", sorted(HOSTS))
@pytest.mark.parametrize("value", ["a\nX-Evil: 1", "a\r\n}", "tab\there", "café", "\0"])
def test_what_no_header_may_hold_stops_the_build_for_every_host(tmp_path: Path, host: str, value: str) -> None:
    headers = policy.SiteHeaders(page={**HEADERS.page, "X-Odd": value}, asset={**HEADERS.asset, "X-Odd": value})
    with pytest.raises(SetupError, match=f"--for {host}.*X-Odd"):
        hosts.write(small_site(tmp_path / "dist"), (host,), "/voice/", headers, PAGES)


@pytest.mark.parametrize("ending", ["\n", "\n}", " ", ";", '"', "'", "\\", "$", "{"])
def test_an_origin_with_an_odd_end_is_none(tmp_path: Path, ending: str) -> None:
    """`$` in a regular expression lets a line end through."""
    folder = tmp_path / "agents" / "mine"
    folder.mkdir(parents=True)
    for section, key in (("server", "connect"), ("page", "embedded_by")):
        (folder / "agent.toml").write_text(f"[{section}]\n{key} = [{json.dumps('https://a.example' + ending)}]\n")
        with pytest.raises(SetupError, match="is not an origin"):
            agent_config.load(tmp_path, "mine")


@pytest.mark.parametrize("base", BASES)
def test_every_host_is_told_both_policies_and_how_long_to_keep(tmp_path: Path, base: str) -> None:
    out = small_site(tmp_path / "dist")
    shutil.copy(out / "404.html", out / "_headers")
    (out / "_headers").write_text(policy.headers_file(HEADERS, PAGES))
    hosts.write(out, tuple(HOSTS), base, HEADERS, PAGES)
    for host in HOSTS:
        texts = [path.read_text() for path in hosts.folder_for(out, host).iterdir()]
        inside = host in ("netlify", "cloudflare") and base == "/"
        text = "\n".join([*texts, *([(out / "_headers").read_text()] if inside else [])])
        for headers in (HEADERS.page, HEADERS.asset):
            assert headers["Content-Security-Policy"] in text, host
        # CloudFront has a place of its own for it.
        assert ("AccessControlAllowOrigins" if host == "s3" else "Access-Control-Allow-Origin") in text, host
        assert f"{base}{policy.TAG}" in text.replace("\\", ""), host
        assert "no-cache" in text, host
        assert ("access plus 365 days" if host == "lighttpd" else "immutable") in text, host
        assert f"build --for {host}" in text and str(tmp_path) not in text, host
        assert base in text


def test_json_is_json_and_scripts_are_scripts(tmp_path: Path) -> None:
    for base in BASES:
        out = small_site(tmp_path / "dist")
        hosts.write(out, tuple(HOSTS), base, HEADERS, PAGES)
        found = [path for host in HOSTS for path in hosts.folder_for(out, host).iterdir()]
        for path in found:
            if path.suffix == ".json":
                assert json.loads(path.read_text()), path
            if path.suffix == ".sh":
                subprocess.run(["bash", "-n", str(path)], check=True)
        assert {path.name for path in found} >= {
            "firebase.json",
            "vercel.json",
            "staticwebapp.config.json",
            "upload.sh",
        }


def test_each_file_is_uploaded_to_s3_once_with_its_own_type_and_time(tmp_path: Path) -> None:
    """The script runs here, with an `aws` that writes down what it is asked for."""
    out = small_site(tmp_path / "dist")
    hosts.write(out, ("s3",), "/voice/", HEADERS, PAGES)
    fake = tmp_path / "bin" / "aws"
    fake.parent.mkdir()
    fake.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    fake.chmod(0o755)
    script = hosts.folder_for(out, "s3") / "upload.sh"
    environ = {"PATH": f"{fake.parent}:/usr/bin:/bin", "BUCKET": "my bucket"}
    done = subprocess.run(["sh", str(script), str(out)], env=environ, capture_output=True, text=True, check=True)
    asked = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(words[3] == "s3://my bucket/voice/" and words[2] == f"{out}/" for words in asked), asked
    taken = {}
    for words in asked:
        kind, kept = (words[words.index(option) + 1] for option in ("--content-type", "--cache-control"))
        for pattern in [words[place + 1] for place, word in enumerate(words) if word == "--include"]:
            for name in [path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()]:
                if fnmatch(name, pattern):
                    assert name not in taken, name
                    taken[name] = (kind, kept)
    assert set(taken) == set(FILES) - {"_headers"}
    assert taken[SCRIPT] == ("text/javascript", "public, max-age=31536000, immutable")
    assert taken[policy.TAG] == ("text/javascript", HEADERS.page["Cache-Control"])
    assert taken["index.html"] == ("text/html; charset=utf-8", HEADERS.page["Cache-Control"])
    assert subprocess.run(
        ["sh", str(script)], env={"PATH": environ["PATH"]}, capture_output=True, check=False
    ).returncode


def test_a_policy_that_cloudflare_would_drop_stops_the_build(tmp_path: Path) -> None:
    many = policy.site_headers(tuple(f"wss://voice-{number}.example.com" for number in range(80)))
    out = small_site(tmp_path / "dist")
    with pytest.raises(SetupError, match="Cloudflare drops those over 2000"):
        hosts.write(out, ("cloudflare",), "/", many, PAGES)
    hosts.write(out, ("netlify",), "/", many, PAGES)


def test_without_copies_in_brotli_no_host_is_told_of_them(tmp_path: Path) -> None:
    out = small_site(tmp_path / "dist", brotli_too=False)
    hosts.write(out, tuple(SERVERS), "/", HEADERS, PAGES)
    for host in ("nginx", "apache", "caddy"):
        (file,) = hosts.folder_for(out, host).iterdir()
        assert not any(word in file.read_text() for word in ("brotli_static", "precompressed", "RewriteRule")), host


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("voice", "begin and end with a slash"),
        ("/voice", "begin and end with a slash"),
        ("voice/", "begin and end with a slash"),
        ("", "begin and end with a slash"),
        ("//", "part ''"),
        ("/a//", "a slash too many"),
        ("/a//b/", "part ''"),
        ("/../", "part '..'"),
        ("/a/../b/", "part '..'"),
        ("/./", r"part '\.'"),
        ("/.git/", r"part '\.git'"),
        ("/a b/", "part 'a b'"),
        ("/a?b/", r"part 'a\?b'"),
        ("/a#/", "part 'a#'"),
        ("/%2e%2e/", "part"),
        ("/a\n/", "part"),
        ("/$uri/", "part"),
        ('/a";/', "part"),
        ("/stra\u00dfe/", "part"),
        ("https://example.com/", "begin and end with a slash"),
    ],
)
def test_a_path_that_cannot_be_one_is_refused_with_the_reason(
    text: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match=complaint):
        hosts.checked_base(text)
    with pytest.raises(SystemExit):
        parse(["build", "--base", text])
    assert "--base" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["/", "/voice/", "/a/b/", "/a-b_c/v1.2/~me/"])
def test_a_path_that_can_be_one_is_taken(text: str) -> None:
    assert parse(["build", "--base", text]).base == hosts.checked_base(text) == text


def test_a_host_that_nobody_knows_is_named_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["build", "--for", "iis"])
    said = capsys.readouterr().err
    assert "iis" in said and all(name in said for name in HOSTS)
    assert parse(["build", "--for", "nginx", "--for", "s3"]).hosts == ["nginx", "s3"]


@pytest.mark.slow
def test_a_build_writes_beside_the_site_what_was_asked_for_and_the_same_every_time(tmp_path: Path) -> None:
    out = site.build(ROOT, tmp_path / "dist", "demo", base="/voice/", hosts=("nginx", "netlify"))
    assert {path.name for path in tmp_path.iterdir()} == {"dist", "dist.nginx", "dist.netlify"}
    policies = set(policy_lines(out / "_headers"))
    assert policies == set(policy_lines(tmp_path / "dist.netlify" / "_headers"))
    first = (tmp_path / "dist.nginx" / "parley.conf").read_text()
    assert all(line.removeprefix("Content-Security-Policy: ") in first for line in policies)
    (tmp_path / "dist.nginx" / "parley.conf").unlink()
    site.build(ROOT, tmp_path / "dist", "demo", base="/voice/", hosts=("nginx", "netlify"))
    assert (tmp_path / "dist.nginx" / "parley.conf").read_text() == first


def policy_lines(file: Path) -> list[str]:
    return [line.strip() for line in file.read_text().splitlines() if "Content-Security-Policy" in line]
