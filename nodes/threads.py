"""Threads that are used again: to start one takes longer than to read and hash a small file.

They are daemons: one that waits for input that never comes does not keep a program from ending.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue

Work = Callable[[], None]


class Threads:
    """As many as there is work under way, all called `name`; those in `idle` have nothing to do."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.idle: deque[SimpleQueue[Work | None]] = deque()
        self._closed = False

    def run(self, work: Work) -> None:
        """Do this in a thread that has nothing to do, or in a new one. It must not raise."""
        try:
            inbox = self.idle.pop()
        except IndexError:
            inbox = SimpleQueue()
            threading.Thread(target=self._live, args=(inbox,), name=self._name, daemon=True).start()
        inbox.put(work)

    def close(self) -> None:
        """Let each thread end once it has nothing to do. May be called twice."""
        self._closed = True
        while self.idle:
            self.idle.pop().put(None)

    def _live(self, inbox: SimpleQueue[Work | None]) -> None:
        while (work := inbox.get()) is not None:
            work()
            del work  # or what it holds would be held until the next one comes
            self.idle.append(inbox)
            if self._closed:
                self.close()
