"""The file server's surroundings: the node's file port, and connections to those of its peers.

Chunks have a thread and connections of their own, so that they never queue before keys. All else
that the file server sends to other nodes goes by the router's thread, as for every actor.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from actors.actor import CLIENT, Envelope
from actors.messages import MembersChanged, Reconnect
from nodes.clocks import monotonic_ms
from nodes.door import Door
from nodes.following import Following
from nodes.hosts import InnerHost, OnNews
from nodes.logs import Log
from nodes.loop import Link, NodeInfo
from nodes.mailbox import Mailbox
from nodes.peers import Peers
from nodes.ports import FILES
from nodes.sockets import Context, Socket, files_dealer, files_router
from nodes.tally import Tally

MAX_TURN_BYTES = 8 * 2**20
MAX_UNREAD_BYTES = 8 * 2**20
"""Of a client, besides what ZeroMQ holds."""


class FileHost(InnerHost):
    """For the file server. With `trace_all` every request is traced, not only those that ask for
    it; `take_sync_us` is the disk's."""

    def __init__(
        self,
        node: NodeInfo,
        context: Context,
        mailboxes: dict[str, Mailbox],
        on_news: OnNews,
        tally: Tally,
        listen: tuple[str, int],
        log: Log,
        take_sync_us: Callable[[], int],
        *,
        trace_all: bool,
    ) -> None:
        super().__init__("fileserver", node, context, mailboxes, on_news, tally, take_sync_us)
        self._listen = listen
        self._peers = Peers(context, files_dealer)
        self._door = Door(
            FILES,
            node,
            log,
            Following("fileserver", node, log, self._drop, trace_all=trace_all),
            self._drop,
            max_turn_bytes=MAX_TURN_BYTES,
            max_unread_bytes=MAX_UNREAD_BYTES,
        )
        self.port = 0

    def open(self) -> Sequence[Socket]:
        """The mailbox and the file port."""
        sockets = super().open()
        files, self.port = files_router(self._context, *self._listen)
        return [*sockets, *self._door.open(files)]

    def receive(self, ready: Collection[Socket]) -> list[Envelope]:
        """What is for the file server. News of members tell where their files are served, too."""
        own = self._door.news()
        for envelope in super().receive(ready):
            match envelope.message:
                case Reconnect(member_id):
                    self._peers.reconnect(member_id, monotonic_ms())
                    continue
                case MembersChanged() as changed if changed.network:
                    self._connect(changed)
            own.append(envelope)
        for envelopes in self._door.receive(ready):
            own += envelopes if envelopes[0].sender.node == CLIENT else self._of_a_node(envelopes)
        return own

    def has_more(self) -> bool:
        """Also news for the file server, which sees to it that what waits is tried again."""
        return super().has_more() or self._door.has_news

    def send(self, link: Link, envelopes: Sequence[Envelope]) -> list[Envelope]:
        """To a file server, a client, or an actor here or, by the router's thread, elsewhere."""
        match link.kind:
            case "files":
                return self._peers.send_all(link.name, envelopes, self._node.id, monotonic_ms())
            case "client":
                self._door.send(link.name, envelopes)
                return []
        return super().send(link, envelopes)

    def close(self, *, goodbye: bool) -> None:
        """With `goodbye` the last replies may still go out."""
        self._peers.close(goodbye=goodbye)
        self._door.close(goodbye=goodbye)
        super().close(goodbye=goodbye)

    def _connect(self, changed: MembersChanged) -> None:
        here = self._node.id
        peers = [(m.id, m.files_address) for m in changed.members if m.id != here]
        self._peers.connect(peers, monotonic_ms())

    def _of_a_node(self, envelopes: list[Envelope]) -> list[Envelope]:
        """What may be taken of it. What is trusted of the own node never comes from outside."""
        node = envelopes[0].sender.node
        if node == self._node.id:
            self._drop("message from outside under the own id", envelopes=len(envelopes))
            return []
        self._peers.heard_from(node, monotonic_ms())
        taken = [e for e in envelopes if e.to.actor == "fileserver"]
        if len(taken) < len(envelopes):
            self._drop("message to an unknown actor", sender=str(envelopes[0].sender))
        return taken
