"""Backups of real networks, and restores into others: what was there is there again."""

from __future__ import annotations

import io
import os
import stat
import threading
from pathlib import Path

import orjson
import pytest

from actors.errors import GossamerError, Refused
from nodes import backup_check
from nodes.backup_format import MANIFEST, BadBackup
from nodes.client import Client
from nodes.node import Node
from tests.networks import Network, client_of, wait_until
from tests.nodes.backups import FILES, VALUES, alone, fill, has_all, make, put_back, texts
from tests.nodes.secured import Secrets


def test_all_comes_back_in_a_network_of_another_size(
    network: Network, full: Client, folder: Path
) -> None:
    """Keys, what is left of their time to live, shared values and files."""
    made = make(full, folder)
    assert (made.keys, made.shared, made.denied, made.files) == (7, 2, 0, 4)
    assert (made.size_bytes, made.fetched_files) == (sum(map(len, FILES.values())), 4)
    nodes = network.nodes_that_list_each_other(3)
    with client_of(nodes[1].address) as client:
        done = put_back(client, folder)
        assert (done.keys.put, done.shared.put, done.files.put) == (7, 2, 4)
        assert done.refused == done.expired == done.keys.equal == 0
        assert has_all(client)
        left = {r.key: r.expires_ms for r in client.export_page()[0]}["short"]
        was = {r.key: r.expires_ms for r in full.export_page()[0]}["short"]
        assert abs(left - was) < 5_000


def test_what_is_there_already_is_not_sent_again(full: Client, folder: Path) -> None:
    """A restore into the network that was copied finds all of it equal."""
    make(full, folder)
    done = put_back(full, folder)
    assert (done.keys.equal, done.shared.equal, done.files.equal) == (7, 2, 4)
    assert done.keys.put == done.shared.put == done.files.put == done.sent_bytes == 0


def test_a_folder_is_for_its_owner_alone(full: Client, folder: Path) -> None:
    """It is everybody's data: 0700 for folders, 0600 for files."""
    folder.mkdir(mode=0o755)
    make(full, folder)
    modes = {p: stat.S_IMODE(p.stat().st_mode) for p in (folder, *folder.rglob("*"))}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}


def test_lines_are_sorted_and_plain(full: Client, folder: Path) -> None:
    """Anybody can read them."""
    make(full, folder)
    lines = [
        orjson.loads(line) for line in (folder / "keys/00001.jsonl").read_bytes().split(b"\n")[:-1]
    ]
    assert [line["key"] for line in lines] == sorted([*VALUES, "short"])
    assert {line["key"]: line["value"] for line in lines if "value" in line}["color"] == "blue"
    listed = (folder / "files.jsonl").read_bytes().split(b"\n")[:-1]
    names = [orjson.loads(line)["name"] for line in listed]
    assert names == sorted(FILES)
    assert (folder / "files" / "a.bin").read_bytes() == FILES["a.bin"]


def test_what_was_changed_is_overwritten_or_kept(full: Client, folder: Path) -> None:
    """A restore brings back what was; with `keep` only what is gone. What is new stays."""
    make(full, folder)
    full.put("color", "red")
    full.delete("raw")
    full.put("new", 1)
    full.share("mode", "light")
    full.upload(io.BytesIO(b"another"), "z.bin")
    full.remove("a.bin")
    done = put_back(full, folder, keep=True)
    assert (done.keys.put, done.keys.kept, done.shared.kept) == (1, 1, 1)
    assert (done.files.put, done.files.kept) == (1, 1)
    assert (full.get("color"), full.get("raw")) == ("red", VALUES["raw"])
    assert full.open("z.bin").read() == b"another"
    done = put_back(full, folder)
    assert (done.keys.put, done.shared.put, done.files.put) == (1, 1, 1)
    assert has_all(full)
    assert full.get("new") == 1


def test_what_has_expired_is_left_out(full: Client, folder: Path, target: Client) -> None:
    """Its time went on while it was in the backup."""
    full.put("moment", 1, ttl=0.5)
    make(full, folder)
    with (folder / "keys/00001.jsonl").open("rb") as lines:
        assert b"moment" in lines.read()
    wait_until("the key has expired", lambda: full.get("moment", None) is None)
    done = put_back(target, folder)
    assert (done.expired, done.keys.put) == (1, 7)
    assert target.get("moment", None) is None


def test_a_finished_backup_is_not_touched_unless_told(full: Client, folder: Path) -> None:
    """An update fetches only files that were changed, and drops those that are gone."""
    first = make(full, folder)
    with pytest.raises(BadBackup, match=r"has a backup, which was finished at .*--update"):
        make(full, folder)
    assert (folder / MANIFEST).exists()
    full.upload(io.BytesIO(b"another"), "z.bin")
    full.remove("empty.txt")
    full.delete("color")
    made = make(full, folder, update=True)
    assert (made.keys, made.files) == (first.keys - 1, 3)
    assert (made.fetched_files, made.fetched_bytes, made.removed) == (1, 7, 1)
    assert not (folder / "files" / "empty.txt").exists()
    done = put_back(full, folder)
    assert (done.keys.equal, done.files.equal) == (6, 3)


def test_an_update_leaves_hard_links_alone(full: Client, folder: Path, tmp_path: Path) -> None:
    """So yesterday's backup stays what it was beside today's."""
    make(full, folder)
    before = texts(folder)
    other = tmp_path / "today"
    for path in (folder, *folder.rglob("*")):
        new = other / path.relative_to(folder)
        new.mkdir() if path.is_dir() else os.link(path, new)
    full.put("color", "red")
    full.upload(io.BytesIO(b"another"), "z.bin")
    make(full, other, update=True)
    assert {
        p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    } == before
    [*backup_check.check(folder)]


def test_folders_that_are_something_else_are_not_used(full: Client, folder: Path) -> None:
    """Nor what is no folder."""
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(BadBackup, match=r"notes\.txt is no part of a backup"):
        make(full, folder)
    assert os.listdir(folder) == ["notes.txt"]
    with pytest.raises(BadBackup, match="is no folder"):
        make(full, folder / "notes.txt")


def test_the_backup_of_another_network_is_not_gone_on_with(
    full: Client, target: Client, folder: Path
) -> None:
    """It would be a mixture."""
    make(full, folder)
    with pytest.raises(GossamerError, match="another network"):
        make(target, folder, update=True)
    [*backup_check.check(folder)]


def test_one_at_a_time_uses_a_folder(full: Client, folder: Path) -> None:
    """The second is told so."""
    begun, go_on = threading.Event(), threading.Event()

    def told(text: str) -> None:
        begun.set()
        go_on.wait(30)

    with client_of(*full._client._calls.endpoints) as other:
        thread = threading.Thread(target=make, args=(other, folder), kwargs={"told": told})
        thread.start()
        try:
            assert begun.wait(30)
            with pytest.raises(BadBackup, match="in use"):
                make(full, folder)
        finally:
            go_on.set()
            thread.join()


# Whom the network does not let, and what it does not take.


def test_only_an_admin_makes_a_backup(secured: Node, net: Secrets, folder: Path) -> None:
    """Others are told by the nodes, and no folder is made; the secret is in none of the files."""
    for role in ("reader", "writer"):
        with (
            client_of(secured.address, secret=net.client(role)) as client,
            pytest.raises(Refused, match="may not make a backup"),
        ):
            make(client, folder)
    assert not folder.exists()
    with client_of(secured.address, secret=net.client("admin")) as client:
        client.put("a", 1)
        client.deny("writer-5")
        made = make(client, folder)
        assert made.denied == 1
        client.allow("writer-5")
        done = put_back(client, folder)
        assert done.denied == 1
        assert client.denied() == ("writer-5",)
        assert put_back(client, folder).denied == 0
    assert (folder / "denied.txt").read_text() == "writer-5\n"
    words = [*net.file.read_text().split(), *net.client("admin").read_text().split()]
    secrets = [word for word in words if len(word) == 64]
    texts = [path.read_text() for path in folder.rglob("*") if path.is_file()]
    assert len(secrets) == 3
    assert not [s for s in secrets for text in texts if s in text]


def test_names_of_denied_keys_are_not_those_of_another_secret(
    secured: Node, network: Network, net: Secrets, folder: Path, tmp_path: Path
) -> None:
    """A key that is called so there is somebody else's, and is let in."""
    with client_of(secured.address, secret=net.file) as client:
        client.put("a", 1)
        client.deny("writer-5")
        make(client, folder)
    other = Secrets(tmp_path, "other")
    address = alone(network, "other", secret=other.file)
    with client_of(address, secret=other.file) as client:
        done = put_back(client, folder)
        assert (done.denied, done.keys.put) == (None, 1)
        assert client.denied() == ()


def test_a_file_that_is_not_admitted_is_named_and_the_rest_goes_on(
    network: Network, full: Client, folder: Path
) -> None:
    """Where nodes admit other extensions."""
    make(full, folder)
    address = alone(network, "strict", extensions="txt")
    refused: list[tuple[str, str]] = []
    with client_of(address) as client:
        done = put_back(
            client, folder, on_refused=lambda what, error: refused.append((what, error.code))
        )
        assert sorted(refused) == [
            ("the file 'a.bin'", "bad_type"),
            ("the file 'z.bin'", "bad_type"),
        ]
        assert (done.refused, done.files.put, done.keys.put) == (2, 2, 7)


def test_a_damaged_backup_writes_nothing(full: Client, target: Client, folder: Path) -> None:
    """All of it is looked at before."""
    make(full, folder)
    (folder / "files" / "z.bin").write_bytes(b"\2")
    with pytest.raises(BadBackup, match=r"files/z\.bin was changed: its SHA-256 is another"):
        put_back(target, folder)
    assert not [*target.list(), *target.files()]
    assert target.shared() == {}


# While the network is busy or has lost nodes.


def test_a_backup_goes_on_while_a_node_is_down_and_keys_are_written(
    network: Network, folder: Path
) -> None:
    """What was there before it began is in it, or what took its place."""
    nodes = network.nodes_that_list_each_other(3)
    addresses = [node.address for node in nodes]
    with client_of(*addresses) as client, client_of(*addresses) as writer:
        fill(client)
        client.put_many({f"busy/{n:04d}": 0 for n in range(2_000)})
        network.stop(nodes[1])
        stop, written = threading.Event(), [0]

        def write() -> None:
            while not stop.is_set():
                written[0] += 1
                writer.put_many({f"busy/{n:04d}": written[0] for n in range(0, 2_000, 97)})
                writer.upload(io.BytesIO(b"%d" % written[0]), "busy.txt")

        thread = threading.Thread(target=write)
        thread.start()
        try:
            wait_until("it was written", lambda: written[0] > 1)
            made = make(client, folder)
        finally:
            stop.set()
            thread.join()
    assert (made.keys, made.files) == (2_007, 5)
    with client_of(alone(network, "fresh")) as client:
        done = put_back(client, folder)
        assert (done.keys.put, done.files.put) == (2_007, 5)
        assert client.get("busy/0001") == 0
        assert 0 <= client.get("busy/0097") <= written[0]
