"""Which chunks the disks of all machines hold, and which they should hold: judged from outside."""

from __future__ import annotations

from random import Random

from actors.chunks import (
    chunk_id,
    ids_in,
    is_list_id,
    manifest_from_bytes,
    partition_of_chunk,
)
from actors.spaces import is_of_file
from nodes.simulated import Simulation
from nodes.simulated.node import SimulatedNode
from nodes.simulated.replicas import Replicas, placement_of


class Chunks:
    """Of all machines that are members by the latest layout."""

    def __init__(self, simulation: Simulation, replicas: Replicas) -> None:
        self._simulation = simulation
        self._replicas = replicas

    def needed(self) -> dict[str, None]:
        """All that any manifest on the disk of a member refers to, through lists too."""
        needed: dict[str, None] = {}
        for node in self._members():
            for record in node.disk.synced_records():
                if is_of_file(record.key) and record.kind != "absent":
                    needed.update(dict.fromkeys(manifest_from_bytes(record.value).chunks))
        for id in [id for id in needed if is_list_id(id)]:
            needed.update(dict.fromkeys(self._named_by(id)))
        return needed

    def misplaced(self) -> list[str]:
        """Where an owner lacks, or has spoilt, what is needed, in words."""
        placement = placement_of(self._replicas.layout())
        nodes = {node.id: node for node in self._members()}
        return [
            f"{nodes[owner].name} lacks the chunk {id[:12]}"
            for id in self.needed()
            for owner in placement.new_owners(partition_of_chunk(id))
            if owner in nodes and not is_whole(nodes[owner], id)
        ]

    def spoil(self, rng: Random) -> str:
        """Let a chunk that three machines have rot on one of them, or be gone from it; what was
        done in words, or empty where no chunk has so many copies."""
        held: dict[str, list[SimulatedNode]] = {}
        for node in self._members():
            for id in node.chunks.ids():
                held.setdefault(id, []).append(node)
        for id in rng.sample(sorted(held), len(held)):
            whole = [node for node in held[id] if is_whole(node, id)]
            if len(whole) >= 3:
                node = rng.choice(whole)
                if rng.random() < 0.5:
                    node.chunks.rot(id, rng)
                    return f"the chunk {id[:12]} rots on {node.name}"
                node.chunks.lose(id)
                return f"the chunk {id[:12]} is gone from {node.name}"
        return ""

    def waste(self) -> list[str]:
        """What is kept and is not needed, or not there, in words."""
        needed = self.needed()
        placement = placement_of(self._replicas.layout())
        wrong = []
        for node in self._members():
            for id in node.chunks.ids():
                if id not in needed:
                    wrong.append(f"{node.name} keeps {id[:12]}, which nothing refers to")
                elif node.id not in placement.new_owners(partition_of_chunk(id)):
                    wrong.append(f"{node.name} keeps {id[:12]}, which it does not own")
        return wrong

    def _members(self) -> list[SimulatedNode]:
        members = self._replicas.layout().members
        return [node for node in self._simulation.nodes.values() if node.id in members]

    def _named_by(self, list_id: str) -> tuple[str, ...]:
        for node in self._simulation.nodes.values():
            if is_whole(node, list_id):
                return ids_in(node.chunks.read(list_id) or b"")
        return ()


def is_whole(node: SimulatedNode, id: str) -> bool:
    """Has this machine the chunk, and is it what it is called?"""
    data = node.chunks.read(id)
    return data is not None and chunk_id(data, is_list=is_list_id(id)) == id
