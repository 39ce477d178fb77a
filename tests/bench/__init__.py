"""What Parley costs: `python3 build.py bench`. Every comparison is made in one interleaved run; nothing here is a test.

One module per bench, each with `measure(engines, rounds)` returning the figures below its name. `figures.py` is what
they share, `budget.py` compares with `budget.json`, `table.py` writes `docs/bench.md`.
"""
