"""File servers that talk to each other without a network: whatever one sends has arrived at once.

The storages and routers around them are dictionaries: `manifests` is what all of them hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from actors.actor import CLIENT, HOST, Address, Envelope, Now, reply
from actors.chunk_store import StoreCounts
from actors.chunks import (
    CHUNK_BYTES,
    LIST_DIGESTS,
    chunk_id,
    list_of,
    partition_of_chunk,
    refers_to,
)
from actors.disk import DiskFull
from actors.file_settings import FileSettings
from actors.fileserver import FileServer
from actors.layout import Layout
from actors.membership import State
from actors.messages import (
    Bounced,
    Dropped,
    Failed,
    FilesHandedOver,
    Get,
    Got,
    LayoutIs,
    List,
    Listed,
    MembersChanged,
    Message,
    PutFile,
    PutRecord,
    Refer,
    Referred,
    Released,
    WantEpoch,
    Write,
    Written,
)
from actors.spaces import FILES
from tests.actors.envelopes import member

A, B, C, D = (letter * 16 for letter in "abcd")
MINUTE_MS = 60_000
SETTINGS = FileSettings(min_chunk_bytes=1, grace_ms=MINUTE_MS, sweep_ms=1_000)

M = TypeVar("M", bound=Message)


class DictionaryChunks:
    """A ChunkStore in memory. With `full` nothing more is kept."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}
        self.full = False

    def read(self, id: str) -> bytes | None:
        """The bytes."""
        return self.held.get(id)

    def has(self, ids: Sequence[str]) -> list[bool]:
        """Of each: is it kept?"""
        return [id in self.held for id in ids]

    def keep(self, chunks: Sequence[tuple[str, bytes]]) -> None:
        """Keep all."""
        if self.full:
            raise DiskFull
        self.held.update(chunks)

    def drop(self, ids: Sequence[str]) -> None:
        """Forget these."""
        for id in ids:
            self.held.pop(id, None)

    def partitions(self) -> list[int]:
        """Those of which something is kept."""
        return sorted({partition_of_chunk(id) for id in self.held})

    def of_partition(self, partition: int) -> list[str]:
        """Those of a partition."""
        return sorted(id for id in self.held if partition_of_chunk(id) == partition)

    def lists(self) -> list[str]:
        """All lists."""
        return sorted(id for id in self.held if id.endswith(".list"))

    def counts(self) -> StoreCounts:
        """How much is kept."""
        return StoreCounts(len(self.held), sum(map(len, self.held.values())))

    def room_bytes(self) -> int:
        """Enough."""
        return 0 if self.full else 2**40


@dataclass
class Node:
    """One of the network: what it was told, and what it told its host and its storage."""

    actor: FileServer
    store: DictionaryChunks
    told: list[Message] = field(default_factory=list)


class FileServers:
    """Of these nodes, all in one layout. Whoever is in `down` gets nothing; the messages of those
    in `cut` are lost without anybody noticing. `tamper` may change what is sent."""

    def __init__(self, *ids: str, settings: FileSettings = SETTINGS) -> None:
        self.nodes: dict[str, Node] = {}
        self.manifests: dict[str, bytes] = {}
        self.down: set[str] = set()
        self.leaving: set[str] = set()
        self.cut: set[str] = set()
        self.now_ms = 1_000_000
        self.answers: list[Envelope] = []
        self.sent: list[Envelope] = []
        self.tamper: Callable[[Envelope], Envelope] = lambda envelope: envelope
        self.silent_storages: set[str] = set()
        self._number = 0
        self._settings = settings
        for id in ids:
            self.add(id)
        self.layout = Layout(1, tuple(sorted(ids)), (), ())
        self.spread()

    def add(self, id: str) -> None:
        """One more, which has an empty disk and knows nothing yet."""
        store = DictionaryChunks()
        self.nodes[id] = Node(FileServer(id, store, 1, Random(id), self._settings), store)

    def restart(self, id: str) -> None:
        """It forgets all but its disk."""
        store = self.nodes[id].store
        self.nodes[id] = Node(FileServer(id, store, 2, Random(id), self._settings), store)
        self.spread()

    def spread(self, layout: Layout | None = None) -> None:
        """All hear of this layout, and of who is up."""
        self.layout = layout or self.layout
        members = tuple(member(id, state=self._state(id)) for id in self.nodes)
        for id in self.nodes:
            if id not in self.down:
                self.deliver(
                    Envelope(
                        Address(id, "fileserver"),
                        Address(id, "gossiper"),
                        MembersChanged("n" * 16, members, ""),
                    )
                )
                self.deliver(
                    Envelope(
                        Address(id, "fileserver"), Address(id, "storage"), LayoutIs(self.layout)
                    )
                )

    def _state(self, id: str) -> State:
        if id in self.down:
            return "dead"
        return "leaving" if id in self.leaving else "alive"

    def leave(self, id: str) -> None:
        """It wishes to leave, and all know."""
        self.leaving.add(id)
        self.spread()

    def bump(self) -> None:
        """The epoch is raised by one."""
        layout = self.layout
        self.spread(Layout(layout.epoch + 1, layout.base, layout.next, layout.gone))

    def kill(self, id: str) -> None:
        """It is down, and the others know."""
        self.down.add(id)
        self.spread()

    # Asking.

    def ask(self, request: Message, at: str = A, client: str = "01") -> Message:
        """A client's request to a node; its answer, when all that follows at once has happened, and
        time has passed if it needs to."""
        self._number += 1
        number = self._number
        self.deliver(Envelope(Address(at, "fileserver"), Address(CLIENT, client), request, number))
        for _ in range(400):
            for envelope in self.answers:
                if envelope.id == number:
                    return envelope.message
            self.run_for(100)
        raise AssertionError(f"no answer to {type(request).__name__}")

    def run_for(self, duration_ms: int) -> None:
        """Let time pass, with all turns that are due in it."""
        until_ms = self.now_ms + duration_ms
        while True:
            wakes = {
                id: node.actor.wake_at
                for id, node in self.nodes.items()
                if id not in self.down and node.actor.wake_at is not None
            }
            due = min((at for at in wakes.values() if at is not None), default=until_ms + 1)
            if due > until_ms:
                break
            self.now_ms = max(self.now_ms, due)
            for id, at in wakes.items():
                if at is not None and at <= self.now_ms:
                    self._turn(id, [])
        self.now_ms = until_ms

    def deliver(self, envelope: Envelope) -> None:
        """Hand it to the file server it is for, with all that follows."""
        self._turn(envelope.to.node, [envelope])

    def _turn(self, id: str, inbox: list[Envelope]) -> None:
        pending = self.nodes[id].actor.turn(inbox, Now(self.now_ms, self.now_ms))
        while pending:
            envelope = self.tamper(pending.pop(0))
            self.sent.append(envelope)
            pending += self._pass_on(envelope)

    def _pass_on(self, envelope: Envelope) -> list[Envelope]:
        to, sender = envelope.to, envelope.sender
        if to.node == CLIENT:
            self.answers.append(envelope)
            return []
        if to.actor == HOST or isinstance(envelope.message, (WantEpoch, FilesHandedOver, Dropped)):
            self.nodes[sender.node].told.append(envelope.message)
            return []
        if to.node in self.cut or sender.node in self.cut:
            return []
        if to.node in self.down:
            bounced = Bounced(to, envelope.message)
            return self._answer(Envelope(sender, sender, bounced, envelope.id))
        if to.actor == "fileserver":
            node = self.nodes[to.node]
            return node.actor.turn([envelope], Now(self.now_ms, self.now_ms))
        answer = self._dictionary(envelope)
        return [] if answer is None else self._answer(reply(envelope, answer))

    def _answer(self, envelope: Envelope) -> list[Envelope]:
        actor = self.nodes[envelope.to.node].actor
        return actor.turn([envelope], Now(self.now_ms, self.now_ms))

    def _dictionary(self, envelope: Envelope) -> Message | None:
        """What a storage or a router answers."""
        match envelope.message:
            case Refer(epoch, chunks):
                if envelope.to.node in self.silent_storages:
                    return None
                if epoch != self.layout.epoch:
                    return LayoutIs(self.layout)
                named = {id for value in self.manifests.values() for id in refers_to(value)}
                return Referred(tuple(id in named for id in chunks))
            case PutRecord(key, value, last_epoch):
                if self.layout.epoch > last_epoch:
                    return Written(("unavailable",), ("",), ((),))
                self._replace(key, value, envelope.to.node)
                return Written(("ok",), ("1-a-b",), (("node",),))
            case Write((key,)):
                self._replace(key, b"", envelope.to.node)
                return Written(("ok",), ("2-a-b",), (("node",),))
            case Get(keys):
                values = [self.manifests.get(key, b"") for key in keys]
                codes = tuple("ok" if value else "not_found" for value in values)
                versions = ("1-a-b",) * len(keys)
                kinds = tuple("bytes" if value else "absent" for value in values)
                return Got(codes, kinds, tuple(values), versions, ())  # type: ignore[arg-type]
            case List(prefix, after, limit):
                found = sorted(k for k in self.manifests if k.startswith(prefix) and k > after)
                cursor = found[limit - 1] if len(found) > limit else ""
                return Listed(tuple(found[:limit]), cursor)
        return Failed("refused", f"unexpected {type(envelope.message).__name__}", True)

    def _replace(self, key: str, value: bytes, node: str) -> None:
        former = self.manifests.pop(key, None)
        if value:
            self.manifests[key] = value
        if former:
            gone = tuple(id for id in refers_to(former) if id not in refers_to(value or b"x"))
            to = Address(node, "fileserver")
            self.deliver(Envelope(to, Address(node, "storage"), Released(gone)))

    # Looking.

    def answers_to(self, id: str) -> Address:
        """The address of a file server."""
        return Address(id, "fileserver")

    def client(self, name: str) -> Address:
        """The address of a client."""
        return Address(CLIENT, name)

    def holders(self, chunk: str) -> set[str]:
        """Who has it on the disk."""
        return {id for id, node in self.nodes.items() if chunk in node.store.held}

    def all_held(self) -> set[str]:
        """All chunks that are anywhere."""
        return {chunk for node in self.nodes.values() for chunk in node.store.held}

    def names(self) -> list[str]:
        """Of the files that there are."""
        return [key.removeprefix(FILES) for key in self.manifests]

    def sent_of(self, cls: type[M]) -> list[M]:
        """All messages of a kind that were sent, in order."""
        return [e.message for e in self.sent if isinstance(e.message, cls)]


def put_file(name: str, *chunks: bytes, chunk_bytes: int = CHUNK_BYTES) -> PutFile:
    """What a client sends last, when these are the chunks of the file."""
    whole = b"".join(chunks)
    ids = tuple(map(chunk_id, chunks))
    return PutFile(name, len(whole), chunk_id(whole), chunk_bytes, False, ids, b"", 5_000)


def lists_of(ids: tuple[str, ...]) -> list[bytes]:
    """The lists that name these chunks, in their order."""
    return [list_of(ids[i : i + LIST_DIGESTS]) for i in range(0, len(ids), LIST_DIGESTS)]
