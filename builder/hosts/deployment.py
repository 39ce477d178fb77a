"""What all hosts are told alike, before it is put into the words of one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from builder.policy import TAG, TAG_HEADERS

# What browsers insist on. All other files are fetched as bytes by our own scripts, which look at no type.
_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".json": "application/json",
    ".map": "application/json",
    ".wasm": "application/wasm",
}
BYTES = "application/octet-stream"
SCRIPT = "text/javascript"
# Of those, what gets smaller when a host compresses it while sending.
COMPRESSIBLE = ("text/css", "text/javascript", "application/json", "image/svg+xml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One build on its way to a host.

    `build` tells builds apart; `suffixes` are those below `assets/`, `brotli` whether some of its files have a copy
    compressed with brotli beside them, named with `.br` behind.
    """

    base: str
    folder: str
    page: Mapping[str, str]
    asset: Mapping[str, str]
    pages: tuple[str, ...]
    suffixes: tuple[str, ...]
    brotli: bool
    build: str

    @property
    def bare(self) -> str:
        """`/voice` of `/voice/`: what people type. Empty for the root."""
        return self.base.rstrip("/")

    @property
    def tag(self) -> str:
        """The path of the script that other pages load."""
        return f"{self.base}{TAG}"

    @property
    def tag_headers(self) -> dict[str, str]:
        return {**self.page, **TAG_HEADERS}

    @property
    def types(self) -> dict[str, str]:
        """The type of each suffix that the build has."""
        return {suffix: _TYPES.get(suffix, BYTES) for suffix in self.suffixes}

    @property
    def compressible(self) -> list[str]:
        """The types below `assets/` that a host should compress where no compressed copy is there."""
        return sorted({kind for kind in self.types.values() if kind in COMPRESSIBLE})

    @property
    def asset_differs(self) -> dict[str, str]:
        """The headers of `asset` that `page` has not, or has with another value."""
        return {name: value for name, value in self.asset.items() if self.page.get(name) != value}

    @property
    def place(self) -> str:
        """Where the site lies below the host's root folder, for a sentence."""
        return f"in its folder {self.base.strip('/')}/" if self.bare else "itself"


def checked(name: str, value: str, forbidden: str, host: str) -> str:
    """Return `value` if it can be a header's and holds none of `forbidden`, which `host` cannot be told literally.

    Raises ValueError: what breaks out of its quotes would be a directive of its own.
    """
    if not value.isascii() or not value.isprintable():
        raise ValueError(f"the header {name} holds a character that no header may hold: {value!r}")
    if found := sorted(set(value) & set(forbidden)):
        raise ValueError(
            f"the header {name} holds {' '.join(found)}, which a configuration of {host} cannot hold: {value}"
        )
    return value


def head(deployment: Deployment, host: str, paragraphs: tuple[str, ...], mark: str = "# ") -> str:
    """The comment at the top of a configuration: what it is, then how it is installed and what it assumes."""
    asked = f"build --for {host}" + (f" --base {deployment.base}" if deployment.bare else "")
    first = (
        f"Parley on {host}. Written by `python3 build.py {asked}`.\n"
        f"For one build alone, the one whose index.html has a SHA-256 that begins with {deployment.build}:\n"
        "the page's policy names the script that stands in the page by its digest. A new build brings a new file."
    )
    lines = "\n\n".join((first, *paragraphs)).split("\n")
    return "".join(f"{mark}{line}".rstrip() + "\n" for line in lines)
