"""Answers other replicas that compare their hash trees with those of this one."""

from __future__ import annotations

from actors.actor import Envelope
from actors.disk import Disk
from actors.fence import Fence
from actors.merkle import GROUP_PARTITIONS, GROUPS, LEAVES, fault_of_hashes, hex_of, place_of
from actors.messages import ComparedTrees, CompareTrees, Failed, Message, Pull, Pulled
from actors.outbox import Outbox
from actors.sizes import MESSAGE_BYTES, STAMP_BYTES, text_bytes
from actors.stage import Stage
from actors.storage_settings import StorageSettings
from actors.trees import Trees
from actors.versions import Version


class TreeServer:
    """Of one replica."""

    def __init__(
        self,
        disk: Disk,
        trees: Trees,
        stage: Stage,
        fence: Fence,
        outbox: Outbox,
        settings: StorageSettings,
    ) -> None:
        self._disk = disk
        self._trees = trees
        self._stage = stage
        self._fence = fence
        self._outbox = outbox
        self._settings = settings
        self._shared: dict[str, tuple[int, ...]] = {}

    def adopt(self, shared: dict[str, tuple[int, ...]]) -> None:
        """These are the partitions shared with each other member now, in order."""
        self._shared = shared

    def on_compare(self, envelope: Envelope) -> None:
        """Another replica wants to know where its trees differ."""
        request = envelope.message
        assert isinstance(request, CompareTrees)
        fault = fault_of_hashes(request.digests, GROUPS)
        if fault:
            self._outbox.drop(fault)
            return

        def compared() -> ComparedTrees:
            if not self._trees.is_ready:
                return ComparedTrees(False, self._stage.clock, (), ())
            shared = self._shared.get(envelope.sender.node, ())
            mine = self._trees.groups(shared)
            partitions = [
                partition
                for partition in shared
                if mine[partition // GROUP_PARTITIONS]
                != request.digests[partition // GROUP_PARTITIONS]
            ]
            roots = [hex_of(self._trees.root(partition)) for partition in partitions]
            return ComparedTrees(True, self._stage.clock, tuple(partitions), tuple(roots))

        self._fence.answer(envelope, request.epoch, compared)

    def on_pull(self, envelope: Envelope) -> None:
        """Another replica wants to know what is in the leaves that differ."""
        request = envelope.message
        assert isinstance(request, Pull)
        fault = fault_of_hashes(request.leaves, LEAVES)
        if fault:
            self._outbox.drop(fault)
            return

        def pulled() -> Message | None:
            if request.partition not in self._shared.get(envelope.sender.node, ()):
                self._outbox.drop("a request for entries of a partition that is not shared")
                return None
            if not self._trees.is_ready:
                return Failed("not_ready", "the hash trees are still being made", True)
            return self._pulled(request)

        self._fence.answer(envelope, request.epoch, pulled)

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
