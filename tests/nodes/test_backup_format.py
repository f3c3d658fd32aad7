"""What a backup's lines say is read again to the byte, whatever the keys and values are."""

from __future__ import annotations

import unicodedata
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nodes.backup_format import (
    DENIED,
    INDEX,
    SHARED,
    BadBackup,
    FileLine,
    Manifest,
    Network,
    Part,
    Unfinished,
    denied_of,
    file_line,
    file_of,
    file_path,
    key_line,
    key_of,
    keys_path,
    manifest_text,
    read_manifest,
    read_unfinished,
    unfinished_text,
)
from nodes.entries import Exact

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
)
MANIFEST = Manifest(
    Network("ab", ("1", "2")),
    "then",
    "now",
    (Part(keys_path(1), 2, 3, "4"), Part(keys_path(2), 2, 3, "4")),
    Part(SHARED, 1, 2, "3"),
    Part(DENIED, 0, 0, "5"),
    Part(INDEX, 7, 8, "9"),
    10,
)


def comes_back(record: Exact) -> None:
    """It is one line, and JSON, and is read as it was written."""
    line = key_line(record)
    assert b"\n" not in line
    assert isinstance(orjson.loads(line), dict)
    assert key_of(line) == record


@given(KEYS, VALUES, TEXTS, st.integers(0, 2**63 - 1))
def test_json_comes_back(key: str, value: Any, version: str, expires_ms: int) -> None:
    """And stands in the line as what it is."""
    record = Exact(key, "json", orjson.dumps(value), version, expires_ms)
    comes_back(record)
    assert orjson.dumps(orjson.loads(key_line(record))["value"]) == record.data


@given(KEYS, st.binary())
def test_bytes_come_back(key: str, data: bytes) -> None:
    """As base64."""
    comes_back(Exact(key, "bytes", data, "1-a-1.b", 0))


@pytest.mark.parametrize(
    "data",
    [
        b'{ "a" : [ 1.50, 1E2, -0 ] }',
        b'{"a":1,"a":2}',
        b"123456789012345678901234567890",
        b'{\n  "a":\r\n 1}',
        b'"\\u00fc\\/ \\n"',
        b"[" * 1_024 + b"]" * 1_024,
        b' "version" ',
        b'"\\",\\"version\\":\\"\\",\\"expires_ms\\":0}"',
    ],
)
def test_json_of_other_writers_comes_back_to_the_byte(data: bytes) -> None:
    """However they write it: with spaces, on many lines, with large numbers, deep."""
    orjson.loads(data)
    comes_back(Exact("key", "json", data, "version", 5))


def test_a_line_by_hand_is_read() -> None:
    """With the fields in any order and any spaces."""
    line = b'{ "version": "", "value": [1, 2], "expires_ms": 0, "key": "a" }'
    assert key_of(line) == Exact("a", "json", b"[1,2]", "", 0)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"{}",
        b'{"key":1,"value":1,"version":"","expires_ms":0}',
        b'{"key":"","value":1,"version":"","expires_ms":0}',
        b'{"key":"a","version":"","expires_ms":0}',
        b'{"key":"%b","value":1,"version":"","expires_ms":0}' % (b"a" * 20_000),
        b'{"key":"a","value":"%b","version":"","expires_ms":0}' % (b"a" * 2**22),
        b'{"key":"a","value":1,"version":"","expires_ms":-1}',
        b'{"key":"a","value":1,"version":"","expires_ms":true}',
        b'{"key":"a","value_base64":"?","version":"","expires_ms":0}',
        b'{"key":"a","value_json":"{","version":"","expires_ms":0}',
        b'{"key":"a","value":1,"version":"","expires_ms":0',
    ],
    ids=lambda line: line[:40].decode(),
)
def test_what_is_no_key_is_refused(line: bytes) -> None:
    """As a ValueError, whatever is wrong."""
    with pytest.raises(ValueError, match=r"."):
        key_of(line)


@given(KEYS, st.integers(0, 2**63), st.booleans())
def test_files_come_back(name: str, size_bytes: int, plain_only: bool) -> None:
    """With where their bytes are."""
    file = FileLine(name, size_bytes, "ab", "text/plain", "now", "")
    path = file_path(name, plain_only=plain_only, longest_bytes=100)
    file = FileLine(name, size_bytes, "ab", "text/plain", "now", path)
    assert file_of(file_line(file)) == file


@given(TEXTS)
@example("..")
@example("../../etc/passwd")
@example(".")
@example("")
@example("a\0b")
@example(".gossamer-0123456789abcdef.part")
def test_no_name_leads_elsewhere(name: str) -> None:
    """Though a node may send any: it is the last of two parts, and not hidden."""
    folder, _, last = file_path(name).partition("/")
    assert folder in ("files", "renamed")
    assert last
    assert not last.startswith(".")
    assert not {*last} & {"/", "\0"}


@pytest.mark.parametrize("path", ["files/b", "../a", "/a", "a", "renamed/a", "files/../a", ""])
def test_a_file_is_nowhere_else(path: str) -> None:
    """A list of files leads to nothing outside the backup."""
    with pytest.raises(ValueError, match="no place for the file"):
        file_of(file_line(FileLine("a", 0, "", "", "", path)))


def folded(path: str) -> str:
    """The path as a file system sees it that cares for neither case nor composition."""
    return unicodedata.normalize("NFKD", path).casefold()


@given(KEYS, KEYS)
@example("A.txt", "a.txt")
@example("\u00e9", "e\u0301")
@example("\u0131", "i")
def test_different_names_never_share_a_path(one: str, other: str) -> None:
    """On no file system."""
    paths = [file_path(name, plain_only=True) for name in (one, other)]
    assert (folded(paths[0]) == folded(paths[1])) == (one == other)


def test_a_file_has_its_own_name_where_that_can_be() -> None:
    """Else one that is made of it."""
    assert file_path("A \u00e9.txt") == "files/A \u00e9.txt"
    assert file_path("a.txt", plain_only=True) == "files/a.txt"
    assert file_path("A.txt", plain_only=True).startswith("renamed/")
    assert file_path("a" * 144, longest_bytes=143).startswith("renamed/")


@pytest.mark.parametrize("name", ["writer-17", "reader-1", "admin-4096"])
def test_names_of_keys_of_clients_can_be_denied(name: str) -> None:
    """Others are none."""
    assert denied_of(name.encode()) == name
    for bad in (f"{name} ", f"x{name}", "node", "admin-0", ""):
        with pytest.raises(ValueError, match="no key of a client"):
            denied_of(bad.encode())


def test_manifests_come_back() -> None:
    """And what tells how far one is."""
    assert read_manifest(manifest_text(MANIFEST)) == MANIFEST
    for cursor in (None, "", "key"):
        state = Unfinished(MANIFEST.network, "then", MANIFEST.keys, cursor)
        assert read_unfinished(unfinished_text(state)) == state


def test_a_manifest_with_any_byte_changed_or_missing_is_refused() -> None:
    """It has its own sum."""
    text = manifest_text(MANIFEST)
    for at in range(len(text)):
        for bad in (text[:at], text[:at] + bytes([text[at] ^ 1]) + text[at + 1 :]):
            with pytest.raises(BadBackup):
                read_manifest(bad)


def test_another_format_is_told() -> None:
    """With what is read here."""
    with pytest.raises(BadBackup, match="is of format 2; this version reads 1 only"):
        read_manifest(b'{"format": 2}')
