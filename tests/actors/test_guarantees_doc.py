"""What docs/guarantees.md says of limits, and of what shows each promise, is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from actors.chunks import MAX_CHUNK_BYTES
from actors.file_settings import FileSettings
from actors.layout import MAX_MEMBERS
from actors.names import MAX_NAME_BYTES
from actors.ring import REPLICAS
from actors.router_settings import RouterSettings
from actors.storage_settings import StorageSettings
from actors.versions import MAX_CLOCK_STEP
from nodes.sockets import WAITING_MESSAGES
from nodes.unread import MAX_BYTES

ROOT = Path(__file__).parents[2]
DOC = (ROOT / "docs" / "guarantees.md").read_text()
ROUTER, STORAGE, FILES = RouterSettings(), StorageSettings(), FileSettings()


def test_what_shows_a_promise_is_there() -> None:
    """Each test that is named is a file, and each promise names one."""
    promises = re.findall(r"^\| \d+ \|.*$", DOC, re.MULTILINE)
    shown = [re.findall(r"`(tests/\S+)`", promise) for promise in promises]
    assert all(shown)
    assert all((ROOT / file).is_file() for files in shown for file in files)


MIB = 2**20


@pytest.mark.parametrize(
    "said",
    [
        f"| a key | 1 to {ROUTER.max_key_bytes:,} bytes of UTF-8 |",
        f"| a value | {ROUTER.max_value_bytes // 1024:,} KiB |",
        f"| keys in a batch | {ROUTER.max_batch_keys:,} |",
        f"| keys under way at a coordinator | {ROUTER.max_open_keys:,} |",
        f"| values under way at a coordinator | {ROUTER.max_open_bytes // MIB} MiB |",
        f"| values that one client writes at once | {ROUTER.max_client_bytes // MIB} MiB |",
        f"| answers that a client has not read | {MAX_BYTES // MIB} MiB and {WAITING_MESSAGES} ",
        f"| a file | {FILES.max_file_bytes // 2**30} GiB |",
        f"| a file's name | {MAX_NAME_BYTES} bytes of UTF-8, ",
        f"| a chunk | {FILES.min_chunk_bytes // 1024} KiB to {MAX_CHUNK_BYTES // MIB} MiB |",
        f"| chunks under way at a node | {FILES.max_open_bytes // MIB} MiB |",
        f"| {FILES.client_credit} are read at once; {FILES.max_waiting:,} wait |",
        f"| members | {MAX_MEMBERS:,}; ",
        f"| copies | {REPLICAS} |",
        f"| hints at a node | {STORAGE.max_hints:,}, for {STORAGE.hint_ms // 3_600_000} h each |",
        f"| a counter ahead of a node's clock | 2^{MAX_CLOCK_STEP.bit_length() - 1} |",
    ],
)
def test_the_limits_are_those_of_the_settings(said: str) -> None:
    """As they are unless somebody sets them otherwise."""
    assert said in DOC
