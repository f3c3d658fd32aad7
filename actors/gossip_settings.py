"""The numbers of the gossiper: how often it speaks, how far news goes, how much it keeps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GossipSettings:
    """What may be set: times in milliseconds, `ttl` in hops."""

    join_retry_ms: int = 200
    push_pull_ms: int = 2_000
    retell_ms: int = 100
    ttl: int = 4
    max_members: int = 3_000
    max_rumour_members: int = 100
