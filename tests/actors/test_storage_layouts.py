"""The storage actor and the layout: in which epoch it answers, and what it tells the node first."""

from __future__ import annotations

import pytest

from actors.actor import HOST, Address, Envelope, reply
from actors.layout import Layout, founding, joint, layout_from_bytes, ring_of, settled
from actors.merkle import GROUPS, LEAVES, hex_of
from actors.messages import (
    AskLayout,
    AskReport,
    ClockRaised,
    CompareTrees,
    Confirm,
    Confirmed,
    Failed,
    Fetch,
    Fetched,
    GiveUp,
    Hello,
    Hint,
    Inspect,
    Inspected,
    LayoutIs,
    Message,
    Pull,
    Remembered,
    Report,
    Scan,
    Scanned,
    Stored,
    SyncReport,
    Welcome,
    Welcomed,
)
from actors.storage_settings import StorageSettings
from actors.versions import NEVER, Record
from tests.actors.coordinators import D
from tests.actors.envelopes import (
    WALL_MS,
    A,
    B,
    C,
    DictionaryDisk,
    Turns,
    all_of,
    messages,
    record,
    stamp,
    the,
    to,
    tombstone,
)
from tests.actors.storages import (
    COORDINATOR,
    LAYOUT,
    codes,
    fetch,
    remember,
    storage,
    store,
)

ROUTER, GOSSIPER = Address(A, "router"), Address(A, "gossiper")
NEXT = Layout(2, (A, B, C), (B, C, D), ())
EMPTY = hex_of(0)


def news(layout: Layout, sender: str = B) -> Envelope:
    """Another member's storage tells of a layout that was decided."""
    return to("storage", LayoutIs(layout), Address(sender, "storage"), 3)


def asked(message: Message) -> Envelope:
    """A coordinator asks."""
    return to("storage", message, COORDINATOR, 5)


def to_coordinator(out: list[Envelope]) -> Message:
    """What the coordinator is answered."""
    [answer] = [e for e in out if e.to == COORDINATOR]
    return answer.message


# Fencing.


@pytest.mark.parametrize("epoch", [1, 3])
@pytest.mark.parametrize("kind", ["store", "fetch", "scan", "report", "compare", "pull"])
def test_who_is_at_another_epoch_is_answered_with_the_layout(kind: str, epoch: int) -> None:
    """And nothing else is done: neither is anything kept, nor shown."""
    disk = DictionaryDisk([record("k", 5)])
    node = storage(disk, layout=Layout(2, (A, B, C), (), ()))
    request = {
        "store": store(record("k", 9), epoch=epoch),
        "fetch": fetch("k", epoch=epoch),
        "scan": asked(Scan(epoch, "", "", 10)),
        "report": asked(AskReport(epoch)),
        "compare": asked(CompareTrees(epoch, (EMPTY,) * GROUPS)),
        "pull": asked(Pull(epoch, 0, (EMPTY,) * LEAVES, "")),
    }[kind]
    out = node.take(request)
    assert to_coordinator(out) == LayoutIs(Layout(2, (A, B, C), (), ()))
    assert out[-1].id == request.id
    assert disk.records == {"k": record("k", 5)}


@pytest.mark.parametrize("layout", [None, Layout(1, (B, C, D), (), ())])
def test_who_is_no_member_does_not_answer_for_data(layout: Layout | None) -> None:
    """It has left, or was never told of a layout."""
    node = storage(DictionaryDisk([record("k", 5)]), layout=layout)
    epoch = layout.epoch if layout else 0
    for request in (fetch("k", epoch=epoch), store(record("k", 9), epoch=epoch)):
        answer = to_coordinator(node.take(request))
        assert isinstance(answer, Failed)
        assert (answer.code, answer.definite) == ("not_ready", True)


def test_a_later_life_answers_for_no_key_until_it_is_welcome() -> None:
    """Its folder may be an old copy: a majority of the members has to know of no later life."""
    node = storage(DictionaryDisk([record("k", 5)]), boot_count=2)
    assert isinstance(to_coordinator(node.take(fetch("k"))), Failed)
    hellos = all_of(node.take(after_ms=200), Hello)
    hello = next(e for e in hellos if e.to.node == B)
    out = node.take(reply(hello, Welcome(True, 2)))
    assert [e.to for e in all_of(out, Welcomed)] == [ROUTER]
    assert isinstance(to_coordinator(node.take(fetch("k"))), Fetched)
    assert messages(node.take(after_ms=1_000), Welcomed) == []


@pytest.mark.parametrize(
    "question",
    [
        CompareTrees(1, ("0" * 16,) * GROUPS),
        Pull(1, 0, ("0" * 16,) * LEAVES, ""),
        Confirm(1, ("k",), (stamp(5),)),
    ],
)
def test_other_replicas_do_not_count_on_it_before_either(question: Message) -> None:
    """A new owner would take it for one of a majority of the old: it may have forgotten much."""
    node = storage(DictionaryDisk([tombstone("k", 5)]), boot_count=2)
    assert isinstance(to_coordinator(node.take(asked(question))), Failed)
    at_another = to("storage", Confirm(7, ("k",), (stamp(5),)), COORDINATOR, 5)
    assert isinstance(to_coordinator(node.take(at_another)), LayoutIs)
    hello = next(e for e in all_of(node.take(after_ms=200), Hello) if e.to.node == B)
    node.take(reply(hello, Welcome(True, 2)))
    answer = to_coordinator(node.take(asked(Confirm(1, ("k",), (stamp(5),)))))
    assert answer == Confirmed((True,))


def test_an_old_copy_gives_up() -> None:
    """Somebody has seen a later life: the host is told, once, and nobody is served."""
    node = storage(DictionaryDisk(), boot_count=2)
    hellos = all_of(node.take(after_ms=200), Hello)
    out = node.take(*(reply(e, Welcome(False, 7)) for e in hellos))
    assert [(e.to.actor, e.message.code) for e in out if isinstance(e.message, GiveUp)] == [
        (HOST, "refused")
    ]
    assert isinstance(to_coordinator(node.take(fetch("k"))), Failed)
    assert messages(node.take(after_ms=1_000), GiveUp) == []


# A later layout.


def test_the_node_is_told_of_its_layout_at_the_start() -> None:
    """The router first, then all others; in its first life it is welcome at once."""
    disk = DictionaryDisk()
    node = storage(disk, layout=None)
    out = node.take(remember(founding([A, B, C]), network=b"net"))
    told = [e.to for e in all_of(out, LayoutIs) if e.to.node == A]
    assert told[0] == ROUTER
    assert {*told} == {ROUTER, Address(A, "fileserver"), GOSSIPER, Address(A, HOST)}
    assert messages(out, Remembered) == [Remembered("ok")]
    assert layout_from_bytes(disk.notes["layout"]) == founding([A, B, C])
    assert disk.notes["network"] == b"net"
    assert [e.to for e in all_of(out, Welcomed)] == [ROUTER]


def test_a_layout_is_on_the_disk_before_anything_is_told_in_it() -> None:
    """The router hears of it first, and of the clock before that."""
    disk = DictionaryDisk()
    node = storage(disk)
    out = node.take(store(record("k", 7)), news(NEXT))
    assert layout_from_bytes(disk.notes["layout"]) == NEXT
    assert out[0].message == ClockRaised(7)
    to_router = [type(e.message) for e in out if e.to == ROUTER]
    assert to_router[:2] == [ClockRaised, LayoutIs]
    assert isinstance(to_coordinator(node.take(fetch("k"))), LayoutIs)
    assert isinstance(to_coordinator(node.take(fetch("k", epoch=2))), Fetched)


def test_a_layout_that_the_disk_has_no_room_for_is_not_acted_in() -> None:
    """The old one holds on; whoever is ahead is told of that."""
    disk = DictionaryDisk()
    node = storage(disk)
    disk.full = True
    out = node.take(news(NEXT))
    assert [e for e in all_of(out, LayoutIs) if e.to == ROUTER] == []
    assert to_coordinator(node.take(fetch("k", epoch=2))) == LayoutIs(LAYOUT)
    assert isinstance(to_coordinator(node.take(fetch("k"))), Fetched)


def test_what_is_read_in_the_turn_of_a_new_layout_is_not_told_in_the_old() -> None:
    """The answer leaves after the layout: it would be a page of the epoch before."""
    node = storage(DictionaryDisk([record("k", 5)]))
    out = node.take(news(NEXT), fetch("k"))
    assert to_coordinator(out) == LayoutIs(NEXT)


def test_a_store_of_the_turn_of_a_new_layout_is_on_the_disk_with_it() -> None:
    """It may be acknowledged in the old epoch: all pages of the new one will have it."""
    disk = DictionaryDisk()
    out = storage(disk).take(news(NEXT), store(record("k", 5)))
    assert codes(out) == ["ok"]
    assert [batch.records for batch in disk.commits] == [[record("k", 5)]]


def test_who_is_member_no_more_stops_to_answer() -> None:
    """With the layout that is settled without it."""
    node = storage(DictionaryDisk([record("k", 5)]), layout=NEXT)
    assert isinstance(to_coordinator(node.take(fetch("k", epoch=2))), Fetched)
    node.take(news(settled(NEXT)))
    assert isinstance(to_coordinator(node.take(fetch("k", epoch=3))), Failed)


def to_gossiper(out: list[Envelope]) -> list[Message]:
    """What the gossiper of the node is told of layouts."""
    return [e.message for e in all_of(out, LayoutIs) if e.to == GOSSIPER]


def test_who_is_member_no_more_goes_on_until_a_majority_knows() -> None:
    """The gossiper, which ends the node, hears of the layout only then."""
    out = Layout(3, (B, C, D), (), (A,))
    node = storage(DictionaryDisk(), layout=NEXT)
    assert to_gossiper(node.take(news(out))) == []
    assert to_gossiper(node.run_for(5_000)) == []
    knows = [to("storage", AskLayout(3), Address(member, "storage")) for member in (B, C)]
    assert to_gossiper(node.take(knows[0])) == []
    assert to_gossiper(node.take(knows[1])) == [LayoutIs(out)]
    assert to_gossiper(node.run_for(5_000)) == []


def test_who_was_never_a_member_waits_for_nobody() -> None:
    """It is not among those that are gone."""
    node = storage(DictionaryDisk(), layout=None)
    without = Layout(3, (B, C, D), (), ())
    assert to_gossiper(node.take(news(without))) == [LayoutIs(without)]


@pytest.mark.parametrize(("members", "reports"), [((A, B, C, D), 1), ((B, C, D), 0)])
def test_only_who_stays_reports_what_it_has_moved(members: tuple[str, ...], reports: int) -> None:
    """One that leaves has nothing to get, and nobody is to wait for it."""
    node = storage(DictionaryDisk(), settings=StorageSettings())
    out = node.take(news(joint(LAYOUT, members))) + node.run_for(500)
    told = {e.to.node for e in all_of(out, SyncReport)}
    assert told == ({B, C, D} if reports else set())


def test_what_others_own_is_shed() -> None:
    """A while after the layout is stable: what is read of a key that is not the node's own."""
    settings = StorageSettings(anti_entropy=False, shed_ms=1_000, collect_ms=10**6)
    held = [record(f"k{i}", 5) for i in range(40)]
    disk = DictionaryDisk(held)
    node = storage(disk, settings=settings, layout=Layout(1, (A, B, C, D), (), ()))
    ring = ring_of((A, B, C, D))
    node.run_for(900)
    assert len(disk.records) == 40
    node.run_for(2_000)
    assert disk.records.keys() == {r.key for r in held if A in ring.owners_of(r.key)}


# For people.


def test_a_key_is_inspected() -> None:
    """Without its value, and in whatever epoch; with those for whom a hint of it waits here."""
    disk = DictionaryDisk([record("k", 5, b"abc", expires_ms=2 * WALL_MS), tombstone("gone", 7)])
    node = storage(disk)
    node.take(to("storage", Hint(C, ("k",)), ROUTER))

    def inspected(key: str) -> Message:
        return to_coordinator(node.take(asked(Inspect(key))))

    assert inspected("k") == Inspected(1, "bytes", stamp(5), 2 * WALL_MS, 3, (C,))
    assert inspected("gone") == Inspected(1, "absent", stamp(7), 0, 0, ())
    assert inspected("never") == Inspected(1, "absent", NEVER, 0, 0, ())


def test_a_replica_reports_how_it_does() -> None:
    """How many hints it keeps, for whom, and that it lacks nothing that is its own."""
    node = storage(DictionaryDisk())
    node.take(to("storage", Hint(C, ("k", "l")), ROUTER), to("storage", Hint(B, ("k",)), ROUTER))
    report = to_coordinator(node.take(asked(AskReport(1))))
    assert isinstance(report, Report)
    assert (report.epoch, report.moving, report.moved) == (1, 0, 0)
    assert dict(zip(report.hinted, report.hints, strict=True)) == {B: 1, C: 2}
    assert len(report.behind) in (0, 1_024)


# The parts have their turns.


def test_what_has_expired_is_marked_by_and_by() -> None:
    """Under its own stamp, by the wall clock; nothing is read for it."""
    settings = StorageSettings(anti_entropy=False, sweep_ms=1_000)
    disk = DictionaryDisk()
    node = storage(disk, settings=settings)
    expires_ms = node.now().wall_ms + 500
    node.take(store(record("k", 5, b"abc", expires_ms=expires_ms)))
    node.run_for(400)
    assert disk.records["k"].kind == "bytes"
    node.run_for(2_000)
    assert disk.records["k"] == Record("k", "absent", b"", stamp(5), expires_ms)


def test_it_never_wants_a_turn_that_has_passed() -> None:
    """Whatever its parts wait for, in a layout or without one, welcome or not."""
    for layout in (None, LAYOUT, NEXT, Layout(1, (A,), (), ())):
        for boot_count in (1, 2):
            disk = DictionaryDisk([record("k", 1), tombstone("l", 2)])
            node = storage(disk, 9, StorageSettings(), layout=layout, boot_count=boot_count)
            for _ in range(300):
                if node.actor.wake_at is None:
                    break
                assert node.actor.wake_at > node.now_ms
                node.take_when_due()


def quiet_for(node: Turns, duration_ms: int) -> int:
    """How many turns it takes in this time."""
    until_ms, turns = node.now_ms + duration_ms, 0
    while node.actor.wake_at is not None and node.actor.wake_at <= until_ms:
        node.take_when_due()
        turns += 1
    return turns


def test_a_replica_alone_is_quiet() -> None:
    """It wakes for what it sweeps, and not much more often."""
    node = storage(DictionaryDisk([record("k", 1)]), layout=Layout(1, (A,), (), ()))
    quiet_for(node, 10_000)
    assert quiet_for(node, 10_000) < 60


def test_the_kinds_of_what_it_is_asked_are_all_answered() -> None:
    """Each with the number of the question."""
    node = storage(DictionaryDisk([record("k", 1)]))
    questions: list[tuple[Message, type[Message]]] = [
        (Fetch(1, ("k",)), Fetched),
        (Scan(1, "", "", 5), Scanned),
        (Inspect("k"), Inspected),
        (AskReport(1), Report),
        (store(record("k", 2)).message, Stored),
    ]
    for question, answer in questions:
        out = node.take(asked(question))
        assert the([e for e in out if e.to == COORDINATOR], answer).id == 5
