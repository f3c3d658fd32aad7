"""What ZeroMQ tells of those who come to a port: whom it did not let in is counted, by reason."""

from __future__ import annotations

from collections.abc import Callable

import zmq
from zmq.utils.monitor import recv_monitor_message

from nodes.logs import Log
from nodes.sockets import Socket, readable

EVENTS = (
    zmq.EVENT_DISCONNECTED
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_ACCEPT_FAILED
)


class Visitors:
    """Of a bound socket, which has to be closed after this. `count` counts by a reason."""

    def __init__(
        self, socket: Socket, count: Callable[[str], None], log: Log | None = None
    ) -> None:
        self._socket = socket
        self._count = count
        self._log = log
        self._ended = 0
        self.monitor = socket.get_monitor_socket(EVENTS)

    def look(self) -> None:
        """Take in what has happened."""
        while readable(self.monitor):
            news = recv_monitor_message(self.monitor)
            event, value = zmq.Event(news["event"]), int(news["value"])
            if event == zmq.Event.DISCONNECTED:
                # Clients come and go; but this is also all that is heard of a frame beyond the
                # bound, for which ZeroMQ cuts the connection.
                self._ended += 1
                if self._log is not None:
                    self._log.events.debug("connection_ended", so_far=self._ended)
            elif event == zmq.Event.ACCEPT_FAILED:
                self._count(f"connection not taken: {zmq.strerror(value)}")
            elif event != zmq.Event.HANDSHAKE_FAILED_AUTH:  # the guard has counted that
                self._count(f"failed handshake: {_how(event, value)}")

    def close(self) -> None:
        """Hear no more of them."""
        self._socket.disable_monitor()
        self.monitor.close()


def _how(event: zmq.Event, value: int) -> str:
    if value == zmq.PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH:
        return "one side does not encrypt"
    if value == zmq.PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC:
        return "another secret"
    if event == zmq.Event.HANDSHAKE_FAILED_PROTOCOL:
        return "not by the protocol"
    return "broken off"
