"""TCP ports of this machine for nodes that are to listen at an address that is known beforehand."""

from __future__ import annotations

import socket
from random import SystemRandom

from actors.errors import GossamerError

_FIRST, _END = 15_000, 32_000
_TRIES = 1_000


class Ports:
    """TCP ports of this machine that nobody has, and that no other user of this class is given.

    They are below those that the system gives out by itself, so that a port is still free when its
    node was stopped and is started again.
    """

    def __init__(self) -> None:
        self._claims: list[socket.socket] = []

    def take(self, count: int) -> list[int]:
        """So many free ports, kept for their taker until `close`. Raises GossamerError if there are
        none."""
        return [self._take_one() for _ in range(count)]

    def _take_one(self) -> int:
        draw = SystemRandom()
        for _ in range(_TRIES):
            port = draw.randrange(_FIRST, _END)
            # The UDP port of the same number, which no node uses, stands for the claim.
            claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                claim.bind(("127.0.0.1", port))
                with socket.create_server(("127.0.0.1", port)):
                    self._claims.append(claim)
                return port
            except OSError:
                claim.close()
        raise GossamerError(f"there is no free port among {_TRIES:,} that were tried")

    def close(self) -> None:
        """Give the claims back."""
        for claim in self._claims:
            claim.close()
