"""A steward on a disk of notes, turned as the storage actor turns it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

from actors.actor import Address, Envelope, Now, reply
from actors.disk import Batch, DiskFull
from actors.layout import NO_LAYOUT, Layout, founding, layout_to_bytes
from actors.membership import Member, State
from actors.messages import (
    NO_BALLOT,
    Ballot,
    Hello,
    MembersChanged,
    Message,
    Prepare,
    Promised,
    Strike,
    Struck,
    Welcome,
)
from actors.outbox import Outbox
from actors.stage import Stage
from actors.steward import Steward
from actors.storage_settings import StorageSettings
from actors.versions import NOTHING, Record, Stamp, Version
from tests.actors.envelopes import WALL_MS, A, all_of, member, messages, the

SETTINGS = StorageSettings(grace_ms=60_000)


class NotesDisk:
    """A disk that holds notes alone; `full` makes the next commits fail."""

    def __init__(self, notes: dict[str, bytes] | None = None) -> None:
        self.notes = dict(notes or {})
        self.full = False

    def commit(self, batch: Batch) -> None:
        """Apply all of it, unless the disk is full."""
        if self.full:
            raise DiskFull
        for name, note in batch.notes:
            self.notes.pop(name, None)
            if note:
                self.notes[name] = note

    def read(self, keys: Sequence[str]) -> list[Record | None]:
        """There are none."""
        return [None for _ in keys]

    def versions(self, keys: Sequence[str]) -> list[Version]:
        """There are none."""
        return [NOTHING for _ in keys]

    def page(self, prefix: str, after: str, limit: int) -> tuple[list[str], bool]:
        """It is empty."""
        return [], False

    def entries(self, partition: int, after: str, limit: int) -> list[tuple[str, Version]]:
        """There are none."""
        return []

    def tombstones(self, after: str, limit: int) -> list[tuple[str, Stamp]]:
        """There are none."""
        return []

    def expired(self, wall_ms: int, limit: int) -> list[Record]:
        """There are none."""
        return []

    def hints(self, member: str, after: str, limit: int) -> list[tuple[str, int]]:
        """There are none."""
        return []

    def hint_counts(self) -> dict[str, int]:
        """There are none."""
        return {}

    def hinted(self, key: str) -> list[str]:
        """There are none."""
        return []

    def referred(self, chunks: Sequence[str]) -> list[bool]:
        """None is."""
        return [False] * len(chunks)


class Stewarding:
    """The steward of a node, its disk, and the time that goes by between its turns. A node that
    `has_files` has not handed them over: it may not leave."""

    def __init__(
        self,
        here: str = A,
        *,
        layout: Layout | None = None,
        boot: int = 1,
        disk: NotesDisk | None = None,
        settings: StorageSettings = SETTINGS,
        seed: int = 1,
        now_ms: int = 0,
        is_confirmed: bool = True,
    ) -> None:
        self.here = here
        self.disk = disk or NotesDisk()
        if layout is not None:
            self.disk.notes["layout"] = layout_to_bytes(layout)
        self.stage = Stage(self.disk, 0)
        self.outbox = Outbox(Address(here, "storage"), boot << 40)
        self.now_ms = now_ms
        self.adopted: list[Layout] = []
        self.has_files = False
        self.steward = Steward(
            here,
            boot,
            f"{boot:x}.0",
            dict(self.disk.notes),
            self.stage,
            self.outbox,
            Random(seed),
            settings,
            lambda now: self.adopted.append(self.steward.layout),
        )
        if is_confirmed:
            # The gossiper knows the network, and nobody else in it yet.
            self.steward.on(self.from_gossiper(MembersChanged("net", (), "")), self.now())

    @property
    def layout(self) -> Layout:
        """The one that is on the disk."""
        return self.steward.layout

    def now(self) -> Now:
        """Both clocks."""
        return Now(self.now_ms, WALL_MS + self.now_ms)

    def turn(
        self, *inbox: Envelope, after_ms: int = 0, during: Callable[[], None] | None = None
    ) -> list[Envelope]:
        """What arrived, then what is due, then the commit, then the answers; what is sent."""
        self.now_ms += after_ms
        for envelope in inbox:
            self.steward.on(envelope, self.now())
            if isinstance(envelope.message, MembersChanged) and not self.has_files:
                self.steward.may_leave()
        if during is not None:
            during()
        self.steward.due(self.now())
        wake_at = self.steward.wake_at
        assert wake_at is None or wake_at > self.now_ms, "it would spin"
        ok, _ = self.stage.commit()
        for then in self.stage.take_then():
            then(ok)
        return self.outbox.take()

    def run_for(self, duration_ms: int) -> list[Envelope]:
        """All turns that it asks for within this time; what is sent."""
        until_ms = self.now_ms + duration_ms
        out: list[Envelope] = []
        while (wake_at := self.steward.wake_at) is not None and wake_at <= until_ms:
            out += self.turn(after_ms=max(0, wake_at - self.now_ms))
        self.now_ms = until_ms
        return out

    def run_until(self, kind: type[Message]) -> list[Envelope]:
        """Let time pass until it sends messages of this kind: these."""
        for _ in range(100):
            wake_at = self.steward.wake_at
            assert wake_at is not None
            found = all_of(self.turn(after_ms=max(0, wake_at - self.now_ms)), kind)
            if found:
                return found
        raise AssertionError(f"no {kind.__name__} was sent")

    def hear(self, message: Message, sender: str, number: int = 1) -> list[Envelope]:
        """A message comes from another node's storage; what is sent."""
        return self.turn(self.envelope(message, sender, number))

    def envelope(self, message: Message, sender: str, number: int = 1) -> Envelope:
        """A message to it from another node's storage."""
        return Envelope(Address(self.here, "storage"), Address(sender, "storage"), message, number)

    def from_gossiper(self, message: Message, number: int = 1) -> Envelope:
        """A message to it from the gossiper of its node."""
        gossiper = Address(self.here, "gossiper")
        return Envelope(Address(self.here, "storage"), gossiper, message, number)

    def gossip(self, *members: Member) -> list[Envelope]:
        """These are the members; what is sent."""
        return self.turn(self.from_gossiper(MembersChanged("net", members, "")))

    def strike(
        self,
        member_id: str,
        *,
        accept_loss: bool = False,
        timeout_ms: int = 5_000,
        alone: bool = False,
    ) -> list[Envelope]:
        """The gossiper asks to strike this member out; what is sent."""
        strike = Strike(member_id, accept_loss, timeout_ms, alone)
        return self.turn(self.from_gossiper(strike, 77))


def alive(*ids: str) -> list[Member]:
    """These are all alive."""
    return [member(node) for node in ids]


def as_state(member_: Member, state: State) -> Member:
    """The same in another state."""
    return replace(member_, state=state)


def stable(epoch: int, *ids: str, gone: tuple[str, ...] = ()) -> Layout:
    """A stable layout of these."""
    return Layout(epoch, founding(ids).base, (), gone)


def welcomed(node: Stewarding, *ids: str) -> list[Envelope]:
    """These answer its hello; what is sent then."""
    hellos = [e for e in node.run_until(Hello) if e.to.node in ids]
    life = hellos[0].message
    assert isinstance(life, Hello)
    return node.turn(*[reply(hello, Welcome(True, life.count)) for hello in hellos])


def promise(
    request: Envelope,
    accepted: Ballot | None = None,
    proposal: Layout | None = None,
    promised: Ballot | None = None,
) -> Envelope:
    """The answer to a Prepare."""
    prepare = request.message
    assert isinstance(prepare, Prepare)
    answer = Promised(
        prepare.layout.epoch,
        promised or prepare.ballot,
        accepted or NO_BALLOT,
        proposal or NO_LAYOUT,
    )
    return reply(request, answer)


def struck(out: list[Envelope]) -> Struck:
    """The answer to a Strike."""
    envelope = the(out, Struck)
    assert (envelope.to.actor, envelope.id) == ("gossiper", 77)
    [answer] = messages(out, Struck)
    return answer
