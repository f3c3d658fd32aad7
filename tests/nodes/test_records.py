"""Keys keep their order in their encoding, and records come back as they were."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.versions import Kind, Record, Stamp, boot_name
from nodes.records import (
    NAME_BYTES,
    PARTITION_BYTES,
    SHORT_BYTES,
    cut_key,
    encode_key,
    expires_ms_of,
    group_of,
    kind_of,
    lower_bound,
    pack_record,
    stamp_of,
    unpack_record,
    whole_key,
)
from tests.nodes.keys import keys

KINDS: tuple[Kind, ...] = ("json", "bytes", "absent")
MADE_BY_NODES = st.builds(
    Stamp,
    st.integers(0, 2**63 - 1),
    st.binary(min_size=8, max_size=8).map(bytes.hex),
    st.builds(boot_name, st.integers(0, 2**63 - 1), st.integers(0, 2**64 - 1)),
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
ANY_STAMP = st.builds(Stamp, st.integers(0, 2**63 - 1), TEXT, TEXT, TEXT)
RECORDS = st.builds(
    Record,
    keys(),
    st.sampled_from(KINDS),
    st.binary(),
    MADE_BY_NODES | ANY_STAMP,
    st.integers(0, 2**63 - 1),
)


@given(RECORDS)
def test_a_record_comes_back_as_it_was(record: Record) -> None:
    """Whatever its key, kind, value and stamp are."""
    packed = pack_record(record, encode_key(record.key))
    assert unpack_record(record.key, packed) == record


@given(RECORDS)
def test_a_stamp_is_read_without_the_rest_of_its_record(record: Record) -> None:
    """It comes back as it was, from a view of the disk's own memory; so do kind and expiry."""
    packed = memoryview(pack_record(record, encode_key(record.key)))
    assert stamp_of(packed) == record.stamp
    assert kind_of(packed) == record.kind
    assert expires_ms_of(packed) == record.expires_ms


@given(RECORDS.filter(lambda r: len(r.key.encode()) > SHORT_BYTES))
def test_a_record_holds_its_key_where_that_is_long(record: Record) -> None:
    """The encoding of a long key is cut, so the whole key is read from the record."""
    assert whole_key(pack_record(record, encode_key(record.key))).decode() == record.key


@given(st.tuples(keys(), keys()))
def test_encodings_sort_as_keys_do_except_within_a_group(pair: tuple[str, str]) -> None:
    """Only long keys with the same beginning may stand in another order than theirs."""
    low, high = sorted(pair)
    encoded = encode_key(low), encode_key(high)
    assert (low == high) == (encoded[0] == encoded[1])
    if group_of(encoded[0]) != group_of(encoded[1]) or not group_of(encoded[0]):
        assert encoded[0] <= encoded[1]


@given(st.tuples(keys(), keys(), keys()))
def test_nothing_stands_within_a_group_that_is_not_of_it(several: tuple[str, str, str]) -> None:
    """What sorts between two long keys with the same beginning is one of their group."""
    low, middle, high = sorted(map(encode_key, several))
    if group_of(low) == group_of(high) != b"":
        assert group_of(middle) == group_of(low)


@given(keys(), keys())
def test_no_key_from_a_lower_bound_on_is_encoded_below_it(key: str, bound: str) -> None:
    """So a scan that starts there misses none."""
    if key >= bound:
        assert encode_key(key) >= lower_bound(bound.encode())


@given(keys())
def test_an_encoding_and_a_partition_fit_into_a_key_of_lmdb(key: str) -> None:
    """LMDB admits 511 bytes, of which the partition's number takes 2."""
    assert 1 <= len(encode_key(key)) <= 509


@given(st.binary(min_size=1, max_size=100), keys())
def test_a_key_is_cut_where_a_name_has_no_room_for_it_after_a_head(head: bytes, key: str) -> None:
    """Then the whole key goes into the value; after a partition it is cut as elsewhere."""
    name, long_key = cut_key(head, key)
    assert name.startswith(head)
    assert len(name) <= NAME_BYTES
    assert (long_key or name[len(head) :]).decode() == key
    assert cut_key(head[:1] * PARTITION_BYTES, key)[0] == head[:1] * 2 + encode_key(key)


@given(st.binary(min_size=1, max_size=100), keys(), keys())
def test_two_keys_have_two_names_after_a_head(head: bytes, key: str, other: str) -> None:
    """However much of them is cut."""
    assert (key == other) == (cut_key(head, key)[0] == cut_key(head, other)[0])


def test_these_are_the_bytes_of_a_record() -> None:
    """What is on people's disks does not change by accident."""
    stamp = Stamp(5, "00112233445566aa", "3.00000000000000ff")
    record = Record("color", "json", b'"blue"', stamp, 1_000)
    assert pack_record(record, encode_key("color")).hex(" ", 8) == (
        bytes.fromhex(
            "01 00 0000 00000019 0000000000000005 00000000000003e8"
            "62 00112233445566aa 0000000000000003 00000000000000ff"
            "22 626c7565 22"
        ).hex(" ", 8)
    )


def test_a_record_of_an_unknown_format_is_not_guessed_at() -> None:
    """It was written by a later version."""
    packed = pack_record(Record("k", "json", b"1", Stamp(1, "n", "b")), b"k")
    with pytest.raises(ValueError, match="format 9"):
        unpack_record("k", b"\x09" + packed[1:])
