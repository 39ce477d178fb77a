"""Notice texts: the shape of a notice, and the tables of what can happen to tokens, microphones and calls.

What a notice says stands in `templates/languages/`, under its name: here are the names, and what is put into the texts.
Codes are stable: tests, style sheets and support use them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from pyclient.page.view import NoticeView, Text

MAX_DETAIL_CHARS = 400


def text(key: str, **values: object) -> Text:
    """A text of the catalogues, with what stands for the names in its braces: a text too, a list of texts,
    a number, or words.
    """
    return [f"notice.{key}", {name: _bounded(value) for name, value in values.items()}]


def _bounded(value: object) -> object:
    return value[:MAX_DETAIL_CHARS] if isinstance(value, str) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """See `NoticeView`.

    `until`: what ends its cause. "reply": the next complete reply, or the end of the call; "call": that end.

    `name` is that of its texts, where it is not the code; `values` go into both of them. `hint`: texts in place of its
    own hint; `more`: texts behind that. `setting`: named behind the title.
    """

    tone: str
    code: str
    name: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    hint: tuple[Text, ...] = ()
    more: tuple[Text, ...] = ()
    setting: str = ""
    retry: bool = False
    until: str = ""

    def __post_init__(self) -> None:
        if self.tone not in ("info", "warn", "error"):
            raise ValueError("tone must be info, warn or error")
        if self.until not in ("", "reply", "call"):
            raise ValueError("until must be empty, reply or call")

    @property
    def title(self) -> Text:
        found = text(f"{self.name or self.code}.title", **self.values)
        return text("setting", title=found, name=self.setting) if self.setting else found

    @property
    def hints(self) -> list[Text]:
        own = self.hint or (text(f"{self.name or self.code}.hint", **self.values),)
        return [*own, *self.more]

    def view(self) -> NoticeView:
        return {"tone": self.tone, "code": self.code, "title": self.title, "hint": self.hints, "retry": self.retry}


def error(code: str, *, retry: bool = True, more: tuple[Text, ...] = ()) -> Notice:
    return Notice(tone="error", code=code, retry=retry, more=more)


# Behind what to do for now, also where that is a wait that the server named.
STAYS = (text("stays"),)


# By the status of the answer: can another try help?
TOKEN: Mapping[int, Notice] = MappingProxyType(
    {
        0: error("token_unreachable"),
        401: error("token_401"),
        403: error("token_403", retry=False),
        404: error("token_404", retry=False),
        422: error("token_422", retry=False),
        429: error("token_429"),
        500: error("token_500"),
        502: error("token_502"),
        503: error("token_503"),
        504: error("token_504"),
    }
)

# What is known better than by a status: by the code of our own refusal, or by what `browser.token_event`
# made of the answer.
TOKEN_CODES: Mapping[str, Notice] = MappingProxyType(
    {
        "forbidden_origin": error("token_forbidden_origin", retry=False),
        "forbidden_host": error("token_forbidden_host", retry=False),
        "redirected": error("token_redirected"),
        "absent": error("token_absent"),
        "offline": error("token_offline"),
        "policy": error("token_policy", retry=False),
        "no_bearer": error("token_no_bearer"),
        "sign_in_needed": error("token_401"),
        "sign_in_failed": error("token_not_now", more=STAYS),
        "rate_limited": error("token_429"),
        "talk_budget_used_up": error("token_talk_budget_used_up"),
        "limits_unavailable": error("token_not_now", more=STAYS),
        "overloaded": error("token_503"),
        "stopping": error("token_stopping"),
        "upstream_rate_limited": error("token_upstream_rate_limited", more=STAYS),
        "upstream_overloaded": error("token_upstream_overloaded"),
        "upstream_unreachable": error("token_upstream_unreachable", more=STAYS),
        "upstream_failed": error("token_upstream_failed"),
        "upstream_unusable": error("token_upstream_failed"),
        "upstream_refused": error("token_502"),
        "upstream_timeout": error("token_504"),
    }
)

# By kind of fault of a microphone or speaker: can Connect help? The build reads this table too
# (builder/start_texts.py): a page whose Python is not there yet says the same. So it is literal.
CAPTURE: Mapping[str, bool] = MappingProxyType(
    {
        "insecure": False,
        "unsupported": False,
        "denied": True,
        "denied_by_system": True,
        "forbidden": False,
        "framed": True,
        "dismissed": True,
        "not_found": True,
        "busy": True,
        "overconstrained": True,
        "no_worklet": False,
        "context_suspended": True,
        "paused": False,
        "ended": True,
        "silent": True,
        "unknown": True,
    }
)

# Kinds of faults that a vendor's server reports.
FAULTS = frozenset(
    {
        "auth",
        "forbidden",
        "capacity",
        "expired",
        "not_resumable",
        "invalid_setting",
        "immutable_setting",
        "invalid_message",
        "invalid_audio",
        "rate",
        "server",
        "reply",
    }
)

# Faults that say nothing of the rest of the call: a complete reply shows that it went on well.
PASSING = frozenset({"capacity", "invalid_message", "invalid_audio", "rate", "server", "reply", "unknown"})
