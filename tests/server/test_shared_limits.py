"""One limit for several processes (row 66): real servers, one real Redis, and what happens when it is gone.

The vendor is the fake one of `server_support`; Redis is Debian's.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from server.limits import TokenLimit
from server.settings import SettingsError, load_settings
from tests.server.support.redis_server import Redis, needs_redis, redis_server
from tests.server.support.server_support import (
    DEADLINE_S,
    KEY,
    ROOT,
    FakeProvider,
    ServerProcess,
    assert_error,
    clean_environment,
    run_server,
    server_process,
    wait_until,
)
from tests.server.support.vendors import VENDORS

pytestmark = pytest.mark.slow

LIMIT = 25
CONNECTIONS, EACH = 40, 3
# On a machine that is short of time nobody is to be refused for that.
PATIENT = {"UPSTREAM_TIMEOUT_SECONDS": "60", "UPSTREAM_MAX_WAITING": "1000"}
PER_CLIENT = {"TOKEN_RATE_PER_CLIENT_PER_MINUTE": str(LIMIT), **PATIENT}
IN_ALL = {
    **PATIENT,
    "TOKEN_RATE_PER_CLIENT_PER_MINUTE": "1000",
    "TOKEN_RATE_TOTAL_PER_MINUTE": str(LIMIT),
    "TRUST_PROXY": "true",
}
PASSWORD = "redis-word-0123456789"


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    with redis_server(tmp_path) as found:
        yield found


@contextmanager
def two_servers(folder: Path, provider: FakeProvider, **variables: str) -> Iterator[list[ServerProcess]]:
    """Two processes with the same settings, as they stand behind one proxy."""
    with ExitStack() as stack:
        yield [stack.enter_context(one_server(folder, provider, **variables)) for _ in range(2)]


def one_server(folder: Path, provider: FakeProvider, **variables: str) -> AbstractContextManager[ServerProcess]:
    return server_process(folder, **VENDORS["assemblyai"].environment(provider.url), **variables)


def ask(server: ServerProcess, **headers: str) -> httpx.Response:
    """One token request of a program on this machine, over a connection of its own."""
    url = f"http://localhost:{server.port}/api/token"
    return httpx.post(url, headers=headers, timeout=DEADLINE_S, trust_env=False, verify=False)


def storm(servers: Sequence[ServerProcess], address: Callable[[int], str] = lambda _: "") -> list[httpx.Response]:
    """Many connections, all at once, in turns to each server.

    `address`: where a connection's visitor is, as a proxy says it.
    """
    together = threading.Barrier(CONNECTIONS)

    def visitor(number: int) -> list[httpx.Response]:
        url = f"http://localhost:{servers[number % len(servers)].port}"
        where = address(number)
        headers = {"X-Forwarded-For": where} if where else {}
        with httpx.Client(base_url=url, headers=headers, timeout=DEADLINE_S, trust_env=False, verify=False) as http:
            http.get("/healthz")
            together.wait(DEADLINE_S)
            return [http.post("/api/token") for _ in range(EACH)]

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return [answer for answers in pool.map(visitor, range(CONNECTIONS)) for answer in answers]


def granted(answers: Sequence[httpx.Response]) -> int:
    """How many got a token. Everybody else must have been told, as always, how long to wait."""
    found = Counter(answer.status_code for answer in answers)
    assert set(found) <= {200, 429}, found
    assert all(1 <= int(answer.headers["retry-after"]) <= 60 for answer in answers if answer.status_code == 429)
    return found[200]


# --- one limit --------------------------------------------------------------------------------------------------------


@needs_redis
def test_row_66_two_processes_let_exactly_one_clients_limit_through(
    tmp_path: Path, redis: Redis, provider: FakeProvider
) -> None:
    with two_servers(tmp_path, provider, RATE_LIMIT_STORAGE=redis.url, **PER_CLIENT) as servers:
        assert granted(storm(servers)) == LIMIT
        assert [granted([ask(server)]) for server in servers] == [0, 0]
    assert len(provider.calls) == LIMIT


@needs_redis
def test_row_66_two_processes_let_exactly_the_limit_of_all_clients_through(
    tmp_path: Path, redis: Redis, provider: FakeProvider
) -> None:
    with two_servers(tmp_path, provider, RATE_LIMIT_STORAGE=redis.url, **IN_ALL) as servers:
        assert granted(storm(servers, lambda number: f"192.0.2.{number}")) == LIMIT
    assert len(provider.calls) == LIMIT


def test_row_66_without_redis_each_process_counts_for_itself(tmp_path: Path, provider: FakeProvider) -> None:
    """As documented. It also shows that the two tests above would notice."""
    with two_servers(tmp_path, provider, **PER_CLIENT) as servers:
        assert granted(storm(servers)) == 2 * LIMIT


@needs_redis
def test_a_server_that_was_restarted_still_knows_the_count(
    tmp_path: Path, redis: Redis, provider: FakeProvider
) -> None:
    for expected in (LIMIT, 0):
        with one_server(tmp_path, provider, RATE_LIMIT_STORAGE=redis.url, **PER_CLIENT) as server:
            assert granted(storm([server])) == expected


# --- the rules of the limit in one process, which hold here too -------------------------------------------------------


def with_limit(url: str, what: Callable[[TokenLimit], Awaitable[None]], **limits: int) -> None:
    from server.shared_limits import SharedRateLimit

    async def run() -> None:
        limit = SharedRateLimit(url, **limits, patience_s=DEADLINE_S)
        try:
            await what(limit)
        finally:
            await limit.close()

    asyncio.run(run())


@needs_redis
def test_one_client_over_its_limit_does_not_use_up_the_common_one(redis: Redis) -> None:
    async def what(limit: TokenLimit) -> None:
        assert await limit.wait_s("192.0.2.1") == 0.0
        assert all([0 < await limit.wait_s("192.0.2.1") <= 60 for _ in range(10)])
        assert await limit.wait_s("2001:db8::1") == 0.0
        assert await limit.wait_s("2001:db8::2") > 0, "one household is one client"
        assert await limit.wait_s("192.0.2.3") == 0.0
        assert 0 < await limit.wait_s("192.0.2.4") <= 60

    with_limit(redis.url, what, per_client=1, total=3)


@needs_redis
def test_a_refusal_for_all_is_not_counted_against_the_one(redis: Redis) -> None:
    async def full(limit: TokenLimit) -> None:
        assert await limit.wait_s("192.0.2.1") == 0.0
        assert [await limit.wait_s("192.0.2.2") > 0 for _ in range(5)] == [True] * 5

    async def roomy(limit: TokenLimit) -> None:
        assert [await limit.wait_s("192.0.2.2") for _ in range(3)] == [0.0] * 3

    with_limit(redis.url, full, per_client=3, total=1)
    with_limit(redis.url, roomy, per_client=3, total=100)


# --- Redis is gone ----------------------------------------------------------------------------------------------------


def assert_no_token(server: ServerProcess, provider: FakeProvider) -> None:
    """Refused in clear words, with a time to come again, and the vendor was not asked; all else goes on."""
    before = len(provider.calls)
    answer = ask(server)
    assert "count" in assert_error(answer, 503, "limits_unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert len(provider.calls) == before
    for path in ("/healthz", "/api/config"):
        assert httpx.get(f"http://localhost:{server.port}{path}", trust_env=False).status_code == 200


@needs_redis
def test_without_redis_no_token_is_given_and_with_it_they_are_again(
    tmp_path: Path, redis: Redis, provider: FakeProvider
) -> None:
    with two_servers(tmp_path, provider, RATE_LIMIT_STORAGE=redis.url, **PER_CLIENT) as servers:
        storm(servers)
        redis.kill()
        for server in servers:
            assert_no_token(server, provider)
        assert {answer.status_code for answer in storm(servers)} == {503}
        redis.start()
        # All counts went with it, and no more than the limit comes of that.
        assert granted(storm(servers)) == LIMIT
        assert servers[0].stop(signal.SIGTERM) == 0
        assert "RATE_LIMIT_STORAGE failed" in servers[0].stderr
        assert "Traceback" not in servers[0].stderr


@needs_redis
def test_a_redis_that_hangs_holds_nobody_up_for_long_and_mixes_no_answers_up(
    tmp_path: Path, redis: Redis, provider: FakeProvider
) -> None:
    hasty = {**PER_CLIENT, "UPSTREAM_TIMEOUT_SECONDS": "2"}
    with one_server(tmp_path, provider, RATE_LIMIT_STORAGE=redis.url, **hasty) as server:
        wait_until(lambda: ask(server).status_code == 200)
        redis.hang()
        assert_no_token(server, provider)
        assert {answer.status_code for answer in storm([server])} == {503}
        redis.go_on()
        wait_until(lambda: ask(server).status_code != 503)
        storm([server])  # Redis may have counted some that were given up, so fewer than the limit may get one
        assert ask(server).status_code in (429, 503)
        assert 1 <= len(provider.calls) <= LIMIT


@needs_redis
def test_a_server_that_is_stopped_does_not_wait_for_a_redis_that_hangs(
    tmp_path: Path, redis: Redis, provider: FakeProvider
) -> None:
    with (
        one_server(tmp_path, provider, RATE_LIMIT_STORAGE=redis.url, **PATIENT) as server,
        ThreadPoolExecutor(1) as pool,
    ):
        redis.hang()
        answer: Future[httpx.Response] = pool.submit(ask, server)
        wait_until(lambda: established(server.port))
        assert server.stop(signal.SIGTERM) == 0
        assert_error(answer.result(DEADLINE_S), 503, "stopping")


def established(port: int) -> bool:
    """Whether a connection to `port` of this machine has sent its request and waits."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:] + Path("/proc/net/tcp6").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "01" for line in lines)


@needs_redis
def test_a_server_starts_before_its_redis(tmp_path: Path, provider: FakeProvider) -> None:
    redis = Redis(tmp_path)
    with one_server(tmp_path, provider, RATE_LIMIT_STORAGE=redis.url) as server:
        assert_no_token(server, provider)
        redis.start()
        try:
            assert ask(server).status_code == 200
        finally:
            redis.kill()
        assert server.stop(signal.SIGTERM) == 0
        assert "cannot be used; until it can, token requests are refused" in server.stderr


@needs_redis
def test_a_redis_that_takes_nothing_more_is_as_good_as_none(tmp_path: Path, provider: FakeProvider) -> None:
    with (
        redis_server(tmp_path, "--maxmemory", "1") as redis,
        one_server(tmp_path, provider, RATE_LIMIT_STORAGE=redis.url) as server,
    ):
        assert_no_token(server, provider)


@needs_redis
@pytest.mark.parametrize("right", [True, False], ids=["right", "wrong"])
def test_the_password_of_redis_is_used_and_never_told(tmp_path: Path, provider: FakeProvider, right: bool) -> None:
    with redis_server(tmp_path, "--requirepass", PASSWORD if right else "another") as redis:
        url = redis.url.replace("//", f"//:{PASSWORD}@")
        with one_server(tmp_path, provider, RATE_LIMIT_STORAGE=url, LOG_LEVEL="debug") as server:
            answer = ask(server)
            assert answer.status_code == (200 if right else 503)
            assert PASSWORD not in answer.text
            assert server.stop(signal.SIGTERM) == 0
            assert PASSWORD not in server.stdout + server.stderr


# --- the setting ------------------------------------------------------------------------------------------------------


def test_one_process_alone_imports_neither_the_library_nor_the_client() -> None:
    program = (
        "import sys; from server.app import create_app; from server.settings import load_settings;"
        f"create_app(load_settings(None, assemblyai_api_key={KEY!r}));"
        "print([name for name in ('limits', 'redis') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "value",
    [
        "memory://",
        "redis://127.0.0.1",
        "redis://user:word@redis.example:6379/3",
        "rediss://[::1]:6380/0?ssl_cert_reqs=required",
        "unix:///run/redis/redis.sock?db=2",
    ],
)
def test_addresses_of_a_redis(value: str) -> None:
    settings = load_settings(None, rate_limit_storage=value)
    assert settings.redis_url == (None if value == "memory://" else value)


@pytest.mark.parametrize(
    "value",
    [
        "127.0.0.1:6379",
        "redis",
        "redis://",
        "redis://host:port/0",
        "redis://host:99999",
        "redis://host/first",
        "redis://host/0#part",
        "redis://ho st",
        "memcached://127.0.0.1:11211",
        "unix://run/redis.sock",
        "unix://",
        "memory://elsewhere",
    ],
)
def test_what_is_no_address_of_a_redis_is_told_without_the_value(value: str) -> None:
    with pytest.raises(SettingsError) as told:
        load_settings(None, rate_limit_storage=value)
    # The same words whatever the value was, for it may hold a password.
    assert str(told.value) == (
        "RATE_LIMIT_STORAGE: must be memory:// or an address of a Redis: redis://[user:password@]host[:port][/number], "
        "the same with rediss:// for TLS, or unix:///path/of/its.sock"
    )


@pytest.mark.parametrize("option", ["socket_tmeout=1", "health_check_interval=often"])
def test_an_option_that_the_client_does_not_know_stops_the_start(tmp_path: Path, option: str) -> None:
    url = f"redis://:{PASSWORD}@127.0.0.1:6379/0?{option}"
    done = run_server(tmp_path, "--port", "0", ASSEMBLYAI_API_KEY=KEY, RATE_LIMIT_STORAGE=url)
    assert done.returncode == 2
    assert "RATE_LIMIT_STORAGE: the Redis client does not understand an option" in done.stderr
    assert "Traceback" not in done.stderr and PASSWORD not in done.stderr


def test_both_forms_of_the_password_are_kept_out_of_the_log() -> None:
    settings = load_settings(None, rate_limit_storage="redis://user:two%20words@redis.example/0?password=third")
    assert {"two%20words", "two words", "third"} <= set(settings.secrets)
    assert load_settings(None).secrets == ()
