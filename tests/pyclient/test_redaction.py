"""Redaction: a secret is one wherever it stands, and what stands for it is refused and taken alike."""

from __future__ import annotations

import json
import time

import pytest

from pyclient.host.redaction import MAX_SECRETS, Secrets, without_named, without_secrets

TOKEN = "aB3-dEf.gHi_jKl/m+N=="


def test_a_placeholder_has_the_form_of_its_secret_and_is_the_same_each_time() -> None:
    secrets = Secrets()
    placeholder = secrets.add(TOKEN)
    assert placeholder == secrets.add(TOKEN) != TOKEN
    assert [char.isalnum() for char in placeholder] == [char.isalnum() for char in TOKEN]
    assert secrets.hide(f"<{TOKEN}> {json.dumps(TOKEN)}") == f"<{placeholder}> {json.dumps(placeholder)}"


def test_a_short_secret_is_replaced_where_it_stands_and_nowhere_else() -> None:
    secrets = Secrets()
    assert secrets.add("dog") != "dog"
    assert secrets.hide("a dog barks") == "a dog barks"


def test_what_json_names_as_a_secret_is_one_and_so_is_what_looks_like_a_key() -> None:
    secrets = Secrets()
    secrets.find_named('{"session":{"client_secret" : "0123456789abcdef","text":"0123456789 words"},"total_tokens":12}')
    shown = secrets.hide(
        'x 0123456789abcdef, "0123456789 words", sk-proj-ABCDEFGHIJKLMNOP, '
        "Bearer abcdefghijklmnop, eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl"
    )
    assert '"0123456789 words"' in shown
    for secret in ("0123456789abcdef", "ABCDEFGHIJKLMNOP", "abcdefghijklmnop", "eyJhbGciOiJI", "c2lnbmF0dXJl"):
        assert secret not in shown


def test_a_secret_with_quotes_is_found_in_json_text() -> None:
    secrets = Secrets()
    awkward = 'quoted "token" \\ here'
    secrets.add(awkward)
    assert "token" not in secrets.hide(json.dumps({"a": awkward}))


def test_secrets_without_end_are_bounded_and_the_last_are_known() -> None:
    secrets = Secrets()
    names = [f"secret-number-{number:08}" for number in range(3 * MAX_SECRETS)]
    for name in names:
        secrets.add(name)
    assert names[-1] not in secrets.hide(" ".join(names[-MAX_SECRETS:]))
    assert secrets.hide(names[0]) == names[0]


def test_hostile_text_costs_linear_time() -> None:
    """Twice as much text takes about twice as long; a pattern that tries again takes four
    times as long and never ends.
    """

    def cost(pieces: int) -> float:
        begun = time.thread_time()  # what this thread computed: a busy machine does not count
        for text in ('"' + "token" * pieces, '"token"' + " " * 5 * pieces, "eyJ" * pieces, "sk-" * pieces):
            secrets = Secrets()
            secrets.find_named(text)
            secrets.hide(text)
            without_named(text)
        return time.thread_time() - begun

    cost(1_000)
    rounds = [(cost(10_000), cost(80_000)) for _ in range(5)]
    few, many = (min(costs) for costs in zip(*rounds, strict=True))
    assert many < 24 * few, rounds


def test_an_address_keeps_what_says_where_and_nothing_else() -> None:
    assert without_secrets("wss://me:pw@voice.test:8000/v1/ws?token=abc#x") == "wss://voice.test:8000/v1/ws"
    assert without_secrets("/api/token?key=abc") == "/api/token"
    assert without_secrets("wss://a.test/v1/0123456789012345678901234/ws") == "wss://a.test/v1/(secret)/ws"


def test_a_message_loses_what_it_names_as_a_secret() -> None:
    assert without_named('{"token":"t","text":"t"}') == '{"token":"(secret)","text":"t"}'


@pytest.mark.parametrize(
    "name",
    ["token", "secret", "password", "credential", "authorization", "apikey", "api_key", "Client-SECRET", "myToken_2"],
)
def test_whatever_names_a_secret_is_searched(name: str) -> None:
    """Texts without a telling word are not searched; each name that the patterns know has to be one."""
    text = f'{{"{name}": "abcdefghijklmnop"}}'
    secrets = Secrets()
    secrets.find_named(text)
    assert "abcdefghijklmnop" not in secrets.hide(text)
    assert "abcdefghijklmnop" not in without_named(text)
