"""What leads to one port: a DEALER for each key that this may have, and how the handshakes went.

While a network changes its secret it is not known which one a node listens with. At most one of the
handshakes gets through, and what is sent goes there. Where one was broken off without a word, it is
found out whether a node is there at all.

Whoever has a wrong key must not hammer: ZeroMQ waits longer and longer for a port that is not
there, but not for one that it can connect to, whatever comes of the handshake. So a key that has
failed too often in a row is tried rarely here, until the port is gone, or another key of the line
is not up any more: then the node is being started again, perhaps with another secret.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from typing import cast

import zmq
from zmq.utils.monitor import recv_monitor_message

from nodes.keys import Dial
from nodes.sockets import Context, Socket, endpoint, readable, send
from nodes.speaking import FOREIGN, PLAIN, Speaking

_HUNG_UP = (errno.EPIPE, errno.ECONNRESET)
"""How a handshake fails where the other side cannot make sense of it; where it says nothing at all,
as one that stands still, it is another error."""

IN_A_ROW = 10
"""So many handshakes fail at the usual pace. A node that stops makes a few of them fail, too."""

RARELY_MS = 5_000
"""As seldom as what is not there at all is tried."""

NO_NODE = (
    "does not speak Gossamer's protocol: is that a node's port? (a gateway speaks HTTP, as does a "
    "node's --http port)"
)
OTHER_KIND = "is another kind of port: give the address that the node listens on"

_NEWS = (
    zmq.EVENT_HANDSHAKE_SUCCEEDED
    | zmq.EVENT_DISCONNECTED
    | zmq.EVENT_CLOSED
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)

_FAILURES = (
    zmq.Event.HANDSHAKE_FAILED_NO_DETAIL,
    zmq.Event.HANDSHAKE_FAILED_PROTOCOL,
    zmq.Event.HANDSHAKE_FAILED_AUTH,
)


class _Try:
    """One DEALER. `is_up` is None until it is known; `why` says what is wrong with keys, of whom
    it leads to, and `is_refused` that this is certain. `is_unclear`: it was broken off without a
    word, and perhaps not by a node, or for another reason than keys. Raises as `Line`."""

    def __init__(
        self, dealer: Socket, address: str, dial: Dial | None, *, is_watched: bool, is_patient: bool
    ) -> None:
        self.dealer = dealer
        self._endpoint = ""
        self._is_patient = is_patient
        self._usual_ms = cast(int, dealer.get(zmq.RECONNECT_IVL))
        self._is_rare = False
        self._failed = 0
        self.monitor: Socket | None = None
        if is_watched:
            self.monitor = dealer.get_monitor_socket(_NEWS)
            # ZeroMQ would stand still where it cannot tell its news.
            self.monitor.set(zmq.RCVHWM, 0)
            self.monitor.set(zmq.LINGER, 0)
        self.dial = dial
        self.is_up: bool | None = None
        self.why = ""
        self.is_refused = False
        self.is_unclear = False
        self._has_failed = False
        try:
            self._endpoint = endpoint(*address.rsplit(":", 1))
            dealer.connect(self._endpoint)
        except (zmq.ZMQError, TypeError):
            self.close(0)
            raise

    def look(self) -> Iterator[bool]:
        """Take in what has happened; for each event, was it connected before?"""
        while self.monitor is not None and readable(self.monitor):
            news = recv_monitor_message(self.monitor)
            was_up = bool(self.is_up)
            self._on(zmq.Event(news["event"]), int(news["value"]))
            self._pace(zmq.Event(news["event"]), was_up)
            yield was_up

    def hurry(self) -> None:
        """Try at once, and at the usual pace again: what has failed may be right now."""
        self._failed = 0
        if self._is_rare and not self.is_up:
            self._try_every(self._usual_ms)

    def _pace(self, event: zmq.Event, was_up: bool) -> None:
        """Be tried rarely, or not any more, after this."""
        if event == zmq.Event.HANDSHAKE_SUCCEEDED:
            self._failed = 0
        elif was_up or event == zmq.Event.CLOSED:
            self.hurry()
        elif event != zmq.Event.DISCONNECTED and self.why and not self.is_refused:
            # What is refused for certain ZeroMQ does not try again.
            self._failed += 1
            if self._failed == IN_A_ROW and self._is_patient:
                self._try_every(RARELY_MS)

    def _try_every(self, pause_ms: int) -> None:
        """What is set counts for connections that are made from then on."""
        self._is_rare = pause_ms != self._usual_ms
        self.dealer.set(zmq.RECONNECT_IVL, pause_ms)
        self.dealer.disconnect(self._endpoint)
        self.dealer.connect(self._endpoint)

    def _on(self, event: zmq.Event, value: int) -> None:
        was_up, self.is_up = self.is_up, event == zmq.Event.HANDSHAKE_SUCCEEDED
        if event == zmq.Event.DISCONNECTED:
            # It follows a failure, too.
            self.is_unclear = self.is_unclear or not (was_up or self._has_failed)
            return
        self._has_failed = event in _FAILURES
        self.is_unclear = event == zmq.Event.HANDSHAKE_FAILED_NO_DETAIL and value in _HUNG_UP
        self.is_refused = event == zmq.Event.HANDSHAKE_FAILED_AUTH
        self.why = self._why(event, value)

    def _why(self, event: zmq.Event, value: int) -> str:
        if event == zmq.Event.HANDSHAKE_FAILED_AUTH:
            return "does not admit this key: it was denied, or is another's"
        hung_up = event == zmq.Event.HANDSHAKE_FAILED_NO_DETAIL and value in _HUNG_UP
        failed = hung_up or event == zmq.Event.HANDSHAKE_FAILED_PROTOCOL
        if failed and self.dial is not None:
            own = self.dial.fingerprint
            return (
                "breaks the handshake off: perhaps it has another secret than that with "
                f"fingerprint {own}, or none"
            )
        if hung_up or value == zmq.PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH:
            return "takes encrypted connections alone: give --secret FILE"
        return ""

    def stop_looking(self) -> None:
        """Its handshake has succeeded, and no more is to be told of it."""
        if self.monitor is not None:
            self.dealer.disable_monitor()
            self.monitor.close()
            self.monitor = None

    def close(self, linger_ms: int) -> None:
        self.stop_looking()
        self.dealer.close(linger=linger_ms)


class Line:
    """To one address, `host:port`, with these keys (None: without encryption). Of one that is not
    watched, which spares two sockets for each key, it is not known how it fares. One that is
    patient tries a key rarely that does not fit, finds out whether a node is there, and is to be
    watched for ever. Raises zmq.ZMQError or TypeError if that is no address."""

    def __init__(
        self,
        context: Context,
        dealer: Callable[[Context, Dial | None], Socket],
        address: str,
        dials: Sequence[Dial | None],
        *,
        is_watched: bool = True,
        is_patient: bool = False,
    ) -> None:
        self._tries: list[_Try] = []
        self._speaking = Speaking(context, address) if is_patient else None
        try:
            for dial in dials:
                made = dealer(context, dial)
                how = {"is_watched": is_watched, "is_patient": is_patient}
                self._tries.append(_Try(made, address, dial, **how))
        except (zmq.ZMQError, TypeError):
            self.close()
            raise

    @property
    def dealers(self) -> list[Socket]:
        """Those that replies come by."""
        return [t.dealer for t in self._tries]

    @property
    def monitors(self) -> list[Socket]:
        """Those that tell of connections, as long as they do."""
        speaking = [self._speaking.socket] if self._speaking is not None else []
        return [*[t.monitor for t in self._tries if t.monitor is not None], *speaking]

    @property
    def fingerprint(self) -> str:
        """Of the secret of the node at the other end, while there is a connection; empty if it is
        not encrypted."""
        dials = [t.dial for t in self._tries if t.is_up]
        return dials[0].fingerprint if dials and dials[0] is not None else ""

    @property
    def is_up(self) -> bool | None:
        """Is there a connection? None until that is known."""
        states = [t.is_up for t in self._tries]
        if True in states:
            return True
        is_asking = self._speaking is not None and self._speaking.is_asking
        return None if None in states or is_asking else False

    @property
    def why(self) -> str:
        """What is wrong with the keys, or with the address, if that is why there is no connection,
        else empty: said of whom it leads to, whose address is to come before it."""
        if self.is_up is not False:
            return ""
        found = self._speaking.found if self._speaking is not None else ""
        if all(t.is_unclear for t in self._tries):
            if found == FOREIGN:
                return NO_NODE
            if found == PLAIN and self._tries[0].dial is None:
                return OTHER_KIND
        if not all(t.why for t in self._tries):
            return ""
        return max(self._tries, key=lambda t: t.is_refused).why

    @property
    def is_refused(self) -> bool:
        """Is it certain that the keys are wrong?"""
        return bool(self.why) and any(t.is_refused for t in self._tries)

    def look(self) -> list[bool]:
        """Take in what has happened: whether it was then connected, for each thing that happened to
        the whole. That one of several keys does not fit is nothing."""
        news: list[bool] = []
        for attempt in self._tries:
            for was_up in attempt.look():
                if attempt.is_unclear and self._speaking is not None:
                    self._speaking.ask()
                if attempt.is_up or was_up or self.is_up is False:
                    news.append(bool(attempt.is_up))
                if was_up and not attempt.is_up:
                    for other in self._tries:
                        other.hurry()
        if self._speaking is not None and self._speaking.look() and self.is_up is False:
            news.append(False)
        return news

    def send(self, frames: Sequence[bytes]) -> None:
        """As `sockets.send`, by what is connected."""
        for i, attempt in enumerate(self._tries):
            try:
                send(attempt.dealer, frames)
            except zmq.Again:
                continue
            if i:
                # Begin with the one that gets through.
                self._tries.insert(0, self._tries.pop(i))
            return
        raise zmq.Again

    def stop_looking(self) -> None:
        """It has sent something, so its keys are right."""
        for attempt in self._tries:
            attempt.stop_looking()

    def close(self, linger_ms: int = 0) -> None:
        """Close all; what was sent may still be delivered for so long."""
        for attempt in self._tries:
            attempt.close(linger_ms)
        if self._speaking is not None:
            self._speaking.close()
