"""The simulator does what it claims: else what it shows would mean nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.disk import Batch
from actors.errors import ERRORS, GossamerError, TimedOut, Unreachable
from actors.messages import (
    Bounced,
    ClockRaised,
    Failed,
    Fetched,
    Finished,
    Get,
    Got,
    Level,
    LinkDown,
    LinkUp,
    ListMembers,
    MembersListed,
    Store,
    Stored,
    Write,
    Written,
)
from actors.ring import Ring
from actors.versions import Record, Stamp, Version
from nodes.simulated import Simulation
from nodes.simulated.client import Outcome, SimulatedClient
from nodes.simulated.disk import Fault, SimulatedDisk

NAMES = ("node1", "node2", "node3")


def three_nodes(seed: int = 1) -> tuple[Simulation, SimulatedClient]:
    """A network, and a client that is connected to node1."""
    simulation = Simulation(seed)
    simulation.begin(*NAMES)
    client = simulation.add_client("client", "node1")
    simulation.run_for(100)
    return simulation, client


def key_of(simulation: Simulation, name: str) -> str:
    """A key that this node owns."""
    ring = Ring([node.id for node in simulation.nodes.values()])
    keys = (f"key{i}" for i in range(1_000))
    return next(k for k in keys if ring.owners_of(k)[0] == simulation.nodes[name].id)


def put(key: str, value: bytes = b"1", timeout_ms: int = 1_000, w: Level = "all") -> Write:
    """A write of one key, on all three nodes unless it says otherwise."""
    return Write((key,), ("bytes",), (value,), w, 0, timeout_ms)


def get(key: str) -> Get:
    """A read of one key from all three nodes."""
    return Get((key,), False, "all", 1_000)


def ended(simulation: Simulation, client: SimulatedClient, write: Write) -> Outcome:
    """The outcome of a write."""
    return simulation.ask(client, write, write.timeout_ms)


def failure(outcome: Outcome) -> tuple[str, bool]:
    """The code of the error that a write ended with, and whether it never happened."""
    assert isinstance(outcome, GossamerError)
    assert type(outcome) is ERRORS[outcome.code].raises
    return outcome.code, outcome.definite


def test_what_was_written_but_not_synced_is_lost_in_a_crash() -> None:
    """Until the sync it is read; after a crash only what was synced is."""
    disk = SimulatedDisk()
    stamp = Stamp(1, "n", "b")
    disk.write(Batch([Record("k", "bytes", b"1", stamp)], [("note", b"x")], 10))
    assert disk.versions(["k"]) == [Version(stamp, False)]
    disk.crash()
    assert disk.read(["k"]) == [None]
    assert (disk.synced_note("note"), disk.clock_limit) == (b"", 0)
    disk.write(Batch([Record("k", "bytes", b"2", stamp)], [], 10))
    disk.sync()
    disk.crash()
    assert [record.value for record in disk.synced_records()] == [b"2"]


@pytest.mark.parametrize(("fault", "kept"), [("before_sync", []), ("after_sync", [b"1"])])
def test_a_turn_that_meets_a_crash_sends_nothing(fault: Fault, kept: list[bytes]) -> None:
    """Before the sync or after it, nothing is acknowledged; only after it the value is there."""
    simulation, client = three_nodes()
    key = key_of(simulation, "node2")
    simulation.set_fault("node2", fault)
    outcome = ended(simulation, client, put(key))
    assert failure(outcome) == ("timed_out", False)
    assert simulation.nodes["node2"].process is None
    assert [record.value for record in simulation.nodes["node2"].disk.synced_records()] == kept


def test_a_failing_disk_ends_the_node() -> None:
    """Nothing is acknowledged after an error of the disk."""
    simulation, client = three_nodes()
    simulation.set_fault("node2", "error")
    outcome = ended(simulation, client, put(key_of(simulation, "node2")))
    assert failure(outcome) == ("timed_out", False)
    assert simulation.nodes["node2"].process is None


def test_a_full_disk_refuses_and_still_reads() -> None:
    """A write is answered `disk_full` and that node keeps nothing; reads go on; room ends it."""
    simulation, client = three_nodes()
    key = key_of(simulation, "node2")
    assert _in_order(ended(simulation, client, put(key, b"old"))) == _written(simulation, key)
    simulation.set_full("node2", True)
    refused = ended(simulation, client, put(key, b"new"))
    assert isinstance(refused, Written)
    assert refused.codes == ("disk_full",)
    got = simulation.ask(client, get(key), 1_000)
    assert isinstance(got, Got)
    assert got.codes == ("ok",)
    simulation.set_full("node2", False)
    assert _in_order(ended(simulation, client, put(key, b"new"))) == _written(simulation, key)


def _in_order(outcome: Outcome) -> Outcome:
    """The same, with the replicas in the order of their names."""
    assert isinstance(outcome, Written)
    return replace(outcome, replicas=tuple([tuple(sorted(r)) for r in outcome.replicas]))


def _written(simulation: Simulation, key: str) -> Written:
    """What a client is told of a write, by what the disk of node2 holds."""
    [record] = simulation.nodes["node2"].disk.read([key])
    assert record is not None
    return Written(("ok",), (str(record.stamp),), (NAMES,))


def test_what_is_not_sent_is_handed_back() -> None:
    """Asks of nodes that are down bounce, and the write is refused as never having happened."""
    simulation, client = three_nodes()
    simulation.crash("node2")
    simulation.crash("node3")
    outcome = ended(simulation, client, put("key", w="quorum"))
    assert failure(outcome) == ("unavailable", True)
    bounced = [e.message for e in simulation.transcript.envelopes()]
    assert any(isinstance(m, Bounced) and m.to.actor == "router" for m in bounced)


def test_what_is_cut_off_is_lost_and_later_handed_back() -> None:
    """A partition loses at first; when heartbeats have ended the connection, it hands back."""
    simulation, client = three_nodes()
    key = key_of(simulation, "node2")
    simulation.partition(["node1"], ["node2", "node3"], one_way=True)
    begin_ms = simulation.now_ms
    outcome = ended(simulation, client, put(key, w="quorum"))
    assert failure(outcome) == ("unavailable", True)
    assert simulation.now_ms - begin_ms >= 900
    simulation.run_for(3_000)
    begin_ms = simulation.now_ms
    outcome = ended(simulation, client, put(key, w="quorum"))
    assert failure(outcome) == ("unavailable", True)
    assert simulation.now_ms - begin_ms < 800
    simulation.heal()
    simulation.run_until(lambda: simulation.agree(NAMES), 10_000)
    assert _in_order(ended(simulation, client, put(key))) == _written(simulation, key)


def test_an_actor_is_given_all_that_has_arrived() -> None:
    """While a turn syncs others wait, and the next turn takes them together: one commit."""
    simulation, client = three_nodes()
    key = key_of(simulation, "node1")
    syncs = simulation.nodes["node1"].disk.syncs
    outcomes: list[Outcome] = []
    for i in range(50):
        client.submit(put(key, str(i).encode()), 1_000, outcomes.append)
    simulation.run_until(lambda: len(outcomes) == 50, 1_000)
    assert all(isinstance(o, Written) and o.codes == ("ok",) for o in outcomes)
    assert simulation.nodes["node1"].disk.syncs - syncs < 10


def test_a_clock_is_raised_before_the_write_is_acknowledged() -> None:
    """What passes through the router's thread keeps its order, as in a real node."""
    simulation, client = three_nodes()
    start = len(simulation.transcript.envelopes())
    ended(simulation, client, put(key_of(simulation, "node2")))
    kinds = [type(e.message) for e in simulation.transcript.envelopes()[start:]]
    assert kinds.index(Store) < kinds.index(ClockRaised) < kinds.index(Stored)


def test_a_paused_node_does_nothing_until_it_is_resumed() -> None:
    """What is sent to it waits, and is handled in its order afterwards."""
    simulation, client = three_nodes()
    simulation.pause("node1")
    outcomes: list[Outcome] = []
    client.submit(put(key_of(simulation, "node1")), 10_000, outcomes.append)
    simulation.run_for(5_000)
    assert outcomes == []
    simulation.resume("node1")
    simulation.run_for(100)
    assert len(outcomes) == 1
    assert isinstance(outcomes[0], Written)


def test_a_crash_cuts_the_connections_of_clients() -> None:
    """A write under way is then of unknown outcome; the next one finds nobody, until a restart."""
    simulation, client = three_nodes()
    key = key_of(simulation, "node1")
    outcomes: list[Outcome] = []
    client.submit(put(key), 10_000, outcomes.append)
    simulation.crash("node1")
    simulation.run_until(lambda: bool(outcomes), 100)
    assert isinstance(outcomes[0], TimedOut)
    assert not outcomes[0].definite
    assert isinstance(ended(simulation, client, put(key)), Unreachable)
    simulation.start("node1")
    simulation.run_until(lambda: bool(simulation.process("node1").members.network), 2_000)
    simulation.run_for(100)
    assert isinstance(ended(simulation, client, put(key)), Written)
    links = [type(e.message) for e in simulation.transcript.envelopes()]
    assert [kind for kind in links if kind in (LinkUp, LinkDown)] == [LinkUp, LinkDown, LinkUp]


def test_a_clean_stop_finishes_one_actor_after_the_other() -> None:
    """Files, then the gossiper's good-bye, then what the router has under way; storage is last."""
    simulation, _ = three_nodes()
    simulation.stop("node1")
    finished = [e for e in simulation.transcript.envelopes() if isinstance(e.message, Finished)]
    assert [e.sender.actor for e in finished] == ["fileserver", "gossiper", "router", "storage"]


def test_a_message_for_another_node_is_dropped_and_counted() -> None:
    """Where a node was replaced by another one at its address, that one takes nothing of it."""
    simulation, client = three_nodes()
    key = key_of(simulation, "node2")
    simulation.crash("node2")
    simulation.wipe("node2")
    simulation.start("node2")
    ended(simulation, client, put(key, timeout_ms=2_000))
    assert simulation.nodes["node2"].dropped["for another node"] > 0


def test_a_late_answer_to_an_earlier_life_is_not_taken() -> None:
    """Correlation ids of a new life begin above all earlier ones."""
    simulation, client = three_nodes()
    key = key_of(simulation, "node2")
    ended(simulation, client, put(key))
    before = max(e.id for e in simulation.transcript.envelopes() if isinstance(e.message, Stored))
    simulation.crash("node1")
    simulation.start("node1")
    simulation.run_until(lambda: simulation.agree(NAMES), 5_000)
    start = len(simulation.transcript.envelopes())
    simulation.run_for(100)
    simulation.ask(client, get(key), 1_000)
    fetched = [e for e in simulation.transcript.envelopes()[start:] if type(e.message) is Fetched]
    assert [e.id > before for e in fetched] == [True, True, True]


def test_every_node_answers_for_its_members() -> None:
    """A client may ask the gossiper of its node who is in the network."""
    simulation, client = three_nodes()
    listed = simulation.ask(client, ListMembers(), 1_000)
    assert isinstance(listed, MembersListed)
    assert [member.name for member in listed.members] == list(NAMES)


def test_a_node_that_waits_for_a_network_serves_nothing() -> None:
    """It refuses, and says whom it waits for."""
    simulation = Simulation(1)
    simulation.add_node("node1").join = ("10.0.0.1:7100", "10.0.0.9:7100")
    simulation.start("node1")
    client = simulation.add_client("client", "node1")
    simulation.run_for(1_000)
    refusals: list[Outcome] = []
    client.submit(put("k"), 1_000, refusals.append)
    simulation.run_until(lambda: bool(refusals), 1_000)
    assert str(refusals[0]) == "the node is not ready: waiting for 10.0.0.9:7100 to answer"
    failed = [e for e in simulation.transcript.envelopes() if isinstance(e.message, Failed)]
    assert len(failed) == 1
