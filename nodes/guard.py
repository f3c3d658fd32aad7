"""Who is let in at a node's ports, and whose key it was: the answer to ZeroMQ, by its protocol ZAP
(RFC 27 of rfc.zeromq.org), in a thread of its own.

ZeroMQ admits everybody where nobody answers. So the handler runs before the first port is bound,
the sockets insist on an answer (`ZAP_ENFORCE_DOMAIN`), and when it fails the node ends.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator

import zmq
from zmq.auth.base import Authenticator
from zmq.utils import z85

from actors.roles import NODE, role_of
from nodes.keys import NodeKeys
from nodes.sockets import DOMAINS, GOSSIP_DOMAIN, Context

ADDRESS, PUBLIC_KEY = 3, 6
"""Frames of a request of ZeroMQ's."""


class Guard:
    """Knows whose key is whose, which is for one thread, and which are denied, for all."""

    def __init__(self, keys: NodeKeys, denied: frozenset[str] = frozenset()) -> None:
        self.denied = denied
        self.keys = keys
        self._names: dict[bytes, str] = {}
        self._unlisted = _public_keys(keys)

    def whose(self, public_key: bytes) -> str:
        """The name of the key with this public half, in Z85; empty if it is none of the network's.

        Whose it is can only be found by making all that there are, which takes half a second for
        each secret: up to the one that is looked for, and once.
        """
        if public_key not in self._names:
            for listed, name in self._unlisted:
                self._names[listed] = name
                if listed == public_key:
                    break
        return self._names.get(public_key, "")

    def deny(self, keys: Iterable[str]) -> list[tuple[str, list[str]]]:
        """These are denied from now on, and no others. What is new in that, for the log."""
        before, self.denied = self.denied, frozenset(keys)
        news = ("keys_denied", self.denied - before), ("keys_allowed", before - self.denied)
        return [(event, sorted(changed)) for event, changed in news if changed]

    def admits(self, domain: str, name: str) -> bool:
        """May who has the key of this name connect to a port of this kind? Gossip is for nodes."""
        role = role_of(name)
        if role is None or name in self.denied or domain not in DOMAINS:
            return False
        return role == NODE or domain != GOSSIP_DOMAIN


class ZapHandler(threading.Thread):
    """Answers ZeroMQ for all sockets of a context, until that ends.

    `count` is called where a key is refused, with the fields to log; `on_failure` with what has
    ended the handler. Both in its thread.
    """

    def __init__(
        self,
        context: Context,
        guard: Guard,
        count: Callable[..., None],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        super().__init__(name="zap", daemon=True)
        self._guard = guard
        self._count = count
        self._on_failure = on_failure
        self._authenticator = _Authenticator(context, guard)
        self._authenticator.start()

    def run(self) -> None:
        """The thread."""
        failure: BaseException | None = None
        try:
            while True:
                self._answer(self._authenticator.zap_socket.recv_multipart())
        except zmq.ContextTerminated:
            failure = None
        except BaseException as error:
            failure = error
        # Closed first: from here on nobody is admitted.
        self._authenticator.stop()
        if failure is not None:
            self._on_failure(failure)

    def _answer(self, request: list[bytes]) -> None:
        refused = self._authenticator.refused
        # It is a coroutine in which nothing waits.
        for _ in self._authenticator.handle_zap_message(request).__await__():
            raise RuntimeError("the authenticator waits for something")
        if self._authenticator.refused > refused:
            address = request[ADDRESS].decode("ascii", "replace").removeprefix("::ffff:")
            key = self._guard.whose(z85.encode(request[PUBLIC_KEY])) or "none of this network's"
            self._count(f"key refused: {key}", address=address)


class _Authenticator(Authenticator):
    """Of PyZMQ, with keys that are not listed in files. `refused` counts those not admitted."""

    def __init__(self, context: Context, guard: Guard) -> None:
        super().__init__(context)
        self.refused = 0
        self._guard = guard
        for domain in DOMAINS:
            self.configure_curve_callback(domain, self)

    def callback(self, domain: str, public_key: bytes) -> bool:
        """Is it admitted?"""
        admitted = self._guard.admits(domain, self._guard.whose(public_key))
        self.refused += not admitted
        return admitted

    def curve_user_id(self, client_public_key: bytes) -> str:
        """The name of the key goes with each message that comes by the connection."""
        return self._guard.whose(z85.encode(client_public_key))


def _public_keys(keys: NodeKeys) -> Iterator[tuple[bytes, str]]:
    listings = [secret.public_keys() for secret in keys.secrets]
    # Side by side: with each secret nodes come first.
    for same_names in zip(*listings, strict=True):
        yield from same_names
