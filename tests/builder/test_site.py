"""The built site: complete, self-contained, the same every time, and without secrets."""

import base64
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import brotli
import pytest

from builder import agent_config, assets, fetch_runtime, node, packing, pages, policy, site, start_texts, verify
from builder.environment import SetupError
from pyclient.config import ClientConfig
from pyclient.core.errors import ConfigError
from pyclient.core.events import CaptureFailed
from pyclient.page import notices
from tests.builder.support.sites import tree
from tests.support.server import copy_of_sources

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return site.build(ROOT, tmp_path_factory.mktemp("site") / "dist", "demo")


def page_config(dist: Path) -> dict[str, Any]:
    text = (dist / "index.html").read_text()
    found = re.search(r'<script type="application/json" id="parley-config">(.*?)</script>', text, re.DOTALL)
    assert found
    config: dict[str, Any] = json.loads(found.group(1))
    return config


@pytest.mark.slow
def test_two_builds_are_equal_byte_for_byte(dist: Path, tmp_path: Path) -> None:
    """A team must be able to prove that what is on the CDN came from its sources."""
    again = site.build(ROOT, tmp_path / "dist", "demo")
    assert tree(again) == tree(dist)


def content(path: Path) -> bytes:
    """What a page gets of a file: a packed one is decoded."""
    return packing.unpacked(path.read_bytes()) if path.suffix in packing.PACKED else path.read_bytes()


def described(boot: Any) -> Iterator[dict[str, Any]]:
    """Everything in the page's configuration that stands for a file."""
    if isinstance(boot, dict) and "url" in boot:
        yield boot
    for inner in boot.values() if isinstance(boot, dict) else boot if isinstance(boot, list) else ():
        yield from described(inner)


def test_every_asset_is_named_after_its_content(dist: Path) -> None:
    """The server and CDNs keep assets for ever; a stale name would never be fetched again."""
    for path in (dist / "assets").iterdir():
        if path.suffix not in (".br", ".gz"):
            assert path.name.split(".")[-2] == assets.fingerprint(content(path)), path.name


def test_no_host_needs_to_know_a_suffix_but_those_of_pages(dist: Path) -> None:
    """Others are refused by some hosts, and given a type by others that a browser does not take."""
    for_people_and_hosts = ("_headers", "licenses.txt", "voice-agent.d.ts")
    found = {path.suffix for path in dist.rglob("*") if path.is_file() and path.name not in for_people_and_hosts}
    # No page asks for a `.map`: where a host refuses it, only developer tools miss something.
    assert found == {".html", ".css", ".js", ".bin", ".wasm", ".map", ".br", ".gz"}
    assert not [path for path in (dist / "assets").iterdir() if path.is_dir()]


def test_the_page_can_check_every_file_that_it_is_told_of(dist: Path) -> None:
    """A digest for each part, and a sum for who cannot wait for a digest; nothing beside them is in the build."""
    files = list(described(page_config(dist)))
    for file in files:
        data = content(dist / file["url"])
        step = file["part_bytes"]
        parts = [data[begin : begin + step] for begin in range(0, len(data), step)]
        digests = [base64.b64encode(hashlib.sha256(part).digest()).decode() for part in parts]
        assert (file["bytes"], file["sha256"], file["crc32"]) == (len(data), digests, zlib.crc32(data)), file["url"]
    assert max(len(file["sha256"]) for file in files) > 1
    page = (dist / "index.html").read_text()
    attributes = dict(re.findall(r'(?:src|href)="(assets/[^"]*)" integrity="sha256-([^"]*)"', page))
    for url, digest in attributes.items():
        assert digest == base64.b64encode(hashlib.sha256((dist / url).read_bytes()).digest()).decode(), url
    there = {f"assets/{path.name}" for path in (dist / "assets").iterdir() if path.suffix not in (".br", ".gz", ".map")}
    # `start.js` is what stands in the page too; it is fetched only to find out whether a host's policy
    # forbids the page's own.
    assert {file["url"] for file in files} | set(attributes) | {page_config(dist)["start"]["url"]} == there


def test_the_page_knows_a_sum_of_what_it_is_told(dist: Path) -> None:
    """All the other digests stand in it."""
    page = (dist / "index.html").read_text()
    block = re.search(r'id="parley-config">(.*?)</script>', page, re.DOTALL)
    check = re.search(r'<meta name="parley-check" content="(\d+)">', page)
    assert block and check and int(check[1]) == pages.settings_check(block[1])
    assert pages.settings_check("a\u00e9\U0001f600") != pages.settings_check("a\u00e8\U0001f600")


def test_what_a_host_may_send_instead_is_smaller_and_the_same(dist: Path) -> None:
    copies = [path for path in dist.rglob("*") if path.suffix in (".br", ".gz")]
    for path in copies:
        original = path.with_suffix("")
        data = brotli.decompress(path.read_bytes()) if path.suffix == ".br" else gzip.decompress(path.read_bytes())
        assert data == content(original), path.name
        assert path.stat().st_size < original.stat().st_size, path.name
    stems = {path.name.split(".")[0] for path in copies if path.suffix == ".br"}
    assert stems >= {
        "index",
        "shell",
        "worker",
        "worklets",
        "style",
        "pyodide",
        "python",
        "precompiled",
        "call",
        "zones",
    }


def test_the_wheel_has_no_dependencies_and_only_the_client(dist: Path) -> None:
    """micropip resolves nothing, and no server code reaches a browser."""
    client = page_config(dist)["boot"]["client"]
    assert client["name"].startswith("parley_client-") and client["name"].endswith("-py3-none-any.whl")
    with zipfile.ZipFile(io.BytesIO(content(dist / client["url"]))) as archive:
        names = archive.namelist()
        (metadata,) = [name for name in names if name.endswith("METADATA")]
        assert b"Requires-Dist" not in archive.read(metadata)
    assert all(name.startswith(("pyclient/", "parley_client-")) for name in names)
    assert {"pyclient/session.py", "pyclient/py.typed"} <= set(names)


def test_both_worklets_are_one_file_that_imports_nothing(dist: Path) -> None:
    (path,) = (dist / "assets").glob("worklets.*.js")
    text = verify.COMMENT.sub("", path.read_text())
    assert text.count("registerProcessor(") == 2
    assert not re.search(r"^\s*(import|export)\b", text, re.MULTILINE)


LINK = re.compile(r"# sourceMappingURL=(\S+)")


def test_developer_tools_find_the_sources_of_every_script_and_style(dist: Path) -> None:
    """By a link at the end of each; a map names files of the repository, never a folder
    of the machine that built it.
    """
    maps = {path.name for path in (dist / "assets").glob("*.map")}
    named = []
    for path in [*(dist / "assets").glob("*.js"), *(dist / "assets").glob("*.css")]:
        # The texts of a language are no script, in spite of their name.
        if not path.name.startswith(("pyodide.", "stock.", "language-")):
            (link,) = LINK.findall(path.read_text())
            named.append(link)
    (of_the_tag,) = LINK.findall((dist / policy.TAG).read_text())
    named.append(of_the_tag.removeprefix("assets/"))
    assert sorted(named) == sorted(maps) and len(maps) == 11
    for name in maps:
        found = json.loads((dist / "assets" / name).read_text())
        assert found["sourceRoot"] == "parley:///"
        for source, text in zip(found["sources"], found["sourcesContent"], strict=True):
            assert source is None or (ROOT / source).read_text() == text, source
        assert str(ROOT) not in (dist / "assets" / name).read_text()


def test_only_the_links_name_a_map(dist: Path) -> None:
    """Nothing that a page does can fetch one. The script in the page finds it from the page's own address."""
    (in_page,) = LINK.findall((dist / "index.html").read_text())
    assert (dist / in_page).exists() and in_page.startswith("assets/start.js.")
    assert not LINK.search((dist / "404.html").read_text())
    for path in dist.rglob("*"):
        if path.suffix in (".html", ".js", ".css") and not path.name.startswith(("pyodide.", "stock.")):
            assert '.map"' not in path.read_text() and path.read_text().count(".map\n") <= 1, path.name


def test_old_browsers_can_read_the_script_that_says_why_nothing_works(dist: Path, tmp_path: Path) -> None:
    """Every browser with `globalThis` reads the syntax of 2019.

    One `?.` would make the whole script a syntax error there.
    """
    pages = {name: (dist / name).read_text() for name in ("index.html", "404.html")}
    texts = [re.findall(r'<script data-cfasync="false">(.*?)</script>', page, re.DOTALL)[-1] for page in pages.values()]
    acorn = fetch_runtime.fetch(ROOT).acorn
    reader = f"import {{ parse }} from {json.dumps(acorn.resolve().as_uri())};\n"
    for text in texts:
        for year, fails in ((2019, False), (5, True)):  # the second one shows that this can fail
            (tmp_path / "read.mjs").write_text(f"{reader}parse({json.dumps(text)}, {{ ecmaVersion: {year} }});\n")
            done = subprocess.run(
                [node.node(ROOT), str(tmp_path / "read.mjs")], capture_output=True, text=True, check=False
            )
            assert (done.returncode != 0) is fails, done.stderr[:2000]


def test_the_meta_policy_is_the_header_without_what_meta_cannot_say(dist: Path) -> None:
    """One source: a difference between the two would be a hole on one kind of host."""
    meta = re.search(r'Content-Security-Policy" content="([^"]*)"', (dist / "index.html").read_text())
    assert meta
    from_meta = set(meta.group(1).replace("&#39;", "'").split("; "))
    blocks = (dist / "_headers").read_text().split("\n\n")
    header = next(
        re.search(r"Content-Security-Policy: (.*)", block) for block in blocks if block.startswith("/index.html\n")
    )
    assert header
    assert set(header.group(1).split("; ")) - from_meta == {"frame-ancestors 'none'"}
    assert from_meta <= set(header.group(1).split("; "))


def test_no_policy_block_matches_a_path_twice(dist: Path) -> None:
    """Hosts that read this file join the values of matching blocks."""
    patterns = [block.splitlines()[0] for block in (dist / "_headers").read_text().split("\n\n")]
    assert len(patterns) == len(set(patterns))
    assert [pattern for pattern in patterns if "*" in pattern] == ["/assets/*"]


def test_the_policy_never_allows_eval_or_inline_code() -> None:
    for page in (True, False):
        text = policy.content_security_policy(("wss://voice.example",), page=page)
        assert "unsafe-inline" not in text and "'unsafe-eval'" not in text and "blob:" not in text
        assert "wss://voice.example" in text


def test_the_policy_names_what_stands_in_the_pages_by_its_digest(dist: Path) -> None:
    """A character more or less and no browser takes it; any other script or style in a page is refused everywhere."""
    found = {}
    for name in ("index.html", "404.html"):
        page = (dist / name).read_text()
        found[name] = re.findall(r"<(?:script data-cfasync=\"false\"|style)>(.*?)</(?:script|style)>", page, re.DOTALL)
        assert len(re.findall(r"<(?:script|style)\b(?![^>]*(?: src=| type=\"application/json\"))", page)) == len(
            found[name]
        )
    assert [len(texts) for texts in found.values()] == [1, 2]
    digests = {
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for texts in found.values() for text in texts
    }
    for text in ((dist / "index.html").read_text().replace("&#39;", "'"), (dist / "_headers").read_text()):
        assert set(re.findall(r"'sha256-([^']*)'", text)) == digests
    assert "unsafe-inline" not in (dist / "_headers").read_text()
    inline = policy.Inline(scripts=("here()",), styles=("p {}",))
    assert "sha256" not in policy.content_security_policy((), page=False, inline=inline)


def test_the_page_for_what_is_missing_needs_no_file(dist: Path) -> None:
    """It is shown at any address, so a relative one would lead anywhere."""
    page = (dist / "404.html").read_text()
    assert re.findall(r'(?:src|href)="(?!data:)([^"]*)"', page) == ["/"]


@pytest.mark.parametrize("form", ["plain", "reversed", "hex", "in the wheel", "packed"])
def test_a_secret_of_the_environment_stops_the_build(tmp_path: Path, dist: Path, form: str) -> None:
    """A key that reaches a public file is a key that is lost."""
    secret = "canary-4711-canary-4711"
    copy = tmp_path / "dist"
    shutil.copytree(dist, copy)
    text = {"plain": secret, "reversed": secret[::-1], "hex": secret.encode().hex()}.get(form, secret)
    if form == "in the wheel":
        with zipfile.ZipFile(copy / "assets" / "hidden.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("notes.txt", text)
    elif form == "packed":
        (copy / "assets" / "hidden.bin").write_bytes(gzip.compress(text.encode()))
    else:
        (copy / "assets" / "notes.txt").write_text(text)
    assert list(verify._secrets(copy, {"SOME_API_KEY": secret}))
    assert not list(verify._secrets(copy, {"SOME_API_KEY": "another-value-entirely"}))


@pytest.mark.slow
def test_a_build_with_a_key_in_the_environment_holds_no_trace_of_it(tmp_path: Path) -> None:
    secret = "sk-canary-0123456789"
    keys = ("ASSEMBLYAI_API_KEY", "OPENAI_API_KEY", "SDK_VOICE_API_KEY")
    environ = {**os.environ, **{name: f"{name}-{secret}" for name in keys}, "PYTHONPATH": str(ROOT)}
    script = (
        "import sys; from pathlib import Path; from builder import site; site.build(*map(Path, sys.argv[1:]), 'demo')"
    )
    command = [sys.executable, "-c", script, str(ROOT), str(tmp_path / "dist")]
    subprocess.run(command, env=environ, check=True, capture_output=True)
    for name in keys:
        assert not list(verify._secrets(tmp_path / "dist", {name: environ[name]}))
        assert not list(verify._secrets(tmp_path / "dist", {name: secret}))


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        ("index.html", '<script src="assets/missing.js"></script>', "not in the build"),
        ("index.html", '<script src="https://cdn.example/x.js"></script>', "another origin"),
        ("assets/extra.js", 'fetch("https://elsewhere.example/x");', "another origin"),
        ("assets/extra.js", 'import { a } from "./gone.js";', "not in the build"),
        ("assets/extra.css", "body { background: url(gone.png); }", "not in the build"),
        ("assets/extra.css", "body { background: url('//cdn.example/x.png'); }", "another origin"),
    ],
)
def test_a_broken_or_foreign_reference_stops_the_build(
    tmp_path: Path, dist: Path, file: str, text: str, complaint: str
) -> None:
    copy = tmp_path / "dist"
    shutil.copytree(dist, copy)
    with (copy / file).open("a") as out:
        out.write(text)
    with pytest.raises(SetupError, match=complaint):
        verify.check(copy)


def test_building_into_a_folder_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    """`--out ~` must not empty a home."""
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(SetupError, match="not a build of ours"):
        site.build(ROOT, tmp_path, "demo")
    assert (tmp_path / "precious.txt").exists()


@pytest.mark.parametrize(
    ("toml", "complaint"),
    [
        ("[agnet]\nvoice = 'x'", "unknown section 'agnet'"),
        ("[page]\ntitel = 'x'", r"unknown \[page\] key 'titel'"),
        ("[server]\nconnect = ['not an origin']", "is not an origin"),
        ("[audio]\npreconnect_audios_ms = 1", r"unknown \[audio\] key 'preconnect_audios_ms'"),
        ("[audio]\npreconnect_audio_ms = -1", "preconnect_audio_ms must be a whole number from 0 to 60000"),
        ("[audio]\npreconnect_audio_ms = '1'", "preconnect_audio_ms must be a whole number"),
        ("[agent]\n[provider.assemblyai]\npreconnect_audio_ms = 60001", "preconnect_audio_ms must be a whole number"),
        (
            "[agent]\nprovider = 'assembly'",
            "unknown provider 'assembly' .known: assemblyai, openai_realtime, sdk_voice",
        ),
        ("[agent]\nproviders = ['sdk_voice', 'assembly']", "unknown provider 'assembly'"),
        ("[agent]\nproviders = ['sdk_voice', 5]", "unknown provider '5'"),
        ("[agent]\nprovider = ['sdk_voice']", "unknown provider"),
        ("[agent]\nproviders = []", "a list with at least one name"),
        ("[agent]\nproviders = 'sdk_voice'", "a list with at least one name"),
        ("[agent]\nproviders = ['sdk_voice', 'sdk_voice']", "stands twice"),
        ("[agent]\nprovider = 'assemblyai'\nproviders = ['sdk_voice']", "'assemblyai' is not in the list"),
        ("[agent\n", "not valid TOML"),
    ],
)
def test_a_misspelt_agent_file_is_named_with_the_key_at_fault(tmp_path: Path, toml: str, complaint: str) -> None:
    with pytest.raises(SetupError, match=complaint):
        agent_from(tmp_path, toml)


@pytest.mark.parametrize(
    ("toml", "old", "new"),
    [
        ("[audio]\nearly_words_ms = 700", "early_words_ms", "preconnect_audio_ms"),
        ("[audio]\ngap_audio_ms = 700", "gap_audio_ms", "outage_audio_ms"),
        ("[session]\nheartbeat_ms = 700", "heartbeat_ms", "keepalive_ms"),
        ("[provider.assemblyai]\nearly_words_ms = 700", "early_words_ms", "preconnect_audio_ms"),
    ],
)
def test_the_old_name_of_a_key_is_understood_and_the_new_one_is_said(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], toml: str, old: str, new: str
) -> None:
    """A team that updates must not have to read a changelog to find out why its page changed."""
    settings = agent_from(tmp_path, toml).choices[0]["settings"]
    assert settings[new] == 700 and old not in settings
    said = capfd.readouterr().err
    assert f"{old} is now called {new}" in said and "agent.toml" in said
    ClientConfig.from_dict({"provider": "assemblyai", **{new: settings[new]}})


def test_an_old_key_beside_its_new_name_stops_the_build(tmp_path: Path) -> None:
    with pytest.raises(
        SetupError, match=r"\[audio\] early_words_ms is the old name of preconnect_audio_ms; leave it out"
    ):
        agent_from(tmp_path, "[audio]\nearly_words_ms = 1\npreconnect_audio_ms = 2")


def test_a_key_of_today_is_used_without_a_word(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    agent_from(tmp_path, "[audio]\npreconnect_audio_ms = 700\noutage_audio_ms = 700")
    assert capfd.readouterr().err == ""


def test_the_page_and_the_client_agree_on_how_much_is_kept_before_a_call(tmp_path: Path) -> None:
    """The page holds the microphone before it can ask the client: default, limit and words are written down twice."""
    own = agent_from(tmp_path, "")
    assert own.client["preconnect_audio_ms"] == ClientConfig().preconnect_audio_ms
    ClientConfig(preconnect_audio_ms=agent_config.MAX_PRECONNECT_AUDIO_MS)
    with pytest.raises(ConfigError):
        ClientConfig(preconnect_audio_ms=agent_config.MAX_PRECONNECT_AUDIO_MS + 1)
    for kind, retry in start_texts.of_the_microphone(ROOT).items():
        notice = notices.capture_failed(CaptureFailed(kind=kind))
        assert (notice.name, notice.retry) == (f"mic_{kind}", retry), kind


def agent_from(root: Path, toml: str) -> agent_config.Agent:
    folder = root / "agents" / "mine"
    folder.mkdir(parents=True)
    (folder / "agent.toml").write_text(toml)
    return agent_config.load(root, "mine")


@pytest.mark.parametrize(
    ("toml", "provider", "providers", "connect"),
    [
        ("", "assemblyai", ("assemblyai",), ("wss://agents.assemblyai.com",)),
        ("provider = 'openai_realtime'", "openai_realtime", ("openai_realtime",), ("wss://api.openai.com",)),
        ("provider = 'sdk_voice'", "sdk_voice", ("sdk_voice",), ()),
        (
            "provider = 'sdk_voice'\n[server]\nconnect = ['wss://voice.example.com']",
            "sdk_voice",
            ("sdk_voice",),
            ("wss://voice.example.com",),
        ),
        *(
            (
                f"provider = 'sdk_voice'\n[server]\ntoken_url = '{scheme}://token.example.com:81/api/token'",
                "sdk_voice",
                ("sdk_voice",),
                (f"{scheme}://token.example.com:81", f"{scheme.replace('http', 'ws')}://token.example.com:81"),
            )
            for scheme in ("http", "https")
        ),
        (
            "providers = ['openai_realtime', 'assemblyai']",
            "openai_realtime",
            ("openai_realtime", "assemblyai"),
            ("wss://api.openai.com", "wss://agents.assemblyai.com"),
        ),
        (
            "provider = 'sdk_voice'\nproviders = ['assemblyai', 'openai_realtime', 'sdk_voice']",
            "sdk_voice",
            ("assemblyai", "openai_realtime", "sdk_voice"),
            ("wss://agents.assemblyai.com", "wss://api.openai.com"),
        ),
    ],
)
def test_a_page_may_connect_to_the_providers_it_offers_and_to_no_other(
    tmp_path: Path, toml: str, provider: str, providers: tuple[str, ...], connect: tuple[str, ...]
) -> None:
    agent = agent_from(tmp_path, f"[agent]\n{toml}")
    assert agent.client["provider"] == provider
    assert {choice["settings"]["provider"] for choice in agent.choices} == set(providers)
    assert agent.choices[0]["settings"] == agent.client, "the page starts with the agent's own provider"
    assert "providers" not in agent.client, "the client refuses keys it does not know"
    assert agent.connect == connect
    rule = f"connect-src {' '.join((chr(39) + 'self' + chr(39), *connect))};"
    assert rule in policy.content_security_policy(agent.connect, page=True)
    assert rule in policy.headers_file(policy.site_headers(agent.connect), ("index.html",))


def test_a_page_may_be_shown_in_the_frames_of_named_sites_and_of_no_other(tmp_path: Path) -> None:
    """A frame of anybody's would let them put their own words around the microphone's button."""
    named = agent_from(
        tmp_path, "[page]\nembedded_by = ['https://www.example.com', 'https://*.example.org']"
    ).embedded_by
    assert named == ("https://www.example.com", "https://*.example.org")
    assert "frame-ancestors https://www.example.com https://*.example.org;" in policy.headers_file(
        policy.site_headers((), named), ()
    )
    assert agent_config.load(ROOT, "demo").embedded_by == ()


def test_only_a_page_that_may_be_framed_says_what_a_page_with_coep_asks_of_a_frame() -> None:
    """The page, and its worker: a document of another policy does not get to start one."""
    framed, alone = (
        policy.headers_file(policy.site_headers((), named), ()) for named in (("https://www.example.com",), ())
    )
    assert framed.count("Cross-Origin-Embedder-Policy: require-corp") == framed.count("\n/") + 1
    assert framed.count("Cross-Origin-Resource-Policy: cross-origin") == framed.count("\n/") + 1
    assert "Cross-Origin-Embedder-Policy" not in alone and "Cross-Origin-Resource-Policy: same-origin" in alone


def test_no_file_of_ours_forces_a_host_to_https_for_years() -> None:
    """The site's owner decides that: it holds for everything at that name, and cannot be taken back."""
    assert "Strict-Transport-Security" not in policy.headers_file(policy.site_headers(()), ("index.html",))


@pytest.mark.parametrize("wrong", ["'https://www.example.com'", "['*']", "['https://a.example; script-src *']", "[1]"])
def test_an_embedder_that_is_no_origin_stops_the_build(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(SetupError, match=r"agents/.*(list of origins|is not an origin)"):
        agent_from(tmp_path, f"[page]\nembedded_by = {wrong}")


def test_settings_of_the_client_go_through_as_they_are(tmp_path: Path) -> None:
    """The client checks its own keys; a list of them here would only be one more place to forget."""
    toml = """
        [agent]
        voice = "cedar"
        [session]
        turn_style = "push_to_talk"
        min_talk_ms = 200
        outage_audio_ms = 400
        keepalive_ms = 15000
        reconnect = false
    """
    client = agent_from(tmp_path, toml).client
    expected = {
        "voice": "cedar",
        "turn_style": "push_to_talk",
        "min_talk_ms": 200,
        "outage_audio_ms": 400,
        "keepalive_ms": 15000,
        "reconnect": False,
    }
    assert {key: client[key] for key in expected} == expected


def test_each_choice_of_the_picker_is_a_whole_configuration_without_the_words_of_another_vendor(tmp_path: Path) -> None:
    toml = """
        [agent]
        providers = ["assemblyai", "openai_realtime"]
        voice = "alba"
        greeting = "Hello."
        [turn_detection]
        min_silence = 600
        [provider.openai_realtime]
        label = "The other one"
        voice = "cedar"
    """
    first, second = agent_from(tmp_path, toml).choices
    assert first["settings"]["voice"] == "alba" and first["settings"]["turn_detection"] == {"min_silence": 600}
    assert second["label"] == "The other one"
    assert second["settings"]["voice"] == "cedar" and second["settings"]["greeting"] == "Hello."
    assert "turn_detection" not in second["settings"] and "label" not in second["settings"]
    with pytest.raises(SetupError, match="sdk_voice"):
        agent_from(tmp_path / "other", "[agent]\n[provider.sdk_voice]\nvoice = 'x'")


def test_the_page_is_told_what_its_picker_offers(dist: Path) -> None:
    expected = agent_config.load(ROOT, "demo").choices
    assert page_config(dist)["choices"] == [dict(choice) for choice in expected]


def test_an_unknown_agent_lists_those_there_are() -> None:
    with pytest.raises(SetupError, match="there is: demo"):
        agent_config.load(ROOT, "nobody")


@pytest.mark.slow
def test_a_template_that_names_something_unknown_stops_the_build(tmp_path: Path) -> None:
    """StrictUndefined: an empty hole in a page is worse than no page."""
    root = copy_of_sources(tmp_path / "root")
    (root / "templates" / "index.html").write_text("{{ nothing_like_this }}")
    with pytest.raises(SetupError, match="nothing_like_this"):
        site.build(root, tmp_path / "dist", "demo")


def test_a_visitor_may_change_what_is_named_and_nothing_without_a_word(tmp_path: Path) -> None:
    assert agent_from(tmp_path / "none", "").client["visitor_may_change"] == []
    named = agent_from(tmp_path / "two", "[visitor]\nmay_change = ['service', 'voice']")
    assert (named.may_change, named.client["visitor_may_change"]) == (("service", "voice"), ["voice"])
    with pytest.raises(SetupError, match=r"may_change: unknown 'prompt' \(known: service, voice"):
        agent_from(tmp_path / "prompt", "[visitor]\nmay_change = ['prompt']")
    with pytest.raises(SetupError, match=r"may_change: unknown 'voices' .* did you mean voice\?"):
        agent_from(tmp_path / "voices", "[visitor]\nmay_change = ['voices']")
    with pytest.raises(SetupError, match=r"may_change must be a list, not true"):
        agent_from(tmp_path / "all", "[visitor]\nmay_change = true")
    with pytest.raises(SetupError, match=r"unknown \[visitor\] key 'maychange' .* did you mean may_change\?"):
        agent_from(tmp_path / "key", "[visitor]\nmaychange = []")
