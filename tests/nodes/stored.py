"""What nodes keep of files, seen from outside: the chunk files in their data folders."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from random import Random

from actors.chunks import LIST, is_chunk_id
from nodes.sockets import Context
from tests.networks import NodeProcess
from tests.nodes.test_file_port import Caller

MIB = 2**20


def content(size_bytes: int, seed: int = 0) -> bytes:
    """Bytes that no other chunk has; the same ones for the same seed."""
    return Random(seed).randbytes(size_bytes)


def chunk_ids(data: bytes, chunk_bytes: int = MIB) -> list[str]:
    """The chunks of a file, in their order."""
    starts = range(0, len(data), chunk_bytes)
    return [sha256(data[start : start + chunk_bytes]).hexdigest() for start in starts]


def chunk_files(node: NodeProcess) -> dict[str, Path]:
    """The files of the chunks that a node keeps, by their ids."""
    found: dict[str, Path] = {}
    for folder, _, names in os.walk(node.data / "chunks"):
        found |= {name: Path(folder, name) for name in names if is_chunk_id(name)}
    return found


def is_whole(file: Path) -> bool:
    """Is it there, and what it is called?"""
    try:
        return sha256(file.read_bytes()).hexdigest() == file.name.removesuffix(LIST)
    except FileNotFoundError:
        return False


def copies(nodes: Iterable[NodeProcess]) -> Counter[str]:
    """How many nodes keep each chunk."""
    return Counter(id for node in nodes for id in chunk_files(node))


def have_copies(nodes: Sequence[NodeProcess], ids: Iterable[str], count: int = 3) -> bool:
    """Do so many of these nodes keep each of these chunks, and none keeps anything else?"""
    return copies(nodes) == Counter(dict.fromkeys(ids, count))


def drafts(node: NodeProcess) -> list[str]:
    """What was begun to be written and has not got its name."""
    return os.listdir(node.data / "chunks" / "drafts")


def files_address(node: NodeProcess) -> str:
    """Where it serves files."""
    [started] = node.logged("started")
    return str(started["files_address"])


@contextlib.contextmanager
def caller_of(context: Context, node: NodeProcess) -> Iterator[Caller]:
    """A client of its file port that sends what it is told to."""
    caller = Caller(context, files_address(node))
    yield caller
    caller.dealer.close(linger=0)
