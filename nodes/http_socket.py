"""The socket of an HTTP port, a node's or a gateway's."""

from __future__ import annotations

import os
import socket

from actors.errors import GossamerError
from nodes.addresses import HostPort


def listening(at: HostPort, backlog: int) -> socket.socket:
    """A socket that is bound, and listens: from now on others may connect. Raises GossamerError
    with a sentence."""
    host = "" if at.host == "*" else at.host
    try:
        found = socket.getaddrinfo(host or "0.0.0.0", at.port, type=socket.SOCK_STREAM)
        # All addresses are those of both families, as at the node's other ports.
        both = host == "::" and socket.has_dualstack_ipv6()
        made = socket.create_server(
            (host, at.port), family=found[0][0], backlog=backlog, dualstack_ipv6=both
        )
    except OSError as error:
        # Python's own sentence repeats the address; what is no error of the system has no other.
        number = error.errno or 0
        why = os.strerror(number) if number > 0 else error.strerror
        raise GossamerError(f"cannot listen on {at}: {why}") from error
    # Connections inherit it. asyncio sets it only where a socket was made for TCP by number, which
    # this was not; without it the body of an answer waits for 40 ms until its head is acknowledged.
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made
