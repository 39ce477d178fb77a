"""Ask the package index for wheels, with its ordinary client, pip: whatever a team has configured for
it holds here too.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from builder.packages.target import PURE, Target

PIP = [sys.executable, "-m", "pip"]
QUIETLY = ["--quiet", "--no-input", "--disable-pip-version-check", "--retries", "1"]
LIMIT_S = 600
_NOTHING = re.compile(
    r"Could not find a version that satisfies the requirement (.+?) \(from versions: (.*?)\)", re.DOTALL
)
_CONFLICT = re.compile(r"conflicting dependencies|ResolutionImpossible")
_HASHES = re.compile(r"DO NOT MATCH THE HASHES.*?\n\s*(\S+?) from .*?Got\s+([0-9a-f]{64})", re.DOTALL)
_OFFLINE = re.compile(
    r"NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError|NameResolutionError|Network is unreachable"
    r"|Temporary failure in name resolution|Name or service not known|Connection refused|Connection reset"
)


class RefusedError(Exception):
    """pip did not give what was asked for.

    `kind`: "nothing" (no file for `requirement`; `detail` lists the versions that there are), "conflict", "hash"
    (`requirement` is another file than the locked one, its digest is `detail`), "offline", "other" (`detail` is pip's
    own last words).
    """

    def __init__(
        self, kind: Literal["nothing", "conflict", "hash", "offline", "other"], requirement: str = "", detail: str = ""
    ) -> None:
        super().__init__(kind, requirement, detail)
        self.kind, self.requirement, self.detail = kind, requirement, detail


def download(
    requirements: Sequence[str],
    target: Target,
    folder: Path,
    *,
    limits: Sequence[str] = (),
    hashed: bool = False,
    pure: bool = False,
) -> None:
    """Put the newest wheel of each of `requirements` that the browser's Python can use into `folder`.

    Raises RefusedError.

    What these depend on is not followed: pip would ask its own Python whether a dependency is needed.
    `limits` narrow the choice. `hashed`: the requirements name digests, and no other file will do. `pure`:
    nor will one with compiled code.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        wanted, narrowed = Path(name) / "wanted.txt", Path(name) / "limits.txt"
        wanted.write_text("\n".join(requirements) + "\n")
        narrowed.write_text("\n".join(limits) + "\n")
        command = [*PIP, "download", *QUIETLY, "--no-deps", "--only-binary=:all:", "--dest", str(folder)]
        abis = ("none",) if pure else (f"cp{target.minor.replace('.', '')}", "abi3", "none")
        command += ["--implementation", "cp", "--python-version", target.python]
        command += ["--platform", PURE if pure else target.platform, *(word for abi in abis for word in ("--abi", abi))]
        command += ["--constraint", str(narrowed)] if limits else []
        command += ["--require-hashes"] if hashed else []
        _run([*command, "--requirement", str(wanted)])


def knows(name: str) -> bool:
    """Has the index anything of this name, in whatever form? Nothing of it is fetched or run."""
    done = subprocess.run(
        [*PIP, "index", "versions", name, "--disable-pip-version-check", "--no-input"],
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )
    return done.returncode == 0


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        raise RefusedError("offline") from None
    if done.returncode != 0:
        raise _told(done.stderr)


def _told(text: str) -> RefusedError:
    """What went wrong, in what pip says of it."""
    if found := _HASHES.search(text):
        return RefusedError("hash", found[1], found[2])
    if _OFFLINE.search(text):
        return RefusedError("offline")
    if found := _NOTHING.search(text):
        # Where two ask for one package, pip says from which file and line each came.
        requirement = re.sub(r"\s*\(from .*", "", found[1])
        return RefusedError("nothing", requirement, "" if found[2] == "none" else found[2])
    if _CONFLICT.search(text):
        return RefusedError("conflict")
    return RefusedError("other", detail=text.strip()[-500:])
