"""Manifests, lists and the names of chunks: what is kept is what is read."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.chunks import (
    LIST,
    LIST_DIGESTS,
    MAX_CHUNK_BYTES,
    MAX_DIGESTS,
    Manifest,
    chunk_count,
    chunk_id,
    fault_of,
    ids_in,
    is_chunk_id,
    is_list_id,
    list_of,
    manifest_from_bytes,
    manifest_to_bytes,
    refers_to,
)
from actors.list_references import ListReferences
from tests.actors.file_servers import lists_of

DIGEST = sha256(b"whole").hexdigest()
IDS = tuple(chunk_id(b"%d" % n) for n in range(3))
LARGE = Manifest(250, DIGEST, "text/plain", 1_700_000_000_000, 100, False, IDS, b"")
SMALL = Manifest(5, DIGEST, "text/plain", 1_700_000_000_000, 0, False, (), b"whole")


@given(
    st.text(st.characters(max_codepoint=127), max_size=50),
    st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=20),
    st.booleans(),
)
def test_a_manifest_is_read_as_it_was_kept(
    kind: str, digests: list[bytes], is_nested: bool
) -> None:
    """Whatever its type is called, and whatever bytes its digests have."""
    ids = tuple(digest.hex() + (LIST if is_nested else "") for digest in digests)
    size_bytes = 100 * len(ids) * (LIST_DIGESTS if is_nested else 1)
    manifest = Manifest(size_bytes, DIGEST, kind, 7, 100, is_nested, ids, b"")
    assert manifest_from_bytes(manifest_to_bytes(manifest)) == manifest


@given(st.binary(max_size=200))
def test_a_small_file_is_read_as_it_was_kept(content: bytes) -> None:
    """Also one with line ends, for a line goes before it."""
    digest = sha256(content).hexdigest()
    manifest = replace(SMALL, size_bytes=len(content), sha256=digest, content=content)
    assert manifest_from_bytes(manifest_to_bytes(manifest)) == manifest


@given(st.binary(max_size=200))
def test_what_is_no_manifest_refers_to_nothing(value: bytes) -> None:
    """And breaks nothing."""
    assert refers_to(value) == ()


HEAD = b'[1, 5, "%b", "text/plain", 7, 0, false]' % DIGEST.encode()


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (b"[1", b"[2", "its form is not known"),
        (b"[", b"{", "does not begin with a line of JSON"),
        (b"[", b"[" * 2_000, "does not begin with a line of JSON"),
        (b" 7", b" " + b"9" * 5_000, "does not begin with a line of JSON"),
        (b"text", b"\xff", "does not begin with a line of JSON"),
        (b"7, 0", b"7", "values of other types"),
        (b" 5", b' "5"', "values of other types"),
        (b" 5", b" 5.0", "values of other types"),
        (b" 5", b" true", "values of other types"),
        (b" 5", b" -5", "values that no file has"),
        (b" 7", b" -1", "values that no file has"),
        (b" 7", b" 300000000000000", "values that no file has"),
        (b"text", b"\\ud800", "values that no file has"),
        (b" 5", b" 6", "or else the file itself"),
        (DIGEST[:8].encode(), b"00000000", "not what its SHA-256 says"),
        (DIGEST[:8].encode(), b"ABCDEFGH", "no 64 digits"),
        (b" 0,", b" 100,", "1 to 32,768 digests"),
        (b"false", b"true", "or else the file itself"),
    ],
)
def test_a_manifest_that_is_spoilt_is_not_read(old: bytes, new: bytes, fault: str) -> None:
    """A node that is at fault may have anything kept; who reads it is told, and goes on."""
    assert manifest_from_bytes(HEAD + b"\nwhole").content == b"whole"
    with pytest.raises(ValueError, match=fault):
        manifest_from_bytes(HEAD.replace(old, new, 1) + b"\nwhole")


def test_a_manifest_refers_to_each_of_its_chunks_once() -> None:
    """A file may have the same chunk many times."""
    twice = replace(LARGE, chunks=(IDS[0], IDS[1], IDS[0]))
    assert refers_to(manifest_to_bytes(twice)) == IDS[:2]
    assert refers_to(manifest_to_bytes(SMALL)) == ()


@pytest.mark.parametrize(
    ("manifest", "is_fine"),
    [
        (LARGE, True),
        (SMALL, True),
        (replace(SMALL, size_bytes=0, sha256=chunk_id(b""), content=b""), True),
        (replace(LARGE, size_bytes=201), True),
        (replace(LARGE, size_bytes=200), False),
        (replace(LARGE, size_bytes=301), False),
        (replace(LARGE, sha256=DIGEST.upper()), False),
        (replace(LARGE, chunk_bytes=0), False),
        (replace(LARGE, chunk_bytes=MAX_CHUNK_BYTES + 1), False),
        (replace(LARGE, chunks=(*IDS[:2], IDS[2] + LIST)), False),
        (replace(LARGE, chunks=(*IDS[:2], "0" * 63)), False),
        (replace(LARGE, is_nested=True), False),
        (replace(LARGE, content=b"more"), False),
        (replace(SMALL, content=b"WHOLE"), False),
        (replace(SMALL, is_nested=True), False),
        (replace(LARGE, size_bytes=100 * 513, chunks=(IDS[0],) * (MAX_DIGESTS + 1)), False),
    ],
)
def test_what_can_be_a_manifest(manifest: Manifest, is_fine: bool) -> None:
    """Its parts have to fit together."""
    assert (fault_of(manifest) == "") is is_fine


def test_a_list_has_as_many_digests_as_fit() -> None:
    """What has more has more lists."""
    ids = (IDS * (LIST_DIGESTS // 3 + 1))[: LIST_DIGESTS + 1]
    first, second = lists_of(ids)
    assert ids_in(first) + ids_in(second) == ids
    assert len(second) == 32
    for wrong in (b"", b"x" * 31, list_of(ids)):
        with pytest.raises(ValueError, match="a list of chunks has 1 to"):
            ids_in(wrong)


def test_a_list_and_a_chunk_of_the_same_bytes_have_two_names() -> None:
    """Both are names of chunks; others are none."""
    data = list_of(IDS)
    assert chunk_id(data, is_list=True) == chunk_id(data) + LIST
    assert is_list_id(chunk_id(data, is_list=True))
    assert not is_list_id(chunk_id(data))
    assert is_chunk_id(chunk_id(data))
    assert not any(map(is_chunk_id, ("", LIST, "0" * 63, "0" * 65, "G" * 64, "0" * 64 + ".lis")))


@pytest.mark.parametrize(
    ("size_bytes", "count"),
    [(0, 0), (1, 1), (99, 1), (100, 1), (101, 2), (64 * 2**30, 687_194_768)],
)
def test_the_last_chunk_has_what_is_left(size_bytes: int, count: int) -> None:
    """All others are full."""
    assert chunk_count(size_bytes, 100) == count


def test_what_lists_refer_to_is_known_until_they_are_gone() -> None:
    """A chunk that two of them name until both are; a list is named by none."""
    references = ListReferences()
    one, two = chunk_id(b"one", is_list=True), chunk_id(b"two", is_list=True)
    references.add(one, list_of(IDS[:2]))
    references.add(two, list_of(IDS[1:]))
    assert references.refer((*IDS, chunk_id(b"x"), IDS[0] + LIST)) == [
        True,
        True,
        True,
        False,
        False,
    ]
    references.remove(one)
    assert references.refer(IDS) == [False, True, True]
    references.remove(two)
    references.remove(two)
    assert references.refer(IDS) == [False, False, False]
