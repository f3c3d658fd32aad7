"""Chunks that nothing refers to are collected, and no others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.actor import CLIENT, Address, Envelope
from actors.chunks import chunk_id
from actors.messages import (
    ChunkPut,
    ChunksHeld,
    FilePut,
    HoldChunks,
    PutChunk,
    PutFile,
    Refer,
    RemoveFile,
    Touch,
    WantEpoch,
)
from tests.actors.file_servers import (
    MINUTE_MS,
    SETTINGS,
    A,
    B,
    C,
    D,
    FileServers,
    lists_of,
    put_file,
)

CHUNKS = (b"abcd", b"efgh", b"ij")
IDS = tuple(map(chunk_id, CHUNKS))
PUT = put_file("letters.txt", *CHUNKS, chunk_bytes=4)


def with_chunks(*chunks: bytes) -> FileServers:
    """Four nodes, some of which keep these."""
    network = FileServers(A, B, C, D)
    for data in chunks:
        assert network.ask(PutChunk(chunk_id(data), data, 5_000)) == ChunkPut()
    return network


def pass_grace(network: FileServers) -> None:
    """Let the grace of all that is there pass, and then two epochs."""
    network.run_for(MINUTE_MS + 5_000)
    for _ in range(2):
        network.bump()
        network.run_for(5_000)


def test_chunks_that_no_manifest_came_for_are_collected() -> None:
    """As those of an upload that was broken off."""
    network = with_chunks(*CHUNKS)
    network.run_for(MINUTE_MS - 1_000)
    assert network.all_held() == {*IDS}
    pass_grace(network)
    assert not network.all_held()


def test_the_chunks_of_a_file_stay() -> None:
    """However long."""
    network = with_chunks(*CHUNKS)
    assert isinstance(network.ask(PUT), FilePut)
    for _ in range(3):
        pass_grace(network)
    assert network.all_held() == {*IDS}
    assert all(len(network.holders(id)) == 3 for id in IDS)


def test_the_chunks_of_a_file_that_was_removed_are_collected() -> None:
    """Also on nodes that do not keep its manifest: who keeps it tells them."""
    network = with_chunks(*CHUNKS)
    network.ask(PUT)
    pass_grace(network)
    network.ask(RemoveFile("letters.txt", 5_000))
    pass_grace(network)
    assert not network.all_held()


def test_a_file_that_is_replaced_leaves_what_the_new_one_has_too() -> None:
    """And no more."""
    network = with_chunks(*CHUNKS, b"other")
    network.ask(PUT)
    pass_grace(network)
    for data in (b"abcd", b"klm"):
        network.ask(PutChunk(chunk_id(data), data, 5_000))
    assert isinstance(network.ask(put_file("letters.txt", b"abcd", b"klm", chunk_bytes=4)), FilePut)
    pass_grace(network)
    assert network.all_held() == {IDS[0], chunk_id(b"klm")}


def test_a_chunk_goes_only_two_epochs_after_it_was_suspected() -> None:
    """A manifest may be on its way until then. The epoch is asked for while something waits."""
    network = with_chunks(*CHUNKS)
    network.run_for(10 * MINUTE_MS)
    assert network.all_held() == {*IDS}
    assert network.nodes[A].told[-1] == WantEpoch(True)
    network.bump()
    network.run_for(10 * MINUTE_MS)
    assert network.all_held() == {*IDS}
    network.bump()
    network.run_for(10_000)
    assert not network.all_held()
    assert network.nodes[A].told[-1] == WantEpoch(False)


def test_a_network_without_waste_asks_for_no_epochs() -> None:
    """Each costs everybody a little."""
    network = with_chunks(*CHUNKS)
    network.ask(PUT)
    network.run_for(10 * MINUTE_MS)
    assert not any(isinstance(m, WantEpoch) for node in network.nodes.values() for m in node.told)


@pytest.mark.parametrize("silent", [A, B, C, D])
def test_nothing_goes_while_a_node_has_not_said_that_it_needs_it_not(silent: str) -> None:
    """It may have the only copy of a manifest."""
    network = with_chunks(*CHUNKS)
    network.silent_storages.add(silent)
    pass_grace(network)
    pass_grace(network)
    assert network.all_held() == {*IDS}
    network.silent_storages.clear()
    network.run_for(60_000)
    assert not network.all_held()


def test_nothing_goes_while_a_member_is_down() -> None:
    """Nor when it is down for long."""
    network = with_chunks(*CHUNKS)
    network.kill(D)
    pass_grace(network)
    pass_grace(network)
    left = {id for node in (A, B, C) for id in network.nodes[node].store.held}
    assert left == {*IDS}


@pytest.mark.parametrize("request_", [HoldChunks(IDS, 5_000), Touch(1, IDS)])
def test_what_is_counted_on_stays_for_another_grace(request_: HoldChunks | Touch) -> None:
    """Although it was about to go."""
    network = with_chunks(*CHUNKS)
    network.run_for(MINUTE_MS + 5_000)
    network.bump()
    network.bump()
    if isinstance(request_, HoldChunks):
        assert network.ask(request_) == ChunksHeld((True,) * 3)
    else:
        for node in network.nodes:
            touch = replace(request_, epoch=network.layout.epoch)
            network.deliver(
                Envelope(Address(node, "fileserver"), Address(A, "fileserver"), touch, 7)
            )
    network.run_for(MINUTE_MS - 1_000)
    assert network.all_held() == {*IDS}
    pass_grace(network)
    assert not network.all_held()


def test_what_is_counted_on_while_others_are_asked_about_it_stays() -> None:
    """Their answers are of no account then."""
    network = with_chunks(*CHUNKS)
    network.run_for(MINUTE_MS + 3_000)
    network.bump()
    held = False

    def hold(envelope: Envelope) -> Envelope:
        nonlocal held
        if isinstance(envelope.message, Refer) and not held:
            held = True
            to = Address(A, "fileserver")
            network.deliver(Envelope(to, Address(CLIENT, "9"), HoldChunks(IDS, 5_000), 99))
        return envelope

    network.bump()
    network.tamper = hold
    network.run_for(30_000)
    assert held
    assert network.all_held() == {*IDS}


def test_a_put_of_what_is_there_already_counts_on_it_too() -> None:
    """It is not written again."""
    network = with_chunks(*CHUNKS)
    network.run_for(MINUTE_MS - 1_000)
    for data in CHUNKS:
        network.ask(PutChunk(chunk_id(data), data, 5_000))
    network.bump()
    network.bump()
    network.run_for(MINUTE_MS - 5_000)
    assert network.all_held() == {*IDS}


def test_a_list_keeps_what_it_names_and_goes_before_it() -> None:
    """When its file is removed, first the list is collected, then the chunks."""
    chunks = [b"%06d" % n for n in range(40)]
    network = with_chunks(*chunks)
    ids = tuple(map(chunk_id, chunks))
    [data] = lists_of(ids)
    list_id = chunk_id(data, is_list=True)
    network.ask(PutChunk(list_id, data, 5_000))
    whole = b"".join(chunks)
    put = PutFile("n.txt", len(whole), chunk_id(whole), 6, True, (list_id,), b"", 5_000)
    assert isinstance(network.ask(put), FilePut)
    for _ in range(2):
        pass_grace(network)
    assert network.all_held() == {*ids, list_id}
    network.ask(RemoveFile("n.txt", 5_000))
    pass_grace(network)
    assert network.all_held() == {*ids}
    pass_grace(network)
    assert not network.all_held()


def test_after_a_restart_waste_is_found_by_the_scrub() -> None:
    """What was suspected is forgotten, but all is read now and then."""
    network = FileServers(A, B, C, D, settings=replace(SETTINGS, scrub_pause_ms=1_000))
    for data in CHUNKS:
        network.ask(PutChunk(chunk_id(data), data, 5_000))
    for node in list(network.nodes):
        network.restart(node)
    network.run_for(30_000)
    pass_grace(network)
    assert not network.all_held()


def test_no_more_suspects_are_remembered_than_may_be() -> None:
    """The others are found by the scrub."""
    network = FileServers(A, settings=replace(SETTINGS, max_suspects=2))
    for data in CHUNKS:
        network.ask(PutChunk(chunk_id(data), data, 5_000))
    pass_grace(network)
    assert len(network.all_held()) == 1


def test_while_others_are_asked_they_are_not_asked_again() -> None:
    """Though all that they were asked about was touched meanwhile, and has to go later."""
    network = with_chunks(*CHUNKS)
    network.silent_storages.add(B)
    network.run_for(MINUTE_MS + 1_000)
    network.ask(HoldChunks(IDS, 5_000))
    other = b"other"
    network.ask(PutChunk(chunk_id(other), other, 5_000))
    network.run_for(MINUTE_MS + 20_000)
    network.silent_storages.clear()
    pass_grace(network)
    assert not network.all_held()
