"""Secrets and keys in files of a test, and nodes that have them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from actors.roles import Role
from nodes.keys import NetworkSecret
from nodes.secret_file import (
    new_client_keys,
    new_secret,
    secret_line,
    write_client_keys,
    write_secret,
)


class Secrets:
    """What a network's owner has: a secret, the file with it, and keys made of it."""

    def __init__(self, folder: Path, name: str = "net") -> None:
        self.secret = new_secret()
        self.file = folder / f"{name}.secret"
        write_secret(self.file, self.secret)
        self._folder = folder
        self._name = name

    def client(self, role: Role, number: int = 17) -> Path:
        """The file with a key of this role and number."""
        file = self._folder / f"{self._name}-{role}-{number}.key"
        if not file.exists():
            write_client_keys(file, new_client_keys([self.secret], role, number))
        return file


def several(file: Path, secrets: Sequence[NetworkSecret]) -> Path:
    """A file with these secrets, in this order, in the place of what it was before."""
    file.unlink(missing_ok=True)
    write_secret(file, secrets[0])
    with file.open("a") as text:
        for secret in secrets[1:]:
            text.write(f"{secret_line(secret)}\n")
    return file
