"""A file server that does little: it shows that what is sent to one arrives, and what it says goes
out. The real one is actors/fileserver.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from actors.actor import CLIENT, Address, Envelope, Now, reply
from actors.chunk_store import ChunkStore
from actors.file_settings import FileSettings
from actors.messages import (
    Bounced,
    ChunkGot,
    ChunkKept,
    ChunkPut,
    Failed,
    Finished,
    GetChunk,
    KeepChunk,
    LayoutIs,
    MembersChanged,
    Message,
    PutChunk,
    Stop,
    Unread,
)

RETRY_MS = 50


class ToyFileServer:
    """Keeps a chunk that it is given, has all others keep it, and answers when they do. What it was
    sent besides is in `told`."""

    def __init__(
        self,
        here: str,
        store: ChunkStore,
        boot_count: int,
        rng: Random,
        settings: FileSettings | None = None,
    ) -> None:
        self.here = Address(here, "fileserver")
        self.store = store
        self.boot_count = boot_count
        self.rng = rng
        self.settings = settings
        self.others: list[str] = []
        self.told: list[Message] = []
        self.wake_at: int | None = None
        self._unread: dict[Address, bool] = {}
        self._asked: dict[int, Envelope] = {}
        self._left: dict[int, int] = {}
        self._number = 0

    def turn(self, inbox: Sequence[Envelope], now: Now) -> list[Envelope]:
        """One more turn."""
        out = [sent for envelope in inbox for sent in self._on(envelope)]
        self.wake_at = now.mono_ms + RETRY_MS if any(self._unread.values()) else None
        return out

    def _on(self, envelope: Envelope) -> list[Envelope]:
        match envelope.message:
            case MembersChanged(_, members):
                self.others = [m.id for m in members if m.id != self.here.node]
            case Unread(client, waits):
                self._unread[client] = waits
            case PutChunk(chunk, data):
                self.store.keep([(chunk, data)])
                return self._to_others(envelope, KeepChunk(chunk, data))
            case GetChunk(chunk):
                kept = self.store.read(chunk)
                missing = Failed("unavailable", "there is no such chunk", True)
                return [reply(envelope, missing if kept is None else ChunkGot(kept))]
            case KeepChunk(chunk, data):
                self.store.keep([(chunk, data)])
                return [reply(envelope, ChunkKept("ok"))]
            case ChunkKept():
                return self._one_less(envelope.id)
            case Bounced(_, KeepChunk()):
                asked = self._asked.pop(envelope.id, None)
                failed = Failed("unavailable", "a node cannot be reached", True)
                return [] if asked is None else [reply(asked, failed)]
            case LayoutIs():
                pass
            case Stop():
                return [reply(envelope, Finished())]
            case other:
                self.told.append(other)
        return []

    def _to_others(self, asked: Envelope, message: KeepChunk) -> list[Envelope]:
        assert asked.sender.node == CLIENT
        self._number += 1
        self._asked[self._number] = asked
        self._left[self._number] = len(self.others) + 1
        to = [Address(other, "fileserver") for other in self.others]
        sent = [Envelope(node, self.here, message, self._number) for node in to]
        return sent + self._one_less(self._number)

    def _one_less(self, number: int) -> list[Envelope]:
        self._left[number] -= 1
        if self._left[number] or number not in self._asked:
            return []
        return [reply(self._asked.pop(number), ChunkPut())]
