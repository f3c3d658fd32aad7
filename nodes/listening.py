"""The surroundings of an actor that has a port of its own, for clients and for other nodes, and
connections to the ports of the same kind of its peers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from actors.actor import Envelope
from nodes.clocks import monotonic_ms
from nodes.door import Door
from nodes.following import Following
from nodes.guard import Guard
from nodes.hosts import InnerHost, OnNews
from nodes.keys import Dial, Pair
from nodes.logs import Log
from nodes.loop import Link, NodeInfo
from nodes.mailbox import Mailbox
from nodes.meter import Meter
from nodes.peers import Peers
from nodes.ports import Port
from nodes.sockets import Context, Socket
from nodes.tally import Tally


@dataclass(frozen=True, slots=True)
class Wiring:
    """A kind of port: what passes there, the links that lead to peers, and its sockets. A turn
    takes no more than `max_turn_bytes` in, and of a client `max_unread_bytes` wait, besides what
    ZeroMQ holds."""

    port: Port
    link: Literal["peer", "files"]
    router: Callable[[Context, str, int, Pair | None], tuple[Socket, int]]
    dealer: Callable[[Context, Dial | None], Socket]
    max_turn_bytes: int
    max_unread_bytes: int


class ListeningHost(InnerHost):
    """With `trace_all` every request is traced, not only those that ask for it. `port` is what is
    listened on, once it is open, and `meter` counts there; `take_sync_us` is the disk's, if the
    actor has one. With a `guard` all is encrypted, with its keys, and it knows whose key is whose.
    """

    wiring: ClassVar[Wiring]

    def __init__(
        self,
        node: NodeInfo,
        context: Context,
        mailboxes: dict[str, Mailbox],
        on_news: OnNews,
        tally: Tally,
        listen: tuple[str, int],
        log: Log,
        take_sync_us: Callable[[], int] = lambda: 0,
        *,
        trace_all: bool,
        guard: Guard | None = None,
    ) -> None:
        name, wiring = self.wiring.port.actor, self.wiring
        super().__init__(name, node, context, mailboxes, on_news, tally, take_sync_us)
        self._listen = listen
        self._guard = guard
        dials = guard.keys.dials() if guard is not None else (None,)
        self._peers = Peers(context, wiring.dealer, dials, self._on_fault)
        self.meter = Meter()
        self._following = Following(name, node, log, self._drop, self.meter, trace_all=trace_all)
        self._door = Door(
            wiring.port,
            node,
            log,
            self._following,
            self._drop,
            self.meter,
            max_turn_bytes=wiring.max_turn_bytes,
            max_unread_bytes=wiring.max_unread_bytes,
            guard=guard,
        )
        self.port = 0

    def open(self) -> Sequence[Socket]:
        """The mailbox and the port."""
        sockets = super().open()
        own = self._guard.keys.server if self._guard else None
        socket, self.port = self.wiring.router(self._context, *self._listen, own)
        return [*sockets, *self._door.open(socket)]

    def has_more(self) -> bool:
        """Also news for the actor, which sees to it that what waits is tried again."""
        return super().has_more() or self._door.has_news

    def send(self, link: Link, envelopes: Sequence[Envelope]) -> list[Envelope]:
        """To a peer, a client, or an actor here or, by the router's thread, elsewhere."""
        if link.kind == self.wiring.link:
            return self._peers.send_all(link.name, envelopes, self._node.id, monotonic_ms())
        if link.kind == "client":
            self._door.send(link.name, envelopes)
            return []
        return super().send(link, envelopes)

    def close(self, *, goodbye: bool) -> None:
        """With `goodbye` the last replies may still go out."""
        self._peers.close(goodbye=goodbye)
        self._door.close(goodbye=goodbye)
        super().close(goodbye=goodbye)

    def _on_fault(self, address: str, why: str) -> None:
        self._drop("handshake with a peer failed", address=address, why=why)
