"""What every test may use: the option `--fast`, and what the run writes.

Real browsers with real sound are the plugin of `tests/harness/`, which is installed.
"""

import functools
import gc
import ssl

import pytest
from hypothesis import HealthCheck, settings

from builder import suite

pytest_plugins = [
    "tests.support.fast_lane",
    "tests.contract.plugin",
    "tests.browser.support.faults_table",
    "tests.browser.support.pictures",
    "tests.browser.support.tools_table",
]

# Every client of httpx reads all certificate authorities, 45 ms of a processor, and the tests make two thousand.
ssl.create_default_context = functools.cache(ssl.create_default_context)  # type: ignore[assignment]

# How long an example takes says how busy the machine is.
settings.register_profile("parley", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("parley")

# Collecting tests makes millions of objects that all stay: looking through them for garbage finds none.
gc.disable()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """Before the first test; also in a process that only hands tests out, and collects none."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`build.py test` looks for tests with a browser in some rooms only, and leaves them out everywhere else."""
    rooms = [config.rootpath / room for room in suite.ROOMS]
    lost = [
        item.nodeid
        for item in items
        if item.get_closest_marker("browser") and not any(item.path.is_relative_to(room) for room in rooms)
    ]
    if lost:
        raise pytest.UsageError(f"the suite would run none of these, which are not in {suite.ROOMS}: {', '.join(lost)}")
