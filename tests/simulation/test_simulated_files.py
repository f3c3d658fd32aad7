"""The simulator runs file servers: their disks crash, rot and fill up, their chunks take time."""

from __future__ import annotations

from random import Random

import pytest

from actors.chunks import LIST, chunk_id, list_of, partition_of_chunk
from actors.disk import DiskFull
from actors.errors import TimedOut
from actors.file_settings import FileSettings
from actors.messages import (
    ChunkGot,
    ChunkPut,
    GetChunk,
    KeepChunk,
    PutChunk,
    Referred,
)
from nodes.simulated import Simulation
from nodes.simulated.chunks import SimulatedChunks
from nodes.simulated.client import Outcome, SimulatedClient
from nodes.simulated.disk import Crashed, DiskFailed, Fault
from nodes.simulated.network import BYTES_PER_US, transfer_us
from nodes.simulated.node import ActorSettings
from tests.toy_files import ToyFileServer

CHUNKS = [(chunk_id(data), data) for data in (b"%d" % n for n in range(40))]
IDS = [id for id, _ in CHUNKS]
DATA = bytes(2**20)
NAMES = ("node1", "node2", "node3")


def kept(count: int = len(CHUNKS), seed: int = 1) -> SimulatedChunks:
    """A disk with so many of the chunks."""
    chunks = SimulatedChunks(Random(seed))
    chunks.keep(CHUNKS[:count])
    return chunks


def test_what_was_kept_outlives_a_crash() -> None:
    """It is read as it was given, found and counted."""
    chunks = kept()
    chunks.crash()
    assert [chunks.read(id) for id in IDS] == [data for _, data in CHUNKS]
    assert chunks.has([*IDS, chunk_id(b"other")]) == [True] * 40 + [False]
    assert chunks.counts() == (40, sum(len(data) for _, data in CHUNKS))
    found = sorted(id for partition in range(4_096) for id in chunks.of_partition(partition))
    assert found == sorted(IDS)
    assert IDS[0] in chunks.of_partition(partition_of_chunk(IDS[0]))


def test_lists_are_told_apart() -> None:
    """By their names."""
    chunks = kept(3)
    data = list_of(IDS[:3])
    id = chunk_id(data, is_list=True)
    chunks.keep([(id, data), (chunk_id(data), data)])
    assert chunks.lists() == [id]
    assert id.endswith(LIST)


def test_a_crash_in_the_middle_keeps_some_of_the_batch() -> None:
    """Not the same in every life; after the sync it is all there."""
    counts = set()
    for seed in range(20):
        chunks = kept(0, seed)
        chunks.next_fault = "before_sync"
        with pytest.raises(Crashed):
            chunks.keep(CHUNKS[:2])
        chunks.crash()
        counts.add(len(chunks.ids()))
    assert counts == {0, 1, 2}
    chunks.next_fault = "after_sync"
    with pytest.raises(Crashed):
        chunks.keep(CHUNKS)
    assert chunks.ids() == sorted(IDS)


def test_a_crash_may_bring_back_what_was_dropped() -> None:
    """Some of it, until something is kept."""
    chunks = kept()
    chunks.drop(IDS)
    assert chunks.ids() == []
    chunks.crash()
    assert 0 < len(chunks.ids()) < len(IDS)
    chunks.drop(IDS)
    chunks.keep(CHUNKS[:1])
    chunks.crash()
    assert chunks.ids() == IDS[:1]


def test_a_full_disk_keeps_nothing_more() -> None:
    """What is there stays, and may be kept once more; a wiped one has nothing."""
    chunks = kept(2)
    chunks.full = True
    assert chunks.room_bytes() == 0
    chunks.keep(CHUNKS[:2])
    with pytest.raises(DiskFull):
        chunks.keep(CHUNKS)
    assert len(chunks.ids()) == 2
    chunks.full = False
    assert chunks.room_bytes() > 2**30
    chunks.next_fault = "error"
    with pytest.raises(DiskFailed):
        chunks.keep(CHUNKS)
    chunks.wipe()
    assert chunks.ids() == []


def test_chunks_rot_and_get_lost() -> None:
    """One bit is another; the others are what they were."""
    chunks = kept(3)
    chunks.rot(IDS[0], Random(1))
    rotten = chunks.read(IDS[0])
    assert rotten is not None
    assert chunk_id(rotten) != IDS[0]
    assert len(rotten) == len(CHUNKS[0][1])
    chunks.lose(IDS[1])
    assert chunks.read(IDS[1]) is None
    assert chunks.read(IDS[2]) == CHUNKS[2][1]


# In a network.


@pytest.fixture
def simulation(monkeypatch: pytest.MonkeyPatch) -> Simulation:
    """Three nodes whose file servers do little."""
    monkeypatch.setattr("nodes.simulated.node.FileServer", ToyFileServer)
    simulation = Simulation(1, settings=ActorSettings(files=FileSettings(tick_ms=7)))
    simulation.begin(*NAMES)
    return simulation


def connected(simulation: Simulation, node: str = "node1") -> SimulatedClient:
    """A client of this node."""
    client = simulation.add_client(f"client of {node}", node)
    simulation.run_for(200)
    return client


def put(simulation: Simulation, client: SimulatedClient) -> Outcome:
    """What becomes of putting a chunk of 1 MiB."""
    return simulation.ask(client, PutChunk(chunk_id(DATA), DATA, 1_000), 1_000)


def test_a_chunk_goes_from_a_client_to_all_file_servers(simulation: Simulation) -> None:
    """Over the network, where it takes as long as its size needs."""
    client = connected(simulation)
    began_us = simulation.clock.now_us
    assert put(simulation, client) == ChunkPut()
    assert simulation.clock.now_us - began_us > 2 * transfer_us(KeepChunk("", DATA))
    assert transfer_us(KeepChunk("", DATA)) == 2**20 // BYTES_PER_US
    assert transfer_us(Referred((True,))) == 0
    for name in NAMES:
        assert simulation.nodes[name].chunks.read(chunk_id(DATA)) == DATA
    got = simulation.ask(connected(simulation, "node3"), GetChunk(chunk_id(DATA), False, 500), 500)
    assert got == ChunkGot(DATA)


def test_file_servers_have_the_settings_of_the_simulation(simulation: Simulation) -> None:
    """As all actors have theirs; and they are told of the members."""
    simulation.run_for(200)
    for name in NAMES:
        actor = simulation.process(name).runners["fileserver"].actor
        assert isinstance(actor, ToyFileServer)
        assert actor.settings == FileSettings(tick_ms=7)
        assert len(actor.others) == 2


@pytest.mark.parametrize("fault", ["before_sync", "after_sync", "error"])
def test_a_file_server_that_meets_a_crash_answers_nothing(
    simulation: Simulation, fault: Fault
) -> None:
    """Its whole node ends; what others kept is there."""
    client = connected(simulation)
    simulation.set_chunk_fault("node2", fault)
    assert isinstance(put(simulation, client), TimedOut)
    assert simulation.nodes["node2"].process is None
    assert simulation.nodes["node3"].chunks.ids() == [chunk_id(DATA)]
    if fault == "after_sync":
        assert simulation.nodes["node2"].chunks.ids() == [chunk_id(DATA)]


def test_a_partition_is_between_file_servers_too(simulation: Simulation) -> None:
    """Their messages are lost, and handed back later, as all others."""
    client = connected(simulation)
    simulation.partition(["node1"], ["node2"])
    assert isinstance(put(simulation, client), TimedOut)
    assert simulation.nodes["node2"].chunks.ids() == []
    simulation.run_for(3_500)
    assert "a node cannot be reached" in str(put(simulation, client))


def test_a_wiped_disk_has_no_chunks_and_a_full_one_takes_none(simulation: Simulation) -> None:
    """Keys and chunks are on one disk."""
    client = connected(simulation)
    assert put(simulation, client) == ChunkPut()
    simulation.crash("node3")
    simulation.wipe("node3")
    assert simulation.nodes["node3"].chunks.ids() == []
    simulation.set_full("node2", True)
    assert simulation.nodes["node2"].chunks.room_bytes() == 0
