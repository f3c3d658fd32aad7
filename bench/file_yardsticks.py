"""What a file is to be seen against: SHA-256 of it, writing it to the disk once and three times,
and a stream of its chunks through ZeroMQ between two processes. Each takes the path of the file and
gives the seconds that it took.

`python -m bench.file_yardsticks` is the sending side of the stream.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

import zmq

from bench import bare, machine
from bench.process import run

CHUNK_BYTES: Final = 2**20
WINDOW: Final = 16
CHECK_MS: Final = 1_000
"""How often an idle stream looks whether it is still wanted."""

SHA256: Final = "sha256sum"
COPY: Final = "a copy, synced"
COPIES: Final = "three copies at once, synced"
STREAM: Final = "chunks through ZeroMQ"
HASHED: Final = "the same, each byte hashed twice"


def sha256sum(file: Path) -> float:
    """The command."""
    return run(["sha256sum", str(file)]).seconds


def one_copy(file: Path) -> float:
    """Written and synced, in pieces of a chunk."""
    return copies(file, 1)


def three_copies(file: Path) -> float:
    """By three threads, as three nodes write it."""
    return copies(file, 3)


def copies(file: Path, count: int) -> float:
    """Write so many copies at once, sync them, and remove them."""
    targets = [file.with_name(f"copy{n}") for n in range(count)]
    began = time.perf_counter()
    with ThreadPoolExecutor(count) as threads:
        list(threads.map(_copy, [file] * count, targets))
    took_s = time.perf_counter() - began
    for target in targets:
        target.unlink()
    return took_s


def _copy(file: Path, target: Path) -> None:
    with file.open("rb", buffering=0) as source, target.open("wb", buffering=0) as copied:
        while piece := source.read(CHUNK_BYTES):
            copied.write(piece)
        os.fsync(copied.fileno())


def stream(file: Path) -> float:
    """As many chunks as the file has: a ROUTER sends them from memory, one for each request of a
    DEALER, which has WINDOW of those under way, and drops what it is sent."""
    return streamed(file, encrypted=False).seconds


class Streamed(NamedTuple):
    """How long a stream took, and the processor time of both ends."""

    seconds: float
    cpu_s: float


def streamed(file: Path, *, encrypted: bool) -> Streamed:
    """As `stream`, also over a connection that is encrypted."""
    return _stream(file, lambda chunk: None, encrypted=encrypted)


def hashed_stream(file: Path) -> float:
    """As `stream`, with the SHA-256 of each chunk and of all of them: a thread each."""
    whole = sha256()
    with ThreadPoolExecutor(1) as for_whole, ThreadPoolExecutor(1) as for_chunks:
        under_way: deque[tuple[Future[None], Future[bytes]]] = deque()

        def take(chunk: bytes) -> None:
            each = for_chunks.submit(lambda: sha256(chunk).digest())
            under_way.append((for_whole.submit(whole.update, chunk), each))
            if len(under_way) == WINDOW:
                for future in under_way.popleft():
                    future.result()

        return _stream(file, take, lambda: [f.result() for pair in under_way for f in pair]).seconds


def _stream(
    file: Path,
    take: Callable[[bytes], None],
    finish: Callable[[], object] = lambda: None,
    *,
    encrypted: bool = False,
) -> Streamed:
    chunks = -(-file.stat().st_size // CHUNK_BYTES)
    with (
        bare.listening("bench.file_yardsticks", encrypted=encrypted) as process,
        zmq.Context() as context,
        context.socket(zmq.DEALER) as socket,
    ):
        socket.set(zmq.LINGER, 0)
        bare.connect(socket, process)
        # The connection is not what is measured.
        socket.send(b"")
        socket.recv()
        pids = (os.getpid(), process.pid)
        began, used_s = time.perf_counter(), sum(map(machine.cpu_s, pids))
        for _ in range(min(WINDOW, chunks)):
            socket.send(b"")
        for number in range(chunks):
            take(socket.recv())
            if number + WINDOW < chunks:
                socket.send(b"")
        finish()
        took_s = time.perf_counter() - began
        return Streamed(took_s, sum(map(machine.cpu_s, pids)) - used_s)


YARDSTICKS: Final[dict[str, Callable[[Path], float]]] = {
    SHA256: sha256sum,
    COPY: one_copy,
    COPIES: three_copies,
    STREAM: stream,
    HASHED: hashed_stream,
}


def send() -> None:
    """Say where, then send until the process that started this one is gone."""
    parent = os.getppid()
    chunk = os.urandom(CHUNK_BYTES)
    with zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
        socket.set(zmq.RCVTIMEO, CHECK_MS)
        bare.listen(socket)
        while os.getppid() == parent:
            with contextlib.suppress(zmq.Again):
                while True:
                    asker, _ = socket.recv_multipart()
                    socket.send(asker, zmq.SNDMORE)
                    socket.send(chunk, copy=False)


if __name__ == "__main__":
    send()
