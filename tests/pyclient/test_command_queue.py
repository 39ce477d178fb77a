"""Commands in order, and timers that can be trusted."""

from __future__ import annotations

from pyclient.core import commands as cmd
from pyclient.core.command_queue import CommandQueue


def test_commands_leave_in_order_and_once() -> None:
    out = CommandQueue()
    out.log("=", "a")
    out.add(cmd.StopCapture())
    assert out.take() == [cmd.Log(direction="=", text="a"), cmd.StopCapture()]
    assert out.take() == []


def test_a_line_of_the_log_has_a_bounded_length() -> None:
    out = CommandQueue()
    out.log("!", "x" * 10_000)
    (line,) = out.take()
    assert isinstance(line, cmd.Log) and len(line.text) == 300


def test_a_timer_fires_once_and_not_before_it_is_due() -> None:
    out = CommandQueue()
    out.set_timer("t", 100, now_ms=1_000)
    assert out.running("t")
    assert not out.fired("t", 1_050)
    assert out.fired("t", 1_099.2), "browsers fire up to a millisecond early"
    assert not out.fired("t", 1_200) and not out.running("t")


def test_a_restarted_timer_does_not_hear_the_old_alarm() -> None:
    out = CommandQueue()
    out.set_timer("t", 100, now_ms=1_000)
    out.set_timer("t", 100, now_ms=1_090)
    assert not out.fired("t", 1_100)
    assert out.fired("t", 1_190)


def test_only_a_running_timer_is_cancelled() -> None:
    out = CommandQueue()
    out.cancel_timer("t")
    out.set_timer("a", 10, now_ms=0)
    out.set_timer("b", -5, now_ms=0)
    assert [command.delay_ms for command in out.take() if isinstance(command, cmd.SetTimer)] == [10, 0]
    out.cancel_all_timers()
    out.cancel_timer("a")
    assert out.take() == [cmd.CancelTimer(name="a"), cmd.CancelTimer(name="b")]
    assert not out.fired("a", 100)
