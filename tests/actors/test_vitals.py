"""Each actor tells its host how it is, and what it has repaired."""

from __future__ import annotations

from collections.abc import Sequence

from actors.actor import HOST, Address, Envelope
from actors.layout import founding, joint
from actors.messages import (
    AskVitals,
    Fetch,
    FilesReport,
    GossiperVitals,
    Heal,
    Hint,
    Message,
    RouterVitals,
    StorageVitals,
    Store,
)
from actors.storage_settings import StorageSettings
from tests.actors.coordinators import OWN, coordinator, fetched, sent, stored
from tests.actors.envelopes import (
    A,
    B,
    C,
    DictionaryDisk,
    from_host,
    get,
    member,
    record,
    the,
    to,
)
from tests.actors.file_servers import FileServers
from tests.actors.gossipers import belonging, fresh
from tests.actors.storage_parts import D, Replicas, records, three
from tests.actors.storages import storage

OLD, NEW = record("k", 5, b"old"), record("k", 7, b"new")
QUICK = StorageSettings(tree_keys=100_000, tree_pause_ms=1)
HELD = records(500)


def test_the_storage_tells_its_partitions_and_hints() -> None:
    """To its host, with everything that a node shows of it."""
    node = storage(DictionaryDisk())
    node.take(to("storage", Hint(B, ("one", "two")), Address(A, "router")))
    told = the(node.take(from_host("storage", AskVitals())), StorageVitals)
    assert told.to == Address(A, HOST)
    assert told.message == StorageVitals(
        owned=4096, behind=0, to_move=0, moved=0, hints=2, repaired=0, is_welcome=True
    )


def test_a_storage_that_is_not_welcome_yet_says_so() -> None:
    """It answers its host all the same, before it answers anybody else."""
    node = storage(DictionaryDisk(), boot_count=2)
    told = the(node.take(from_host("storage", AskVitals())), StorageVitals).message
    assert isinstance(told, StorageVitals)
    assert not told.is_welcome


def test_what_is_brought_by_comparison_counts_as_repaired() -> None:
    """Each record once, at the replica that had not had it."""
    net = three(QUICK)
    net.hold(HELD, A, B)
    net.meet()
    net.adopt(founding([A, B, C]))
    net.run_until(lambda: net.are_checked() and net.are_alike(), 10_000)
    assert [net.all[here].syncing.repaired for here in (A, B, C)] == [0, 0, 500]


def test_what_only_moves_is_not_repaired() -> None:
    """A new owner could not have had it."""
    net = Replicas(A, B, C, D, settings=QUICK)
    net.hold(HELD, A, B, C)
    net.meet()
    first = founding([A, B, C])
    net.adopt(first)
    net.run_until(net.are_checked, 10_000)
    net.adopt(joint(first, [A, B, C, D]))
    net.run_until(net.are_checked, 10_000)
    assert net.all[D].disk.records
    assert [replica.syncing.repaired for replica in net.all.values()] == [0, 0, 0, 0]


def test_the_router_counts_the_records_that_it_has_written_back() -> None:
    """Once they are stored: by a read of a client, and by one for a hint."""
    node = coordinator()
    out = node.take(get("k"))
    out = node.take(*(fetched(sent(out, n, Fetch), r) for n, r in ((A, NEW), (B, OLD))))
    assert vitals(node.take(from_host("router", AskVitals()))) == RouterVitals(repaired=0, hedged=0)
    node.take(stored(the(out, Store)))
    assert vitals(node.take(from_host("router", AskVitals()))) == RouterVitals(repaired=1, hedged=0)
    out = node.take(to("router", Heal(("k",)), OWN, 7))
    answers = [fetched(sent(out, n, Fetch), r) for n, r in ((A, NEW), (B, NEW), (C, OLD))]
    node.take(stored(the(node.take(*answers), Store)))
    assert vitals(node.take(from_host("router", AskVitals()))) == RouterVitals(repaired=2, hedged=0)


def vitals(out: Sequence[Envelope]) -> Message:
    """What the router answers its host."""
    return the(out, RouterVitals).message


def test_the_gossiper_answers_before_it_belongs_and_after() -> None:
    """It tells how many members it knows, and how they are."""
    for node in (fresh(), belonging(member(B))):
        told = the(node.take(from_host("gossiper", AskVitals())), GossiperVitals)
        assert told.to == Address(A, HOST)


def test_the_file_server_tells_what_it_tells_of_its_files() -> None:
    """In whatever epoch, for it is asked by its own node."""
    servers = FileServers(A, B, C)
    servers.deliver(from_host("fileserver", AskVitals()))
    assert isinstance(servers.nodes[A].told[-1], FilesReport)
