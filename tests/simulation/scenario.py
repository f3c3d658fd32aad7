"""What every seed goes through: three nodes, five clients on a few hot keys, faults; then calm.

`what_is_wrong` judges it: every key was an atomic register, a stamp stands for one value, and once
the faults are over all requests succeed and all nodes list the same members, soon.
"""

from __future__ import annotations

from actors.messages import Get, Got, Observed, Store, Stored
from actors.router import Router, RouterSettings
from actors.storage import StorageSettings
from actors.versions import Stamp
from nodes.simulated import Simulation, TookTooLong
from nodes.simulated.node import ActorSettings
from tests.simulation.faults import Faults
from tests.simulation.workload import KEYS, MAX_TIMEOUT_MS, Workload

NAMES = ("node1", "node2", "node3")
CLIENTS = 5
OPERATIONS = 200
CALM_MS = 10_000

SMALL = ActorSettings(
    router=RouterSettings(max_batch_keys=4, max_open_keys=6, max_reply_bytes=2),
    storage=StorageSettings(max_reply_bytes=250, max_page_keys=1),
)
"""Replies to odd seeds come in parts, pages are short, and nodes are soon overloaded."""


def run(seed: int) -> tuple[Simulation, Workload]:
    """Go through it. Raises TookTooLong, or AssertionError where an answer made no sense."""
    simulation = Simulation(seed, settings=SMALL if seed % 2 else None)
    simulation.begin(*NAMES)
    rng = simulation.rng
    clients = [
        simulation.add_client(f"client{i + 1}", *rng.sample(NAMES, rng.randint(1, 3)))
        for i in range(CLIENTS)
    ]
    workload = Workload(simulation, clients, OPERATIONS)
    faults = Faults(simulation, NAMES, (Store, Stored, Stored, Observed))
    simulation.run_until(workload.done, 600_000)
    faults.end()
    simulation.run_until(lambda: simulation.agree(NAMES), CALM_MS)
    simulation.run_for(MAX_TIMEOUT_MS)
    for name in NAMES:
        _read_all(simulation, workload, name)
    return simulation, workload


def _read_all(simulation: Simulation, workload: Workload, name: str) -> None:
    """Ask a node for all keys; now it must answer."""
    client = simulation.add_client(f"last-{name}", name)
    begin_us = simulation.clock.now_us
    outcome = simulation.ask(client, Get(KEYS, True, 1_000), 1_000)
    assert isinstance(outcome, Got), outcome
    for key, code, value in zip(KEYS, outcome.codes, outcome.values, strict=True):
        assert code in ("ok", "not_found"), f"{name} answers {code} for {key}"
        seen = value if code == "ok" else None
        workload.history.read(client.name, key, seen, begin_us, simulation.clock.now_us)


def what_is_wrong(seed: int) -> list[str]:
    """Nothing, or what broke a promise."""
    try:
        simulation, workload = run(seed)
    except TookTooLong as late:
        return [str(late)]
    return [
        *workload.history.wrong(),
        *_stamps(simulation),
        *_clocks(simulation),
        *_left_over(simulation),
    ]


def _stamps(simulation: Simulation) -> list[str]:
    """A stamp stands for one value of one key, and a value has one stamp."""
    wrong = []
    written: dict[Stamp, tuple[str, str, bytes]] = {}
    stamped: dict[bytes, Stamp] = {}
    for envelope in simulation.transcript.envelopes():
        if isinstance(envelope.message, Store):
            m = envelope.message
            for key, kind, value, stamp in zip(m.keys, m.kinds, m.values, m.stamps, strict=True):
                if written.setdefault(stamp, (key, kind, value)) != (key, kind, value):
                    wrong.append(f"{stamp} stands for {written[stamp]} and {(key, kind, value)}")
                if value and stamped.setdefault(value, stamp) != stamp:
                    wrong.append(f"{value!r} has the stamps {stamped[value]} and {stamp}")
    return wrong


def _left_over(simulation: Simulation) -> list[str]:
    """When all is answered, no router holds on to anything, nor counts anything as open."""
    wrong = []
    for name in NAMES:
        router = simulation.process(name).runners["router"].actor
        assert isinstance(router, Router)
        if router.wake_at is not None or router._open_keys or router._open_bytes:
            wrong.append(f"{name} has {router._open_keys} keys, {router._open_bytes} bytes open")
    return wrong


def _clocks(simulation: Simulation) -> list[str]:
    """What a disk has as its clock's limit is not below any counter on it."""
    return [
        f"{node.name} may start with a clock below {record.stamp}"
        for node in simulation.nodes.values()
        for record in node.disk.synced_records()
        if record.stamp.counter > node.disk.clock_limit
    ]
