"""What other replicas send may be anything: what cannot be is dropped and counted, and nothing of
it is kept or acted on.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.actor import HOST, Address, Envelope, reply
from actors.layout import bumped, founding
from actors.messages import (
    Bounced,
    ComparedTrees,
    CompareTrees,
    Dropped,
    Failed,
    Fetch,
    Fetched,
    LayoutIs,
    Message,
    Pull,
    Pulled,
)
from actors.storage_settings import StorageSettings
from actors.versions import MAX_CLOCK_STEP, NEVER, Kind, Stamp
from tests.actors.envelopes import A, B, C
from tests.actors.storage_parts import Replicas, keys_in, record

QUICK = StorageSettings(tree_keys=100_000, tree_pause_ms=1)
TWO = founding([A, B])
KEY, OTHER = keys_in(7, 2)
STAMP = Stamp(5, B, "1.0")
ZERO = "0" * 16


class Alone:
    """Replica A by itself, in a network of A and B; it compares its copies with B's."""

    def __init__(self) -> None:
        self.net = Replicas(A, B, settings=QUICK)
        self.replica = self.net.all[A]
        self.net.meet()
        self.replica.adopt(TWO, self.net.now())
        self.sent = self.replica.turn([], self.net.now())

    def take(self, *inbox: Envelope, after_ms: int = 0) -> list[Envelope]:
        """A turn; what is sent."""
        self.net.now_ms += after_ms
        self.sent = self.replica.turn(inbox, self.net.now())
        return self.sent

    def the(self, kind: type[Message]) -> Envelope:
        """The one message of a kind that was sent."""
        [found] = [e for e in self.sent if isinstance(e.message, kind)]
        return found

    def answer(self, kind: type[Message], message: Message) -> list[Envelope]:
        """B answers the one request of a kind."""
        return self.take(reply(self.the(kind), message))

    def differ(self) -> None:
        """B says that partition 7 differs."""
        self.answer(CompareTrees, ComparedTrees(True, 0, (7,), ("1" * 16,)))

    def lists(self, *keys: str) -> None:
        """B says that it has these keys."""
        self.differ()
        count = len(keys)
        self.answer(Pull, Pulled(keys, (STAMP,) * count, (False,) * count, ""))

    def ask(self, message: Message, sender: str = B) -> list[Envelope]:
        """Another replica asks."""
        to = Address(A, "storage")
        return self.take(Envelope(to, Address(sender, "storage"), message, 77))

    def dropped(self) -> int:
        """How much was dropped in this turn."""
        return sum(e.message.count for e in self.sent if isinstance(e.message, Dropped))


def fetched(
    kind: Kind = "bytes", value: bytes = b"v", stamp: Stamp = STAMP, at_ms: int = 0
) -> Fetched:
    """One record."""
    return Fetched((kind,), (value,), (stamp,), (at_ms,))


def test_good_answers_are_taken() -> None:
    """What the others of these tests are like, but for what is wrong with them."""
    alone = Alone()
    alone.lists(KEY)
    assert alone.the(Fetch).message == Fetch(1, (KEY,))
    alone.answer(Fetch, fetched())
    assert alone.replica.disk.records == {KEY: record(KEY)._replace(stamp=STAMP)}
    assert 7 not in alone.replica.syncing.behind()


@pytest.mark.parametrize(
    "compared",
    [
        ComparedTrees(True, 0, (4096,), (ZERO,)),
        ComparedTrees(True, 0, (-1,), (ZERO,)),
        ComparedTrees(True, 0, (7, 7), (ZERO, ZERO)),
        ComparedTrees(True, 0, (7,), ("x" * 16,)),
        ComparedTrees(True, 0, (7,), ("1",)),
        ComparedTrees(True, 0, (7,), ()),
    ],
)
def test_roots_that_cannot_be_are_dropped(compared: ComparedTrees) -> None:
    """And the peer is asked again later."""
    alone = Alone()
    alone.answer(CompareTrees, compared)
    assert alone.dropped() == 1
    assert len(alone.replica.syncing.behind()) == 4096
    alone.take(after_ms=QUICK.sync_retry_ms)
    assert alone.the(CompareTrees)


def test_a_group_of_which_only_a_part_is_told_is_not_taken_for_equal() -> None:
    """Of those of its partitions that were left out nothing is known."""
    alone = Alone()
    alone.differ()
    behind = alone.replica.syncing.behind()
    assert behind == list(range(64))


@pytest.mark.parametrize(
    "pulled",
    [
        Pulled((KEY,), (), (False,), ""),
        Pulled((KEY,), (STAMP,), (), ""),
        Pulled((keys_in(8, 1)[0],), (STAMP,), (False,), ""),
        Pulled((KEY,), (NEVER,), (True,), ""),
        Pulled((KEY,), (Stamp(1000 + MAX_CLOCK_STEP + 1, B, "1.0"),), (False,), ""),
        Fetched(("bytes",), (b"v",), (STAMP,), (0,)),
        Fetched((), (), (), ()),
    ],
)
def test_lists_that_cannot_be_are_dropped(pulled: Message) -> None:
    """Nothing of them is fetched."""
    alone = Alone()
    alone.differ()
    alone.answer(Pull, pulled)
    assert alone.dropped() == 1
    assert not [e for e in alone.sent if isinstance(e.message, Fetch)]
    assert 7 in alone.replica.syncing.behind()


def test_a_list_that_does_not_go_on_is_dropped() -> None:
    """Else a peer could keep this replica asking for ever."""
    alone = Alone()
    alone.differ()
    alone.answer(Pull, Pulled((), (), (), "k"))
    alone.answer(Pull, Pulled((), (), (), "k"))
    assert alone.dropped() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        Fetched((), (), (), ()),
        Fetched(("bytes",) * 3, (b"v",) * 3, (STAMP,) * 3, (0,) * 3),
        Fetched(("bytes",), (b"v", b"v"), (STAMP,), (0,)),
        Fetched(("bytes",), (b"v",), (STAMP,), ()),
        fetched("absent", b"v"),
        fetched(stamp=NEVER),
        fetched(stamp=Stamp(1000 + MAX_CLOCK_STEP + 1, B, "1.0")),
        fetched(stamp=Stamp(-1, B, "1.0")),
        fetched(at_ms=-1),
        fetched(at_ms=2**63),
        Pulled((KEY,), (STAMP,), (False,), ""),
    ],
)
def test_records_that_cannot_be_are_dropped(wrong: Message) -> None:
    """None of them is kept."""
    alone = Alone()
    alone.lists(KEY, OTHER)
    alone.answer(Fetch, wrong)
    assert alone.dropped() == 1
    assert alone.replica.disk.records == {}
    assert 7 in alone.replica.syncing.behind()


def test_what_is_not_there_any_more_is_passed_over() -> None:
    """A tombstone may be collected between the list and the fetch."""
    alone = Alone()
    alone.lists(KEY)
    alone.answer(Fetch, fetched("absent", b"", NEVER))
    assert alone.dropped() == 0
    assert alone.replica.disk.records == {}
    assert 7 not in alone.replica.syncing.behind()


@pytest.mark.parametrize("kind", [CompareTrees, Pull, Fetch])
@pytest.mark.parametrize("refusal", [Failed("not_ready", "", True), LayoutIs(bumped(TWO)), None])
def test_who_refuses_is_asked_again_later(kind: type[Message], refusal: Message | None) -> None:
    """From the comparison on. So is one to whom a request could not be sent."""
    alone = Alone()
    if kind is Pull:
        alone.differ()
    elif kind is Fetch:
        alone.lists(KEY)
    request = alone.the(kind)
    back = Envelope(
        request.sender, Address(A, HOST), Bounced(request.to, request.message), request.id
    )
    alone.take(reply(request, refusal) if refusal else back)
    assert alone.sent == []
    assert alone.take(after_ms=QUICK.sync_retry_ms - 1) == []
    alone.take(after_ms=1)
    assert alone.the(CompareTrees).to.node == B


def test_answers_of_others_are_not_taken() -> None:
    """Only who was asked can answer, and what was not asked for is no answer."""
    alone = Alone()
    alone.lists(KEY)
    request = alone.the(Fetch)
    forged = Envelope(request.sender, Address(C, "storage"), fetched(), request.id)
    alone.take(forged, replace(reply(request, fetched()), id=request.id + 1))
    assert alone.replica.disk.records == {}


@pytest.mark.parametrize(
    "request_",
    [
        CompareTrees(1, (ZERO,) * 63),
        CompareTrees(1, ("x" * 16,) * 64),
        Pull(1, 7, (ZERO,) * 65, ""),
        Pull(1, 7, ("1",) * 64, ""),
        Pull(1, 4096, (ZERO,) * 64, ""),
        Pull(1, -1, (ZERO,) * 64, ""),
    ],
)
def test_requests_that_cannot_be_are_dropped(request_: Message) -> None:
    """They are not answered."""
    alone = Alone()
    alone.ask(request_)
    assert alone.dropped() == 1
    assert len(alone.sent) == 1


def test_who_is_no_owner_learns_nothing() -> None:
    """No roots, and no keys."""
    alone = Alone()
    alone.replica.stage.put([record(KEY)])
    alone.take()
    alone.ask(CompareTrees(1, (ZERO,) * 64), C)
    assert alone.the(ComparedTrees).message == ComparedTrees(
        True, alone.replica.stage.clock, (), ()
    )
    alone.ask(Pull(1, 7, (ZERO,) * 64, ""), C)
    assert alone.dropped() == 1


@pytest.mark.parametrize("epoch", [0, 2])
def test_who_is_in_another_epoch_is_told_the_layout(epoch: int) -> None:
    """And nothing else."""
    alone = Alone()
    for request in (CompareTrees(epoch, (ZERO,) * 64), Pull(epoch, 7, (ZERO,) * 64, "")):
        alone.ask(request)
        assert alone.the(LayoutIs).message == LayoutIs(TWO)


def test_nothing_is_revealed_before_it_is_on_the_disk() -> None:
    """What arrived in the same turn is in the answer, unless the disk was full."""
    for is_full in (False, True):
        alone = Alone()
        alone.replica.disk.full = is_full
        alone.replica.stage.put([record(KEY)])
        alone.ask(Pull(1, 7, (ZERO,) * 64, ""))
        expected = () if is_full else (KEY,)
        pulled = alone.the(Pulled).message
        assert isinstance(pulled, Pulled)
        assert pulled.keys == expected
