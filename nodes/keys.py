"""All keys of a network come from its secret: HKDF-SHA256 (RFC 5869) makes of it the key pairs for
CURVE, the encryption of ZeroMQ (RFC 26 of rfc.zeromq.org).

Nodes listen with one pair and connect with another; every client has one of its own, of a role and
a number, which tells nothing of the secret or of other pairs.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import zmq
from zmq.utils import z85

from actors.roles import CLIENT_ROLES, KEYS_PER_ROLE, NODE, OWNER, Role, key_name

SECRET_BYTES = 32

_SALT = b"gossamer keys 1"


@dataclass(frozen=True, slots=True)
class Pair:
    """A key pair of CURVE, both in Z85, 40 characters, as ZeroMQ takes them."""

    public: bytes
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Dial:
    """What one connects with: whose port it has to be, and who one is."""

    server: bytes
    own: Pair
    is_only: bool = True
    """Is there no other that it may be instead? Who has to try several does not hammer."""

    @property
    def fingerprint(self) -> str:
        """Of the secret that the server is to have."""
        return fingerprint(self.server)


class NetworkSecret:
    """What all nodes of a network have."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != SECRET_BYTES:
            raise ValueError(f"a secret has {SECRET_BYTES} bytes")
        # Extract, then expand: section 2 of the RFC.
        self._key = hmac.digest(_SALT, secret, "sha256")
        self.secret = secret

    @cached_property
    def server(self) -> Pair:
        """What nodes listen with."""
        return self._pair("server")

    @cached_property
    def fingerprint(self) -> str:
        """What people tell secrets apart by; it gives nothing away."""
        return fingerprint(self.server.public)

    def dial(self, key: str) -> Dial:
        """What who has the key of this name connects with."""
        return Dial(self.server.public, self._pair(key))

    def public_keys(self) -> Iterator[tuple[bytes, str]]:
        """All keys that there can be, their public halves with their names. Nodes and who has the
        secret come first, then clients by their numbers."""
        numbered = (
            key_name(role, number)
            for number in range(1, KEYS_PER_ROLE + 1)
            for role in CLIENT_ROLES
        )
        for key in (NODE, OWNER, *numbered):
            yield self._pair(key).public, key

    def __repr__(self) -> str:
        return f"NetworkSecret({self.fingerprint})"

    def _pair(self, name: str) -> Pair:
        return pair_of(hmac.digest(self._key, name.encode() + b"\x01", "sha256"))


@dataclass(frozen=True, slots=True)
class ClientKey:
    """What a client has that has not the secret: its key, and whom it may trust."""

    role: Role
    number: int
    server: bytes
    own: Pair

    @property
    def name(self) -> str:
        """What the key is called."""
        return key_name(self.role, self.number)

    def dial(self) -> Dial:
        """What it connects with."""
        return Dial(self.server, self.own)


@dataclass(frozen=True, slots=True)
class NodeKeys:
    """The secrets that a node takes, the one first that it listens with itself."""

    secrets: tuple[NetworkSecret, ...]

    @property
    def server(self) -> Pair:
        """What it listens with."""
        return self.secrets[0].server

    def dials(self) -> tuple[Dial, ...]:
        """What it may have to connect with to another node."""
        return _several([secret.dial(NODE) for secret in self.secrets])

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """Of each secret."""
        return tuple([secret.fingerprint for secret in self.secrets])


def client_key(secret: NetworkSecret, role: Role, number: int) -> ClientKey:
    """The key of a client, of this number from 1 to KEYS_PER_ROLE. Raises ValueError for others."""
    if role not in CLIENT_ROLES or not 1 <= number <= KEYS_PER_ROLE:
        raise ValueError(f"there is no key of a {role} numbered {number}")
    dial = secret.dial(key_name(role, number))
    return ClientKey(role, number, dial.server, dial.own)


def pair_of(secret: bytes) -> Pair:
    """The pair with these 32 bytes as its secret half."""
    text = z85.encode(secret)
    return Pair(zmq.curve_public(text), text)


def fingerprint(public: bytes) -> str:
    """Sixteen hex digits that stand for a public key in Z85."""
    return hashlib.sha256(z85.decode(public)).hexdigest()[:16]


def client_dials(held: Sequence[NetworkSecret] | Sequence[ClientKey]) -> tuple[Dial, ...]:
    """What a client connects with that has these."""
    return _several([h.dial(OWNER) if isinstance(h, NetworkSecret) else h.dial() for h in held])


def _several(dials: Sequence[Dial]) -> tuple[Dial, ...]:
    return tuple([replace(dial, is_only=len(dials) == 1) for dial in dials])
