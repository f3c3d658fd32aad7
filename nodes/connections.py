"""A client's sockets: one DEALER to each endpoint, and the news of whether it is connected."""

from __future__ import annotations

from collections.abc import Sequence

import zmq
from zmq.utils.monitor import recv_monitor_message

from actors.actor import CLIENT, ENDPOINT, Address, Envelope
from actors.errors import Refused
from actors.messages import Bounced, LinkDown, LinkUp, Message
from nodes.codec import Malformed
from nodes.ports import REQUESTS, Port
from nodes.sockets import Context, Socket, endpoint, readable, receive, request_dealer, send
from nodes.wire import decode_reply, encode_all

_HERE = Address(CLIENT, "")
_NEWS = (
    zmq.EVENT_HANDSHAKE_SUCCEEDED
    | zmq.EVENT_DISCONNECTED
    | zmq.EVENT_CLOSED
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)


class Connections:
    """Made, used and closed in one thread. All endpoints are ports of one kind. `malformed` counts
    answers that were not understood."""

    def __init__(self, context: Context, endpoints: Sequence[str], port: Port = REQUESTS) -> None:
        self._port = port
        self._dealers: dict[str, Socket] = {}
        self._monitors: dict[str, Socket] = {}
        self.malformed = 0
        for address in endpoints:
            dealer = request_dealer(context)
            self._monitors[address] = dealer.get_monitor_socket(_NEWS)
            self._dealers[address] = dealer
            try:
                dealer.connect(endpoint(*address.rsplit(":", 1)))
            except zmq.ZMQError as error:
                self.close()
                raise Refused(f"cannot connect to {address}: {error.strerror}") from error

    def dealers(self) -> list[Socket]:
        """Those that replies come by."""
        return list(self._dealers.values())

    def monitors(self) -> list[Socket]:
        """Those that tell of connections."""
        return list(self._monitors.values())

    def receive(self) -> list[Envelope]:
        """The replies that have arrived."""
        envelopes: list[Envelope] = []
        for dealer in self._dealers.values():
            while readable(dealer):
                frames = receive(dealer)
                if frames is None:
                    break
                try:
                    envelopes += decode_reply(frames, self._port)
                except Malformed:
                    self.malformed += 1
        return envelopes

    def receive_news(self) -> list[Envelope]:
        """Which connections came up and went down since the last call."""
        news: list[Envelope] = []
        for address, monitor in self._monitors.items():
            while readable(monitor):
                event = recv_monitor_message(monitor)["event"]
                up = event == zmq.EVENT_HANDSHAKE_SUCCEEDED
                message: Message = LinkUp(address) if up else LinkDown(address)
                news.append(Envelope(_HERE, _HERE, message))
        return news

    def send(self, envelopes: Sequence[Envelope]) -> list[Envelope]:
        """Send each to the endpoint it is addressed to; what was provably not sent comes back."""
        groups: dict[str, list[Envelope]] = {}
        for envelope in envelopes:
            groups.setdefault(envelope.to.node[len(ENDPOINT) :], []).append(envelope)
        bounced: list[Envelope] = []
        for address, group in groups.items():
            for batch, frames in encode_all(group, ""):
                try:
                    send(self._dealers[address], frames)
                except zmq.Again:
                    bounced += [
                        Envelope(_HERE, _HERE, Bounced(e.to, e.message), e.id) for e in batch
                    ]
        return bounced

    def close(self) -> None:
        """Close all at once."""
        for dealer in self._dealers.values():
            dealer.disable_monitor()
            dealer.close()
        for monitor in self._monitors.values():
            monitor.close()
