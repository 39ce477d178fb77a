"""Run by the build with the builder's own Python: the client's check of each choice's settings.

Reads a list of settings as JSON from stdin, and prints a list with one entry each: null, or {key, problem}.
"""

import json
import sys

from pyclient.config import ClientConfig
from pyclient.core.errors import ConfigError


def problem(settings: dict[str, object]) -> dict[str, str] | None:
    try:
        ClientConfig.from_dict(settings)
    except ConfigError as error:
        return {"key": error.key, "problem": error.problem}
    return None


json.dump([problem(settings) for settings in json.load(sys.stdin)], sys.stdout)
