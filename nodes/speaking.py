"""What is spoken by whoever listens at an address: ZeroMQ's protocol or another, and encrypted?

ZeroMQ does not tell: that the other side hangs up on its greeting may mean that this wants another
kind of greeting, or that it is no node. But a peer begins its own greeting at once, whoever has
connected, and names its mechanism to who has said that it speaks version 3 (ZMTP 3.1, "Greeting").
"""

from __future__ import annotations

import zmq

from nodes.sockets import Context, endpoint, readable, receive, send, stream

SIGNATURE = b"\xff" + bytes(8) + b"\x7f"
"""What both sides begin with; then come a byte for the major version and one for the minor."""
GREETING = SIGNATURE + b"\x03"
MECHANISM = slice(12, 32)
"""Where that is, filled up with zeros."""

FOREIGN, PLAIN, ENCRYPTED, UNTOLD = "foreign", "plain", "encrypted", "untold"
"""What may be found: another protocol; ZeroMQ's, without encryption, with it, or who knows."""


class Speaking:
    """Of one address, `host:port`. `found` is empty until it is known. Raises TypeError if that is
    no address."""

    def __init__(self, context: Context, address: str) -> None:
        self._endpoint = endpoint(*address.rsplit(":", 1))
        self.socket = stream(context)
        self._is_connected = False
        self._said = b""
        self.is_asked = False
        self.found = ""

    @property
    def is_asking(self) -> bool:
        """Was it asked, and is not known yet?"""
        return self.is_asked and not self.found

    def ask(self) -> None:
        """Find out, unless that was done."""
        if not self.is_asked:
            self.is_asked = True
            self.socket.connect(self._endpoint)

    def look(self) -> bool:
        """Take in what has come; is it known now, and was not before?"""
        was_asking = self.is_asking
        while readable(self.socket):
            frames = receive(self.socket)
            if frames is not None and len(frames) == 2 and self.is_asking:
                self._on(*frames)
        return was_asking and not self.is_asking

    def close(self) -> None:
        """Hang up."""
        self.socket.close(linger=0)

    def _on(self, peer: bytes, data: bytes) -> None:
        """Nothing is what a connection begins with, and ends."""
        self._said += data
        if data or self._is_connected:
            self.found = _found(self._said, is_over=not data)
            return
        self._is_connected = True
        try:
            send(self.socket, [peer, GREETING])
        except zmq.ZMQError:
            self.found = FOREIGN  # it has hung up already


def _found(said: bytes, *, is_over: bool) -> str:
    if said[:1] != SIGNATURE[:1]:
        return FOREIGN
    if len(said) < MECHANISM.stop:
        return UNTOLD if is_over else ""
    return PLAIN if said[MECHANISM].rstrip(b"\0") == b"NULL" else ENCRYPTED
