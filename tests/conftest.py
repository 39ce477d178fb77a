"""What every test may use: the harness for real browsers with real sound (see `tests/harness/`)."""

pytest_plugins = ["tests.harness.plugin", "tests.contract.plugin"]
