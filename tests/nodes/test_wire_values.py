"""What a client writes is of its kind and lives within bounds, or the message is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.messages import Fetched, Share, Write
from actors.versions import Kind, Stamp
from nodes.options import MAX_TTL_MS
from nodes.wire import encode
from tests.nodes.drawn import PEER, from_peer, receive, refusal, request


@pytest.mark.parametrize("value", [b"", b"{", b"NaN", b"1 2", b"\xff", b"'a'", b"[" * 2_000])
def test_a_value_that_claims_to_be_json_and_is_not_is_refused(value: bytes) -> None:
    """With a code of its own; as bytes it is taken, and what a replica holds is not doubted."""
    write = Write(("a", "b"), ("json", "json"), (b"1", value), "all", 0, 1)
    bad = refusal(receive, encode([request(write)], ""))
    assert bad.code == "bad_value"
    assert "the value of 'b' is not JSON: " in bad.reason
    assert bad.id == 17
    assert receive(encode([request(replace(write, kinds=("json", "bytes")))], ""))
    fetched = Fetched(("json",), (value,), (Stamp(1, "", ""),), (0,))
    assert receive(encode([from_peer(fetched)], PEER))


def test_a_delete_with_a_value_is_refused() -> None:
    """It would be lost without a word."""
    write = Write(("a",), ("absent",), (b"x",), "quorum", 0, 1)
    bad = refusal(receive, encode([request(write)], ""))
    assert (bad.code, bad.reason) == (
        "bad_value",
        "header 0: the value of 'a', absent, is not empty",
    )


def test_nothing_is_written_for_more_than_ten_years() -> None:
    """It is refused before any node has heard of it; ten years are taken, and 0 is for ever."""
    write = Write(("a",), ("bytes",), (b"x",), "quorum", MAX_TTL_MS, 1)
    assert receive(encode([request(write)], ""))
    assert receive(encode([request(replace(write, ttl_ms=0))], ""))
    bad = refusal(receive, encode([request(replace(write, ttl_ms=MAX_TTL_MS + 1))], ""))
    assert (bad.code, bad.id) == ("refused", 17)
    assert "more than ten years" in bad.reason


@pytest.mark.parametrize(("kind", "value"), [("json", b"{"), ("json", b""), ("absent", b"x")])
def test_a_shared_value_that_is_not_of_its_kind_is_refused(kind: Kind, value: bytes) -> None:
    """As one that is written: by a client, with the code of its own."""
    bad = refusal(receive, encode([request(Share("a", kind, value, 1))], ""))
    assert (bad.code, bad.id) == ("bad_value", 17)
    assert "the value of 'a'" in bad.reason
    assert receive(encode([request(Share("a", "bytes", value, 1))], ""))
