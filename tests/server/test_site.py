"""`dist` is served with exactly the headers of `dist/_headers`, and nothing outside it is."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import brotli
import pytest

from server.site import HeadersFileError, headers_for, parse_headers_file
from tests.server.support.server_support import RunningServer, raw_exchange, running_server

POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'"
HEADERS = f"""\
# written by the build
/
  Content-Security-Policy: {POLICY}
  Cache-Control: no-cache

/404.html
  Content-Security-Policy: default-src 'none'
  Cache-Control: no-cache

/assets/*
  Content-Security-Policy: script-src 'self'
  Cache-Control: public, max-age=31536000, immutable
  Cross-Origin-Resource-Policy: same-origin
"""
TEXT = b"export const long = 1;\n" * 100


def write_site(root: Path) -> None:
    assets = root / "assets"
    assets.mkdir(parents=True)
    (root / "_headers").write_text(HEADERS)
    (root / "index.html").write_text("<!doctype html><title>Parley</title>")
    (root / "404.html").write_text("<!doctype html><title>Not here</title>")
    for name in ("boot.mjs", "run.js", "asm.wasm", "python.bin", "app.webmanifest", "style.css", "a.json"):
        (assets / name).write_bytes(TEXT)
    (assets / "page.js").write_bytes(TEXT)
    (assets / "page.js.br").write_bytes(brotli.compress(TEXT))
    (assets / "page.js.gz").write_bytes(gzip.compress(TEXT))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "dist"
    write_site(folder)
    (folder.parent / "secret.txt").write_text("SECRET")
    (folder / "assets" / "link.txt").symlink_to(folder.parent / "secret.txt")
    return folder


@pytest.fixture(scope="module")
def site(root: Path) -> Iterator[RunningServer]:
    with running_server(site=root) as server:
        yield server


def test_the_page_has_exactly_the_headers_of_its_block(site: RunningServer) -> None:
    response = site.http.get("/")
    assert response.status_code == 200
    assert "<title>Parley" in response.text
    own = {"content-security-policy": POLICY, "cache-control": "no-cache, no-transform"}
    transport = {"date", "server", "content-type", "content-length", "last-modified", "etag"}
    assert {name: value for name, value in response.headers.items() if name not in transport} == own


def test_assets_have_the_headers_of_their_block(site: RunningServer) -> None:
    headers = site.http.get("/assets/run.js").headers
    assert headers["content-security-policy"] == "script-src 'self'"
    # What is sent is as small as it gets: a proxy that would change it could only spoil it.
    assert headers["cache-control"] == "public, max-age=31536000, immutable, no-transform"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("boot.mjs", "text/javascript"),
        ("run.js", "text/javascript"),
        ("asm.wasm", "application/wasm"),
        ("python.bin", "application/octet-stream"),
        ("app.webmanifest", "application/manifest+json"),
        ("style.css", "text/css"),
        ("a.json", "application/json"),
    ],
)
def test_media_types_are_the_ones_that_browsers_insist_on(site: RunningServer, name: str, media_type: str) -> None:
    """With nosniff a wrong type means that a module or a wasm file is not run."""
    assert site.http.get(f"/assets/{name}").headers["content-type"].partition(";")[0] == media_type


@pytest.mark.parametrize(("accepted", "used"), [("br, gzip", "br"), ("gzip", "gzip"), ("identity", None)])
def test_a_compressed_copy_is_served_to_whom_accepts_it(site: RunningServer, accepted: str, used: str | None) -> None:
    response = site.http.get("/assets/page.js", headers={"Accept-Encoding": accepted})
    assert response.headers.get("content-encoding") == used
    assert response.content == TEXT
    assert "accept-encoding" in response.headers["vary"].lower()
    assert response.headers["content-security-policy"] == "script-src 'self'"


def test_each_representation_has_a_strong_tag_of_its_own_and_is_304_with_it(site: RunningServer) -> None:
    """A cache that keeps two of them must not take one for the other, nor fetch again what it has."""
    path, tags = "/assets/page.js", {}
    for accepted in ("identity", "gzip", "br", "gzip, br"):
        headers = {"Accept-Encoding": accepted}
        tags[accepted] = tag = site.http.get(path, headers=headers).headers["etag"]
        assert not tag.startswith("W/")
        assert site.http.get(path, headers=headers).headers["etag"] == tag
        for known in (tag, f"W/{tag}", f'"other", {tag}'):
            again = site.http.get(path, headers={**headers, "If-None-Match": known})
            assert (again.status_code, again.headers["etag"], again.content) == (304, tag, b""), known
            assert "accept-encoding" in again.headers["vary"].lower()
        other = site.http.get(path, headers={**headers, "If-None-Match": '"0123"'})
        assert other.status_code == 200 and other.content == TEXT
    assert tags["gzip, br"] == tags["br"] and len(set(tags.values())) == 3
    # Who has the brotli and does not take it any more gets what it takes.
    assert site.http.get(path, headers={"Accept-Encoding": "gzip", "If-None-Match": tags["br"]}).status_code == 200


def test_a_part_can_be_asked_for(site: RunningServer) -> None:
    response = site.http.get("/assets/run.js", headers={"Range": "bytes=7-11", "Accept-Encoding": "identity"})
    assert response.status_code == 206
    assert response.content == TEXT[7:12]
    assert response.headers["content-range"] == f"bytes 7-11/{len(TEXT)}"
    assert site.http.get("/assets/run.js", headers={"Range": "bytes=99999999-"}).status_code == 416


def test_an_unchanged_file_is_304_with_the_policy(site: RunningServer) -> None:
    """A 304 replaces the headers of the stored answer, so they must be there."""
    tag = site.http.get("/").headers["etag"]
    response = site.http.get("/", headers={"If-None-Match": tag})
    assert response.status_code == 304
    assert response.content == b""
    assert response.headers["content-security-policy"] == POLICY


def test_head_has_the_headers_and_no_body(site: RunningServer) -> None:
    response = site.http.head("/assets/run.js")
    assert response.status_code == 200
    assert response.headers["content-length"] == str(len(TEXT))
    assert response.content == b""


@pytest.mark.parametrize(
    "path", ["/nothing", "/assets/gone.js", "/assets/", "/_headers", "/assets/link.txt", "/index.htm"]
)
def test_what_is_not_there_is_the_404_page_under_its_own_policy(site: RunningServer, path: str) -> None:
    """Also below /assets/, where a file that comes later must not be missing for a year."""
    response = site.http.get(path)
    assert response.status_code == 404
    assert "<title>Not here" in response.text
    assert "SECRET" not in response.text
    assert response.headers["content-security-policy"] == "default-src 'none'"
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/assets/../../secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/..%5csecret.txt",
        "//secret.txt",
        "/assets/%00",
        "/%2e%2e%2f%2e%2e%2fetc/passwd",
        "/assets/link.txt",
        "/.env",
    ],
)
def test_no_path_leads_out_of_the_directory(site: RunningServer, path: str) -> None:
    answer = raw_exchange(site.port, f"GET {path} HTTP/1.1\nHost: localhost\nConnection: close\n\n")
    assert answer.startswith(("HTTP/1.1 404", "HTTP/1.1 400")), answer
    assert "SECRET" not in answer
    assert "root:" not in answer


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_pages_are_only_read(site: RunningServer, method: str) -> None:
    response = site.http.request(method, "/")
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD"
    assert response.json()["error"]["code"] == "method_not_allowed"


def test_a_rebuilt_site_is_served_without_a_restart(tmp_path: Path) -> None:
    """Also when a reproducible build gives every file the same date and the new page has the same length."""
    folder = tmp_path / "dist"
    write_site(folder)
    os.utime(folder / "index.html", (1_600_000_000, 1_600_000_000))
    with running_server(site=folder) as server:
        first = server.http.get("/")
        staging = tmp_path / "staging"
        write_site(staging)
        (staging / "index.html").write_text(first.text.replace("Parley", "Barley"))
        os.utime(staging / "index.html", (1_600_000_000, 1_600_000_000))
        (staging / "_headers").write_text(HEADERS.replace("no-cache", "no-store"))
        shutil.rmtree(folder)
        assert server.http.get("/").status_code == 503
        staging.rename(folder)
        second = server.http.get("/", headers={"If-None-Match": first.headers["etag"]})
    assert second.status_code == 200
    assert "Barley" in second.text
    assert second.headers["cache-control"] == "no-store, no-transform"


def test_without_a_build_the_answer_says_what_to_run_and_tokens_still_work(tmp_path: Path) -> None:
    with running_server(site=tmp_path / "dist") as server:
        response = server.http.get("/")
        assert response.status_code == 503
        assert "build.py build" in response.text
        assert str(tmp_path) not in response.text
        assert server.post().status_code == 200


def test_a_directory_without_a_policy_is_not_served(tmp_path: Path) -> None:
    """Better no page than a page without its policy."""
    (tmp_path / "index.html").write_text("<!doctype html>bare")
    with running_server(site=tmp_path) as server:
        assert server.http.get("/").status_code == 503
        (tmp_path / "_headers").write_text("no pattern\n")
        response = server.http.get("/")
        assert response.status_code == 503
        assert "line 1" in response.text


def test_later_blocks_override_and_can_take_away() -> None:
    blocks = parse_headers_file("/*\n  A: 1\n  B: 2\n/x/:id\n  a: 3\n  ! B\n/x/*\n\tC: d: e\n")
    assert headers_for(blocks, "/y") == {"a": "1", "b": "2"}
    assert headers_for(blocks, "/x/1") == {"a": "3", "c": "d: e"}
    assert headers_for(blocks, "/x/1/2") == {"a": "1", "b": "2", "c": "d: e"}


@pytest.mark.parametrize("text", ["  A: 1\n", "x\n", "/*\n  A\n", "/*\n  A B: 1\n", "/*\n  A: b\x0bc\x01\n"])
def test_a_line_that_is_not_understood_is_an_error(text: str) -> None:
    with pytest.raises(HeadersFileError, match="line"):
        parse_headers_file(text)
