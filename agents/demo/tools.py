"""The demo's tools: Python functions that the agent may call, run in the visitor's own browser, in a
worker of the page.

A tool is a function with type hints and a docstring: the hints become the JSON schema that the provider gets, the first
paragraph becomes the description. It may be `async`. What it returns is written as JSON; an exception is
told to the agent.
"""

from typing import Literal

from pyclient.tools import tool

LIGHTS: dict[str, bool] = {}


@tool
def get_weather(city: str) -> dict[str, object]:
    """Get the weather of a city right now.

    Args:
        city: Name of the city, for example Paris.
    """
    # A demo has no weather service: the figures are made from the name, so that the same city always answers alike.
    seed = sum(map(ord, city.lower()))
    sky = ("sunny", "cloudy", "rainy", "windy")[seed % 4]
    return {"city": city, "temperature_celsius": 5 + seed % 23, "sky": sky}


@tool
def set_light(state: Literal["on", "off"], room: str = "living room") -> dict[str, object]:
    """Switch a light on or off.

    Args:
        state: Whether the light shall be on or off.
        room: Which light.
    """
    LIGHTS[room] = state == "on"
    return {"room": room, "state": state}
