"""The region of AssemblyAI's service that the token server is told of stands in the
policy of the page, too (row 50).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from builder import agent_config, policy
from builder.environment import SetupError

DEFAULT = "wss://agents.assemblyai.com"
EU = "wss://agents.eu.assemblyai.com"


def connect_of(root: Path, provider: str = "assemblyai") -> tuple[str, ...]:
    folder = root / "agents" / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "agent.toml").write_text(f'[session]\nprovider = "{provider}"\n')
    (folder / "tools.py").write_text("")
    return agent_config.load(root, "demo").connect


def test_row_50_the_host_of_the_environment_replaces_the_usual_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ASSEMBLYAI_AGENTS_HOST", raising=False)
    assert connect_of(tmp_path) == (DEFAULT,)
    monkeypatch.setenv("ASSEMBLYAI_AGENTS_HOST", "agents.EU.assemblyai.com")
    assert connect_of(tmp_path) == (EU,)
    text = policy.content_security_policy(connect_of(tmp_path), page=True)
    assert f"connect-src 'self' {EU};" in text
    assert DEFAULT not in text
    assert connect_of(tmp_path, "openai_realtime") == ("wss://api.openai.com",)


@pytest.mark.parametrize(
    ("line", "origin"),
    [
        ("ASSEMBLYAI_AGENTS_HOST=agents.eu.assemblyai.com", EU),
        ("  export ASSEMBLYAI_AGENTS_HOST = 'agents.eu.assemblyai.com'  # Europe", EU),
        ("# ASSEMBLYAI_AGENTS_HOST=agents.eu.assemblyai.com", DEFAULT),
        ("ASSEMBLYAI_AGENTS_HOST=", DEFAULT),
        ("ASSEMBLYAI_AGENTS_HOST=old.example.com\nASSEMBLYAI_AGENTS_HOST=agents.eu.assemblyai.com", EU),
    ],
)
def test_row_50_the_file_is_read_as_the_server_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, origin: str
) -> None:
    monkeypatch.delenv("ASSEMBLYAI_AGENTS_HOST", raising=False)
    (tmp_path / ".env").write_text(f"ASSEMBLYAI_API_KEY=secret\n{line}\nOPENAI_API_KEY=secret\n")
    assert connect_of(tmp_path) == (origin,)
    monkeypatch.setenv("ASSEMBLYAI_AGENTS_HOST", "env.example.com:8443")
    assert connect_of(tmp_path) == ("wss://env.example.com:8443",)


@pytest.mark.parametrize("host", ["https://agents.eu.assemblyai.com", "a.example/path", "a b", "a.example;script-src"])
def test_row_50_a_host_that_is_none_stops_the_build_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("ASSEMBLYAI_AGENTS_HOST", host)
    with pytest.raises(SetupError, match="ASSEMBLYAI_AGENTS_HOST: must be a host name"):
        connect_of(tmp_path)
