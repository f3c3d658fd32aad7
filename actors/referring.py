"""Which chunks of files the records here refer to, and which they refer to no more.

The owners of a chunk let it go once no replica has a manifest that names it. So each replica
answers whether it has one, and tells its own file server when one is gone.
"""

from __future__ import annotations

from collections.abc import Sequence

from actors.actor import Envelope
from actors.chunks import chunks_of
from actors.disk import Disk
from actors.fence import Fence
from actors.messages import Refer, Referred, Released
from actors.outbox import Outbox
from actors.spaces import is_of_file
from actors.stage import Change, Stage

MAX_ASKED = 10_000
"""A replica is asked for no more chunks at once."""

MAX_RELEASED = 1_000
"""No more chunks are told in a message."""

READ_STEP = 64
"""So many manifests are read at a time: there may be whole small files in them."""


class Referring:
    """Of a replica. `look` is to be called before a commit, `tell` after it."""

    def __init__(self, disk: Disk, stage: Stage, fence: Fence, outbox: Outbox) -> None:
        self._disk = disk
        self._stage = stage
        self._fence = fence
        self._outbox = outbox
        self._named: dict[str, tuple[str, ...]] = {}

    def on_refer(self, envelope: Envelope, refer: Refer) -> None:
        """A file server wants to know whether chunks are needed."""

        def referred() -> Referred:
            return Referred(tuple(self._disk.referred(refer.chunks)))

        if len(refer.chunks) > MAX_ASKED:
            self._outbox.drop("too many chunks were asked for at once")
        else:
            self._fence.answer(envelope, refer.epoch, referred)

    def look(self) -> None:
        """What do the manifests name that this turn replaces or drops?"""
        self._named = self._chunks_named(list(filter(is_of_file, self._stage.keys())))

    def tell(self, changes: Sequence[Change]) -> None:
        """Of those whose versions have changed: what do they name no more?"""
        if not self._named:
            return
        named, self._named = self._named, {}
        changed = [key for key, _, _ in changes if key in named]
        following = self._chunks_named(changed)
        released: dict[str, None] = {}
        for key in changed:
            still = frozenset(following.get(key, ()))
            released.update(dict.fromkeys([id for id in named[key] if id not in still]))
        ids = tuple(released)
        for start in range(0, len(ids), MAX_RELEASED):
            self._outbox.to("fileserver", Released(ids[start : start + MAX_RELEASED]))

    def _chunks_named(self, keys: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Of those of these that name any."""
        named = {}
        for start in range(0, len(keys), READ_STEP):
            for record in self._disk.read(keys[start : start + READ_STEP]):
                if record is not None and (chunks := chunks_of(record)):
                    named[record.key] = chunks
        return named
