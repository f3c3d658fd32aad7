"""Which messages pass at which of a node's ports. What is not named here is malformed there.

Whatever a storage or router of another node says to a file server comes in by the request port, as
all that those send does; file servers themselves, and their clients, use the file port, so that
chunks never queue before keys.
"""

from __future__ import annotations

from dataclasses import dataclass

from actors.messages import (
    BETWEEN_FILE_SERVERS,
    BETWEEN_NODES,
    FILES_FROM_CLIENTS,
    FILES_TO_CLIENTS,
    FROM_CLIENTS,
    TO_CLIENTS,
    TO_GOSSIPERS,
    AskFiles,
    Failed,
    LayoutIs,
    Message,
    Referred,
)


@dataclass(frozen=True, slots=True)
class Port:
    """A port of the node, named by the `actor` that holds it. `to_file_server` is what of
    `from_nodes` the file server may be sent by it."""

    actor: str
    from_clients: frozenset[type[Message]]
    to_clients: frozenset[type[Message]]
    from_nodes: frozenset[type[Message]]
    to_file_server: frozenset[type[Message]]

    def answers(self, request: type[Message]) -> str:
        """The actor that a client is to send this request to."""
        return "gossiper" if request in TO_GOSSIPERS else self.actor


REQUESTS = Port(
    actor="router",
    from_clients=FROM_CLIENTS,
    to_clients=TO_CLIENTS,
    from_nodes=BETWEEN_NODES,
    to_file_server=frozenset({AskFiles, Referred, LayoutIs, Failed}),
)
FILES = Port(
    actor="fileserver",
    from_clients=FILES_FROM_CLIENTS,
    to_clients=FILES_TO_CLIENTS,
    from_nodes=BETWEEN_FILE_SERVERS,
    to_file_server=BETWEEN_FILE_SERVERS,
)
