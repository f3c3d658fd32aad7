"""Chunks that are put, and held, through a node that coordinates."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.actor import CLIENT, Address, Envelope, Now
from actors.chunks import LIST, chunk_id
from actors.messages import (
    ChunkKept,
    ChunkPut,
    ChunksHeld,
    Failed,
    HoldChunks,
    KeepChunk,
    Message,
    PutChunk,
    Touch,
)
from tests.actors.file_servers import SETTINGS, A, B, C, D, FileServers

DATA = b"some bytes of a file"
ID = chunk_id(DATA)
PUT = PutChunk(ID, DATA, 5_000)


def code(answer: Message) -> str:
    """The code of a refusal."""
    assert isinstance(answer, Failed), answer
    return answer.code


def test_a_chunk_is_kept_by_all_of_its_owners() -> None:
    """Whichever node was asked."""
    network = FileServers(A, B, C, D)
    owners = set(network.nodes[A].actor._desk.owners(ID))
    assert len(owners) == 3
    for node in (A, B, C, D):
        assert network.ask(PUT, at=node) == ChunkPut()
        assert network.holders(ID) == owners


def test_a_chunk_is_with_the_other_owners_before_the_own_disk_writes() -> None:
    """So that all disks write at once; the own one in the next turn."""
    network = FileServers(A, B, C)
    node = network.nodes[A]
    now = Now(network.now_ms, network.now_ms)
    put = Envelope(Address(A, "fileserver"), Address(CLIENT, "01"), PUT, 1)
    sent = node.actor.turn([put], now)
    assert sorted((e.to.node, e.message) for e in sent) == [
        (owner, KeepChunk(ID, DATA)) for owner in (B, C)
    ]
    assert not node.store.has([ID])[0]
    assert node.actor.wake_at == now.mono_ms + 1
    assert node.actor.turn([], now) == []
    assert node.store.has([ID])[0]


@pytest.mark.parametrize("down", [A, B, C])
def test_a_chunk_is_acknowledged_by_a_majority_of_its_owners(down: str) -> None:
    """One of three may be down."""
    network = FileServers(A, B, C)
    network.kill(down)
    asked = B if down == A else A
    assert network.ask(PUT, at=asked) == ChunkPut()
    assert network.holders(ID) == {A, B, C} - {down}


def test_a_chunk_is_refused_at_once_where_two_of_its_owners_are_down() -> None:
    """Nobody is waited for that cannot answer, and the sentence names them."""
    network = FileServers(A, B, C)
    network.kill(B)
    network.kill(C)
    answer = network.ask(PUT)
    assert code(answer) == "unavailable"
    assert isinstance(answer, Failed)
    assert "node-b, node-c" in answer.reason


def test_an_owner_that_says_nothing_is_not_waited_for_where_two_have_it() -> None:
    """It gets the chunk later."""
    network = FileServers(A, B, C)
    network.cut.add(C)
    assert network.ask(PUT) == ChunkPut()
    assert network.holders(ID) == {A, B}


def test_where_too_few_owners_answer_in_time_the_client_is_told_so() -> None:
    """The chunk may be sent again: it is the same chunk."""
    network = FileServers(A, B, C)
    network.cut |= {B, C}
    answer = network.ask(PUT)
    assert answer == Failed(
        "timed_out", "no answer in time from node-b, node-c; the chunk may be sent again", True
    )
    network.cut.clear()
    assert network.ask(PUT) == ChunkPut()


@pytest.mark.parametrize(
    "put",
    [
        replace(PUT, data=b"other bytes"),
        replace(PUT, chunk="0" * 63),
        replace(PUT, chunk=ID.upper()),
        replace(PUT, data=b""),
        replace(PUT, chunk=chunk_id(DATA, is_list=True)),
        PutChunk(chunk_id(bytes(2**21 + 1)), bytes(2**21 + 1), 5_000),
    ],
    ids=["other bytes", "a short id", "another case", "nothing", "no list", "too large"],
)
def test_what_is_no_chunk_is_refused(put: PutChunk) -> None:
    """And kept nowhere."""
    network = FileServers(A, B, C)
    assert code(network.ask(put)) in ("refused", "unavailable")
    assert not network.all_held()


def test_a_chunk_that_was_changed_on_its_way_is_not_kept() -> None:
    """An owner looks at what it is to keep."""
    network = FileServers(A, B, C)

    def spoil(envelope: Envelope) -> Envelope:
        match envelope.message:
            case KeepChunk(chunk):
                return replace(envelope, message=KeepChunk(chunk, b"spoilt"))
        return envelope

    network.tamper = spoil
    assert code(network.ask(PUT)) == "unavailable"
    assert ChunkKept("bad_value") in network.sent_of(ChunkKept)
    assert network.holders(ID) <= {A}


def test_a_full_disk_is_told_of_and_nothing_is_kept_on_it() -> None:
    """Where one of three is full the chunk is acknowledged all the same."""
    network = FileServers(A, B, C)
    network.nodes[B].store.full = True
    assert network.ask(PUT) == ChunkPut()
    network.nodes[C].store.full = True
    other = b"other bytes"
    answer = network.ask(PutChunk(chunk_id(other), other, 5_000))
    assert code(answer) == "disk_full"
    assert "the disks of " in str(answer)
    network.kill(B)
    answer = network.ask(PutChunk(chunk_id(other), other, 5_000))
    assert isinstance(answer, Failed)
    assert "the disk of " in answer.reason
    assert "has no room" in answer.reason
    assert network.holders(chunk_id(other)) <= {A}


def test_more_than_may_be_under_way_is_refused_until_there_is_room() -> None:
    """What is on its way is held in memory, so there is a bound to it."""
    network = FileServers(A, B, C, settings=replace(SETTINGS, max_open_bytes=30))
    network.cut |= {B, C}
    client = "02"
    network.deliver(
        Envelope(network.answers_to(A), network.client(client), PutChunk(ID, DATA, 60_000), 77)
    )
    other = b"more than ten bytes"
    assert code(network.ask(PutChunk(chunk_id(other), other, 1_000))) == "overloaded"
    network.run_for(60_000)
    network.cut.clear()
    assert network.ask(PutChunk(chunk_id(other), other, 1_000)) == ChunkPut()


def test_who_is_slow_gets_a_few_chunks_at_a_time_and_the_others_later() -> None:
    """So no more are held for it than its credit, however many are put."""
    network = FileServers(A, B, C)
    network.cut.add(C)
    for n in range(30):
        data = b"chunk %d" % n
        assert network.ask(PutChunk(chunk_id(data), data, 5_000)) == ChunkPut()
    sent = [e for e in network.sent if isinstance(e.message, KeepChunk) and e.to.node == C]
    assert len({e.id for e in sent}) == SETTINGS.peer_credit
    assert network.nodes[A].actor._placing.open_bytes == 0


def test_what_is_on_enough_disks_need_not_be_sent() -> None:
    """Each is told of by itself."""
    network = FileServers(A, B, C, D)
    network.ask(PUT)
    unknown = chunk_id(b"unknown")
    assert network.ask(HoldChunks((ID, unknown), 5_000)) == ChunksHeld((True, False))
    lacking, *_ = sorted(network.holders(ID))
    del network.nodes[lacking].store.held[ID]
    assert network.ask(HoldChunks((ID,), 5_000), at=D) == ChunksHeld((True,))
    lacking, *_ = sorted(network.holders(ID))
    del network.nodes[lacking].store.held[ID]
    assert network.ask(HoldChunks((ID,), 5_000), at=D) == ChunksHeld((False,))


def test_what_is_rotten_does_not_count_and_is_made_good() -> None:
    """Where it is to be looked at: an upload sends it again, however few copies are left."""
    network = FileServers(A, B, C)
    network.ask(PUT)
    for node in network.nodes.values():
        node.store.held[ID] = b"rotten"
    assert network.ask(HoldChunks((ID,), 5_000)) == ChunksHeld((True,))
    assert network.ask(HoldChunks((ID,), 5_000, checked=True)) == ChunksHeld((False,))
    assert network.ask(PUT) == ChunkPut()
    network.run_for(5_000)
    assert [node.store.held[ID] for node in network.nodes.values()] == [DATA] * 3
    assert network.ask(HoldChunks((ID,), 5_000, checked=True)) == ChunksHeld((True,))


def test_what_is_put_takes_the_place_of_what_is_rotten() -> None:
    """Nothing is acknowledged for being there already that is something else."""
    network = FileServers(A, B, C)
    network.ask(PUT)
    for node in network.nodes.values():
        node.store.held[ID] = b"rotten"
    assert network.ask(PUT) == ChunkPut()
    network.run_for(5_000)
    assert [node.store.held[ID] for node in network.nodes.values()] == [DATA] * 3


def test_chunks_that_are_still_with_their_former_owners_count() -> None:
    """When others own them now, and have not got them yet."""
    network = FileServers(A, B, C)
    network.ask(PUT)
    for id in (D, "e" * 16, "f" * 16):
        network.add(id)
    network.cut |= {D, "e" * 16, "f" * 16}
    ids = tuple(sorted(network.nodes))
    network.spread(replace(network.layout, epoch=2, base=ids))
    network.cut.clear()
    assert network.ask(HoldChunks((ID,), 20_000)) == ChunksHeld((True,))


def test_who_is_in_another_epoch_tells_so_and_touches_nothing() -> None:
    """What is counted on is counted in one epoch."""
    network = FileServers(A, B, C)
    network.ask(PUT)
    layout = network.nodes[B].actor._desk.placement.layout
    before = len(network.sent)
    network.deliver(
        Envelope(network.answers_to(B), network.answers_to(A), Touch(layout.epoch + 1, (ID,)), 9)
    )
    assert [type(e.message).__name__ for e in network.sent[before:]] == ["LayoutIs"]


@pytest.mark.parametrize("chunks", [(), ("x",), (ID,) * 1_001], ids=["none", "no id", "many"])
def test_a_request_that_names_no_chunks_or_too_many_is_refused(chunks: tuple[str, ...]) -> None:
    """With a sentence."""
    assert code(FileServers(A, B, C).ask(HoldChunks(chunks, 5_000))) == "refused"


def test_what_is_to_be_read_for_an_answer_is_bounded() -> None:
    """Others wait meanwhile."""
    some = (ID,) * 33
    assert code(FileServers(A, B, C).ask(HoldChunks(some, 5_000, checked=True))) == "refused"
    assert FileServers(A, B, C).ask(HoldChunks(some, 5_000)) == ChunksHeld((False,) * 33)


def test_a_list_is_kept_beside_a_chunk_of_the_same_bytes() -> None:
    """They have other names."""
    network = FileServers(A, B, C)
    data = bytes.fromhex(ID)
    list_id = chunk_id(data, is_list=True)
    assert list_id == chunk_id(data) + LIST
    assert network.ask(PutChunk(list_id, data, 5_000)) == ChunkPut()
    assert network.ask(HoldChunks((list_id, chunk_id(data)), 5_000)) == ChunksHeld((True, False))


def test_what_cannot_be_a_list_is_kept_nowhere() -> None:
    """A list is digests of 32 bytes."""
    network = FileServers(A, B, C)
    put = PutChunk(chunk_id(DATA, is_list=True), DATA, 5_000)
    assert isinstance(network.ask(put), Failed)
    assert not network.all_held()
