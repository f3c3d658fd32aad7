"""Owners get what they lack, former owners keep what others need, and the scrub finds what rots."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.actor import Address, Envelope
from actors.chunks import chunk_id
from actors.file_settings import FileSettings
from actors.layout import Layout
from actors.messages import (
    AskFiles,
    ChunkGot,
    ChunkPut,
    ChunksCompared,
    ChunksHeld,
    Dropped,
    FilePut,
    FilesHandedOver,
    FilesReport,
    GetChunk,
    HoldChunks,
    PutChunk,
    Refer,
    RemoveFile,
    TakeChunk,
    Touch,
)
from tests.actors.file_servers import SETTINGS, A, B, C, D, FileServers, put_file

E = "e" * 16
CHUNKS = tuple(b"%04d" % n for n in range(50))
IDS = tuple(map(chunk_id, CHUNKS))
PUT = put_file("numbers.txt", *CHUNKS, chunk_bytes=4)


def with_file(*nodes: str, settings: FileSettings = SETTINGS) -> FileServers:
    """A file of fifty chunks."""
    network = FileServers(*nodes, settings=settings)
    put_all(network)
    return network


def put_all(network: FileServers) -> None:
    """Put the file."""
    for data in CHUNKS:
        network.ask(PutChunk(chunk_id(data), data, 5_000))
    assert isinstance(network.ask(PUT), FilePut)


def misplaced(network: FileServers) -> list[str]:
    """The chunks that are not exactly where they should be."""
    owners = network.nodes[A].actor._desk.owners
    return [id for id in IDS if network.holders(id) != {*owners(id)}]


def report(network: FileServers, node: str) -> FilesReport:
    """What a node says of its files."""
    ask = Envelope(
        network.answers_to(node), Address(A, "router"), AskFiles(network.layout.epoch), 5
    )
    network.deliver(ask)
    return network.sent_of(FilesReport)[-1]


def test_a_node_that_was_away_gets_what_it_missed() -> None:
    """Without a client reading."""
    network = FileServers(A, B, C, D)
    network.kill(C)
    put_all(network)
    assert misplaced(network)
    network.down.clear()
    network.spread()
    network.run_for(5_000)
    assert not misplaced(network)


def test_a_wiped_folder_refills() -> None:
    """Also where the node itself was not away for long enough to be noticed."""
    network = with_file(A, B, C, D)
    network.nodes[B].store.held.clear()
    network.restart(B)
    network.run_for(5_000)
    assert not misplaced(network)


def test_a_single_chunk_that_was_deleted_comes_back() -> None:
    """Copies are compared now and then."""
    network = with_file(A, B, C, D)
    network.run_for(1_000)
    holder, *_ = sorted(network.holders(IDS[7]))
    del network.nodes[holder].store.held[IDS[7]]
    network.restart(holder)
    network.run_for(SETTINGS.compare_ms * 8)
    assert not misplaced(network)


def test_what_nothing_refers_to_is_not_taken_from_others() -> None:
    """Or what is collected here would come back from there."""
    network = FileServers(A, B, C, D)
    network.ask(PutChunk(IDS[0], CHUNKS[0], 5_000))
    holder, *_ = sorted(network.holders(IDS[0]))
    network.nodes[holder].store.held.clear()
    network.restart(holder)
    network.run_for(30_000)
    assert holder not in network.holders(IDS[0])
    assert not network.sent_of(TakeChunk)


def test_no_faster_than_it_may_be_is_anything_repaired() -> None:
    """Clients come first."""
    network = with_file(A, B, C, settings=replace(SETTINGS, repair_bytes_per_s=4))
    network.nodes[B].store.held.clear()
    network.restart(B)
    network.run_for(20_000)
    assert 10 <= len(network.nodes[B].store.held) <= 35
    assert report(network, B).missing >= 15
    network.run_for(60_000)
    assert not misplaced(network)
    assert report(network, B) == FilesReport(50, 200, 0, 0, 0, 50, 0, 0, 0)


def test_a_node_that_joins_gets_its_share_and_others_keep_it_until_then() -> None:
    """No chunk is anywhere short of a copy meanwhile."""
    network = with_file(A, B, C, D)
    network.add(E)
    base = network.layout.base
    target = tuple(sorted([*base, E]))
    network.spread(Layout(2, base, target, ()))
    assert all(len(network.holders(id)) >= 3 for id in IDS)
    network.run_for(10_000)
    network.spread(Layout(3, target, (), ()))
    assert all(len(network.holders(id)) >= 3 for id in IDS)
    network.run_for(60_000)
    assert not misplaced(network)
    assert network.nodes[E].store.held


def test_chunks_are_read_while_they_are_with_their_former_owners_alone() -> None:
    """All who are there are asked."""
    network = with_file(A, B, C)
    for node in (D, E, "f" * 16):
        network.add(node)
    network.spread(Layout(2, tuple(sorted(network.nodes)), (), ()))
    for id, data in zip(IDS, CHUNKS, strict=True):
        assert network.ask(GetChunk(id, True, 5_000), at=D) == ChunkGot(data)


def test_a_node_that_leaves_hands_over_all_that_it_has_before_it_goes() -> None:
    """Not before its chunks are with those that stay."""
    network = with_file(A, B, C, D)
    network.cut.add(D)
    network.leave(D)
    network.run_for(10_000)
    assert FilesHandedOver() not in network.nodes[D].told
    network.cut.clear()
    network.run_for(30_000)
    assert network.nodes[D].told.count(FilesHandedOver()) == 1
    assert all(network.holders(id) == {A, B, C} for id in IDS)


@pytest.mark.parametrize("leaves", [True, False])
def test_no_question_about_strays_is_too_long(leaves: bool) -> None:
    """However many chunks a partition has: nobody would answer, and a node could never leave."""
    network = FileServers(A, B, C, D, settings=replace(SETTINGS, sweep_chunks=1_000))
    chunks = {chunk_id(data): data for data in (b"%d" % n for n in range(1450, 2550))}
    for node in network.nodes.values():
        node.store.held.update(chunks)
    if leaves:
        network.leave(D)
    else:
        network.spread(Layout(2, (A, B, C), (), ()))
    network.run_for(1_000)
    asked: list[Touch | Refer] = [*network.sent_of(Touch), *network.sent_of(Refer)]
    assert max(len(question.chunks) for question in asked) == 1_000
    assert network.sent_of(Dropped) == []
    if leaves:
        assert network.nodes[D].told.count(FilesHandedOver()) == 1
        assert network.nodes[D].store.held == {}


def test_how_much_a_node_that_leaves_has_still_to_hand_over_is_told() -> None:
    """It gets less all the time, or somebody has to look after it."""
    network = with_file(A, B, C, D, settings=replace(SETTINGS, repair_bytes_per_s=4))
    has = len(network.nodes[D].store.held)
    assert 10 < has < 50
    network.leave(D)
    told = []
    for _ in range(12):
        network.run_for(5_000)
        told.append(report(network, D).strays)
    assert has > told[0] > told[3] > told[-1] == 0
    assert FilesHandedOver() in network.nodes[D].told


def test_a_node_without_chunks_may_go_at_once() -> None:
    """There is nothing to be handed over."""
    network = FileServers(A, B, C, D)
    network.leave(D)
    network.run_for(10)
    assert FilesHandedOver() in network.nodes[D].told


def test_what_nothing_refers_to_yet_is_handed_over_too() -> None:
    """An upload may count on it."""
    network = FileServers(A, B, C, D)
    for data in CHUNKS:
        network.ask(PutChunk(chunk_id(data), data, 5_000))
    network.leave(D)
    network.run_for(5_000)
    assert FilesHandedOver() in network.nodes[D].told
    assert all(network.holders(id) >= {A, B, C} for id in IDS)
    assert isinstance(network.ask(PUT), FilePut)


def test_nobody_counts_on_what_a_node_keeps_that_leaves() -> None:
    """Nor is anything more brought to it."""
    network = with_file(A, B, C)
    network.leave(C)
    network.run_for(5_000)
    network.leave(B)
    del network.nodes[A].store.held[IDS[0]]
    assert network.ask(HoldChunks((IDS[0],), 5_000)) == ChunksHeld((False,))
    other = b"another chunk"
    assert network.ask(PutChunk(chunk_id(other), other, 5_000)) == ChunkPut()
    assert network.holders(chunk_id(other)) == {A}


def test_where_those_that_stay_are_down_a_node_does_not_leave() -> None:
    """What it has may be nowhere else."""
    network = with_file(A, B, C, D)
    network.down |= {A, B}
    network.leave(D)
    network.run_for(60_000)
    assert FilesHandedOver() not in network.nodes[D].told


def with_a_lost_chunk() -> FileServers:
    """All three copies of a chunk have rotted, and that was found."""
    network = with_file(A, B, C, settings=replace(SETTINGS, scrub_pause_ms=5_000))
    for node in network.nodes.values():
        node.store.held[IDS[3]] = b"rot"
    network.run_for(30_000)
    assert network.holders(IDS[3]) == set()
    return network


def test_what_is_on_no_node_is_told_apart_from_what_may_still_be_made() -> None:
    """Nobody is to wait for it; when it is put again it is there."""
    network = with_a_lost_chunk()
    told = [report(network, node) for node in network.nodes]
    assert [(each.missing, each.lost) for each in told] == [(0, 1)] * 3
    network.ask(PutChunk(IDS[3], CHUNKS[3], 5_000))
    network.run_for(5_000)
    told = [report(network, node) for node in network.nodes]
    assert [(each.missing, each.lost) for each in told] == [(0, 0)] * 3


def test_what_no_file_needs_any_more_is_not_lost() -> None:
    """Whoever removed the file has seen to it."""
    network = with_a_lost_chunk()
    network.ask(RemoveFile("numbers.txt", 5_000))
    network.run_for(5_000)
    assert [report(network, node).lost for node in network.nodes] == [0] * 3


def test_while_a_node_is_down_it_may_have_what_the_others_lack() -> None:
    """So nothing is called lost."""
    network = with_file(A, B, C, D, settings=replace(SETTINGS, scrub_pause_ms=5_000))
    network.kill(D)
    for node in (A, B, C):
        network.nodes[node].store.held[IDS[3]] = b"rot"
    network.run_for(30_000)
    told = [report(network, node) for node in (A, B, C)]
    assert [each.lost for each in told] == [0] * 3
    assert sum(each.missing for each in told) >= 2


def test_the_scrub_finds_what_is_rotten_and_it_is_repaired() -> None:
    """Without a client reading; the report counts it."""
    network = with_file(A, B, C, settings=replace(SETTINGS, scrub_pause_ms=5_000))
    network.nodes[B].store.held[IDS[3]] = b"rot"
    network.run_for(30_000)
    assert network.nodes[B].store.held[IDS[3]] == CHUNKS[3]
    told = report(network, B)
    assert (told.rotten, told.repaired, told.missing) == (1, 1, 0)
    assert told.scrubbed >= 50


def test_what_a_reader_finds_to_be_rotten_is_repaired_and_counted_once() -> None:
    """Though it is brought for the reader and for the repair."""
    network = with_file(A, B, C)
    network.nodes[B].store.held[IDS[3]] = b"rot"
    assert network.ask(GetChunk(IDS[3], True, 5_000), at=B) == ChunkGot(CHUNKS[3])
    network.run_for(5_000)
    told = report(network, B)
    assert (told.rotten, told.repaired, told.missing) == (1, 1, 0)


def test_the_scrub_finds_what_was_removed_from_the_disk() -> None:
    """By somebody else, while the node runs: it is brought again, and counts once."""
    network = with_file(A, B, C, settings=replace(SETTINGS, scrub_pause_ms=5_000))
    network.run_for(SETTINGS.compare_ms * 4)
    del network.nodes[B].store.held[IDS[3]]
    network.run_for(6_000)
    assert network.nodes[B].store.held[IDS[3]] == CHUNKS[3]
    assert report(network, B).repaired == 1


def test_what_was_removed_and_came_back_with_a_read_is_there_in_comparisons() -> None:
    """Otherwise all others would tell of that partition again and again."""
    network = with_file(A, B, C)
    network.run_for(SETTINGS.compare_ms * 4)
    del network.nodes[B].store.held[IDS[3]]
    assert network.ask(GetChunk(IDS[3], False, 5_000), at=B) == ChunkGot(CHUNKS[3])
    network.sent.clear()
    network.run_for(SETTINGS.compare_ms * 8)
    told = network.sent_of(ChunksCompared)
    assert told
    assert not any(answer.chunks for answer in told)


def test_without_a_scrub_nothing_is_read() -> None:
    """A rate of 0 is none."""
    settings = replace(SETTINGS, scrub_pause_ms=1, scrub_bytes_per_s=0)
    network = with_file(A, B, C, settings=settings)
    network.run_for(10_000)
    assert report(network, B).scrubbed == 0


def test_the_scrub_reads_no_faster_than_it_may() -> None:
    """The disk belongs to those who ask."""
    network = with_file(
        A, B, C, settings=replace(SETTINGS, scrub_pause_ms=1_000, scrub_bytes_per_s=4)
    )
    network.run_for(11_000)
    assert 5 <= report(network, B).scrubbed <= 15


def test_where_the_disk_is_full_what_is_lacking_is_asked_for_after_a_while_again() -> None:
    """And comes when there is room."""
    network = with_file(A, B, C)
    network.nodes[B].store.held.clear()
    network.nodes[B].store.full = True
    network.restart(B)
    network.run_for(30_000)
    assert not network.nodes[B].store.held
    assert len(network.sent_of(TakeChunk)) < 100
    network.nodes[B].store.full = False
    network.run_for(120_000)
    assert not misplaced(network)


def test_a_node_that_is_no_member_yet_has_handed_over_nothing() -> None:
    """It is about to join, not to leave."""
    network = with_file(A, B, C)
    network.add(D)
    network.spread(replace(network.layout, epoch=2))
    network.run_for(5_000)
    assert not network.nodes[D].told
