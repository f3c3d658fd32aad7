"""Keys that clients name, and keys of Gossamer's own, in one table: they never meet.

What is Gossamer's own begins with the last of all code points, which Unicode keeps for such use. A
client's key that begins with it is stored with one more before it, so every key stays a client's to
use, and the order of keys stays that of their UTF-8.
"""

from __future__ import annotations

OWN = "\U0010ffff"

FILES = f"{OWN}/"
"""Before the name of a file: the key of its manifest."""

AFTER_FILES = f"{OWN}0"
"""The first text after all keys of manifests."""


def stored_key(key: str) -> str:
    """What a client's key, or the beginning of one, is stored as."""
    return OWN + key if key.startswith(OWN) else key


def client_key(stored: str) -> str:
    """The client's key that is stored so."""
    return stored[1:] if stored.startswith(OWN) else stored


def is_of_file(stored: str) -> bool:
    """Is it the key of a manifest?"""
    return stored.startswith(FILES)


def file_key(name: str) -> str:
    """The key of a file's manifest."""
    return FILES + name


def file_name(stored: str) -> str:
    """The name of the file whose manifest has this key."""
    return stored[len(FILES) :]
