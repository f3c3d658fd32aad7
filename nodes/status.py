"""How the network is, and where a key is, as a program or a person wants to know it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from actors.membership import Member
from actors.messages import Checked, Explained
from actors.versions import Kind


@dataclass(frozen=True, slots=True)
class Transfer:
    """How much of the data that moves to a member is there: `moved` of `to_move` partitions."""

    member: str
    moved: int
    to_move: int


@dataclass(frozen=True, slots=True)
class Status:
    """Whether all data has all its copies, and whether `node`, who was asked, may be stopped; its
    id is `node_id`.

    `under_replicated` partitions have an owner that is not there with everything, and of those
    `without_quorum` have too few that are: their keys are unavailable. While the data moves to new
    owners `moving` is true, and `transfers` tell how far that is. `silent` members did not answer,
    and for each member in `hints` so many writes wait that it has missed. Members go by their
    names. `reasons` say why the node should not be stopped now. `fingerprint` is that of the secret
    that the node encrypts with, empty if it does not encrypt.
    """

    node: str
    node_id: str
    epoch: int
    members: int
    under_replicated: int
    without_quorum: int
    moving: bool
    transfers: tuple[Transfer, ...]
    silent: tuple[str, ...]
    hints: dict[str, int]
    safe_to_stop: bool
    reasons: tuple[str, ...]
    files: FileCounts
    fingerprint: str


@dataclass(frozen=True, slots=True)
class FileCounts:
    """Copies of chunks of files on all nodes that answered, and their bytes: how many there are,
    how many are `missing` and still to be made, and how many `strays` are kept for others until
    they have them. Since the nodes were started: how many were found `rotten`, `repaired` from
    another copy, `collected` because no file needs them, and read by the scrub. `lost` are those
    that cannot be made, for no node has the chunk: to put the file again brings it back."""

    chunks: int
    size_bytes: int
    missing: int
    strays: int
    rotten: int
    repaired: int
    collected: int
    scrubbed: int
    lost: int


@dataclass(frozen=True, slots=True)
class Replica:
    """What an owner holds for a key. `code` is "ok", "not_found" or why nothing is known of it.
    What is not found has a version where it was deleted, or has expired. `expires` is in seconds
    since 1970, None for never."""

    name: str
    code: str
    kind: Kind
    version: str
    expires: float | None
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where a key is: its position on the ring, the SHA-1 in hex, the partition that this is in,
    and who owns that in the layout `epoch`, in the order of preference.

    `new_owners` are those to whom it moves, if it does. `replicas` has a row for each owner, old
    and new, and a hint of this key waits for each of `hinted`.
    """

    key: str
    position: str
    partition: int
    epoch: int
    owners: tuple[str, ...]
    new_owners: tuple[str, ...]
    replicas: tuple[Replica, ...]
    hinted: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Do all owners hold the same version, or all nothing?"""
        seen = {(replica.code, replica.version) for replica in self.replicas}
        return len(seen) <= 1 and all(r.code in ("ok", "not_found") for r in self.replicas)


def status_of(checked: Checked, node: str, members: Sequence[Member], fingerprint: str) -> Status:
    """The answer of the node with this id, in the words of its users."""
    transfers = zip(checked.movers, checked.moved, checked.to_move, strict=False)
    return Status(
        node=next((member.name for member in members if member.id == node), node),
        node_id=node,
        epoch=checked.epoch,
        members=checked.members,
        under_replicated=checked.under_replicated,
        without_quorum=checked.without_quorum,
        moving=checked.moving,
        transfers=tuple([Transfer(*transfer) for transfer in transfers]),
        silent=checked.silent,
        hints=dict(zip(checked.hinted, checked.hints, strict=False)),
        safe_to_stop=checked.safe_to_stop,
        reasons=checked.reasons,
        files=FileCounts(**asdict(checked.files)),
        fingerprint=fingerprint,
    )


def explanation_of(key: str, explained: Explained) -> Explanation:
    """The answer about this key, a row for each owner."""
    expiries = [expires_ms / 1_000 if expires_ms else None for expires_ms in explained.expiries]
    columns = zip(
        explained.replicas,
        explained.codes,
        explained.kinds,
        explained.versions,
        expiries,
        explained.sizes,
        strict=True,
    )
    return Explanation(
        key=key,
        position=explained.position,
        partition=explained.partition,
        epoch=explained.epoch,
        owners=explained.owners,
        new_owners=explained.new_owners,
        replicas=tuple([Replica(*row) for row in columns]),
        hinted=explained.hinted,
    )
