"""Shared key-values between the table, the disk and the rumours."""

from __future__ import annotations

from random import Random

import pytest

from actors.actor import Envelope
from actors.digests import Digests
from actors.gossip_settings import GossipSettings
from actors.messages import Failed, Remember, Share, Shared
from actors.push_pull import PushPull
from actors.rumours import Rumours
from actors.shared import SharedEntry, from_note, version_text
from actors.shared_table import SharedTable
from actors.sharing import Sharing
from tests.actors.envelopes import WALL_MS, A, B, C, client, message, messages, reasons, to
from tests.actors.gossipers import NET
from tests.actors.parts import Parts, nodes


class Node(Parts):
    """Node A's shared values. Its disk takes what it is asked to when it is told to."""

    def __init__(self, settings: GossipSettings | None = None) -> None:
        super().__init__(settings=settings)
        digests = Digests()
        self.rumours = Rumours(A, "1.0", self.settings)
        self.table = SharedTable(A, {}, digests, self.settings)
        self.push_pull = PushPull(
            self.members, self.table, digests, self.outbox, Random(1), self.settings
        )
        self.sharing = Sharing(
            self.table, self.memory, self.rumours, self.push_pull, self.outbox, self.settings
        )
        self.disk: dict[str, bytes] = {}
        self.writing: Envelope | None = None

    def share(self, key: str, value: bytes = b"mine", number: int = 1) -> list[Envelope]:
        """A client shares a value; what is sent before anything more is on the disk."""
        share = Share(key, "bytes", value, 10_000)
        self.sharing.on_share(to("gossiper", share, client(), number), self.now())
        return self.turn()

    def hear(self, *news: SharedEntry, retell: bool = False) -> list[Envelope]:
        """Another node shared something."""
        self.sharing.take_in(news, self.now(), retell=retell)
        return self.turn()

    def turn(self) -> list[Envelope]:
        """The end of a turn: the next write may begin."""
        sent, remember = self.written()
        self.writing = remember or self.writing
        return sent

    def sync(self, code: str = "ok") -> list[Envelope]:
        """The write that is under way ends; what is sent then, and the next one may begin."""
        assert self.writing is not None
        assert isinstance(self.writing.message, Remember)
        number, notes = self.writing.id, self.writing.message.notes
        self.writing = None
        if code == "ok":
            self.disk.update(notes)
        self.memory.on_remembered(number, code)
        return self.turn()

    def sync_all(self) -> list[Envelope]:
        """All writes end."""
        sent: list[Envelope] = []
        while self.writing is not None:
            sent += self.sync()
        return sent

    def held(self) -> dict[str, bytes]:
        """What is read."""
        page = self.table.page("", "")
        return dict(zip(page.keys, page.values, strict=True))

    def on_disk(self) -> dict[str, bytes]:
        """What would be read after a restart."""
        entries = [from_note(name, note) for name, note in self.disk.items()]
        return {entry.key: entry.value for entry in entries if entry is not None}

    def published(self) -> list[SharedEntry]:
        """What it tells all others."""
        self.now_ms += 1_000
        return [entry for rumour in self.rumours.due(NET, self.now()) for entry in rumour.shared]


def entry(value: bytes, after_ms: int = 0, *, key: str = "k", node: str = B) -> SharedEntry:
    """What another node shared, so much later than the beginning."""
    return SharedEntry(key, "bytes", value, WALL_MS + after_ms, 0, node)


# On the disk first.


def test_a_value_is_on_the_disk_before_it_is_held_told_and_answered_for() -> None:
    """A power cut takes nothing back that anybody has seen."""
    node = Node()
    assert node.share("k") == []
    assert (node.held(), node.published()) == ({}, [])
    [answer] = node.sync()
    assert node.on_disk() == node.held() == {"k": b"mine"}
    [told] = node.published()
    assert (answer.to, answer.message) == (client(), Shared(version_text(told)))


@pytest.mark.parametrize("retell", [False, True])
def test_what_others_shared_is_on_the_disk_before_it_is_held(retell: bool) -> None:
    """What was heard in private is told on, and compared again before long."""
    node = Node()
    node.push_pull.next_ms = 2_000
    assert node.hear(entry(b"theirs"), retell=retell) == []
    assert node.held() == {}
    assert node.sync() == []
    assert node.on_disk() == node.held() == {"k": b"theirs"}
    assert node.published() == [entry(b"theirs")] * retell
    assert node.push_pull.next_ms == (200 if retell else 2_000)


def test_what_is_shared_while_the_disk_is_busy_goes_into_the_next_write() -> None:
    """All of it in one."""
    node = Node()
    node.share("a", number=1)
    node.share("b", number=2)
    node.share("c", number=3)
    assert len(messages(node.sync(), Shared)) == 1
    assert node.held() == {"a": b"mine"}
    assert len(messages(node.sync(), Shared)) == 2
    assert node.writing is None
    assert set(node.held()) == {"a", "b", "c"}


# A full disk.


def test_what_a_full_disk_does_not_take_is_not_shared() -> None:
    """The client hears that it never will be; when there is room it may ask again."""
    node = Node()
    node.share("k")
    failed = message(node.sync("disk_full"), Failed)
    assert (failed.code, failed.definite) == ("disk_full", True)
    assert (node.held(), node.published()) == ({}, [])
    node.share("k", b"again", number=2)
    assert messages(node.sync(), Shared)
    assert node.on_disk() == node.held() == {"k": b"again"}


def test_what_others_shared_and_a_full_disk_does_not_take_comes_again() -> None:
    """It is counted, is not held, and is news still."""
    node = Node()
    node.hear(entry(b"theirs"))
    assert reasons(node.sync("disk_full")) == ["shared values could not be kept: the disk is full"]
    assert node.held() == {}
    node.hear(entry(b"theirs"))
    node.sync()
    assert node.on_disk() == node.held() == {"k": b"theirs"}


def test_a_value_that_was_not_shared_takes_no_room() -> None:
    """There is one key to be had, and a full disk did not take the first."""
    node = Node(GossipSettings(max_shared_keys=1))
    node.share("first")
    node.sync("disk_full")
    node.share("second", number=2)
    assert messages(node.sync_all(), Shared)
    assert node.held() == {"second": b"mine"}


def test_a_value_that_was_not_shared_does_not_come_back() -> None:
    """The client was told so; an earlier value that comes then is what there is."""
    node = Node()
    node.now_ms = 1_000
    node.share("k")
    node.sync("disk_full")
    node.hear(entry(b"earlier"))
    node.sync()
    assert node.on_disk() == node.held() == {"k": b"earlier"}


def test_nor_does_it_by_an_earlier_one_that_waited_for_the_same_disk() -> None:
    """The first write fails, the second succeeds."""
    node = Node()
    node.now_ms = 1_000
    node.share("k")
    node.hear(entry(b"earlier"))
    assert messages(node.sync("disk_full"), Failed)
    node.sync_all()
    assert node.on_disk() == node.held() == {"k": b"earlier"}


# Two versions of one key at the same time.

EARLIER, LATER = entry(b"earlier", 0), entry(b"later", 1, node=C)


@pytest.mark.parametrize("order", [(EARLIER, LATER), (LATER, EARLIER)])
@pytest.mark.parametrize("before", [0, 1])
def test_the_later_one_wins_in_whatever_order_they_come(
    order: tuple[SharedEntry, SharedEntry], before: int
) -> None:
    """In one write or in two: in the table, on the disk and after a restart."""
    node = Node()
    if before == 0:
        node.share("other")
    for news in order:
        node.hear(news)
    node.sync_all()
    assert node.held()["k"] == node.on_disk()["k"] == b"later"
    restarted = SharedTable(A, node.disk, Digests(), node.settings)
    assert restarted.page("k", "").values == (b"later",)


@pytest.mark.parametrize("at_ms", [500, 1_500])
@pytest.mark.parametrize("own_first", [True, False])
def test_an_own_value_and_anothers_at_the_same_time(at_ms: int, own_first: bool) -> None:
    """The later one wins, but an own one is above all that the node has seen."""
    node = Node()
    node.now_ms = 1_000
    theirs = entry(b"theirs", at_ms)
    if own_first:
        node.share("k")
        node.hear(theirs)
    else:
        node.hear(theirs)
        node.share("k")
    answers = node.sync_all()
    assert len(messages(answers, Shared)) == 1
    wins = b"theirs" if own_first and at_ms == 1_500 else b"mine"
    assert node.held() == node.on_disk() == {"k": wins}


def test_two_own_values_keep_their_order() -> None:
    """However fast they come."""
    node = Node()
    for number in range(1, 4):
        node.share("k", b"%d" % number, number)
    assert len(messages(node.sync_all(), Shared)) == 3
    assert node.held() == node.on_disk() == {"k": b"3"}


@pytest.mark.parametrize("seed", range(30))
def test_table_and_disk_agree_whatever_happens(seed: int) -> None:
    """Values come from everywhere in any order, the disk is slow, and full now and then."""
    rng = Random(seed)
    node = Node()
    for number in range(1, 60):
        node.now_ms += rng.choice((0, 0, 100))
        if rng.random() < 0.4:
            node.share(rng.choice("ab"), b"%d" % number, number)
        else:
            at_ms = node.now_ms + rng.randrange(-300, 300)
            other = rng.choice((B, C))
            node.hear(entry(b"%d" % number, at_ms, key=rng.choice("ab"), node=other))
        if node.writing is not None and rng.random() < 0.5:
            node.sync(rng.choice(("ok", "ok", "disk_full")))
    while node.writing is not None:
        node.sync()
    assert node.held() == node.on_disk()


# What is refused.


def test_a_duplicate_of_a_request_is_no_request() -> None:
    """It is counted; a client that asks anew does so under another number."""
    node = Node()
    node.share("k", b"first", 1)
    assert reasons(node.share("k", b"second", 1)) == ["duplicate write"]
    node.sync_all()
    assert node.held() == {"k": b"first"}


def test_what_cannot_be_shared_is_refused_at_once() -> None:
    """The table says why."""
    assert message(Node().share(""), Failed).code == "bad_key"


@pytest.mark.parametrize("off_ms", [-5_001, 5_001])
def test_a_node_whose_clock_is_off_shares_nothing(off_ms: int) -> None:
    """Half of the others say so; they would refuse its values, or its values would win for ever."""
    node = Node()
    for other in nodes(3):
        node.sharing.heard(other.id, WALL_MS + off_ms, node.now())
    failed = message(node.share("k"), Failed)
    assert (failed.code, failed.definite) == ("refused", True)
    assert "clock is 5 s" in failed.reason
    assert node.writing is None


def test_a_node_whose_clock_was_put_back_shares_nothing() -> None:
    """What it shared before is too far ahead of it: others would refuse what it shares now."""
    node = Node()
    node.now_ms = 60_000
    node.share("k")
    node.sync_all()
    node.now_ms = 0
    failed = message(node.share("k", b"later", 2), Failed)
    assert (failed.code, failed.definite) == ("refused", True)


def test_a_value_from_the_future_is_not_taken_in() -> None:
    """It would win for ever; it is counted, and what came with it is taken in."""
    node = Node()
    ahead = entry(b"ahead", 5_001, key="ahead")
    assert reasons(node.hear(ahead, entry(b"theirs"))) == [
        "shared value from a clock more than 5 s ahead"
    ]
    node.sync_all()
    assert node.held() == {"k": b"theirs"}


def test_old_news_is_not_written_again() -> None:
    """The disk has it."""
    node = Node()
    node.hear(entry(b"theirs", 5))
    node.sync_all()
    assert node.hear(entry(b"theirs", 5), entry(b"older", 4), retell=True) == []
    assert node.writing is None
    assert node.published() == []
