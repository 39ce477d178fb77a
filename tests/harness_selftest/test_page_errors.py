"""What counts as a complaint of a page."""

from __future__ import annotations

import pytest

from voice_browsers.page_errors import PageErrors


def test_what_a_page_that_was_left_had_under_way_is_nobodys_complaint() -> None:
    errors = PageErrors()
    errors.add("exception", "Cache API operation failed: Context is stopped")
    errors.check()
    errors.add("exception", "Cache API operation failed: Quota exceeded")
    with pytest.raises(AssertionError, match="Quota exceeded"):
        errors.check()
