"""`python -m voice_browsers [--json]`: which engines and which sound system this machine has.

Exit code 1 when one is missing.
"""

from __future__ import annotations

import argparse
import json

from . import engines, pulse


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m voice_browsers", description="what the browser tests find here")
    parser.add_argument("--json", action="store_true", help="for programs")
    options = parser.parse_args()
    found: dict[str, str | None] = {}
    for engine in engines.ENGINES:
        try:
            found[engine] = str(engines.find(engine))
        except engines.MissingEngine as missing:
            found[engine] = None
            if not options.json:
                print(missing)
    if options.json:
        print(json.dumps({"engines": found, "sound": pulse.available()}))
        return 0
    for line in filter(None, found.values()):
        print(line)
    print("sound: a private PulseAudio" if pulse.available() else "sound: injected into the page (no PulseAudio here)")
    return 0 if all(found.values()) else 1


raise SystemExit(main())
