"""The machines of a trial: which there are, and how they come, go and lose their disks.

At most one disk is lost at a time: the next only when a layout without the member that it was of is
in force, and every owner of every key has held the same, and of every chunk. Fewer than three
members never remain.
"""

from __future__ import annotations

from collections import Counter
from random import Random

from actors.errors import GossamerError
from actors.messages import Departed, Leave
from nodes.simulated import Simulation
from nodes.simulated.chunk_judge import Chunks
from nodes.simulated.client import Outcome
from nodes.simulated.replicas import Replicas, held_on

MIN_MEMBERS = 3
WATCH_MS = 100
LEAVE_TIMEOUT_MS = 3_000


class Fleet:
    """`names` are the machines that are to be there; one that leaves is not among them. Whoever is
    down is started again by `revive`."""

    def __init__(self, simulation: Simulation, replicas: Replicas, names: list[str]) -> None:
        self._simulation = simulation
        self._replicas = replicas
        self._rng = Random(f"{simulation.seed} fleet")
        self._chunks = Chunks(simulation, replicas)
        self._max_names = len(names) + 2
        self._guests = 0
        self._lost_id = ""
        self._watch()
        self.names = list(names)
        self.leaving: list[str] = []
        self.kept_down = ""
        """This machine is not to be started again for now."""
        self.changes: Counter[str] = Counter()

    def members(self) -> list[str]:
        """The machines that are members by the latest layout, and are to stay."""
        members = self._replicas.layout().members
        return [name for name in self.names if self._simulation.nodes[name].id in members]

    def up(self) -> list[str]:
        """The machines whose process lives."""
        return [name for name in self.machines() if self._simulation.nodes[name].process]

    def revive(self, chance: float) -> None:
        """Start what is down, each with this chance, unless it has left."""
        for name in self.machines():
            is_down = self._simulation.nodes[name].process is None and name != self.kept_down
            if is_down and self._rng.random() < chance:
                self._simulation.start(name)

    def join(self) -> str:
        """Start a new machine, told of some others; its name, or empty if there are enough."""
        if len(self.names) >= self._max_names:
            return ""
        self._guests += 1
        name = f"guest{self._guests}"
        told = self._rng.sample(self.names, min(3, len(self.names)))
        self._simulation.add_node(name).join = self._addresses(told)
        self._simulation.start(name)
        self.names.append(name)
        self.changes["joined"] += 1
        return name

    def leave(self) -> str:
        """Ask a member to leave, itself or through another; its name, or empty if too few stay."""
        members = self.members()
        if len(members) <= MIN_MEMBERS:
            return ""
        name = self._rng.choice(members)
        self.names.remove(name)
        self.leaving.append(name)
        self._ask_to_leave(name)
        return name

    def wipe(self) -> str:
        """Lose a machine's disk, and the process with it; its name, or empty if that is more than
        is promised to be survived."""
        members = self.members()
        if self._lost_id or len(members) < MIN_MEMBERS:
            return ""
        name = self._rng.choice(members)
        node = self._simulation.nodes[name]
        if node.process is not None:
            self._simulation.crash(name)
        self._lost_id = node.id
        self._replicas.lost[node.id] = held_on(node)
        self._simulation.wipe(name)
        node.id = ""
        node.join = self._addresses(self.names)
        self.changes["wiped"] += 1
        return name

    @property
    def is_settled(self) -> bool:
        """Is no disk lost that was not replaced yet, and nobody about to leave?"""
        return not self._lost_id and not self.leaving

    def machines(self) -> list[str]:
        """All that have not left yet."""
        return [*self.names, *self.leaving]

    def _addresses(self, names: list[str]) -> tuple[str, ...]:
        return tuple(self._simulation.nodes[name].address for name in names)

    def _watch(self) -> None:
        """See from time to time whether who was to leave has left, and a lost disk is replaced."""
        self._simulation.after(WATCH_MS, self._look)

    def _look(self) -> None:
        self._watch()
        if not (self._lost_id or self.leaving):
            return
        layout = self._replicas.layout()
        for name in list(self.leaving):
            node = self._simulation.nodes[name]
            # That others decided it is not enough: they may not know yet, and need its word.
            has_left = bool(node.disk.synced_note("left")) or node.gave_up == "refused"
            if has_left and node.id not in layout.members:
                self.leaving.remove(name)
                self.changes["left"] += 1
        lost = self._lost_id
        is_whole = not (self._replicas.differences() or self._chunks.misplaced())
        if lost and lost not in layout.members and is_whole:
            self._simulation.note("every owner has the same again")
            self._lost_id = ""

    def _ask_to_leave(self, name: str) -> None:
        """Again and again, until it has left: through whom it is asked may have crashed."""
        if name not in self.leaving:
            return
        through = self._rng.choice([name, *self.names])
        client = self._simulation.add_client(f"admin{self._rng.getrandbits(32)}", through)

        def answered(outcome: Outcome) -> None:
            if isinstance(outcome, GossamerError):
                self._simulation.after(self._rng.randint(200, 1_000), again)
            else:
                assert isinstance(outcome, Departed), outcome

        def again() -> None:
            self._ask_to_leave(name)

        whom = "" if through == name else name
        client.submit(Leave(whom, LEAVE_TIMEOUT_MS), LEAVE_TIMEOUT_MS, answered)
