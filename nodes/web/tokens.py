"""Bearer tokens: each stands for a key of the network, and may do what that may.

A token follows from its key, so whoever has the key's file can make it, and a gateway that has the
network's secret knows every token without a list. The key does not follow from the token.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from pathlib import Path

from zmq.utils import z85

from actors.roles import KEYS_PER_ROLE, OWNER, Role
from nodes.keys import ClientKey, Dial, NetworkSecret, client_dials, client_key
from nodes.secret_file import read_held

_WHAT = b"gossamer http token 1"
_TOKEN = re.compile(r"gossamer-((?:reader|writer|admin)-(?:0|[1-9][0-9]{0,3}))-([0-9a-f]{64})")

Held = Sequence[NetworkSecret] | Sequence[ClientKey]


def tokens_of(path: str | Path) -> dict[str, str]:
    """The token for this file, a secret or a client's key: one for each line, by the fingerprint of
    the secret that it comes of. Raises BadSecret."""
    made = [(_dial_of(one), _name_of(one)) for one in read_held(path)]
    return {dial.fingerprint: _token(name, dial) for dial, name in made}


class Tokens:
    """Those that a gateway takes that has these: all keys of a secret, or one client's own."""

    def __init__(self, held: Held) -> None:
        self._held = held

    @property
    def are_all_known(self) -> bool:
        """Can it tell every token of the network? With a client's key it knows its own alone."""
        return any(isinstance(one, NetworkSecret) for one in self._held)

    def dials(self, token: str) -> tuple[str, tuple[Dial, ...]] | None:
        """The name of the key that a token stands for, and what its owner connects with to the
        nodes; None if it is no token of this network."""
        match = _TOKEN.fullmatch(token)
        if match is None:
            return None
        name = match[1]
        keys = [key for one in self._held if (key := _key(one, name)) is not None]
        # All are compared, and each in the same time: how long it takes tells nothing of a token.
        fits = [hmac.compare_digest(_token(name, _dial_of(key)), token) for key in keys]
        return (name, client_dials(keys)) if any(fits) else None  # type: ignore[arg-type]


def _key(one: NetworkSecret | ClientKey, name: str) -> NetworkSecret | ClientKey | None:
    """The key of this name, if this has it or can make it."""
    if name == _name_of(one):
        return one
    role, _, number = name.rpartition("-")
    if isinstance(one, ClientKey) or not 1 <= int(number) <= KEYS_PER_ROLE:
        return None
    kind: Role = role  # type: ignore[assignment]
    return client_key(one, kind, int(number))


def _name_of(one: NetworkSecret | ClientKey) -> str:
    return OWNER if isinstance(one, NetworkSecret) else one.name


def _dial_of(one: NetworkSecret | ClientKey) -> Dial:
    return one.dial(OWNER) if isinstance(one, NetworkSecret) else one.dial()


def _token(name: str, dial: Dial) -> str:
    return f"gossamer-{name}-{hmac.digest(z85.decode(dial.own.secret), _WHAT, 'sha256').hex()}"
