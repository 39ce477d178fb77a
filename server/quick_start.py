"""Quick start: what makes the imports of a server cheap.

It is imported before all others, and `over` is called behind them.

Imports make hundreds of thousands of objects and hardly any garbage, so collecting it meanwhile finds nothing (a sixth
of the time). pydantic looks for plugins in the metadata of every installed package (a quarter); this server has none.
"""

from __future__ import annotations

import gc
import os

os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
gc.disable()


def over() -> None:
    """Collect garbage again, and never again look through what was imported."""
    gc.enable()
    gc.freeze()
