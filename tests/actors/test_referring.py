"""What a replica tells of the chunks that its manifests name, and of those named no more."""

from __future__ import annotations

import pytest

from actors.actor import Address, Envelope
from actors.chunks import Manifest, chunk_id, manifest_to_bytes
from actors.layout import Layout
from actors.messages import (
    LayoutIs,
    MembersChanged,
    Refer,
    Referred,
    Released,
    Scan,
    Scanned,
    WantEpoch,
)
from actors.sizes import text_bytes
from actors.spaces import AFTER_FILES, FILES, OWN, file_key, stored_key
from actors.storage_settings import StorageSettings
from actors.versions import Record
from tests.actors import envelopes
from tests.actors.envelopes import (
    WALL_MS,
    A,
    B,
    DictionaryDisk,
    Turns,
    all_of,
    message,
    messages,
    reasons,
    to,
    tombstone,
)
from tests.actors.storages import COORDINATOR, codes, storage, store

FILE_SERVER = Address(B, "fileserver")
OWN_FILE_SERVER = Address(A, "fileserver")
ONE, TWO, THREE = (chunk_id(text) for text in (b"1", b"2", b"3"))


def manifest(name: str, counter: int, *chunks: str, expires_ms: int = 0) -> Record:
    """A version of a file; its content is in the manifest if no chunks are given."""
    content = b"" if chunks else b"whole"
    chunk_bytes = 2**20 if chunks else 0
    size_bytes, digest = len(chunks) * 2**20 or len(content), chunk_id(content)
    value = manifest_to_bytes(
        Manifest(size_bytes, digest, "text/plain", 1, chunk_bytes, False, chunks, content)
    )
    return envelopes.record(file_key(name), counter, value, expires_ms=expires_ms)


def refer(*chunks: str, epoch: int = 1) -> Envelope:
    """The file server of another node asks."""
    return to("storage", Refer(epoch, chunks), FILE_SERVER, 9)


def released(out: list[Envelope]) -> list[str]:
    """The chunks that the own file server, and nobody else, is told of."""
    told = all_of(out, Released)
    assert all(e.to == OWN_FILE_SERVER for e in told)
    return [id for released in messages(told, Released) for id in released.chunks]


def test_who_asks_hears_of_each_chunk_whether_it_is_named() -> None:
    """By what is on the disk when the turn is over."""
    node = storage(DictionaryDisk([manifest("a", 1, ONE)]))
    out = node.take(refer(TWO, ONE, THREE), store(manifest("b", 1, TWO)))
    assert message(out, Referred) == Referred((True, True, False))
    [answer] = all_of(out, Referred)
    assert (answer.to, answer.id) == (FILE_SERVER, 9)


def test_what_is_not_on_the_disk_does_not_count() -> None:
    """Where it is full, nothing of the turn is."""
    disk = DictionaryDisk()
    disk.full = True
    out = storage(disk).take(store(manifest("a", 1, ONE)), refer(ONE))
    assert codes(out) == ["disk_full"]
    assert message(out, Referred) == Referred((False,))


def test_who_is_in_another_epoch_is_told_the_layout() -> None:
    """A manifest may be with other replicas by now."""
    out = storage(DictionaryDisk()).take(refer(ONE, epoch=2))
    assert message(out, LayoutIs).layout.epoch == 1
    assert not all_of(out, Referred)


def test_too_many_chunks_are_not_looked_for() -> None:
    """So that a turn has an end."""
    node = storage(DictionaryDisk())
    assert len(message(node.take(refer(*[ONE] * 10_000)), Referred).held) == 10_000
    out = node.take(refer(*[ONE] * 10_001))
    assert not all_of(out, Referred)
    assert reasons(out) == ["too many chunks were asked for at once"]


def test_the_chunks_of_a_former_version_are_released() -> None:
    """But for those that the new one names too."""
    node = storage(DictionaryDisk([manifest("a", 1, ONE, TWO)]))
    assert released(node.take(store(manifest("a", 2, TWO, THREE)))) == [ONE]
    assert released(node.take(store(manifest("a", 3)))) == [TWO, THREE]


def test_the_chunks_of_a_removed_file_are_released() -> None:
    """The tombstone names none; that it is collected later is no news."""
    node = storage(DictionaryDisk([manifest("a", 1, ONE, TWO, ONE)]))
    out = node.take(store(tombstone(file_key("a"), 2)))
    assert released(out) == [ONE, TWO]
    assert released(node.take(store(tombstone(file_key("a"), 3)))) == []


def test_the_chunks_of_an_expired_file_are_released() -> None:
    """It is marked as expired without anybody asking."""
    node = storage(DictionaryDisk([manifest("a", 1, ONE, expires_ms=WALL_MS + 1_500)]))
    assert released(node.run_for(1_000)) == []
    assert released(node.run_for(2_000)) == [ONE]


def test_the_chunks_of_a_dropped_manifest_are_released() -> None:
    """A replica that is no owner any more drops what it has."""
    members = tuple(letter * 16 for letter in "abcdef")
    names = [f"file{i}" for i in range(20)]
    chunks = [chunk_id(name.encode()) for name in names]
    disk = DictionaryDisk([manifest(n, 1, id) for n, id in zip(names, chunks, strict=True)])
    node = storage(
        disk,
        settings=StorageSettings(anti_entropy=False, shed_ms=1_000),
        layout=Layout(1, members, (), ()),
    )
    let_go = released(node.run_for(60_000))
    held = [disk.referred([id])[0] for id in chunks]
    assert 0 < len(let_go) < 20
    assert sorted(let_go) == sorted(id for id, h in zip(chunks, held, strict=True) if not h)


@pytest.mark.parametrize("is_full", [False, True])
def test_where_nothing_has_changed_nothing_is_released(is_full: bool) -> None:
    """Neither by what is older than what is held, nor on a full disk, nor by a client's key."""
    disk = DictionaryDisk([manifest("a", 5, ONE), manifest("a", 5, TWO)._replace(key="plain")])
    node = storage(disk)
    disk.full = is_full
    older = store(manifest("a", 4), tombstone("plain", 6), number=1)
    assert released(node.take(older)) == []
    if is_full:
        assert released(node.take(store(manifest("a", 6)))) == []


def test_many_chunks_are_released_in_several_messages() -> None:
    """None is too long."""
    chunks = [chunk_id(str(i).encode()) for i in range(1_500)]
    files = [(name, chunks[i * 500 : i * 500 + 500]) for i, name in enumerate("abc")]
    node = storage(DictionaryDisk([manifest(name, 1, *named) for name, named in files]))
    out = node.take(store(*[manifest(name, 2) for name, _ in files]))
    assert [len(m.chunks) for m in messages(out, Released)] == [1_000, 500]
    assert released(out) == chunks


@pytest.mark.parametrize("value", [b"", b"?", b"[" * 100_000, b"[2]\n", b"[1,1,1,1,1,1,1]\nx"])
def test_a_manifest_that_cannot_be_read_names_nothing(value: bytes) -> None:
    """It is kept as any other value."""
    node = storage(DictionaryDisk([manifest("a", 1, ONE)]))
    out = node.take(store(envelopes.record(file_key("a"), 2, value)), refer(ONE))
    assert codes(out) == ["ok"]
    assert released(out) == [ONE]
    assert message(out, Referred) == Referred((False,))


# Lists of keys.


def scan(node: Turns, prefix: str = "", after: str = "", limit: int = 100) -> Scanned:
    """A page."""
    return message(node.take(to("storage", Scan(1, prefix, after, limit), COORDINATOR)), Scanned)


def mixed() -> Turns:
    """Clients' keys before and after those of manifests."""
    keys = ["a", "b", stored_key(OWN), stored_key(f"{OWN}/x")]
    records = [envelopes.record(key, 1) for key in keys]
    return storage(DictionaryDisk([*records, *[manifest(name, 1) for name in "pqr"]]))


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 100])
def test_manifests_are_not_among_the_keys_of_clients(limit: int) -> None:
    """On no page, and no page before the last is empty."""
    node, after, more = mixed(), "", True
    listed: list[str] = []
    while more:
        page = scan(node, after=after, limit=limit)
        more = page.more
        assert len(page.keys) <= limit
        assert page.keys or not more
        listed += page.keys
        after = page.keys[-1] if page.keys else after
    assert listed == ["a", "b", OWN * 2, f"{OWN * 2}/x"]


def test_manifests_alone_are_no_keys_of_clients() -> None:
    """The list is empty, and over."""
    node = storage(DictionaryDisk([manifest(name, 1) for name in "pqr"]))
    assert scan(node, limit=1) == Scanned((), False)
    assert scan(node, after=AFTER_FILES, limit=1) == Scanned((), False)


def test_who_asks_for_manifests_is_given_them() -> None:
    """The file server lists files by their names."""
    node = mixed()
    assert scan(node, FILES) == Scanned(tuple(map(file_key, "pqr")), False)
    assert scan(node, file_key("q")) == Scanned((file_key("q"),), False)
    assert scan(node, FILES, file_key("p"), 1) == Scanned((file_key("q"),), True)


def test_keys_after_the_manifests_fit_into_a_message_too() -> None:
    """However long they are."""
    long = [stored_key(f"{OWN}{i:04}" + "\x01" * 1_000) for i in range(200)]
    node = storage(DictionaryDisk([envelopes.record(key, 1) for key in ("a", *long)]))
    page = scan(node, limit=1_000)
    assert page.more
    assert sum(map(text_bytes, page.keys)) <= 2**20


# A higher epoch.


def test_the_own_file_server_may_want_a_higher_epoch() -> None:
    """Nobody else's may; and it may want it no longer."""
    settings = StorageSettings(anti_entropy=False, grace_ms=10_000)
    for sender, wanted, is_raised in (
        (OWN_FILE_SERVER, (True,), True),
        (OWN_FILE_SERVER, (True, False), False),
        (FILE_SERVER, (True,), False),
    ):
        node = storage(DictionaryDisk(), settings=settings, layout=Layout(1, (A,), (), ()))
        alone = MembersChanged("net", (envelopes.member(A),), "")
        node.take(to("storage", alone, Address(A, "gossiper")))
        for want in wanted:
            node.take(to("storage", WantEpoch(want), sender))
        epochs = [m.layout.epoch for m in messages(node.run_for(60_000), LayoutIs)]
        assert (max(epochs, default=1) > 1) == is_raised
