"""Tokens: once, in time, and long if asked."""

from __future__ import annotations

from server.agent.tokens import Grant, SignedTokens, TokenStore, account_of

GRANT = Grant(account="a", expires_at_s=100.0, max_session_s=60)


def test_a_token_opens_one_session() -> None:
    store = TokenStore()
    token = store.mint(GRANT)
    assert store.redeem(token, now_s=50) == GRANT
    assert store.redeem(token, now_s=50) is None


def test_a_reusable_token_opens_several_until_it_expires() -> None:
    """As the live service was seen to do."""
    store = TokenStore()
    token = store.mint(GRANT)
    assert store.redeem(token, now_s=50, reusable=True) == GRANT
    assert store.redeem(token, now_s=99, reusable=True) == GRANT
    assert store.redeem(token, now_s=100, reusable=True) is None


def test_a_late_token_is_refused() -> None:
    store = TokenStore()
    assert store.redeem(store.mint(GRANT), now_s=100) is None


def test_an_unknown_token_is_refused() -> None:
    assert TokenStore().redeem("never minted", now_s=0) is None


def test_tokens_differ_and_can_be_as_long_as_the_vendors() -> None:
    store = TokenStore()
    assert store.mint(GRANT) != store.mint(GRANT)
    assert len(store.mint(GRANT, long=True)) >= 2400


def test_minting_without_end_forgets_the_oldest() -> None:
    store = TokenStore()
    first = store.mint(GRANT)
    for _ in range(10_000):
        store.mint(GRANT)
    assert store.redeem(first, now_s=0) is None


def test_an_account_does_not_show_its_key() -> None:
    assert "secret" not in account_of("secret-key")
    assert account_of("a") != account_of("b")


def test_a_signed_token_tells_its_own_grant_and_is_good_once() -> None:
    signed = SignedTokens()
    token = signed.mint(GRANT, now_s=50)
    assert signed.redeem(token, now_s=60) == GRANT
    assert signed.redeem(token, now_s=60) is None
    assert signed.redeem(token, now_s=60, reusable=True) == GRANT


def test_a_late_forged_or_foreign_signed_token_is_refused() -> None:
    signed = SignedTokens()
    token = signed.mint(GRANT, now_s=50)
    assert signed.redeem(token, now_s=100) is None
    header, claims, signature = token.split(".")
    assert signed.redeem(f"{header}.{claims}x.{signature}", now_s=60) is None
    assert signed.redeem(f"{header}.{claims}.", now_s=60) is None
    assert signed.redeem("no token at all, €", now_s=60) is None
    assert SignedTokens().redeem(token, now_s=60) is None, "another process has another secret"


def test_a_store_can_mark_its_tokens() -> None:
    assert TokenStore(prefix="ek_").mint(GRANT).startswith("ek_")
