"""The numbers of the router: what it takes on, and how long it goes on with it."""

from __future__ import annotations

from dataclasses import dataclass

from actors.spaces import client_key


@dataclass(frozen=True, slots=True)
class RouterSettings:
    """What may be set: times in milliseconds, sizes in bytes."""

    max_key_bytes: int = 1_024
    max_value_bytes: int = 2**20
    max_batch_keys: int = 10_000
    max_list_keys: int = 1_000
    max_open_keys: int = 100_000
    max_open_bytes: int = 64 * 2**20
    max_client_bytes: int = 16 * 2**20
    """Of values that one client writes at once, and of what has begun for it."""
    max_begun_bytes: int = 8 * 2**20
    """Requests wait while those that have begun are taken to need so much."""
    begun_patience_ms: int = 500
    """But not for those that have gone on for so long."""
    max_reply_bytes: int = 2 * 2**20
    max_timeout_ms: int = 600_000
    hedge_ms: int = 10
    """After this a read asks the other owners too, of whom it does not need all. With 0 it asks all
    owners at once."""
    heal_timeout_ms: int = 2_000
    tick_ms: int = 50
    stop_patience_ms: int = 1_000
    read_repair: bool = True

    def admits(self, key: str) -> bool:
        """Is it no longer than a client's key may be, and not empty?"""
        return 1 <= len(client_key(key).encode()) <= self.max_key_bytes
