"""Bad messages as a part alone: counted, logged up to a bound, told once."""

from __future__ import annotations

from pyclient.connection.bad_messages import BadMessages
from pyclient.core import commands as cmd
from pyclient.core.events import MessageIgnored, MessageRejected
from tests.support.parts import call_in, told


def logged(part: BadMessages) -> int:
    return sum(isinstance(command, cmd.Log) for command in part.call.commands.take())


def test_a_flood_is_counted_and_not_logged_without_end() -> None:
    part = BadMessages(call_in())
    for _ in range(100):
        told(part, MessageIgnored(type="odd"))
        told(part, MessageRejected(reason="not JSON"))
    assert (part.call.stats.ignored_messages, part.call.stats.rejected_messages) == (100, 100)
    assert logged(part) == 40 and part.call.notice is None


def test_lost_sound_is_told_once_in_a_call() -> None:
    part = BadMessages(call_in())
    told(part, MessageRejected(reason="not base64", audio=True))
    assert part.call.notice is not None and part.call.notice.code == "audio_unreadable"
    part.call.notice = None
    told(part, MessageRejected(reason="not base64", audio=True))
    assert part.call.notice is None
    part.begin(0)
    told(part, MessageRejected(reason="not base64", audio=True))
    assert part.call.notice is not None
