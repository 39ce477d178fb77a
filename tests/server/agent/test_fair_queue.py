"""One noisy caller cannot starve the others, and the work of whoever has left is dropped (row 61)."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from server.agent.fair_queue import MAX_WAITING_BYTES, FairQueue, Job

NOISY, QUIET, THIRD = 1, 2, 3


def job(caller: int, *, final: bool = True, size: int = 10) -> Job[str]:
    return Job(caller=caller, final=final, audio=bytes(size), answer=Future[str]())


def put(queue: FairQueue[str], *jobs: Job[str]) -> list[bool]:
    return [queue.put(one) for one in jobs]


def take_all(queue: FairQueue[str]) -> list[int]:
    """One recogniser's order, by caller."""
    order = []
    while not queue.empty:
        one = queue.take()
        assert one is not None
        order.append(one.caller)
        queue.done(one)
    return order


def test_row_61_callers_take_turns_whoever_sent_more() -> None:
    queue: FairQueue[str] = FairQueue()
    put(queue, *(job(NOISY) for _ in range(5)), job(QUIET), job(THIRD))
    assert take_all(queue) == [NOISY, QUIET, THIRD, NOISY, NOISY, NOISY, NOISY]


def test_row_61_a_caller_has_one_utterance_in_work_so_another_recogniser_is_left_for_the_others() -> None:
    queue: FairQueue[str] = FairQueue()
    put(queue, job(NOISY), job(NOISY))
    first = queue.take()
    assert first is not None
    taken: list[Job[str] | None] = []
    other = threading.Thread(target=lambda: taken.append(queue.take()), daemon=True)
    other.start()
    put(queue, job(QUIET))
    other.join(5)
    assert [one.caller for one in taken if one is not None] == [QUIET]
    queue.done(first)
    assert take_all(queue) == [NOISY]


def test_a_final_goes_before_the_partials_of_all_and_in_a_callers_own_order() -> None:
    queue: FairQueue[str] = FairQueue()
    partial, first, second = job(NOISY, final=False), job(QUIET), job(QUIET)
    put(queue, partial, first, second)
    order = []
    for _ in range(3):
        one = queue.take()
        assert one is not None
        order.append(one)
        queue.done(one)
    assert order == [first, second, partial]


def test_row_61_what_a_caller_may_have_waiting_is_bounded() -> None:
    queue: FairQueue[str] = FairQueue()
    half = MAX_WAITING_BYTES // 2
    assert put(queue, job(NOISY, size=half), job(NOISY, size=half), job(NOISY), job(QUIET)) == [True, True, False, True]


def test_row_61_a_withdrawn_utterance_makes_room_at_once() -> None:
    queue: FairQueue[str] = FairQueue()
    guess = job(NOISY, size=MAX_WAITING_BYTES)
    assert put(queue, guess, job(NOISY)) == [True, False]
    guess.answer.cancel()
    assert queue.empty
    assert put(queue, job(NOISY)) == [True]


def test_row_61_whoever_leaves_takes_the_work_along() -> None:
    queue: FairQueue[str] = FairQueue()
    gone = [job(NOISY), job(NOISY, final=False)]
    put(queue, *gone, job(QUIET))
    queue.leave(NOISY)
    assert all(one.answer.cancelled() for one in gone)
    assert take_all(queue) == [QUIET]
    queue.leave(THIRD)


def test_a_closed_queue_takes_nothing_and_lets_every_taker_go() -> None:
    queue: FairQueue[str] = FairQueue()
    ended: list[Job[str] | None] = []
    threads = [threading.Thread(target=lambda: ended.append(queue.take()), daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    queue.close()
    for thread in threads:
        thread.join(5)
    assert ended == [None, None]
    assert queue.put(job(QUIET)) is False


@pytest.mark.parametrize("finished", [False, True], ids=["in work", "done"])
def test_a_cancelled_utterance_that_is_in_work_disturbs_nothing(finished: bool) -> None:
    queue: FairQueue[str] = FairQueue()
    one = job(NOISY)
    put(queue, one)
    taken = queue.take()
    assert taken is one
    if finished:
        queue.done(taken)
    one.answer.cancel()
    assert queue.works_for(NOISY) is not finished
    assert queue.empty
