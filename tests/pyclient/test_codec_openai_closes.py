"""What do the close codes of the Realtime wire mean?"""

from __future__ import annotations

import pytest

from tests.support.realtime import (
    Codec,
)
from tests.support.texts import of_close


def test_close_codes_are_told_apart_in_words() -> None:
    codes = [1000, 1001, 1005, 1006, 1008, 1009, 1011, 3000, 4000, 4999]
    reasons = {code: Codec().close_reason(code, "", True) for code in codes}
    assert len({of_close(reason)[0] for reason in reasons.values()}) == len(codes)
    assert all(of_close(reason)[1] for reason in reasons.values())
    assert [code for code in codes if reasons[code].kind == "ended"] == [1000]
    assert [code for code in codes if not reasons[code].retryable] == [1009, 4000]


def test_the_same_code_means_something_else_before_the_session_was_ready() -> None:
    for code, before, after in ((1006, "auth", "network"), (1000, "server", "ended"), (1008, "policy", "policy")):
        assert Codec().close_reason(code, "", False).kind == before
        assert Codec().close_reason(code, "", True).kind == after


@pytest.mark.parametrize(
    ("code", "reason", "kind", "retryable"),
    [
        (3000, "invalid_request_error.invalid_api_key", "auth", True),
        (4000, "invalid_request_error.invalid_api_key", "auth", True),
        (4000, "invalid_request_error.beta_api_shape_disabled", "policy", False),
        (1001, "session_expired", "ended", True),
    ],
)
def test_a_reason_that_names_the_error_counts_more_than_the_code(
    code: int, reason: str, kind: str, retryable: bool
) -> None:
    words = Codec().close_reason(code, reason, True)
    assert (words.kind, words.retryable) == (kind, retryable)
    assert words.name != Codec().close_reason(code, "", True).name or code == 3000


def test_the_reason_of_an_unknown_code_is_shown_but_not_at_any_length() -> None:
    reason = Codec().close_reason(4999, "because " * 1_000, True)
    assert reason.kind == "unknown" and "because" in of_close(reason)[1] and len(of_close(reason)[1]) < 200
