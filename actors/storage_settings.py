"""The numbers of the storage actor: what it repairs, how fast, and how long it keeps things."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """What may be set: times in milliseconds, sizes in bytes."""

    max_reply_bytes: int = 2 * 2**20
    max_page_keys: int = 1_000

    # Layouts.
    wish_ms: int = 300
    """Wishes are gathered for so long before a layout is proposed."""
    propose_retry_ms: int = 500
    """An attempt to decide that came to nothing is tried again after this, and at random up to as
    much more; members wait so long for each living one before them in the order of their ids."""
    layout_ask_ms: int = 2_000
    """How often another member is asked whether it knows a later layout."""
    hello_retry_ms: int = 200
    settle_patience_ms: int = 10_000
    """A joint layout is settled without those that have not got their data only after this."""
    abort_ms: int = 5_000
    """A joint layout is given up when so many new owners are down for so long that there is no
    quorum of them."""
    grace_ms: int = 600_000
    """While tombstones wait to be collected the epoch is raised once in this time."""

    # Anti-entropy and moving data.
    anti_entropy: bool = True
    compare_ms: int = 15_000
    """How often copies are compared with another owner's."""
    sync_retry_ms: int = 500
    tree_keys: int = 2_000
    """So many keys are looked at in a turn while the trees are made."""
    tree_pause_ms: int = 20
    page_keys: int = 1_000
    repair_bytes_per_s: int = 32 * 2**20
    """No faster does this replica take what it lacks from others."""

    # Hints.
    hinted_handoff: bool = True
    hint_ms: int = 3 * 3_600_000
    max_hints: int = 100_000
    deliver_ms: int = 500
    deliver_keys: int = 200

    # Expiry and tombstones.
    sweep_ms: int = 1_000
    sweep_keys: int = 1_000
    shed_ms: int = 60_000
    """What a replica holds of partitions that are others' is kept so long after they are."""
    collect_ms: int = 5_000
    collect_keys: int = 1_000
