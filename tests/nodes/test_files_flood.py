"""A client asks a file port for more than it reads, or for more than there is: the node goes on
serving the others, in bounded memory."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from nodes.sockets import Context
from tests.networks import NodeProcess, client_of, start_all
from tests.nodes.flooding import Flood, Frames
from tests.nodes.load import measured
from tests.nodes.stored import MIB, caller_of, chunk_ids, content, files_address
from tests.nodes.test_bad_input import message
from tests.nodes.test_flood import Memory

GROWTH_BYTES = 64 * 2**20
DATA = content(24 * MIB, seed=1)
IDS = chunk_ids(DATA)

pytestmark = pytest.mark.timeout(200)


@pytest.fixture
def nodes(three: list[NodeProcess]) -> list[NodeProcess]:
    """Three, with a file of 24 chunks that was read once, of a life that has not done more."""
    for node in three:
        node.terminate()
    start_all(three)
    with client_of(three[0].listen) as client:
        client.upload(io.BytesIO(DATA), "file.bin")
        assert client.open("file.bin").read() == DATA
    return three


def asks(n: int) -> Frames:
    """For one chunk after another."""
    header = {"to": "fileserver", "type": "get_chunk", "id": n, "chunk": IDS[n % len(IDS)]}
    return [message(header | {"checked": n % 2 == 0, "timeout_ms": 2_000})]


def puts(n: int) -> Frames:
    """A chunk after another, each of a MiB that nobody has."""
    data = n.to_bytes(8, "big") * (MIB // 8)
    [id] = chunk_ids(data)
    header = {"to": "fileserver", "type": "put_chunk", "id": n, "chunk": id, "data": len(data)}
    return [message(header | {"timeout_ms": 2_000}), data]


@pytest.mark.parametrize(
    ("flood_s", "most"), [(2, 4_000), pytest.param(60, 10_000_000, marks=pytest.mark.soak)]
)
@pytest.mark.parametrize("request_of", [asks, puts])
def test_a_client_that_reads_nothing_is_bounded(
    context: Context,
    nodes: list[NodeProcess],
    request_of: Callable[[int], Frames],
    flood_s: float,
    most: int,
) -> None:
    """No node grows by more than 64 MiB, and others get the file meanwhile."""
    if request_of is puts:
        most = min(most, 100 * int(flood_s))
    memory = Memory(nodes)
    flood = Flood(context, files_address(nodes[0]), request_of, most)
    end = time.monotonic() + flood_s
    reads = 0
    slowest_s = 0.0
    with client_of(nodes[0].listen) as client, flood:
        while time.monotonic() < end:
            began = time.monotonic()
            assert client.open("file.bin").read() == DATA
            client.put("key", reads)
            slowest_s = max(slowest_s, time.monotonic() - began)
            reads += 1
            memory.look()
    flood.close()
    measured("sent", flood.sent)
    measured("read by others", reads)
    measured("slowest of those, in seconds", slowest_s)
    measured("grown by MiB", {name: n >> 20 for name, n in memory.grown_bytes.items()})
    assert max(memory.grown_bytes.values()) <= GROWTH_BYTES
    assert reads > 0
    with client_of(nodes[0].listen) as client:
        assert client.status().members == 3


def test_more_uploads_at_once_than_a_node_has_room_for_all_end(three: list[NodeProcess]) -> None:
    """Each of twelve goes on where it was told that too much is under way."""
    files = {f"many{n}.bin": content(6 * MIB, seed=100 + n) for n in range(12)}

    def upload(name: str) -> bytes:
        with client_of(three[0].listen) as client:
            client.upload(io.BytesIO(files[name]), name)
            return client.open(name).read()

    with ThreadPoolExecutor(len(files)) as threads:
        assert list(threads.map(upload, files)) == list(files.values())


def test_garbage_at_the_file_port_is_refused(context: Context, three: list[NodeProcess]) -> None:
    """Whatever it is, the next request is served."""
    garbage = [
        [b""],
        [os.urandom(100)],
        [b"{}"],
        [message({"to": "fileserver", "type": "get_chunk", "id": 1})],
        [message({"to": "fileserver", "type": "put_chunk", "id": 1, "chunk": IDS[0], "data": 9})],
        [message({"to": "fileserver", "type": "get_chunk", "id": 1, "chunk": "../../etc/passwd"})],
        [b"x" * 5 * MIB],
    ]
    for frames in garbage:
        with caller_of(context, three[0]) as caller:
            caller.tell(frames)
    with client_of(three[0].listen) as client:
        client.upload(io.BytesIO(DATA), "garbage.bin")
        assert client.status().members == 3
