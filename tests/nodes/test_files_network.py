"""Files in a network of three real nodes: what is given to one of them comes from each other."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

import pytest

from actors.chunks import INLINE_BYTES
from actors.errors import FileMissing, Refused
from actors.messages import ChunkPut, Failed, PutChunk, PutFile
from nodes.sockets import Context
from tests.cli.processes import gossamer
from tests.networks import NodeProcess, client_of
from tests.nodes.stored import MIB, caller_of, chunk_ids, content, copies

REFUSED = 6
SMALL_CHUNK = 65_536
CLIENTS = 200

SIZES = {
    "empty": 0,
    "one byte": 1,
    "the largest in its manifest": INLINE_BYTES,
    "the smallest with a chunk": INLINE_BYTES + 1,
    "a chunk": MIB,
    "a chunk and a byte": MIB + 1,
    "several chunks": 5 * MIB + 12_345,
}

NASTY = {
    "": "a file name has 1 to 255 bytes of UTF-8",
    "..": "a file name does not begin with a dot",
    "../etc/passwd": "a file name has none of",
    "a/b.txt": "a file name has none of",
    "a\\b.txt": "a file name has none of",
    "c:evil.txt": "a file name has none of",
    ".hidden": "a file name does not begin with a dot",
    "con.txt": "device on Windows",
    "LPT1": "device on Windows",
    "dot.": "a file name does not end with a dot",
    " space.txt": "a file name neither begins nor ends with a space",
    "line\nfeed.txt": "U+000A",
    "gnp\u202etxt.exe": "U+202E",
    "ab\u200bc.txt": "U+200B",
    "a" * 300: "a file name has 1 to 255 bytes of UTF-8",
    "\uff0e\uff0e": "with plain characters",
    "\u2025.txt": "with plain characters",
}


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_a_file_of_any_size_comes_from_every_node(
    three: list[NodeProcess], tmp_path: Path, size: int
) -> None:
    """As it was, from a file object and to one, from a path and to one."""
    data = content(size, seed=size)
    first, *others = three
    with client_of(first.listen) as client:
        up = client.upload(io.BytesIO(data), f"size{size}.bin")
    assert (up.size_bytes, up.sha256) == (size, sha256(data).hexdigest())
    for node in others:
        with client_of(node.listen) as client:
            down = client.download(f"size{size}.bin", tmp_path / node.name)
            assert down.sha256 == up.sha256
            assert (tmp_path / node.name).read_bytes() == data
            out = io.BytesIO()
            client.download(f"size{size}.bin", out)
            assert out.getvalue() == data
            again = client.upload(tmp_path / node.name, f"size{size}.bin")
            assert again.sent_chunks == 0


@pytest.mark.seeds
def test_a_file_with_lists_comes_from_every_node(three: list[NodeProcess], tmp_path: Path) -> None:
    """One of more than 512 chunks names lists of them; parts of it can be read, too."""
    data = content(525 * SMALL_CHUNK + 7, seed=1)
    source = tmp_path / "nested.bin"
    source.write_bytes(data)
    with client_of(three[1].listen) as client:
        assert client.upload(source, chunk_bytes=SMALL_CHUNK).chunks == 526
    for node in three:
        with client_of(node.listen) as client:
            client.download("nested.bin", tmp_path / "copy")
            assert (tmp_path / "copy").read_bytes() == data
            with client.open("nested.bin") as file:
                file.seek(500 * SMALL_CHUNK)
                assert file.read(9) == data[500 * SMALL_CHUNK :][:9]
    ids = chunk_ids(data, SMALL_CHUNK)
    assert all(count == 3 for id, count in copies(three).items() if id in ids)
    assert len([id for id in copies(three) if id.endswith(".list")]) == 1


def test_a_file_is_replaced_at_once_and_removed_everywhere(three: list[NodeProcess]) -> None:
    """Whoever asks the others finds the new one, then none."""
    with ExitStack() as stack:
        clients = [stack.enter_context(client_of(node.listen)) for node in three]
        for version, client in enumerate(clients):
            data = content(100_000, seed=version)
            client.upload(io.BytesIO(data), "replaced.bin")
            for other in clients:
                assert other.open("replaced.bin").read() == data
        clients[0].remove("replaced.bin")
        for client in clients:
            with pytest.raises(FileMissing):
                client.open("replaced.bin")
            assert "replaced.bin" not in [file.name for file in client.files()]


@pytest.mark.parametrize("name", NASTY, ids=ascii)
def test_nasty_names_are_refused(three: list[NodeProcess], context: Context, name: str) -> None:
    """By whoever is asked, in a sentence, and nothing is put there."""
    with client_of(three[0].listen) as client, pytest.raises(Refused) as caught:
        client.upload(io.BytesIO(b"x"), name)
    assert NASTY[name] in str(caught.value)
    put = PutFile(name, 1, sha256(b"x").hexdigest(), 0, False, (), b"x", 5_000)
    with caller_of(context, three[0]) as caller:
        answer = caller.ask(put)
    assert isinstance(answer, Failed)
    assert (answer.code, answer.definite) == ("bad_name", True)
    assert NASTY[name] in answer.reason


@pytest.mark.parametrize(
    "name", ["../etc/passwd", "con.txt", "gnp\u202etxt.exe", "dot.", "program.exe"]
)
def test_the_command_refuses_nasty_names(
    three: list[NodeProcess], tmp_path: Path, name: str
) -> None:
    """With one sentence and exit status 6."""
    (tmp_path / "good.txt").write_text("good")
    command = ("upload", "good.txt", "--name", name, "--endpoint", three[0].listen)
    done = gossamer(*command, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (REFUSED, b"")
    assert done.stderr.startswith(b"gossamer: ")
    assert done.stderr.count(b"\n") == 1
    assert NASTY.get(name, "not admitted") in done.stderr.decode()
    assert [path.name for path in tmp_path.iterdir()] == ["good.txt"]


def test_a_chunk_that_is_not_what_its_name_says_is_refused(
    three: list[NodeProcess], context: Context
) -> None:
    """Nothing of it is kept, and the same name is free for the right bytes."""
    data = content(100_000, seed=77)
    [id] = chunk_ids(data)
    with caller_of(context, three[0]) as caller:
        for wrong in (data[:-1], data[:-1] + b"?", b""):
            answer = caller.ask(PutChunk(id, wrong, 5_000))
            assert isinstance(answer, Failed)
            assert (answer.code, answer.definite) == ("refused", True)
        assert id not in copies(three)
        assert caller.ask(PutChunk(id, data, 5_000)) == ChunkPut()
    assert copies(three)[id] >= 2


def test_many_clients_at_once_are_all_served(three: list[NodeProcess], tmp_path: Path) -> None:
    """Two hundred, each with a file of its own and one that all of them read."""
    common = content(MIB + 1, seed=5)
    with client_of(three[0].listen) as client:
        client.upload(io.BytesIO(common), "common.bin")

    def use(number: int) -> bool:
        own = content(20_000, seed=number)
        with client_of(three[number % 3].listen) as client:
            client.upload(io.BytesIO(own), f"client{number}.bin")
            return (
                client.open("common.bin").read() == common
                and client.open(f"client{number}.bin").read() == own
            )

    with ThreadPoolExecutor(CLIENTS) as threads:
        assert all(threads.map(use, range(CLIENTS)))
    with client_of(three[1].listen) as client:
        assert len([*client.files("client")]) == CLIENTS
