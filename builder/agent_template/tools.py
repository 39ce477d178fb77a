"""The agent's tools: Python functions that it may call. They run in the visitor's browser, and in CPython for tests.

The type hints become the schema that the provider is told, the docstring becomes the description. What a function
returns is written as JSON for the agent; an exception is told to it. A function may be `async`. See
docs/configuration.md and docs/tools.md.
"""

from typing import Any

from pyclient.tools import tool

# Your own data, or a request: `from pyodide.http import pyfetch` inside an `async` function, and its origin in
# `[server] connect` of agent.toml.
FORECASTS = {"paris": ("sunny", 21), "london": ("rainy", 14)}


@tool
def get_weather(city: str) -> dict[str, Any]:
    """Get the weather of a city right now.

    Args:
        city: Name of the city, for example Paris.
    """
    sky, degrees = FORECASTS.get(city.strip().lower(), ("cloudy", 17))
    return {"city": city, "sky": sky, "temperature_celsius": degrees}


# The local agent, which answers where there is no key, calls it when somebody says "what is the weather in Paris".
