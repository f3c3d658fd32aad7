"""All disks give the same answers: the node's, the simulated one, and the plainest one there is."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from actors.chunks import LIST, LIST_DIGESTS, Manifest, chunk_id, manifest_to_bytes
from actors.disk import Batch, Disk
from actors.ring import partition_of
from actors.spaces import FILES
from actors.versions import Kind, Record, Stamp, Version
from nodes.disk import LmdbDisk
from nodes.simulated.disk import SimulatedDisk
from tests.actors.dictionary_disk import DictionaryDisk
from tests.nodes.keys import keys

MEMBERS = ["00112233445566aa", "00112233445566ab", "ffffffffffffffff"]
NOTES = ["layout", "promise:1"]
TIMES = [0, 1, 2, 2**8, 2**40, 2**63]
KINDS: tuple[Kind, ...] = ("json", "bytes", "absent", "absent")

T = TypeVar("T")
Listed = list[tuple[str, T]]

CHUNKS = [chunk_id(b"a"), chunk_id(b"a", is_list=True), chunk_id(b"b")]
"""A list has the digest of a chunk of data."""

SPOILT = [b"1", b"[" * 5_000, b"[1, 1, 2, 3, 4, 5, false]\nshort", b"{}\n"]


def manifest(chunks: list[str], *, is_nested: bool) -> bytes:
    """The value of a file that is made of these."""
    names = tuple([id.removesuffix(LIST) + LIST * is_nested for id in chunks])
    content = b"" if chunks else b"whole"
    chunk_bytes = 2**20 if chunks else 0
    each_bytes = 2**20 * (LIST_DIGESTS if is_nested else 1)
    size_bytes, digest = len(names) * each_bytes or len(content), chunk_id(content)
    return manifest_to_bytes(
        Manifest(size_bytes, digest, "text/plain", 1, chunk_bytes, is_nested, names, content)
    )


MANIFESTS = st.builds(
    manifest, st.lists(st.sampled_from(CHUNKS), max_size=3), is_nested=st.booleans()
)

STAMPS = st.builds(
    Stamp,
    st.integers(0, 2),
    st.sampled_from(MEMBERS),
    st.sampled_from(["1.00000000000000ff", "a boot"]),
    st.sampled_from(["", "a ballot"]),
)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[str], list[Batch | None]]:
    """A few keys, and batches about them; None is where the disk is closed and opened again."""
    files = keys().map(lambda name: FILES + name)
    known = draw(st.lists(keys() | files, min_size=1, max_size=6, unique=True))
    key, member, time_ms = st.sampled_from(known), st.sampled_from(MEMBERS), st.sampled_from(TIMES)
    value = st.sampled_from([b"", b"1", b"x" * 5_000, *SPOILT]) | MANIFESTS
    records = st.builds(Record, key, st.sampled_from(KINDS), value, STAMPS, time_ms)
    # A tombstone has no value.
    records = records.map(lambda r: r._replace(value=b"") if r.kind == "absent" else r)
    stamps = draw(st.lists(STAMPS, min_size=1, max_size=2))
    records |= records.map(lambda record: record._replace(stamp=stamps[0]))
    batches = st.builds(
        Batch,
        st.lists(records, max_size=5),
        st.lists(st.tuples(st.sampled_from(NOTES), st.sampled_from([b"", b"n"])), max_size=2),
        st.integers(0, 2),
        st.lists(
            st.tuples(key, st.builds(Version, st.sampled_from(stamps), st.booleans())), max_size=3
        ),
        st.lists(st.tuples(member, key, time_ms), max_size=4),
        st.lists(st.tuples(member, key), max_size=3),
    )
    return known, draw(st.lists(st.none() | batches, min_size=1, max_size=8))


def listed(page: Callable[[str, int], Listed[T]], known: list[str]) -> Listed[T]:
    """All that is listed, in the order of the keys: page by page it is the same as at once."""
    everything = page("", 100)
    order = [key for key, _ in everything]
    for limit in (1, 2):
        for start in range(len(order)):
            after = order[start - 1] if start else ""
            assert page(after, limit) == everything[start : start + limit]
    for key in known:
        rest = page(key, 100)
        assert rest == everything[len(everything) - len(rest) :]
        assert key not in [following for following, _ in rest]
        assert key not in order or rest == everything[order.index(key) + 1 :]
    return sorted(everything)


def answers(disk: Disk, known: list[str]) -> dict[str, object]:
    """All that a disk can be asked about these keys."""
    found: dict[str, object] = {
        "read": disk.read([*known, "unknown", known[0]]),
        "versions": disk.versions([*known, "unknown", known[0]]),
        "pages": [disk.page(known[0][:2], key, n) for key in ("", *known) for n in (1, 2, 9)],
        "tombstones": listed(disk.tombstones, known),
        "counts": list(disk.hint_counts().items()),
        "hinted": [disk.hinted(key) for key in known],
        "referred": disk.referred([*CHUNKS, chunk_id(b"c"), CHUNKS[0], "no chunk"]),
    }
    for partition in sorted({partition_of(key) for key in known}):

        def entries(after: str, limit: int, partition: int = partition) -> Listed[object]:
            return list(disk.entries(partition, after, limit))

        found[f"entries {partition}"] = listed(entries, known)
    for member in MEMBERS:

        def hints(after: str, limit: int, member: str = member) -> Listed[int]:
            return disk.hints(member, after, limit)

        found[f"hints {member}"] = listed(hints, known)
    for wall_ms in TIMES:
        expired = [record._replace(value=b"") for record in disk.expired(wall_ms, 100)]
        times = [record.expires_ms for record in expired]
        assert times == sorted(times)
        assert [record.expires_ms for record in disk.expired(wall_ms, 2)] == times[:2]
        found[f"expired {wall_ms}"] = sorted(expired, key=lambda record: record.key)
    return found


@settings(max_examples=100)
@given(history=histories())
def test_a_disk_answers_as_a_dictionary_would(
    history: tuple[list[str], list[Batch | None]],
) -> None:
    """Whatever is committed in whatever batches, and whenever it is closed and opened again."""
    known, batches = history
    model = DictionaryDisk()
    with tempfile.TemporaryDirectory() as folder:
        disk = LmdbDisk(Path(folder))
        for batch in batches:
            if batch is None:
                disk.close()
                disk = LmdbDisk(Path(folder))
                assert disk.boot.notes == model.notes
                assert disk.boot.clock_limit == model.clock_limit
            else:
                model.commit(batch)
                disk.commit(batch)
            assert answers(disk, known) == answers(model, known)
        disk.close()


def file_record(name: str, counter: int, *chunks: str) -> Record:
    """A version of a file, or without chunks its tombstone."""
    stamp = Stamp(counter, MEMBERS[0], "1.00000000000000ff")
    if not chunks:
        return Record(FILES + name, "absent", b"", stamp)
    return Record(FILES + name, "bytes", manifest(list(chunks), is_nested=False), stamp)


def test_a_chunk_is_referred_to_by_the_files_that_are_there(tmp_path: Path) -> None:
    """As long as one of them is, though two have names whose first 1,000 bytes are the same."""
    first, second, third = [chunk_id(text) for text in (b"1", b"2", b"3")]
    long = "x" * 1_000
    steps = [
        (Batch([file_record(f"{long}a", 1, first, second)]), [True, True, False]),
        (Batch([file_record(f"{long}b", 1, second)]), [True, True, False]),
        (Batch([file_record(f"{long}a", 2, third)]), [False, True, True]),
        (Batch([file_record(f"{long}b", 2)]), [False, False, True]),
        (Batch(dropped=[(f"{FILES}{long}b", file_record("", 2).version)]), [False, False, True]),
        (Batch(dropped=[(f"{FILES}{long}a", file_record("", 2).version)]), [False, False, True]),
        (Batch(dropped=[(f"{FILES}{long}a", file_record("", 2, third).version)]), [False] * 3),
    ]
    lmdb = LmdbDisk(tmp_path)
    disks: list[Disk] = [DictionaryDisk(), SimulatedDisk(), lmdb]
    for batch, referred in steps:
        for disk in disks:
            disk.commit(batch)
            assert disk.referred([first, second, third]) == referred
    lmdb.close()


@settings(max_examples=100)
@given(history=histories(), lost=st.lists(st.integers(0, 7), max_size=3))
def test_a_simulated_disk_is_what_was_synced(
    history: tuple[list[str], list[Batch | None]], lost: list[int]
) -> None:
    """Whatever was written without a sync, in one batch or several, a crash leaves no trace of."""
    known, batches = history
    written = [batch for batch in batches if batch is not None]
    model, disk = DictionaryDisk(), SimulatedDisk()
    for batch in written:
        for place in lost:
            disk.write(written[place % len(written)])
        synced = disk.synced_records(), disk.clock_limit
        disk.crash()
        assert synced == (disk.synced_records(), disk.clock_limit)
        assert synced == (sorted(model.records.values(), key=_key), model.clock_limit)
        assert answers(disk, known) == answers(model, known)
        model.commit(batch)
        disk.commit(batch)
        assert answers(disk, known) == answers(model, known)
        assert {name: disk.synced_note(name) for name in model.notes} == model.notes
    assert disk.boot(Random(0)).notes == model.notes


def _key(record: Record) -> str:
    return record.key
