"""A client that sends requests as fast as it can, and reads no answer until it is told to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Self

import orjson
import zmq

from nodes.sockets import Context, Socket

LOOK_MS = 50
QUIET_MS = 1_000
"""What was taken is answered by then."""

Frames = Sequence[bytes]


class Flood:
    """Of messages of one request each, the n-th being `request(n)`, from `with` on until its end,
    and not more than `most`.

    ZeroMQ reads a single answer for it, and the system a few; all others wait at the node. It sends
    no heartbeats, so it is not found out by those.
    """

    def __init__(
        self, context: Context, address: str, request: Callable[[int], Frames], most: int
    ) -> None:
        self.sent = 0
        self._most = most
        self._request = request
        self._dealer: Socket = context.socket(zmq.DEALER)
        self._dealer.set(zmq.LINGER, 0)
        self._dealer.set(zmq.RCVHWM, 1)
        self._dealer.set(zmq.RCVBUF, 2**16)
        self._dealer.set(zmq.SNDHWM, 16)
        self._monitor: Socket = self._dealer.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self._dealer.connect(f"tcp://{address}")
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while self.sent < self._most and not self._ending.is_set():
            if self._dealer.poll(LOOK_MS, zmq.POLLOUT):
                self.sent += 1
                self._dealer.send_multipart(self._request(self.sent), zmq.NOBLOCK)

    @property
    def was_cut_off(self) -> bool:
        """Has its connection ever ended? What waited for it then went with it."""
        return bool(self._monitor.poll(0))

    def read(self) -> list[str]:
        """All that waits for it, and all that is still answered: the codes of what was refused, and
        the types of the rest. A node takes its requests in their order: once one more has not been
        refused, nor dropped, all before that have been taken."""
        answers: dict[int, str] = {}
        is_taken = False
        while not is_taken:
            self.sent += 1
            self._dealer.send_multipart(self._request(self.sent))
            while self.sent not in answers and self._dealer.poll(QUIET_MS):
                answers |= self._read_one()
            is_taken = answers.get(self.sent, "overloaded") != "overloaded"
        while self._dealer.poll(QUIET_MS):
            answers |= self._read_one()
        return list(answers.values())

    def _read_one(self) -> dict[int, str]:
        batch = orjson.loads(self._dealer.recv_multipart()[0])["batch"]
        return {answer["id"]: answer.get("code", answer["type"]) for answer in batch}

    def close(self) -> None:
        """End it."""
        self._dealer.disable_monitor()
        self._monitor.close()
        self._dealer.close()
