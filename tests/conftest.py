"""What every test may use: the option `--fast`, and what the run writes.

Real browsers with real sound are the plugin of `tests/harness/`, which is installed.
"""

from hypothesis import HealthCheck, settings

pytest_plugins = [
    "tests.support.fast_lane",
    "tests.contract.plugin",
    "tests.browser.support.faults_table",
    "tests.browser.support.tools_table",
]

# How long an example takes says how busy the machine is.
settings.register_profile("parley", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("parley")
