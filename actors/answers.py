"""Which answers a client's requests have."""

from __future__ import annotations

from actors.messages import (
    Check,
    Checked,
    CheckFile,
    ChunkGot,
    ChunkPut,
    ChunksHeld,
    ChunksMissing,
    Deny,
    Departed,
    Explain,
    Explained,
    Export,
    Exported,
    FileChecked,
    FileGot,
    FilePut,
    FileRemoved,
    FilesListed,
    Forget,
    Get,
    GetChunk,
    GetFile,
    Got,
    HoldChunks,
    KeysChanged,
    Leave,
    List,
    Listed,
    ListFiles,
    ListMembers,
    ListShared,
    MembersListed,
    Message,
    PutChunk,
    PutFile,
    RemoveFile,
    RingShown,
    Share,
    Shared,
    SharedListed,
    ShowRing,
    WatchKeys,
    WatchMembers,
    Write,
    Written,
)

_ANSWERS: dict[type[Message], type[Message] | tuple[type[Message], ...]] = {
    Get: Got,
    Write: Written,
    List: Listed,
    Check: Checked,
    Explain: Explained,
    ShowRing: RingShown,
    Export: Exported,
    ListMembers: MembersListed,
    WatchMembers: MembersListed,
    Share: Shared,
    ListShared: SharedListed,
    WatchKeys: KeysChanged,
    Leave: Departed,
    Forget: Departed,
    Deny: Shared,
    CheckFile: FileChecked,
    HoldChunks: ChunksHeld,
    PutChunk: ChunkPut,
    PutFile: (FilePut, ChunksMissing),
    GetFile: FileGot,
    GetChunk: ChunkGot,
    ListFiles: FilesListed,
    RemoveFile: FileRemoved,
}


def fits(request: Message, reply: Message) -> bool:
    """Is this the kind of answer, and of the length, that the request can have?"""
    match request, reply:
        case Get(keys, details), Got(codes, _, _, versions, replicas):
            told = len(codes) if details else 0
            is_whole = len(versions) >= told and len(replicas) >= told
            return 1 <= len(codes) <= len(keys) and is_whole
        case Write(keys), Written(codes):
            return len(codes) == len(keys)
        case HoldChunks(chunks), ChunksHeld(held):
            return len(held) == len(chunks)
    return isinstance(reply, _ANSWERS[type(request)])
