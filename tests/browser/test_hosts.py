"""The same site on other hosts than ours: at a host's root and below a path, as hosts come and with
what `build --for` writes.

The token server is at another address, as it is for everybody who puts the page on a CDN.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from builder import webservers
from tests.browser.support.pages import greet
from tests.hosts.debian import SERVERS
from tests.hosts.hosted import BASES, STOCK, Hosted
from tests.support.server import Parley
from tests.support.talk import Call, Line, asked
from voice_browsers.speech import Speech
from voice_browsers.tape import poll

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not webservers.possible(), reason="needs the packages of Debian"),
]
PLACES = pytest.mark.parametrize("base", BASES, ids=["root", "path"])
# On the others the page is started and not spoken to: what could differ there is whether its files arrive.
SPOKEN_TO = ("nginx", "apache", "caddy", "dumbest")


@pytest.fixture(scope="session")
def _hosted(_server: Parley, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    if not webservers.present():
        pytest.fail("run this once: python3 build.py test tests/browser/test_hosts.py", pytrace=False)
    limits = {"TOKEN_RATE_PER_CLIENT_PER_MINUTE": "600"}
    with Hosted(tmp_path_factory.mktemp("hosted"), own_site=_server.site, env=limits) as hosted:
        yield hosted


@pytest.fixture
def hosted(_hosted: Hosted) -> Iterator[Hosted]:
    """This worker's hosts. After each test no socket of its token server may be open."""
    yield _hosted
    left = poll(lambda: all(session["closed_by"] for session in _hosted.parley.sessions()), 20.0)
    assert left, "a socket outlived its call"


@pytest.fixture
def here(hosted: Hosted, tab: Any, sound: Any) -> Call:
    """A page that is on no host yet; it is closed before its host looks for open sockets."""
    return Call(tab, sound)


def start(call: Call, url: str) -> None:
    call.open(url)
    call.wait_booted()
    facts = call.facts()
    assert (facts["Python started from"], facts["Not faster because"]) == ("snapshot", None), facts


@PLACES
@pytest.mark.parametrize("host", SPOKEN_TO)
def test_a_person_talks_on_a_host_as_it_comes(
    here: Call, hosted: Hosted, speech: Speech, tmp_path: Path, host: str, base: str
) -> None:
    """Whatever it thinks of types, compression and caches."""
    start(here, hosted.url(host, base))
    greet(here, "")
    here.connect()
    line = Line(text="what time is it", wav=speech.say("what time is it", tail_ms=700))
    report = asked(here, line, folder=tmp_path, containing="time")
    assert report.good and "time" in report.agent_heard, report
    here.hang_up()


@pytest.mark.parametrize("host", [name for name in STOCK if name not in SPOKEN_TO])
def test_the_page_starts_on_other_hosts_as_they_come(here: Call, hosted: Hosted, host: str) -> None:
    for base in BASES:
        start(here, hosted.url(host, base))


@pytest.mark.parametrize("host", sorted(SERVERS))
def test_the_page_starts_and_connects_where_the_host_sends_the_policy(here: Call, hosted: Hosted, host: str) -> None:
    """Two agents side by side on one host.

    A violation of either policy, the page's or its worker's, fails the test by itself.
    """
    for base in BASES:
        url = hosted.url(host, base, configured=True)
        start(here, url)
        policies = here.page.evaluate(
            """async () => {
              const { boot } = JSON.parse(document.getElementById('parley-config').textContent);
              const answers = [await fetch(location.href), await fetch(boot.worker.url)];
              return answers.map((answer) => answer.headers.get('content-security-policy'));
            }"""
        )
        assert all("frame-ancestors 'none'" in policy for policy in policies), "in the page itself it could not stand"
        assert ["trusted-types" in policy for policy in policies] == [True, False]
    hosted.parley.scenario(tone_hz=440, tone_ms=150, hear=False)
    greet(here)
    here.connect()
    here.wait_turn("agent", containing="parley")
    here.hang_up()
