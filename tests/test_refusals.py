"""What the token server refuses and what the page says of it: two halves that share nothing but the codes between."""

from __future__ import annotations

import ast
from pathlib import Path

from pyclient.page.notice_texts import TOKEN_CODES

ROOT = Path(__file__).resolve().parents[1]
# Told by their status and the server's own words, which name what no page can know: a setting, a value, an address.
BY_ITS_WORDS = {"missing_key", "invalid_value", "too_large", "bad_request", "not_found", "method_not_allowed"}
# What the page itself makes of an answer, or of none: no server says it.
MADE_BY_THE_PAGE = {"redirected", "absent", "offline", "policy", "no_bearer"}


def codes_of_the_server() -> set[str]:
    found = set()
    for path in sorted((ROOT / "server").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            if node.func.id in ("ApiError", "UpstreamError") and len(node.args) > 1:
                code = node.args[1]
                if isinstance(code, ast.Constant):
                    found.add(str(code.value))
    return found


def test_the_page_has_words_for_each_refusal_of_the_token_server() -> None:
    codes = codes_of_the_server()
    assert len(codes) > 15
    assert codes - set(TOKEN_CODES) == BY_ITS_WORDS
    assert set(TOKEN_CODES) - codes == MADE_BY_THE_PAGE


def test_each_refusal_that_the_page_knows_is_in_the_servers_table() -> None:
    table = (ROOT / "docs" / "token-server.md").read_text(encoding="utf-8")
    assert [code for code in codes_of_the_server() & set(TOKEN_CODES) if f"`{code}`" not in table] == []
