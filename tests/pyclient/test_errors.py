"""The blame is in the type."""

from __future__ import annotations

import pytest

from pyclient.core import errors


def test_the_hierarchy_in_the_docstring_is_the_real_one() -> None:
    """The drawing is what people read; it must not drift."""
    drawn = {line.split("──")[-1].split()[0] for line in (errors.__doc__ or "").splitlines() if "Error" in line}
    real = {name for name, item in vars(errors).items() if isinstance(item, type) and issubclass(item, Exception)}
    assert drawn == real


def test_a_protocol_error_must_say_whose_fault_it_is() -> None:
    with pytest.raises(TypeError, match="abstract"):
        errors.ProtocolError("x")
    assert str(errors.LocalProtocolError("ours")) == "ours"
    assert isinstance(errors.RemoteProtocolError("theirs"), errors.ProtocolError)


def test_a_config_error_names_its_key() -> None:
    error = errors.ConfigError("voice", "must be text")
    assert (error.key, error.problem, str(error)) == ("voice", "must be text", "voice: must be text")
