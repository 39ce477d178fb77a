"""What the agent may call while a call is rehearsed: a tool that answers at once, one that takes its
time, one that fails.
"""

import asyncio
from typing import Literal

from pyclient.tools import tool


@tool
def at_once(city: str, unit: Literal["metric", "imperial"] = "metric") -> dict[str, object]:
    """Answer at once.

    Args:
        city: Of which city.
        unit: In which unit.
    """
    return {"city": city.title(), "unit": unit, "degrees": round(sum(map(ord, city)) / 7, 1)}


@tool
async def later(seconds: float) -> str:
    """Answer later."""
    await asyncio.sleep(0)
    return f"{seconds:.1f} s"


@tool
def fails() -> None:
    """Fail."""
    raise ValueError("on purpose")
