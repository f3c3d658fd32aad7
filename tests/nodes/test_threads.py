"""Threads that are used again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

from nodes.threads import Threads
from tests.networks import wait_until

NAME = "test-threads"


def named() -> list[threading.Thread]:
    """Those of the tests here that there are."""
    return [thread for thread in threading.enumerate() if thread.name == NAME]


def tells_who(told: SimpleQueue[int | None], until: threading.Event) -> Callable[[], None]:
    """Work that tells which thread does it, and ends when it may."""

    def work() -> None:
        told.put(threading.get_ident())
        assert until.wait(10)

    return work


def test_a_thread_is_used_again() -> None:
    """One that is busy is not waited for."""
    threads = Threads(NAME)
    told: SimpleQueue[int | None] = SimpleQueue()
    first, second = threading.Event(), threading.Event()
    threads.run(tells_who(told, first))
    threads.run(tells_who(told, second))
    assert told.get(timeout=10) != told.get(timeout=10)
    assert len(named()) == 2
    first.set()
    second.set()
    wait_until("both have nothing to do", lambda: len(threads.idle) == 2)
    threads.run(tells_who(told, first))
    told.get(timeout=10)
    assert len(named()) == 2
    threads.close()
    wait_until("they are gone", lambda: not named())


def test_threads_end_when_they_are_closed() -> None:
    """One that is busy ends after what it does."""
    threads = Threads(NAME)
    told: SimpleQueue[int | None] = SimpleQueue()
    may_end = threading.Event()
    threads.run(tells_who(told, may_end))
    told.get(timeout=10)
    threads.close()
    assert len(named()) == 1
    may_end.set()
    wait_until("it is gone", lambda: not named())
    threads.close()
