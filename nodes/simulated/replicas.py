"""What the disks of all machines hold, and who should hold it: judged from outside, as no node can.

Only what is synced counts. A machine that is down still holds what is on its disk.
"""

from __future__ import annotations

from functools import lru_cache

from actors.layout import Layout, Placement, layout_from_bytes, majority
from actors.versions import NOTHING, Stamp, Version
from nodes.simulated import Simulation
from nodes.simulated.node import SimulatedNode

layout_of_note = lru_cache(maxsize=256)(layout_from_bytes)
placement_of = lru_cache(maxsize=256)(Placement)

Held = dict[str, Version]
"""The version that is held of each key."""


def layout_on(node: SimulatedNode) -> Layout:
    """The layout that a machine would start with."""
    return layout_of_note(node.disk.synced_note("layout"))


def held_on(node: SimulatedNode) -> Held:
    """What a machine would start with, tombstones included."""
    return {record.key: record.version for record in node.disk.synced_records()}


class Replicas:
    """`lost` is what was on disks that are no more, by the id of the member that had it."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self.lost: dict[str, Held] = {}

    def layout(self) -> Layout:
        """The latest that is on any disk."""
        return max(map(layout_on, self._simulation.nodes.values()), key=lambda layout: layout.epoch)

    def held(self) -> dict[str, Held]:
        """What each member holds, by its id; of those that are gone too."""
        nodes = self._simulation.nodes.values()
        return {**self.lost, **{node.id: held_on(node) for node in nodes if node.id}}

    def differences(self) -> list[str]:
        """Where owners of a key hold different versions of it, or members different layouts."""
        layout = self.layout()
        placement = placement_of(layout)
        held = self.held()
        names = {node.id: node.name for node in self._simulation.nodes.values()}
        wrong = [] if not layout.next else [f"the layout {layout.epoch} is joint"]
        for name, node in self._simulation.nodes.items():
            if node.id in layout.members and layout_on(node) != layout:
                wrong.append(f"{name} is at the epoch {layout_on(node).epoch} of {layout.epoch}")
        gone = [member for member in layout.members if member not in names]
        wrong += [f"{member} is a member and its disk is lost" for member in gone]
        members = [member for member in layout.members if member in names]
        for key in sorted({key for member in members for key in held[member]}):
            owners = [owner for owners in placement.sets_of(key) for owner in owners]
            versions = {owner: held.get(owner, {}).get(key, NOTHING) for owner in owners}
            if len(set(versions.values())) > 1:
                told = ", ".join(f"{names.get(o, o)} {_in_words(v)}" for o, v in versions.items())
                wrong.append(f"copies of {key} differ: {told}")
        return wrong

    def tombstones(self) -> list[str]:
        """Those that members still keep, in words."""
        members = self.layout().members
        return [
            f"{node.name} keeps the tombstone {version.stamp} of {key}"
            for node in self._simulation.nodes.values()
            if node.id in members
            for key, version in held_on(node).items()
            if version.dead
        ]

    def lacks(self, key: str, stamp: Stamp) -> str:
        """In words, in which live set no majority of the owners holds this or something later; or
        empty."""
        nodes = {node.id: node for node in self._simulation.nodes.values() if node.id}
        live = placement_of(self.layout())
        # What is written before a layout is adopted is not yet with the new owners of a joint one.
        for owners in live.sets_of(key)[:1]:
            versions = [
                nodes[owner].disk.synced_version(key)
                if owner in nodes
                else self.lost.get(owner, {}).get(key, NOTHING)
                for owner in owners
            ]
            if sum(version.stamp >= stamp for version in versions) < majority(len(owners)):
                told = ", ".join(map(_in_words, versions))
                return f"{stamp} of {key} was acknowledged, and its owners hold {told}"
        return ""


def _in_words(version: Version) -> str:
    if version == NOTHING:
        return "nothing"
    return f"{version.stamp}{' (dead)' if version.dead else ''}"
