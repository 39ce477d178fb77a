"""What every test may use: the harness for real browsers with real sound (see `tests/harness/`), and the option `--fast`."""

from hypothesis import HealthCheck, settings

pytest_plugins = [
    "tests.harness.plugin",
    "tests.support.fast_lane",
    "tests.contract.plugin",
    "tests.browser.faults_table",
    "tests.browser.tools_table",
]

# How long an example takes says how busy the machine is.
settings.register_profile("parley", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("parley")
