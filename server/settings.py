"""What the environment says: variables and `.env`, read once, checked once, passed on as one value.

The environment wins over the file. An empty value counts as not set, so that `ASSEMBLYAI_API_KEY=` in a copied
`.env.example` means "no key". A bad value stops the start with a sentence that names the variable and never its value.
"""

from __future__ import annotations

import difflib
import ipaddress
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

LogLevel = Literal["debug", "info", "warning", "error", "critical"]
LogFormat = Literal["text", "json"]
CommaList = tuple[str, ...]

_ORIGIN = re.compile(r"(https?)://([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")
_HOST = re.compile(r"([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


SHORTEST_METRICS_TOKEN = 16
# What OpenAI lets a token carry (docs/protocols/openai-realtime.md section 5). Its answer repeats all of it, and
# answers are bounded.
SESSION_FIELDS = (
    *(
        "instructions",
        "output_modalities",
        "max_output_tokens",
        "tools",
        "tool_choice",
        "audio",
        "truncation",
        "tracing",
    ),
    *("prompt", "include", "reasoning", "parallel_tool_calls"),
)
LONGEST_SESSION_CHARS = 16_000
# RATE_LIMIT_STORAGE, where it is not set.
IN_MEMORY = "memory://"


class SettingsError(Exception):
    """A variable holds something unusable. The text names the variable and never its value."""


class Settings(BaseModel):
    """Everything the server can be told. Make it with `load_settings`, which reads `.env` too.

    Durations end in their unit. `port` must be the real port once a local agent is to be reached, so `__main__` binds
    first and builds the settings afterwards.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    # --- where it listens ---
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    allowed_hosts: CommaList = ()
    allowed_origins: CommaList = ()
    allow_no_origin: bool | None = None
    sign_in: str | None = None
    trust_proxy: bool = False
    log_level: LogLevel = "info"
    log_format: LogFormat = "text"
    metrics: Literal["off", "loopback", "token"] = "off"
    metrics_token: SecretStr | None = None
    max_connections: int = Field(default=1000, ge=10, le=100_000)

    # --- who mints ---
    provider: str | None = None
    local_agent: bool | None = None
    assemblyai_api_key: SecretStr | None = None
    assemblyai_agents_host: str = "agents.assemblyai.com"
    assemblyai_base_url: str | None = None
    assemblyai_ws_path: str = "/v1/ws"
    openai_api_key: SecretStr | None = None
    openai_realtime_base_url: str = "https://api.openai.com"
    openai_realtime_model: str = "gpt-realtime-2.1-mini"
    openai_realtime_voice: str | None = None
    # Shorter than the vendor allows: it comes back in every answer, and answers are bounded.
    openai_realtime_instructions: str | None = Field(default=None, max_length=16_000)
    # A file's name is given, its contents are kept.
    openai_realtime_session_file: dict[str, Any] | None = None
    sdk_voice_api_key: SecretStr | None = None
    sdk_voice_api_url: str | None = None
    sdk_voice_ws_hosts: CommaList = ()

    # --- how long and how often ---
    token_expires_in_seconds: int = Field(default=120, ge=1, le=600)
    max_session_duration_seconds: int = Field(default=3600, ge=60, le=10800)
    token_rate_per_client_per_minute: int = Field(default=60, ge=1, le=100_000)
    token_rate_total_per_minute: int = Field(default=600, ge=1, le=1_000_000)
    talk_budget_minutes_per_day: int | None = Field(default=None, ge=1, le=10_000_000)
    rate_limit_storage: SecretStr = SecretStr(IN_MEMORY)
    upstream_connect_timeout_seconds: float = Field(default=2.0, gt=0, le=60)
    upstream_timeout_seconds: float = Field(default=5.0, gt=0, le=60)
    upstream_slots: int = Field(default=8, ge=1, le=256)
    upstream_max_waiting: int = Field(default=64, ge=0, le=10_000)

    @field_validator("allowed_hosts", "allowed_origins", "sdk_voice_ws_hosts", mode="before")
    @classmethod
    def _split_commas(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("allowed_origins")
    @classmethod
    def _check_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_origin(item) for item in value)

    @field_validator("allowed_hosts", "sdk_voice_ws_hosts")
    @classmethod
    def _check_hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for item in value:
            if not _HOST.fullmatch(item.lower()):
                raise ValueError("each entry must be a host name or name:port; wildcards are not taken")
        return tuple(item.lower() for item in value)

    @field_validator("assemblyai_api_key", "openai_api_key", "sdk_voice_api_key", "metrics_token")
    @classmethod
    def _check_key(cls, value: SecretStr | None) -> SecretStr | None:
        # A key that no header can carry would fail deep inside the HTTP library, with the key in the error's text.
        if value is None:
            return None
        key = value.get_secret_value().strip()
        if not re.fullmatch(r"[\x21-\x7e]{1,512}", key):
            raise ValueError("must be one word of at most 512 plain ASCII characters")
        return SecretStr(key)

    @field_validator("metrics_token")
    @classmethod
    def _check_metrics_token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < SHORTEST_METRICS_TOKEN:
            raise ValueError(f"must have at least {SHORTEST_METRICS_TOKEN} characters")
        return value

    @model_validator(mode="after")
    def _check_metrics(self) -> Self:
        if (self.metrics == "token") != (self.metrics_token is not None):
            raise ValueError("METRICS=token and METRICS_TOKEN belong together: one of them is missing")
        return self

    @field_validator("rate_limit_storage")
    @classmethod
    def _check_storage(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() == IN_MEMORY or _is_redis_url(value.get_secret_value()):
            return value
        raise ValueError(
            f"must be {IN_MEMORY} or an address of a Redis: redis://[user:password@]host[:port][/number], the same with "
            "rediss:// for TLS, or unix:///path/of/its.sock"
        )

    @field_validator("assemblyai_agents_host")
    @classmethod
    def _check_agents_host(cls, value: str) -> str:
        if not _HOST.fullmatch(value.lower()):
            raise ValueError(
                "must be a host name such as agents.eu.assemblyai.com, without https:// and without a path"
            )
        return value.lower()

    @field_validator("assemblyai_base_url", "openai_realtime_base_url", "sdk_voice_api_url")
    @classmethod
    def _check_base_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or parts.query
            or parts.fragment
            or parts.username
        ):
            raise ValueError("must be an http(s) URL without user, query or fragment")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ValueError("must be https: the key would travel in clear text")
        return value.rstrip("/")

    @field_validator("openai_realtime_base_url")
    @classmethod
    def _without_version(cls, value: str) -> str:
        # The vendor's own libraries write the version into the same variable; our paths bring it along.
        return value.removesuffix("/v1")

    @field_validator("openai_realtime_model", "openai_realtime_voice")
    @classmethod
    def _check_id(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[A-Za-z0-9._:/-]{1,100}", value):
            raise ValueError("must be one word of at most 100 letters, digits and . _ : / -")
        return value

    @field_validator("openai_realtime_session_file", mode="before")
    @classmethod
    def _read_session(cls, value: Any) -> Any:
        return _session_in(Path(value)) if isinstance(value, str) else value

    @field_validator("sign_in")
    @classmethod
    def _check_sign_in(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", value, re.ASCII):
            raise ValueError("must be module:function, such as team_sign_in:who")
        return value

    @field_validator("assemblyai_ws_path")
    @classmethod
    def _check_ws_path(cls, value: str) -> str:
        if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", value):
            raise ValueError("must be an absolute path such as /v1/ws")
        return value

    @property
    def bound_to_loopback(self) -> bool:
        """Only programs of this machine can reach us."""
        return is_loopback(self.host)

    @property
    def accepts_no_origin(self) -> bool:
        """May a program that is not a browser (no `Origin`, no `Sec-Fetch-Site`) ask for tokens?

        Default: on loopback.
        """
        return self.bound_to_loopback if self.allow_no_origin is None else self.allow_no_origin

    @property
    def assemblyai_url(self) -> str:
        """Base URL of the vendor's service: no trailing slash, `/v1/token` is appended to it."""
        return self.assemblyai_base_url or f"https://{self.assemblyai_agents_host}"

    @property
    def local_agent_url(self) -> str:
        """Base URL of the local agent as this process reaches it: itself, on the address it is bound to."""
        if self.host in ("", "0.0.0.0", "localhost"):
            return f"http://127.0.0.1:{self.port}/agent"
        if self.host == "::":
            return f"http://[::1]:{self.port}/agent"
        return f"http://{bracketed(self.host)}:{self.port}/agent"

    @property
    def redis_url(self) -> str | None:
        """Where the counts of the rate limits are shared; None while this process keeps them itself.

        May hold a password.
        """
        value = self.rate_limit_storage.get_secret_value()
        return None if value == IN_MEMORY else value

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret value that is set, for the log filter only."""
        values = (getattr(self, name) for name in type(self).model_fields)
        found = (value.get_secret_value() for value in values if isinstance(value, SecretStr))
        return (*(value for value in found if value != IN_MEMORY), *_passwords_in(self.redis_url or ""))


def load_settings(env_file: Path | str | None = ".env", **overrides: Any) -> Settings:
    """Reads the environment and `env_file`; `overrides` (by field name, None = not given) win over both.

    Raises `SettingsError` naming each bad variable.
    """
    try:
        given: dict[str, Any] = _known(_lines_of(env_file)) | _known(os.environ)
    except UnicodeDecodeError:
        raise SettingsError(f"{env_file} is not a UTF-8 text file") from None
    given |= {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        # `from None`: pydantic's own text and its `input` may hold the value.
        raise SettingsError("; ".join(_explain(item) for item in error.errors())) from None


def _known(variables: Mapping[str, str | None]) -> dict[str, str]:
    """Those that are settings, by field name. An empty value counts as not set."""
    found = {name.lower(): value for name, value in variables.items() if value}
    return {name: value for name, value in found.items() if name in Settings.model_fields}


def _lines_of(env_file: Path | str | None) -> Mapping[str, str | None]:
    if env_file is None or not Path(env_file).is_file():
        return {}
    # Imported here: a server in a container has variables and no file.
    from dotenv import dotenv_values

    return dotenv_values(env_file, encoding="utf-8")


def is_loopback(host: str) -> bool:
    """`localhost` or an address of the loopback network. A name that merely resolves there does not count."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bracketed(host: str) -> str:
    """An IPv6 address as a URL writes it."""
    return f"[{host}]" if ":" in host else host


def _session_in(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
        session = json.loads(text)
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"{file} is no JSON: {error}") from None
    if not isinstance(session, dict):
        raise ValueError(f"{file} must hold one JSON object: the session in the vendor's words")
    if len(text) > LONGEST_SESSION_CHARS:
        raise ValueError(f"{file} may have at most {LONGEST_SESSION_CHARS} characters")
    for name in session:
        if name not in SESSION_FIELDS:
            near = difflib.get_close_matches(name, SESSION_FIELDS, 1)
            meant = f"did you mean {near[0]}?" if near else f"known are {', '.join(SESSION_FIELDS)}"
            other = {"model": "OPENAI_REALTIME_MODEL names the model", "type": "the type is always realtime"}.get(name)
            raise ValueError(f"{file} has a field {name!r}; {other or meant}")
    audio = session.get("audio", {})
    if not isinstance(audio, dict) or not isinstance(audio.get("output", {}), dict):
        raise ValueError(f"{file}: audio and audio.output must be objects")
    tools = session.get("tools", [])
    if not isinstance(tools, list) or not all(isinstance(tool, dict) and tool.get("type") for tool in tools):
        raise ValueError(f"{file}: tools must be a list of objects with a type, such as function")
    return session


def _is_redis_url(text: str) -> bool:
    """What the client would leave out without a word, a database that is no number say, is no address."""
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 (raises ValueError where it is none)
    except ValueError:
        return False
    if not text.isprintable() or " " in text or parts.fragment:
        return False
    if parts.scheme == "unix":
        return len(parts.path) > 1 and not parts.netloc
    return (
        parts.scheme in ("redis", "rediss") and bool(parts.hostname) and bool(re.fullmatch(r"(/[0-9]*)?", parts.path))
    )


def _passwords_in(url: str) -> list[str]:
    """The passwords of an address, as they are written there and as they are sent."""
    parts = urlsplit(url)
    written = [parts.password or "", *parse_qs(parts.query).get("password", ())]
    return [form for word in written if word for form in dict.fromkeys((word, unquote(word)))]


def _origin(text: str) -> str:
    """The form a browser sends: lower case, no default port, no path."""
    match = _ORIGIN.fullmatch(text.lower())
    if match is None:
        raise ValueError("each entry must be scheme://host or scheme://host:port, http or https, without a path or *")
    scheme, host, port = match.groups()
    return f"{scheme}://{host}" if port in (None, _DEFAULT_PORTS[scheme]) else f"{scheme}://{host}:{port}"


def _explain(error: Any) -> str:
    text = str(error["msg"]).removeprefix("Value error, ")
    return f"{str(error['loc'][0]).upper()}: {text}" if error["loc"] else text
