"""What was looked at, how it is, and what cures it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

EXIT_WELL, EXIT_FAULTS, EXIT_UNKNOWN = 0, 1, 2


class Verdict(StrEnum):
    """`WARNING`: it works, and something is lost. `FAULT`: somebody's visit fails, or a promise of ours is broken."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check's result. `check` is for programs and stays; `said` and `cure` are for people."""

    check: str
    verdict: Verdict
    said: str
    cure: str = ""


def ok(check: str, said: str) -> Finding:
    return Finding(check=check, verdict=Verdict.OK, said=said)


def warning(check: str, said: str, cure: str) -> Finding:
    return Finding(check=check, verdict=Verdict.WARNING, said=said, cure=cure)


def fault(check: str, said: str, cure: str) -> Finding:
    return Finding(check=check, verdict=Verdict.FAULT, said=said, cure=cure)


@dataclass(slots=True, kw_only=True)
class Report:
    """All findings of one deployment. `unknown`: why nothing could be looked at.

    `secrets` are taken out of all that is told.
    """

    url: str
    findings: list[Finding] = field(default_factory=list)
    unknown: str = ""
    requests: int = 0
    secrets: list[str] = field(default_factory=list, repr=False)

    def count(self, verdict: Verdict) -> int:
        return sum(finding.verdict is verdict for finding in self.findings)

    @property
    def exit_code(self) -> int:
        if self.unknown:
            return EXIT_UNKNOWN
        return EXIT_FAULTS if self.count(Verdict.FAULT) else EXIT_WELL

    @property
    def summary(self) -> str:
        """One line."""
        if self.unknown:
            return f"cannot be checked: {self.unknown}"
        faults, warnings = self.count(Verdict.FAULT), self.count(Verdict.WARNING)
        if not faults and not warnings:
            return f"all well: {len(self.findings)} checks, {self.requests} requests"
        return f"{_number(faults, 'fault')}, {_number(warnings, 'warning')}, {self.count(Verdict.OK)} ok"

    def as_json(self) -> str:
        findings = [
            {"check": one.check, "verdict": str(one.verdict), "said": one.said, "cure": one.cure}
            for one in self.findings
        ]
        told = {"url": self.url, "summary": self.summary, "exit_code": self.exit_code, "requests": self.requests}
        return self._without_secrets(json.dumps({**told, "findings": findings}, indent=2, ensure_ascii=False))

    def as_text(self) -> str:
        """Faults first; each with its cure below it."""
        order: Sequence[Verdict] = (Verdict.FAULT, Verdict.WARNING, Verdict.OK)
        lines = [self.url]
        for finding in sorted(self.findings, key=lambda one: order.index(one.verdict)):
            lines.append(f"  {finding.verdict:<8} {finding.check}: {finding.said}")
            if finding.cure:
                lines.append(f"{'':11}→ {finding.cure}")
        return self._without_secrets("\n".join([*lines, self.summary]))

    def _without_secrets(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, "[not told]")
        return text


def _number(count: int, word: str) -> str:
    return f"{count or 'no'} {word}{'' if count == 1 else 's'}"
