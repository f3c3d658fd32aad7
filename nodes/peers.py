"""One line to each peer. A message that is not sent at once is not sent at all: it comes back.

A peer is addressed by its id, once it is known where that listens, or by `@host:port` until then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import zmq

from actors.actor import ENDPOINT, Envelope
from nodes.hosts import bounced
from nodes.keys import Dial
from nodes.line import Line
from nodes.sockets import GOODBYE_MS, Context, Socket
from nodes.wire import encode_all

MAX_STRANGERS = 64
"""Connections to addresses that belong to no member; the oldest goes when there are more."""

MAX_WATCHED = 64
"""Connections that are not made yet and tell why. Where more are not, all have the same reason."""

AFRESH_MS = 500
"""How often, at most, a connection is made anew because its peer was heard and it is not up."""


class Peers:
    """The connections of a thread, each made by `dealer`, with the keys `dials`. `on_fault` is
    called with an address and a sentence, where it is the keys that keep it from being connected.
    """

    def __init__(
        self,
        context: Context,
        dealer: Callable[[Context, Dial | None], Socket],
        dials: Sequence[Dial | None] = (None,),
        on_fault: Callable[[str, str], None] = lambda address, why: None,
    ) -> None:
        self._context = context
        self._new_dealer = dealer
        self._dials = dials
        self._on_fault = on_fault
        self._addresses: dict[str, str] = {}
        self._lines: dict[str, Line] = {}
        self._bounced: set[str] = set()
        self._watched: set[str] = set()
        self._made_ms: dict[str, int] = {}

    def connect(self, peers: Sequence[tuple[str, str]], now_ms: int) -> None:
        """These are the peers now, (id, address) each."""
        before, self._addresses = self._addresses, dict(peers)
        for address in set(before.values()) - set(self._addresses.values()):
            self._drop(address)
        for address in self._addresses.values():
            self._line(address, now_ms)

    def send_all(
        self, node: str, envelopes: Sequence[Envelope], here: str, now_ms: int
    ) -> list[Envelope]:
        """Send envelopes of the node `here`; what their senders are told of those not sent."""
        notices: list[Envelope] = []
        for batch, frames in encode_all(envelopes, here):
            if not self.send(node, frames, now_ms):
                notices += bounced(batch, self._why(node))
        return notices

    def send(self, node: str, frames: Sequence[bytes], now_ms: int) -> bool:
        """False if the message provably was not sent."""
        address = self._address(node)
        line = self._line(address, now_ms) if address is not None else None
        if address is None or line is None:
            return False
        try:
            line.send(frames)
        except zmq.Again:
            self._bounced.add(address)
            if line.look() and line.why:
                self._on_fault(address, f"{address} {line.why}")
            return False
        self._bounced.discard(address)
        if address in self._watched:
            self._watched.remove(address)
            line.stop_looking()
        return True

    def heard_from(self, node: str, now_ms: int) -> None:
        """The peer is there. If the connection to it is not, do not wait for its next attempt,
        which may be seconds away."""
        address = self._addresses.get(node)
        if address in self._bounced and now_ms - self._made_ms.get(address, 0) >= AFRESH_MS:
            self._drop(address)
            self._line(address, now_ms)

    def reconnect(self, node: str, now_ms: int) -> None:
        """The peer was dead: attempts to connect may have become rare, so begin anew."""
        address = self._addresses.get(node)
        if address is not None:
            self._drop(address)
            self._line(address, now_ms)

    def close(self, *, goodbye: bool) -> None:
        """Close all; with `goodbye` what was sent may still be delivered."""
        for line in self._lines.values():
            line.close(GOODBYE_MS if goodbye else 0)
        self._lines = {}

    def _address(self, node: str) -> str | None:
        if node.startswith(ENDPOINT):
            return node[len(ENDPOINT) :]
        return self._addresses.get(node)

    def _why(self, node: str) -> str:
        """What keeps it from being connected, if that is the keys."""
        address = self._address(node) or ""
        line = self._lines.get(address)
        return f"{address} {line.why}" if line is not None and line.why else ""

    def _line(self, address: str, now_ms: int) -> Line | None:
        """The connection to an address, made if need be; None if it is no host and port."""
        line = self._lines.get(address)
        if line is not None:
            return line
        members = set(self._addresses.values())
        strangers = [a for a in self._lines if a not in members]
        if len(strangers) >= MAX_STRANGERS:
            self._drop(strangers[0])
        is_watched = len(self._watched) < MAX_WATCHED
        make = self._context, self._new_dealer, address, self._dials
        try:
            line = Line(*make, is_watched=is_watched)
        except (zmq.ZMQError, TypeError):
            return None
        if is_watched:
            self._watched.add(address)
        self._lines[address] = line
        self._made_ms[address] = now_ms
        return line

    def _drop(self, address: str) -> None:
        line = self._lines.pop(address, None)
        if line is not None:
            line.close()
            self._bounced.discard(address)
            self._watched.discard(address)
            del self._made_ms[address]
