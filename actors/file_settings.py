"""The numbers of the file server: what it admits, how much is under way, how fast it repairs."""

from __future__ import annotations

from dataclasses import dataclass

from actors.chunks import MAX_FILE_BYTES


@dataclass(frozen=True, slots=True)
class FileSettings:
    """What may be set: times in milliseconds, sizes in bytes."""

    max_file_bytes: int = MAX_FILE_BYTES
    min_chunk_bytes: int = 2**16
    extensions: frozenset[str] | None = None
    """Of names that are admitted; None for those of actors/names.py."""

    # Flow control.
    client_credit: int = 16
    """So many chunks of a client are read at once; further requests wait."""
    max_waiting: int = 1_000
    """Requests of a client that wait; those beyond are refused."""
    peer_credit: int = 8
    """So many chunks are on their way to another node unanswered."""
    max_open_bytes: int = 16 * 2**20
    """Of chunks that are under way to other nodes, and of those that come from there. The process
    takes about three times as much for it: copies in its sockets, and gaps in its memory."""
    turn_chunks: int = 8
    """A turn reads no more chunks from the disk."""
    retry_ms: int = 1_000
    max_timeout_ms: int = 600_000
    tick_ms: int = 50
    stop_patience_ms: int = 400
    """So long what is under way is gone on with when the node is stopped."""

    # Repair.
    compare_ms: int = 15_000
    repair_bytes_per_s: int = 32 * 2**20
    scrub_bytes_per_s: int = 4 * 2**20
    """0 for no scrub: then nothing is collected either that was not needed before a restart."""
    scrub_pause_ms: int = 3_600_000
    """After the last chunk, before it begins anew with the first; and before it first begins."""

    # Collection.
    grace_ms: int = 3_600_000
    """What nothing refers to is kept so long after it was last touched."""
    sweep_ms: int = 10_000
    sweep_chunks: int = 1_000
    max_suspects: int = 100_000
