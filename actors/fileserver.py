"""The FileServer actor: which chunks are kept where, and which files are made of them."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from actors.actor import Address, Envelope, Now, reply
from actors.chunk_store import ChunkStore
from actors.file_settings import FileSettings
from actors.messages import Finished, Stop


class FileServer:
    """`here` is the node's id, `boot_count` the number of its present life."""

    def __init__(
        self,
        here: str,
        store: ChunkStore,
        boot_count: int,
        rng: Random,
        settings: FileSettings | None = None,
    ) -> None:
        self._here = Address(here, "fileserver")
        self._store = store
        self._boot_count = boot_count
        self._rng = rng
        self._settings = settings or FileSettings()

    @property
    def wake_at(self) -> int | None:
        """When any of its parts has something to do: monotonic ms."""
        return None

    def turn(self, inbox: Sequence[Envelope], now: Now) -> list[Envelope]:
        """Take in what arrived, then say what is to be sent."""
        return [reply(e, Finished()) for e in inbox if isinstance(e.message, Stop)]
