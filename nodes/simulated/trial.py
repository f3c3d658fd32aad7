"""One seed's way through faults, and the judgement: was every promise kept?

    trial = Trial(Plan(seed=7))
    trial.run()
    print(trial.wrong)

Clients work on a few hot keys while faults go on. Then all is well again, and one machine after the
other is taken away for a while. In the end all owners have to hold the same, and to say so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from actors.file_settings import FileSettings
from actors.router import Router
from actors.router_settings import RouterSettings
from actors.storage_settings import StorageSettings
from nodes.simulated import Simulation, TookTooLong
from nodes.simulated.chunk_judge import Chunks
from nodes.simulated.client import SimulatedClient
from nodes.simulated.faults import HOUR_MS, KINDS, Faults
from nodes.simulated.file_workload import NAMES, FileWorkload
from nodes.simulated.fleet import MIN_MEMBERS, Fleet
from nodes.simulated.node import ActorSettings
from nodes.simulated.partitions import FEW, partitions
from nodes.simulated.replicas import Replicas
from nodes.simulated.witness import Witness
from nodes.simulated.workload import KEYS, MAX_TIMEOUT_MS, Workload

CLIENTS = 5
UPLOADERS = 3
CALM_MS = 30_000
"""All members are agreed on within this, after the faults."""
SERVING_MS = 10_000
"""All nodes serve all keys within this, once they are agreed."""
AWAY_MS = 8_000
"""Within this the others serve all keys, when one machine is away."""
MIN_FAULTS = 3
CONVERGED_MS = 20_000
MENDED_MS = 30_000
SWEPT_MS = 90_000
COLLECTED_MS = 30_000
IDLE_MS = 5_000
READ_MS = 3_000
PROBE_MS = 100
WATCH_MS = 300

QUICK = StorageSettings(
    wish_ms=100,
    propose_retry_ms=200,
    layout_ask_ms=500,
    settle_patience_ms=2_000,
    abort_ms=3_000,
    shed_ms=3_000,
    grace_ms=1_500,
    compare_ms=700,
    sync_retry_ms=200,
    deliver_ms=200,
    sweep_ms=300,
    collect_ms=400,
)
"""What takes minutes in a network that serves people takes seconds in a trial."""

# The grace is shorter than most uploads take: what keeps their chunks is not time, but epochs.
FILES = FileSettings(
    min_chunk_bytes=1,
    client_credit=4,
    peer_credit=4,
    compare_ms=700,
    retry_ms=300,
    grace_ms=400,
    sweep_ms=200,
    scrub_pause_ms=5_000,
)

SMALL = RouterSettings(max_batch_keys=4, max_open_keys=6, max_reply_bytes=2, max_begun_bytes=4)
SHORT = replace(
    QUICK,
    max_reply_bytes=250,
    max_page_keys=1,
    page_keys=1,
    collect_keys=2,
    deliver_keys=2,
    sweep_keys=100,
)
"""Replies come in parts, pages are short, and nodes are soon overloaded."""


def settings_of(seed: int, files: FileSettings) -> ActorSettings:
    """Every second seed has small limits, in every fourth reads ask all owners at once, and some
    repair in one way alone, or give up what is not theirs only late."""
    router, storage = (SMALL, SHORT) if seed % 2 else (RouterSettings(), QUICK)
    if seed // 2 % 4 == 3:
        router = replace(router, hedge_ms=0)
    match seed % 6:
        case 3 | 4:
            # What differs is found by comparison alone.
            router = replace(router, read_repair=False)
            storage = replace(storage, hinted_handoff=False)
        case 5:
            storage = replace(storage, shed_ms=15_000)
    return ActorSettings(router=router, storage=storage, files=files)


FILES_CHECKED = (
    "what is read of a file is what was uploaded, and every file is whole through every node",
    "all owners have their chunks in the end, and no chunk is anywhere that no file needs",
)
"""Of every trial with files, beside that files are atomic registers."""

CHECKED = (
    "what is acknowledged is with a majority of the owners, and readable everywhere at last",
    "a stamp stands for one value, and no clock may start below what its disk holds",
    "layouts form one chain, and members only go forward on it",
    "the network serves again after the faults, and while one machine is away",
    "all owners hold the same in the end, what was deleted stays so, and tombstones are collected",
    "no node holds on to a request that has ended",
)
"""Of every trial, beside that keys are atomic registers."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a trial is to be."""

    seed: int
    nodes: int = 5
    operations: int = 200
    faults: tuple[str, ...] = tuple(KINDS)
    files: int = 0
    """So many times a file is uploaded, downloaded or removed."""

    @property
    def command(self) -> str:
        """What repeats it."""
        kinds = "all" if self.faults == tuple(KINDS) else ",".join(self.faults) or "none"
        return (
            f"gossamer simulate --seed {self.seed} --nodes {self.nodes}"
            f" --operations {self.operations} --faults {kinds} --files {self.files}"
        )


class Trial:
    """`wrong` is what broke a promise, when it has been run."""

    def __init__(self, plan: Plan, *, recording: bool = False) -> None:
        self.plan = plan
        settings = settings_of(plan.seed, FILES if plan.files else FileSettings())
        self.simulation = Simulation(plan.seed, settings=settings, recording=recording)
        names = [f"node{i + 1}" for i in range(plan.nodes)]
        self.replicas = Replicas(self.simulation)
        self.witness = Witness(self.simulation, self.replicas)
        skew_ms = 2 * HOUR_MS if "clock" in plan.faults else 0
        acknowledged = self.witness.on_acknowledged
        self.workload = Workload(self.simulation, plan.operations, skew_ms, acknowledged)
        self.files = FileWorkload(self.simulation, plan.files)
        self.chunks = Chunks(self.simulation, self.replicas)
        self.fleet = Fleet(self.simulation, self.replicas, names)
        self.faults: Faults | None = None
        self.wrong: list[str] = []

    @property
    def begun(self) -> Counter[str]:
        """The faults there were, by kind, in the order of the kinds."""
        begun = self.faults.begun if self.faults is not None else Counter()
        return Counter({kind: begun[kind] for kind in KINDS if begun[kind]})

    @property
    def outcomes(self) -> Counter[str]:
        """How many requests were done, were refused, and may have been done."""
        found = self.workload.outcomes + self.files.outcomes
        return Counter({how: found[how] for how in ("done", "refused", "unknown")})

    @property
    def changes(self) -> Counter[str]:
        """How many machines joined, left and were wiped."""
        return self.fleet.changes

    @property
    def epochs(self) -> int:
        """How many layouts were seen."""
        return len(self.witness.layouts)

    @property
    def checked(self) -> tuple[str, ...]:
        """What would have been found wrong, in words."""
        judged = len(self.workload.history.operations)
        checked = (f"every key is an atomic register, by {judged} reads and writes of it", *CHECKED)
        if not self.plan.files:
            return checked
        judged = len(self.files.history.operations)
        files = f"every file is an atomic register, by {judged} reads and writes of it"
        return (*checked, files, *FILES_CHECKED)

    def run(self) -> None:
        """Go through it and judge it."""
        with partitions(FEW):
            try:
                self._run()
            except TookTooLong as late:
                self.wrong.append(str(late))
            for work in (self.workload, self.files):
                self.wrong += [*work.wrong, *work.history.wrong()]
            self.wrong += self.witness.wrong
            self.wrong += self._clocks()

    def _run(self) -> None:
        simulation, fleet = self.simulation, self.fleet
        simulation.begin(*fleet.names)
        self.workload.add(self._clients("client", CLIENTS))
        if self.plan.files:
            self.files.add(self._clients("uploader", UPLOADERS))
        kinds, bury = self.plan.faults, self.workload.bury
        self.faults = Faults(simulation, fleet, self.replicas, kinds, bury=bury)
        self._watch()
        self._until(self._has_been_through, 600_000, "the clients are done")
        self.faults.end()
        self._until(self._is_calm, CALM_MS, "the members are agreed on", self._unrest)
        simulation.run_for(MAX_TIMEOUT_MS)
        self._serve(fleet.names, SERVING_MS, "after the faults")
        for name in simulation.rng.sample(fleet.names, min(2, len(fleet.names))):
            self._take_away(name)
        self._until(self._is_calm, CALM_MS, "the members are agreed on again", self._unrest)
        differences = self.replicas.differences
        self._until(lambda: not differences(), CONVERGED_MS, "all copies are equal", differences)
        self._read_all()
        tombstones = self.replicas.tombstones
        self._until(lambda: not tombstones(), COLLECTED_MS, "tombstones are collected", tombstones)
        self._read_all()
        self.witness.look_at_all()
        if self.plan.files:
            self._judge_files()
        self._until(lambda: not self._left_over(), IDLE_MS, "routers are idle", self._left_over)

    def _has_been_through(self) -> bool:
        """Are the clients done, and were there as many faults as each trial is to have?"""
        are_done = self.workload.done() and self.files.done()
        return are_done and (not self.plan.faults or self.begun.total() >= MIN_FAULTS)

    def _watch(self) -> None:
        self.witness.look_at_all()
        self.simulation.after(WATCH_MS, self._watch)

    def _clients(self, called: str, count: int) -> list[SimulatedClient]:
        rng, names = self.simulation.rng, self.fleet.names
        most = min(3, len(names))
        return [
            self.simulation.add_client(f"{called}{i + 1}", *rng.sample(names, rng.randint(1, most)))
            for i in range(count)
        ]

    def _until(
        self,
        condition: Callable[[], bool],
        within_ms: int,
        what: str,
        why: Callable[[], list[str]] = list,
    ) -> None:
        """Wait for it, and look often enough. Raises TookTooLong with the reasons."""
        until_ms = self.simulation.now_ms + within_ms
        while not condition():
            if self.simulation.now_ms >= until_ms:
                reasons = "".join(f"\n    {reason}" for reason in why()[:10])
                raise TookTooLong(f"not within {within_ms:,} ms: {what}{reasons}")
            self.simulation.run_for(PROBE_MS)

    def _is_calm(self) -> bool:
        return not self._unrest()

    def _unrest(self) -> list[str]:
        """What is still going on in the fleet, or empty."""
        simulation, fleet = self.simulation, self.fleet
        unrest = [f"{name} is down" for name in fleet.names if name not in fleet.up()]
        unrest += [f"{name} has not left" for name in fleet.leaving]
        if not unrest and not simulation.agree(fleet.names):
            shown = {name: simulation.process(name).members.members for name in fleet.names}
            unrest += [
                f"{name} shows {', '.join(f'{m.name} {m.id} {m.state}' for m in members)}"
                for name, members in shown.items()
            ]
        layout = self.replicas.layout()
        if layout.base != tuple(sorted(simulation.nodes[name].id for name in fleet.names)):
            unrest.append(f"the layout is {layout}")
        return unrest

    def _judge_files(self) -> None:
        """Every file is whole through every node, and in the end nothing else is kept."""
        misplaced = self.chunks.misplaced
        self._until(lambda: not misplaced(), MENDED_MS, "all owners have their chunks", misplaced)
        for name in self.fleet.names:
            for file in NAMES:
                self._read_file(name, file)
        waste = self.chunks.waste
        self._until(lambda: not waste(), SWEPT_MS, "chunks are collected", waste)
        for file in NAMES:
            self._read_file(self.fleet.names[0], file)

    def _read_file(self, name: str, file: str) -> None:
        download = partial(self.files.download, self._probe(name), file)

        def succeeds() -> bool:
            ended: list[bool] = []
            download(lambda: ended.append(True))
            self.simulation.run_until(lambda: bool(ended), 10 * MAX_TIMEOUT_MS)
            return self.files.last == "done"

        self._until(succeeds, READ_MS, f"{name} reads {file} in the end")

    # Is it served?

    def _serve(self, names: list[str], within_ms: int, when: str) -> None:
        """Each of these has to succeed with a write and a read of all keys, in the end."""
        for name in names:
            self._until(partial(self._serves, name), within_ms, f"{name} serves {when}")

    def _serves(self, name: str) -> bool:
        client = self._probe(name)
        return self._succeeds(partial(self.workload.write, client, plain=True)) and self._succeeds(
            partial(self.workload.read, client, plain=True)
        )

    def _read_all(self) -> None:
        """Ask every node for all keys; now all must answer."""
        for name in self.fleet.names:
            read = partial(self.workload.read, self._probe(name))
            self._until(partial(self._succeeds, read), READ_MS, f"{name} answers in the end")

    def _succeeds(self, operation: Callable[..., None]) -> bool:
        """Do it with all keys; what came of it is in the history."""
        ended: list[bool] = []
        operation(then=lambda: ended.append(True), keys=KEYS)
        self.simulation.run_until(lambda: bool(ended), 2 * MAX_TIMEOUT_MS)
        return self.workload.last == "done"

    def _probe(self, name: str) -> SimulatedClient:
        """A client of this machine alone."""
        known = self.simulation.clients.get(f"probe of {name}")
        return known or self.simulation.add_client(f"probe of {name}", name)

    def _take_away(self, name: str) -> None:
        """Let one machine be away in some way or other: the rest must serve all the same."""
        simulation, fleet = self.simulation, self.fleet
        others = [other for other in fleet.names if other != name]
        if len(others) < MIN_MEMBERS - 1 or not self.plan.faults:
            return
        way = simulation.rng.choice(("down", "cut off", "heard by nobody", "paused", "full"))
        simulation.note(f"{name} is {way}")
        match way:
            case "down":
                fleet.kept_down = name
                simulation.crash(name)
            case "cut off" | "heard by nobody":
                simulation.partition([name], others, one_way=way != "cut off")
            case "paused":
                simulation.pause(name)
            case "full":
                simulation.set_full(name, True)
        self._serve(others, AWAY_MS, f"while {name} is {way}")
        fleet.kept_down = ""
        simulation.heal()
        simulation.set_full(name, False)
        process = simulation.nodes[name].process
        if process is not None and process.paused:
            simulation.resume(name)

    def _left_over(self) -> list[str]:
        """When all is answered, no router holds on to anything, nor counts anything as open."""
        wrong = []
        for name in self.fleet.names:
            router = self.simulation.process(name).runners["router"].actor
            assert isinstance(router, Router)
            if router.wake_at is not None or not router.is_idle:
                wrong.append(f"{name} holds something of requests that are answered")
        return wrong

    def _clocks(self) -> list[str]:
        """What a disk has as its clock's limit is not below any counter on it."""
        return [
            f"{node.name} may start with a clock below {record.stamp}"
            for node in self.simulation.nodes.values()
            for record in node.disk.synced_records()
            if record.stamp.counter > node.disk.clock_limit
        ]
