"""Tests of tools.py. `python3 build.py test agents/@NAME@` runs them in CPython and in the Python of the page."""

from tools import get_weather


def test_a_known_city_has_its_own_weather() -> None:
    assert get_weather("Paris") == {"city": "Paris", "sky": "sunny", "temperature_celsius": 21}


def test_how_a_name_is_written_does_not_matter() -> None:
    assert get_weather(" PARIS ")["sky"] == "sunny"
