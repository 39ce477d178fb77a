"""Base of all codecs: a vendor's class shows what its wire can do, and nothing else."""

from __future__ import annotations

import ast
import inspect
import textwrap

import pytest

from pyclient.codecs import PROVIDERS, BaseCodec, CloseReason, Features, Message, SessionSettings, create_codec
from pyclient.core.events import Event, TokenGranted
from pyclient.core.safejson import Limits


class Bare(BaseCodec):
    """A wire that can carry sound and nothing else."""

    name = "bare"
    wire_rate_hz = 16_000
    features = Features()

    def check(self, settings: SessionSettings) -> None: ...

    def connect(self, grant: TokenGranted) -> tuple[str, tuple[str, ...]]:
        return grant.ws_url, ()

    def opening(self, settings: SessionSettings) -> list[Message]:
        return ["open"]

    def decode(self, data: Message, limits: Limits) -> list[Event]:
        return []

    def encode_audio(self, pcm: bytes) -> Message:
        return pcm

    def close_reason(self, code: int, reason: str, was_ready: bool) -> CloseReason:
        return CloseReason(name="unknown", kind="unknown", retryable=True)


def idle_methods(codec: type) -> list[str]:
    """Methods that a class has for nothing: the base does nothing as well."""
    (cls,) = ast.parse(textwrap.dedent(inspect.getsource(codec))).body
    assert isinstance(cls, ast.ClassDef)
    found = []
    for node in cls.body:
        if isinstance(node, ast.FunctionDef):
            said = [line for line in node.body if isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)]
            code = [ast.unparse(line) for line in node.body if line not in said]
            if code in ([], ["return []"], ["return SettingsUpdate()"]):
                found.append(node.name)
    return found


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_vendor_has_no_method_that_does_nothing(provider: str) -> None:
    codec = type(create_codec(provider))
    assert issubclass(codec, BaseCodec)
    assert idle_methods(codec) == []


def test_a_method_that_does_nothing_is_found() -> None:
    assert idle_methods(Bare) == ["check", "decode"]


def test_what_a_wire_cannot_do_sends_nothing() -> None:
    codec = Bare()
    assert codec.resume("s") == codec.history([("user", "hello")]) == codec.probe() == codec.end() == []
    assert codec.tool_result("c", "1", False) == codec.tool_results_sent("r") == []
    assert codec.reply_create("") == codec.reply_cancel("r") == codec.reply_heard("r", 1) == []
    assert codec.talk_begin() == codec.talk_end() == codec.user_text("t") == codec.answer_text("t") == []
    assert codec.context("user", "t") == []
    update = codec.update(voice="v")
    assert (update.messages, update.applied, update.immutable) == ((), (), ())


@pytest.mark.parametrize("missing", ["check", "connect", "opening", "decode", "encode_audio", "close_reason"])
def test_what_every_wire_has_cannot_be_left_out(missing: str) -> None:
    base = {name: value for name, value in vars(Bare).items() if name != missing and not name.startswith("__")}
    with pytest.raises(TypeError, match=missing):
        type("Incomplete", (BaseCodec,), base)()


def test_the_page_is_told_what_is_yes_or_no_and_nothing_else_of_a_wire() -> None:
    told = Features(resume=True, frame_ms=20, catch_up=8).yes_and_no()
    assert told["resume"] is True and told["push_to_talk"] is False and told["typed_text"] is True
    assert not {"frame_ms", "catch_up", "audio_json"} & set(told) and {type(value) for value in told.values()} == {bool}
