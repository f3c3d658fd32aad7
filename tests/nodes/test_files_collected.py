"""What no file needs any more goes from all disks: of removed files, and of interrupted uploads."""

from __future__ import annotations

import io
import time
from collections.abc import Callable

import pytest

from actors.messages import ChunkPut, PutChunk
from nodes.sockets import Context
from tests.networks import NodeProcess, Processes, addresses, client_of, start_all, wait_until
from tests.nodes.hasty import SERVE_HASTY
from tests.nodes.load import measured
from tests.nodes.stored import MIB, caller_of, chunk_ids, content, copies, have_copies

COLLECTED_S = 40.0
SMALL = 65_536

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def hasty(processes: Processes) -> list[NodeProcess]:
    """Three nodes that collect what is not needed after a second."""
    listed = addresses(processes.ports.take(3))
    options = ("--chunk-grace", "1s", "--scrub-every", "2s", "--scrub-rate", "200MiB")
    nodes = [
        processes.node(f"node{n}", listed, listen, *options, serve=SERVE_HASTY)
        for n, listen in enumerate(listed, 1)
    ]
    start_all(nodes)
    return nodes


@pytest.mark.seeds
def test_chunks_that_no_file_needs_are_collected(
    hasty: list[NodeProcess], context: Context
) -> None:
    """Of files removed or replaced, and of an upload without an end; what others share stays."""
    kept, shared, gone = content(3 * MIB), content(MIB, seed=1), content(MIB, seed=2)
    nested, orphan = content(520 * SMALL, seed=3), content(MIB, seed=4)
    with client_of(hasty[0].listen) as client:
        client.upload(io.BytesIO(kept + shared), "kept.bin")
        client.upload(io.BytesIO(shared + gone), "removed.bin")
        client.upload(io.BytesIO(nested), "nested.bin", chunk_bytes=SMALL)
        client.upload(io.BytesIO(gone[:-1]), "replaced.bin")
        with caller_of(context, hasty[1]) as caller:
            [id] = chunk_ids(orphan)
            assert caller.ask(PutChunk(id, orphan, 5_000)) == ChunkPut()
        hasty[2].kill()
        start_all(hasty[2:])
        client.remove("removed.bin")
        client.remove("nested.bin")
        client.upload(io.BytesIO(b"short"), "replaced.bin")
        assert len(copies(hasty)) > 500
        began = time.monotonic()
        ids = chunk_ids(kept + shared)
        wait_until("nothing else is left", lambda: have_copies(hasty, ids), COLLECTED_S)
        measured("collected after seconds", time.monotonic() - began)
        assert client.open("kept.bin").read() == kept + shared
        assert client.status().files.collected > 1_500
        # What was collected may come again.
        client.upload(io.BytesIO(shared + gone), "again.bin")
        assert client.open("again.bin").read() == shared + gone


class Slow(io.BytesIO):
    """A file that is read up to a place, and on from there only after `wait`."""

    def __init__(self, data: bytes, place: int, wait: Callable[[], None]) -> None:
        super().__init__(data)
        self._place = place
        self._wait = wait

    def read(self, size: int | None = -1, /) -> bytes:
        """As of any file."""
        if self.tell() == self._place:
            self._place = -1
            self._wait()
        return super().read(size)


def test_an_upload_that_takes_longer_than_the_grace_is_whole(hasty: list[NodeProcess]) -> None:
    """What was sent first is collected before the end, is missed, and is sent again."""
    data = content(24 * SMALL, seed=9)
    first = chunk_ids(data, SMALL)[0]

    def wait() -> None:
        wait_until("it is there", lambda: copies(hasty)[first] == 3)
        wait_until("it is collected", lambda: copies(hasty)[first] == 0, COLLECTED_S)

    with client_of(hasty[0].listen) as client:
        up = client.upload(Slow(data, 20 * SMALL, wait), "slow.bin", chunk_bytes=SMALL)
        measured("chunks sent, of 24", up.sent_chunks)
        assert up.sent_chunks > 24
        assert client.open("slow.bin").read() == data
    assert all(copies(hasty)[id] >= 2 for id in chunk_ids(data, SMALL))
