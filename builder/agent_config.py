"""Agent configuration: reads `agents/<name>/agent.toml`, which is what a team edits.

What is the build's own is checked here: sections, page, server, origins, and that every value can be told to a page at
all. The client's keys are checked by the client (`agent_check`).
"""

from __future__ import annotations

import difflib
import math
import os
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder import consent, origins, texts, toml_faults, variables
from builder.environment import SetupError, say
from builder.packages import wanted

SECTIONS = (
    "agent",
    "session",
    "audio",
    "cost",
    "turn_detection",
    "provider",
    "page",
    "server",
    "runtime",
    "variables",
    "texts",
    "visitor",
    "consent",
)
PAGE_DEFAULTS: dict[str, Any] = {"title": "Parley", "tagline": "", "language": "en", "embedded_by": []}
SERVER_DEFAULTS: dict[str, Any] = {"token_url": "/api/token", "sign_in": "", "sign_in_page": "", "connect": []}
# How the token server finds out who asks; "": it does not.
SIGN_IN = ("", "cookie", "bearer")
MAX_TITLE_CHARS = 200
# The page needs it before the client is there to know it.
AUDIO_DEFAULTS = {"preconnect_audio_ms": 15_000}
AUDIO_KEYS = ("preconnect_audio_ms", "outage_audio_ms", "frame_ms")
MAX_PRECONNECT_AUDIO_MS = 60_000
# Keys that had another name: the old one is understood, and the build names the new one.
RENAMED_KEYS = {
    "early_words_ms": "preconnect_audio_ms",
    "gap_audio_ms": "outage_audio_ms",
    "heartbeat_ms": "keepalive_ms",
}
# What a visitor may see and change in the page. The client hears no other wish.
LOCKABLE = ("service", "voice", "greeting", "system_prompt", "turn_style")
# `full`: the runtime can load compiled code; the page is then half a second slower on a slow line. `packages`: what
# tools may import beside the library (`packages/`); those with compiled code bring the full runtime by themselves.
RUNTIME_DEFAULTS: dict[str, Any] = {"full": False, "packages": []}
DEFAULT_PROVIDER = "assemblyai"
# What stands in one section only, so that what is written elsewhere is not passed over in silence.
AT_HOME = {
    **dict.fromkeys(PAGE_DEFAULTS, "page"),
    **dict.fromkeys(SERVER_DEFAULTS, "server"),
    **dict.fromkeys(AUDIO_DEFAULTS, "audio"),  # the others go through to the client from anywhere
    **dict.fromkeys(RUNTIME_DEFAULTS, "runtime"),
    "may_change": "visitor",
    "visitor_may_change": "visitor",
}
# And of what the client knows, where a hint sends who wrote it into a section of ours.
OF_THE_AGENT = ("provider", "providers", "agent_id", "voice", "known_voices", "greeting", "system_prompt", "input")
OF_ONE_VENDOR = ("agent_id", "voice", "known_voices", "turn_detection", "cost")
COST_KEYS = ("currency", "per_minute", "input_text", "input_audio", "input_cached", "output_text", "output_audio")
# The region of that service. The server reads it too, and a page may only open sockets to where its policy names.
HOST_VARIABLE = "ASSEMBLYAI_AGENTS_HOST"
# Where a provider's sockets live: the page may connect there and nowhere else. Of the third nobody knows beforehand,
# its own answer says so; its origin goes into `connect`.
PROVIDER_ORIGINS = {
    "assemblyai": ("wss://agents.assemblyai.com",),
    "openai_realtime": ("wss://api.openai.com",),
    "sdk_voice": (),
}
LABELS = {
    "assemblyai": "AssemblyAI Voice Agent",
    "openai_realtime": "OpenAI Realtime",
    "sdk_voice": "SDK voice, 16 kHz",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """One agent, ready to render. `client` is what `pyclient.config.ClientConfig.from_dict` takes.

    `choices` are what the page's picker offers, the first of them `client` itself: `{label, settings}` each.
    """

    name: str
    client: dict[str, Any]
    choices: tuple[dict[str, Any], ...]
    variables: dict[str, str]
    page: dict[str, str]
    connect: tuple[str, ...]
    sign_in: str  # "", "cookie" or "bearer"
    sign_in_page: str  # an address, "" for none
    embedded_by: tuple[str, ...]
    tools: Path
    full_runtime: bool
    packages: tuple[str, ...]
    may_change: tuple[str, ...]
    consent: consent.Consent | None
    texts: dict[str, Any]  # what it says instead of the catalogues' texts
    raw: dict[str, Any]  # the file as it was read


def names(root: Path) -> tuple[str, ...]:
    """The agents that there are, in order."""
    return tuple(sorted(path.parent.name for path in (root / "agents").glob("*/agent.toml")))


def load(root: Path, name: str) -> Agent:
    """Read one agent. Raises SetupError with the file and key at fault."""
    folder = root / "agents" / name
    file = folder / "agent.toml"
    if not re.fullmatch(r"[a-z0-9_-]+", name) or not file.exists():
        known = names(root)
        raise SetupError(
            f"there is no agent '{name}' under agents/ (there is: {', '.join(known)}){_nearest(name, known)}"
        )
    raw = _read(name, file)
    _in_sections(name, raw)
    _known(name, raw, SECTIONS, "section")
    page = {**PAGE_DEFAULTS, **_table(name, raw, "page")}
    _known(name, page, tuple(PAGE_DEFAULTS), "[page] key")
    for key in ("title", "tagline", "language"):
        _text(name, f"[page] {key}", page[key])
    _page_words(name, page)
    embedded_by = _embedders(name, page.pop("embedded_by"))
    server = {**SERVER_DEFAULTS, **_table(name, raw, "server")}
    _known(name, server, tuple(SERVER_DEFAULTS), "[server] key")
    _text(name, "[server] token_url", server["token_url"])
    _sign_in(name, server["sign_in"], embedded_by)
    _sign_in_page(name, server["sign_in_page"])
    runtime = {**RUNTIME_DEFAULTS, **_table(name, raw, "runtime")}
    _known(name, runtime, tuple(RUNTIME_DEFAULTS), "[runtime] key")
    if not isinstance(runtime["full"], bool):
        raise SetupError(
            f"agents/{name}/agent.toml: [runtime] full must be true or false, not {_shown(runtime['full'])}"
        )
    audio = {**AUDIO_DEFAULTS, **_table(name, raw, "audio")}
    _known(name, audio, AUDIO_KEYS, "[audio] key")
    _at_home(name, raw)
    client = {**_table(name, raw, "agent"), **_table(name, raw, "session"), **audio, "token_url": server["token_url"]}
    may_change = _may_change(name, _table(name, raw, "visitor"))
    client["visitor_may_change"] = [key for key in may_change if key != "service"]
    providers = _providers(name, client)
    if isinstance(client.get("system_prompt"), str):
        client["system_prompt"] = client["system_prompt"].strip()
    if _table(name, raw, "turn_detection"):
        client["turn_detection"] = raw["turn_detection"]
    if cost := _table(name, raw, "cost"):
        _known(name, cost, COST_KEYS, "[cost] key")
        client["cost"] = cost
    said = f"agents/{name}/agent.toml"
    named = variables.checked(said, _table(name, raw, "variables"))
    choices = _choices(name, client, providers, _table(name, raw, "provider"))
    return Agent(
        name=name,
        client=client,
        choices=tuple(variables.filled(said, choice, named) for choice in choices),
        variables=named,
        page={key: str(value) for key, value in page.items()},
        connect=_origins(name, _provider_origins(root, providers), server),
        sign_in=server["sign_in"],
        sign_in_page=server["sign_in_page"],
        embedded_by=embedded_by,
        tools=folder / "tools.py",
        full_runtime=runtime["full"],
        packages=wanted.parsed(f"agents/{name}/agent.toml", runtime["packages"]),
        may_change=may_change,
        consent=consent.checked(said, _table(name, raw, "consent"), texts.languages(root, folder))
        if "consent" in raw
        else None,
        texts=_table(name, raw, "texts"),
        raw=raw,
    )


def _in_sections(name: str, raw: dict[str, Any]) -> None:
    """A key above the first [section] belongs to none; TOML has no objection."""
    for key, value in raw.items():
        if key not in SECTIONS and not isinstance(value, dict | list):
            raise SetupError(
                f"agents/{name}/agent.toml: {key} stands above the first section; write it below one, such as [agent] or [page]"
            )


def _read(name: str, file: Path) -> dict[str, Any]:
    """The file as TOML, with values that JSON has words for. Some editors put a mark before UTF-8; it means nothing."""
    data = file.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SetupError(f"agents/{name}/agent.toml, line {line}: not UTF-8; save the file in that encoding") from None
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at, problem = toml_faults.told(text, str(error))
        raise SetupError(f"agents/{name}/agent.toml{at} is not valid TOML: {problem}") from None
    for section, value in raw.items():
        if isinstance(value, dict):
            for key, item in value.items():
                _tellable(name, f"[{section}] {key}", item)
    return {section: _renamed(name, section, value) for section, value in raw.items()}


def _renamed(name: str, section: str, table: Any) -> Any:
    """The section with the current names of its keys. An old name is said, and refused beside the new one."""
    if not isinstance(table, dict):
        return table
    if section == "provider":
        return {key: _renamed(name, f"provider.{key}", value) for key, value in table.items()}
    found = {}
    for key, value in table.items():
        new = RENAMED_KEYS.get(key)
        if new is not None:
            if new in table:
                raise SetupError(f"agents/{name}/agent.toml: [{section}] {key} is the old name of {new}; leave it out")
            say(
                f"agents/{name}/agent.toml: [{section}] {key} is now called {new}; please rename it (its value is used)"
            )
        found[new or key] = value
    return found


def _tellable(name: str, where: str, value: object) -> None:
    """TOML has dates and numbers that are none; a page is told in JSON, which has neither."""
    if isinstance(value, dict):
        for key, item in value.items():
            _tellable(name, f"{where}.{key}", item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _tellable(name, f"{where}[{index}]", item)
    elif isinstance(value, float) and not math.isfinite(value):
        raise SetupError(f"agents/{name}/agent.toml: {where} must be a finite number, not {value}")
    elif not isinstance(value, str | int | float | bool):
        raise SetupError(f'agents/{name}/agent.toml: {where} cannot be a date or a time; put it in quotes: "{value}"')


def _at_home(name: str, raw: dict[str, Any]) -> None:
    """A key that one section has for itself stands in no other, and none stands in two."""
    special = _table(name, raw, "provider")
    own = [(f"provider.{key}", it) for key, it in special.items() if isinstance(it, dict)]
    agent, session = _table(name, raw, "agent"), _table(name, raw, "session")
    for section, table in (("agent", agent), ("session", session), *own):
        for key, value in table.items():
            home = AT_HOME.get(key)
            if home == "audio" and section.startswith("provider."):
                continue  # one vendor may have its own
            if home is not None:
                said = "may_change" if key == "visitor_may_change" else key
                raise SetupError(
                    f"agents/{name}/agent.toml: [{section}] {key} (given: {_shown(value)}) belongs into [{home}], as {said}"
                )
            if key in ("turn_detection", "cost") and not section.startswith("provider.") and key in raw:
                raise SetupError(f"agents/{name}/agent.toml: {key} stands in [{section}] and has a section of its own")
            if section == "session" and key in agent:
                raise SetupError(
                    f"agents/{name}/agent.toml: {key} stands in [agent] and in [session] (given: {_shown(value)}); leave one out"
                )
            if key in ("provider", "providers") and section.startswith("provider."):
                raise SetupError(
                    f"agents/{name}/agent.toml: [{section}] {key} (given: {_shown(value)}) belongs into [agent]; leave it out here"
                )


def _page_words(name: str, page: dict[str, Any]) -> None:
    for key, least in (("title", 1), ("tagline", 0)):
        if not least <= len(page[key].strip()) <= MAX_TITLE_CHARS or not page[key].isprintable():
            allowed = f"one line of {least} to {MAX_TITLE_CHARS} characters"
            raise SetupError(f"agents/{name}/agent.toml: [page] {key} must be {allowed}, not {_shown(page[key])}")


def _sign_in(name: str, given: object, embedded_by: tuple[str, ...]) -> None:
    file = f"agents/{name}/agent.toml"
    if given not in SIGN_IN:
        hint = _nearest(given, SIGN_IN[1:])
        raise SetupError(
            f'{file}: [server] sign_in must be one of: "cookie", "bearer", or "" for none, not {_shown(given)}{hint}'
        )
    if given == "bearer" and not embedded_by:
        raise SetupError(
            f'{file}: [server] sign_in = "bearer" needs a page that gives one; name its origin in [page] embedded_by'
        )


def _sign_in_page(name: str, given: object) -> None:
    if given != "" and not origins.is_link(given):
        raise SetupError(
            f"agents/{name}/agent.toml: [server] sign_in_page must be an address that begins with https:// or with /, "
            f"not {_shown(given)}"
        )


def _text(name: str, where: str, value: object) -> None:
    if not isinstance(value, str):
        raise SetupError(f"agents/{name}/agent.toml: {where} must be text in quotes, not {_shown(value)}")


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)[:60]


def _may_change(name: str, visitor: dict[str, Any]) -> tuple[str, ...]:
    """`[visitor] may_change`: nothing, where it is not said."""
    _known(name, visitor, ("may_change",), "[visitor] key")
    given = visitor.get("may_change", [])
    if not isinstance(given, list):
        raise SetupError(f"agents/{name}/agent.toml: [visitor] may_change must be a list, not {_shown(given)}")
    for item in given:
        if item not in LOCKABLE:
            known = ", ".join(LOCKABLE)
            hint = _nearest(item, LOCKABLE)
            raise SetupError(f"agents/{name}/agent.toml: [visitor] may_change: unknown '{item}' (known: {known}){hint}")
    return tuple(dict.fromkeys(given))


def _providers(name: str, client: dict[str, Any]) -> tuple[str, ...]:
    """Take `providers` out of `client`, which has no such setting, and settle `provider`:
    the first one if not named.
    """
    given = client.pop("providers", None)
    if given is None:
        given = [client.get("provider", DEFAULT_PROVIDER)]
    elif not isinstance(given, list) or not given:
        known = ", ".join(PROVIDER_ORIGINS)
        raise SetupError(
            f"agents/{name}/agent.toml: [agent] providers must be a list with at least one name of {known}, not {_shown(given)}"
        )
    provider = client.setdefault("provider", given[0])
    for item in (provider, *given):
        if not isinstance(item, str) or item not in PROVIDER_ORIGINS:
            known = ", ".join(PROVIDER_ORIGINS)
            hint = _nearest(item, tuple(PROVIDER_ORIGINS))
            raise SetupError(f"agents/{name}/agent.toml: [agent] unknown provider '{item}' (known: {known}){hint}")
    if provider not in given:
        listed = ", ".join(given)
        raise SetupError(
            f"agents/{name}/agent.toml: [agent] provider '{provider}' is not in the list of providers ({listed}); add it there"
        )
    if twice := next((item for item in given if given.count(item) > 1), None):
        raise SetupError(f"agents/{name}/agent.toml: [agent] providers: '{twice}' stands twice in the list")
    return tuple(given)


def _choices(
    name: str, client: dict[str, Any], providers: tuple[str, ...], special: dict[str, Any]
) -> tuple[dict[str, Any], ...]:
    """One whole configuration per provider.

    Voices, turn detection and a stored agent are one vendor's and go to no other.
    """
    for key in special:
        if key not in providers and key in PROVIDER_ORIGINS:
            raise SetupError(
                f"agents/{name}/agent.toml: [provider.{key}] is of no use: this agent speaks to {', '.join(providers)}; add"
                f" '{key}' to [agent] providers, or leave the section out"
            )
    _known(name, special, tuple(PROVIDER_ORIGINS), "[provider] name")
    first = client["provider"]
    common = {key: value for key, value in client.items() if key not in OF_ONE_VENDOR}
    found = []
    for provider in (first, *(other for other in providers if other != first)):
        own = dict(_table(name, special, provider, "provider."))
        label = own.pop("label", LABELS[provider])
        _text(name, f"[provider.{provider}] label", label)
        if not label.strip():
            raise SetupError(f"agents/{name}/agent.toml: [provider.{provider}] label must be text that can be seen")
        base = client if provider == first else common
        settings = {**base, **own, "provider": provider}
        where = f"provider.{provider}" if "preconnect_audio_ms" in own else "audio"
        _preconnect_audio(name, where, settings["preconnect_audio_ms"])
        found.append({"label": label, "settings": settings})
    return tuple(found)


def _preconnect_audio(name: str, section: str, value: object) -> None:
    """The page uses it before the client could refuse it."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_PRECONNECT_AUDIO_MS:
        allowed = f"a whole number from 0 to {MAX_PRECONNECT_AUDIO_MS}"
        raise SetupError(
            f"agents/{name}/agent.toml: [{section}] preconnect_audio_ms must be {allowed}, not {_shown(value)}"
        )


def _provider_origins(root: Path, providers: tuple[str, ...]) -> list[str]:
    """Where the providers' sockets live: AssemblyAI's in the region that the token server is told of, too."""
    host = _setting(root, HOST_VARIABLE)
    if host and not re.fullmatch(r"([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", host.lower()):
        problem = "must be a host name such as agents.eu.assemblyai.com, without https:// and without a path"
        raise SetupError(f"{HOST_VARIABLE}: {problem}")
    origins = {**PROVIDER_ORIGINS, "assemblyai": (f"wss://{host.lower()}",)} if host else PROVIDER_ORIGINS
    return [origin for provider in providers for origin in origins[provider]]


def _setting(root: Path, variable: str) -> str:
    """One variable as the server reads it: the environment, else `.env`.

    No other line of that file is looked at: it holds keys.
    """
    if os.environ.get(variable):
        return os.environ[variable].strip()
    file = root / ".env"
    text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    lines = re.findall(rf"^[ \t]*(?:export[ \t]+)?{variable}[ \t]*=[ \t]*([^\s#]*)", text, re.MULTILINE)
    return lines[-1].strip("\"'") if lines else ""


def _origins(name: str, known: list[str], server: dict[str, Any]) -> tuple[str, ...]:
    file = f"agents/{name}/agent.toml"
    found = list(known)
    if own := origins.checked_token_url(file, server["token_url"]):
        # The local agent, and a server that passes sockets on, answer at the token server's own address.
        found += [own, f"ws{own.removeprefix('http')}"]
    found += _all_origins(f"{file}: [server] connect", server["connect"], "wss://host.example", origins.is_origin)
    return tuple(dict.fromkeys(found))


def _embedders(name: str, given: object) -> tuple[str, ...]:
    where = f"agents/{name}/agent.toml: [page] embedded_by"
    return tuple(dict.fromkeys(_all_origins(where, given, "https://www.example.com", origins.is_embedder)))


def _all_origins(where: str, given: object, example: str, fits: Callable[[object], bool]) -> list[str]:
    if not isinstance(given, list):
        raise SetupError(f"{where} must be a list of origins like {example}, not {_shown(given)}")
    for origin in given:
        if not fits(origin):
            near = origins.nearest(origin, example.partition(":")[0], fits)
            raise SetupError(f"{where}: {_quoted(origin)} is not an origin like {example}{near}")
    return given


def _table(name: str, raw: dict[str, Any], section: str, above: str = "") -> dict[str, Any]:
    value = raw.get(section, {})
    if not isinstance(value, dict):
        raise SetupError(
            f"agents/{name}/agent.toml: [{above}{section}] must be a section with keys of its own, not {_shown(value)}"
        )
    return value


def _known(name: str, found: dict[str, Any], allowed: tuple[str, ...], what: str) -> None:
    for key in found:
        if key not in allowed:
            home = AT_HOME.get(key) or ("agent" if key in OF_THE_AGENT else None)
            hint = f"; it belongs into [{home}]" if home and f"[{home}]" not in what else _nearest(key, allowed)
            raise SetupError(f"agents/{name}/agent.toml: unknown {what} '{key}' (known: {', '.join(allowed)}){hint}")


def _nearest(given: object, allowed: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(str(given), allowed, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""


def _quoted(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) and value.isprintable() else repr(value)
