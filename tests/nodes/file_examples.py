"""What the examples of docs/protocol.md say of files: one of two chunks, the last a short one."""

from __future__ import annotations

from hashlib import sha256

from actors.actor import CLIENT, Address, Envelope
from actors.chunks import CHUNK_BYTES, Manifest, chunk_id, fault_of
from actors.messages import (
    CheckFile,
    ChunkGot,
    ChunkKept,
    ChunkPut,
    ChunksHeld,
    FileChecked,
    FileGot,
    FilePut,
    FileRemoved,
    FilesListed,
    GetChunk,
    GetFile,
    HoldChunks,
    KeepChunk,
    ListFiles,
    Message,
    PutChunk,
    PutFile,
    RemoveFile,
)
from actors.versions import Stamp

A1, A2 = "00000000000000a1", "00000000000000a2"
CONNECTION = b"\0\x01\x02\x03\x04"
OURS, THEIRS = Address(A1, "fileserver"), Address(A2, "fileserver")

FIRST = (b"hello, world. " * 80_000)[:CHUNK_BYTES]
LAST = b"and good-bye."
IDS = (chunk_id(FIRST), chunk_id(LAST))
NAME, SIZE, SHA256 = "notes.txt", CHUNK_BYTES + len(LAST), sha256(FIRST + LAST).hexdigest()
TYPE, TIME_MS = "text/plain; charset=utf-8", 1_700_000_000_000
VERSION = str(Stamp(8, A1, "1.00000000000000b1"))
MANIFEST = Manifest(SIZE, SHA256, TYPE, TIME_MS, CHUNK_BYTES, False, IDS, b"")
assert not fault_of(MANIFEST)

Example = tuple[list[Envelope], list[Envelope]]


def _asked(number: int, request: Message, answer: Message) -> Example:
    """As the file server of node A1 has it from a client, and the client from that."""
    client = Address(CLIENT, CONNECTION.hex())
    return (
        [Envelope(OURS, client, request, number)],
        [Envelope(Address(CLIENT, ""), OURS, answer, number)],
    )


FILE_EXAMPLES: list[Example] = [
    _asked(1, CheckFile(NAME, SIZE, FIRST[:13], 5_000), FileChecked(TYPE)),
    _asked(2, HoldChunks(IDS, 5_000, True), ChunksHeld((True, False))),
    _asked(3, PutChunk(IDS[1], LAST, 5_000), ChunkPut()),
    _asked(
        4,
        PutFile(NAME, SIZE, SHA256, CHUNK_BYTES, False, IDS, b"", 5_000),
        FilePut(VERSION, TYPE),
    ),
    _asked(
        5,
        GetFile(NAME, 5_000),
        FileGot(SIZE, SHA256, TYPE, TIME_MS, CHUNK_BYTES, False, IDS, b"", VERSION),
    ),
    _asked(6, GetChunk(IDS[1], False, 5_000), ChunkGot(LAST)),
    _asked(
        7,
        ListFiles("no", "", 1_000, 5_000),
        FilesListed((NAME,), (SIZE,), (TYPE,), (TIME_MS,), (SHA256,), ""),
    ),
    _asked(8, RemoveFile(NAME, 5_000), FileRemoved()),
]

KEEP_EXAMPLE: Example = (
    [Envelope(THEIRS, OURS, KeepChunk(IDS[1], LAST), 9)],
    [Envelope(OURS, THEIRS, ChunkKept("ok"), 9)],
)
