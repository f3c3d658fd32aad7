"""The numbers of the gossiper: how often it speaks, how far news goes, how much it keeps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GossipSettings:
    """What may be set: times in milliseconds, `ttl_hops` in hops, sizes in bytes."""

    # Getting in.
    join_retry_ms: int = 200
    retell_ms: int = 100
    given_patience_ms: int = 10_000
    moved_patience_ms: int = 1_000
    claim_pause_ms: int = 300
    """Two nodes with one id contradict each other no more often than this."""

    # Rumours.
    gossip_ms: int = 200
    """A node publishes at once, but not more often than this: a round."""
    ttl_hops: int = 8
    max_rumour_members: int = 100
    max_rumour_shared_bytes: int = 128 * 2**10
    max_rumour_changes: int = 200
    max_queued_rumours: int = 1_000
    max_queued_bytes: int = 16 * 2**20
    max_rumours_a_round: int = 100
    gap_patience_ms: int = 400
    all_neighbours: int = 8
    """A network of at most so many others: each node hears all of them."""
    neighbour_change_ms: int = 30_000

    # Push-pull.
    push_pull_ms: int = 2_000
    push_pull_again_ms: int = 200
    max_members: int = 3_000
    max_tell_bytes: int = 512 * 2**10

    # Failure detection.
    probe_ms: int = 500
    ping_timeout_ms: int = 500
    probe_window_ms: int = 1_000
    indirect_pings: int = 3
    max_health: int = 7
    suspicion_ms: int = 1_500
    suspicion_stretch: int = 4
    confirmations: int = 3
    dead_retry_ms: int = 2_000
    dead_pings_ms: tuple[int, ...] = (150, 500, 1_200)
    """After a connection to a dead member was made anew; it needs a while."""
    max_relays: int = 1_000
    stall_ms: int = 500

    # Shared key-values.
    max_shared_key_bytes: int = 256
    max_shared_value_bytes: int = 4_096
    max_shared_keys: int = 1_000
    max_shared_entries: int = 10_000
    """Deletions included."""
    max_wall_ahead_ms: int = 5_000
    shared_page_keys: int = 100

    # Those who leave.
    farewell_ms: int = 1_000
    """So long a node that has left waits for another to hear of it."""
    max_forwarded: int = 1_000

    # Those who are forgotten.
    silence_ms: int = 3_000
    """A node that nobody has confirmed gives others up only once none was heard for so long."""

    # Those who watch.
    max_watchers: int = 1_000
    watch_ms: int = 15_000
    max_changes_kept: int = 10_000
