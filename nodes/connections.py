"""A client's sockets: a line to each endpoint, and the news of whether that is connected."""

from __future__ import annotations

from collections.abc import Sequence

import zmq

from actors.actor import CLIENT, ENDPOINT, Address, Envelope
from actors.errors import Refused
from actors.messages import Bounced, LinkDown, LinkUp
from nodes.codec import Malformed
from nodes.keys import Dial
from nodes.line import Line
from nodes.ports import REQUESTS, Port
from nodes.sockets import Context, Socket, readable, receive, request_dealer
from nodes.wire import decode_reply, encode_all

_HERE = Address(CLIENT, "")


class Connections:
    """Made, used and closed in one thread. All endpoints are ports of one kind, to be connected
    to with the keys `dials`. `malformed` counts answers that were not understood."""

    def __init__(
        self,
        context: Context,
        endpoints: Sequence[str],
        port: Port = REQUESTS,
        dials: Sequence[Dial | None] = (None,),
    ) -> None:
        self._port = port
        self._lines: dict[str, Line] = {}
        self.malformed = 0
        for address in endpoints:
            try:
                self._lines[address] = Line(
                    context, request_dealer, address, dials, is_patient=True
                )
            except zmq.ZMQError as error:
                self.close()
                raise Refused(f"cannot connect to {address}: {error.strerror}") from error

    def dealers(self) -> list[Socket]:
        """Those that replies come by."""
        return [dealer for line in self._lines.values() for dealer in line.dealers]

    def monitors(self) -> list[Socket]:
        """Those that tell of connections."""
        return [monitor for line in self._lines.values() for monitor in line.monitors]

    @property
    def are_refused(self) -> bool:
        """Is the key admitted nowhere? ZeroMQ does not try again then, even if that changes."""
        lines = self._lines.values()
        return any(line.is_refused for line in lines) and not any(line.is_up for line in lines)

    def fingerprint(self, address: str) -> str:
        """Of the secret of the node at an endpoint, where a connection is encrypted, else empty."""
        return self._lines[address].fingerprint

    def receive(self) -> list[Envelope]:
        """The replies that have arrived."""
        envelopes: list[Envelope] = []
        for dealer in self.dealers():
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
        for address, line in self._lines.items():
            for is_up in line.look():
                up = LinkUp(address)
                message = up if is_up else LinkDown(address, line.why, line.is_refused)
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
                    self._lines[address].send(frames)
                except zmq.Again:
                    bounced += [
                        Envelope(_HERE, _HERE, Bounced(e.to, e.message), e.id) for e in batch
                    ]
        return bounced

    def close(self) -> None:
        """Close all at once."""
        for line in self._lines.values():
            line.close()
