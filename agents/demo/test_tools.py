"""Tests of tools.py. `python3 build.py test agents/demo` runs them in CPython and in the Python of the page."""

from tools import LIGHTS, get_weather, set_light


def test_a_city_has_the_same_weather_however_it_is_written() -> None:
    assert get_weather("Paris") == get_weather("paris") | {"city": "Paris"}


def test_a_light_stays_as_it_was_switched() -> None:
    set_light("on", "kitchen")
    set_light("off")
    assert LIGHTS == {"kitchen": True, "living room": False}
