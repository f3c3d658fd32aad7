"""The file server's surroundings: the node's file port, and connections to those of its peers.

Chunks have a thread and connections of their own, so that they never queue before keys. All else
that the file server sends to other nodes goes by the router's thread, as for every actor.
"""

from __future__ import annotations

from collections.abc import Collection

from actors.actor import CLIENT, Envelope
from actors.messages import MembersChanged, Reconnect
from nodes.clocks import monotonic_ms
from nodes.listening import ListeningHost, Wiring
from nodes.ports import FILES
from nodes.sockets import Socket, files_dealer, files_router


class FileHost(ListeningHost):
    """For the file server."""

    wiring = Wiring(
        FILES,
        "files",
        files_router,
        files_dealer,
        max_turn_bytes=8 * 2**20,
        max_unread_bytes=8 * 2**20,
    )

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
