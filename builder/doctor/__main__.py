"""`python3 build.py doctor URL` behind its preparations.

Exit codes: 0 well, with or without warnings; 1 faults; 2 there was nothing to look at.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from builder.browsers import ENGINES
from builder.doctor import browser, caching, files, policy, reach, tag, tokens
from builder.doctor.fetching import Fetcher
from builder.doctor.findings import Finding, Report
from builder.doctor.reach import CannotCheck, Visit

# In the order in which they are made: the files come before all that looks at them.
_CHECKS: tuple[Callable[[Visit], Iterator[Finding]], ...] = (
    reach.whole, files.fetch, files.types, files.compression, policy.page, policy.worker, tag.check, caching.page, caching.assets,
    reach.addresses,
)  # fmt: skip


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="build.py doctor", description="Look at a deployment and say what is wrong with it."
    )
    made.add_argument("url", type=_url, metavar="URL", help="the page's address, as people type it")
    made.add_argument(
        "--engine", choices=ENGINES, default="chromium", help="browser to open it in (default %(default)s)"
    )
    made.add_argument("--no-browser", action="store_true", help="look without a browser; needs no browser installed")
    made.add_argument("--json", action="store_true", help="for programs")
    return made


def main(argv: list[str]) -> int:
    options = parser().parse_args(argv)
    report = examine(options.url, None if options.no_browser else options.engine)
    print(report.as_json() if options.json else report.as_text())
    return report.exit_code


def examine(url: str, engine: str | None) -> Report:
    """Make all checks. `engine` None leaves the browser out."""
    report = Report(url=url)
    with Fetcher() as fetcher:
        try:
            visit, report.findings = reach.arrive(fetcher, url)
            for check in _CHECKS:
                report.findings += check(visit)
            report.findings += tokens.check(visit, report)
        except CannotCheck as error:
            report.unknown = str(error)
        report.requests = fetcher.count
    if engine and not report.unknown:
        report.findings += browser.check(visit.page.url, engine)
    return report


def _url(text: str) -> str:
    parts = urlsplit(text)
    try:
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        port_fits = False
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_fits:
        raise argparse.ArgumentTypeError(f"{text!r} is no address such as https://www.example.com/voice/")
    if parts.username or parts.password:
        raise argparse.ArgumentTypeError("an address with a name or password in it would be told in the report")
    return parts._replace(path=parts.path or "/", fragment="").geturl()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
