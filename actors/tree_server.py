"""Answers other replicas that compare their hash trees with those of this one. All answers wait for
the commit of their turn: what they reveal is on the disk, and so is the layout that they are of.
"""

from __future__ import annotations

from collections.abc import Callable

from actors.actor import Envelope
from actors.disk import Disk
from actors.layout import NO_LAYOUT, Placement
from actors.merkle import GROUP_PARTITIONS, GROUPS, LEAVES, fault_of_hashes, hex_of, place_of
from actors.messages import ComparedTrees, CompareTrees, Failed, LayoutIs, Pull, Pulled
from actors.outbox import Outbox
from actors.sizes import MESSAGE_BYTES, STAMP_BYTES, text_bytes
from actors.stage import Stage
from actors.storage_settings import StorageSettings
from actors.trees import Trees
from actors.versions import Version


class TreeServer:
    """Of the replica `here`."""

    def __init__(
        self,
        here: str,
        disk: Disk,
        trees: Trees,
        stage: Stage,
        outbox: Outbox,
        settings: StorageSettings,
    ) -> None:
        self._here = here
        self._disk = disk
        self._trees = trees
        self._stage = stage
        self._outbox = outbox
        self._settings = settings
        self._placement = Placement(NO_LAYOUT)
        self._shared: dict[str, tuple[int, ...]] = {}

    def adopt(self, placement: Placement, shared: dict[str, tuple[int, ...]]) -> None:
        """This is the layout now, and these are the partitions shared with each other member, in
        order."""
        self._placement = placement
        self._shared = shared

    def on_compare(self, envelope: Envelope) -> None:
        """Another replica wants to know where its trees differ."""
        request = envelope.message
        assert isinstance(request, CompareTrees)
        fault = fault_of_hashes(request.digests, GROUPS)
        if fault:
            self._outbox.drop(fault)
            return

        def compare() -> None:
            if not self._trees.is_ready:
                self._outbox.reply(envelope, ComparedTrees(False, self._stage.clock, (), ()))
                return
            shared = self._shared.get(envelope.sender.node, ())
            mine = self._trees.groups(shared)
            partitions = [
                partition
                for partition in shared
                if mine[partition // GROUP_PARTITIONS]
                != request.digests[partition // GROUP_PARTITIONS]
            ]
            roots = [hex_of(self._trees.root(partition)) for partition in partitions]
            clock = self._stage.clock
            answer = ComparedTrees(True, clock, tuple(partitions), tuple(roots))
            self._outbox.reply(envelope, answer)

        self._then(envelope, request.epoch, compare)

    def on_pull(self, envelope: Envelope) -> None:
        """Another replica wants to know what is in the leaves that differ."""
        request = envelope.message
        assert isinstance(request, Pull)
        fault = fault_of_hashes(request.leaves, LEAVES)
        if fault:
            self._outbox.drop(fault)
            return

        def answer() -> None:
            if request.partition not in self._shared.get(envelope.sender.node, ()):
                self._outbox.drop("a request for entries of a partition that is not shared")
            elif not self._trees.is_ready:
                not_ready = Failed("not_ready", "the hash trees are still being made", True)
                self._outbox.reply(envelope, not_ready)
            else:
                self._outbox.reply(envelope, self._pulled(request))

        self._then(envelope, request.epoch, answer)

    def _pulled(self, pull: Pull) -> Pulled:
        """A page of what is in the leaves that differ. So much is looked at as a page holds, be it
        in them or not: the work for a request is bounded."""
        leaves = self._trees.leaves(pull.partition)
        differ = [hex_of(mine) != theirs for mine, theirs in zip(leaves, pull.leaves, strict=True)]
        limit = self._settings.page_keys
        entries = self._disk.entries(pull.partition, pull.after, limit)
        cursor = entries[-1][0] if len(entries) == limit else ""
        found: list[tuple[str, Version]] = []
        size_bytes = 0
        for key, version in entries:
            if differ[place_of(key)[1]]:
                size_bytes += text_bytes(key) + STAMP_BYTES
                if found and size_bytes > MESSAGE_BYTES:
                    cursor = found[-1][0]
                    break
                found.append((key, version))
        keys = tuple([key for key, _ in found])
        stamps = tuple([version.stamp for _, version in found])
        return Pulled(keys, stamps, tuple([version.dead for _, version in found]), cursor)

    def _then(self, envelope: Envelope, epoch: int, answer: Callable[[], None]) -> None:
        """Answer after the commit, if this replica is in the sender's epoch then."""

        def then(_: bool) -> None:
            layout = self._placement.layout
            if layout.epoch != epoch:
                self._outbox.reply(envelope, LayoutIs(layout))
            else:
                answer()

        self._stage.then(then)
