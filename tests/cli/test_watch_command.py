"""What watch prints of changed keys, and what it says when it cannot know of all."""

from __future__ import annotations

import signal

import orjson

from nodes.node import Node
from tests.cli.conftest import Play, Run, Start
from tests.networks import wait_until
from tests.nodes.scripted import background, keys_changed


def test_changed_keys_are_printed_as_they_are_changed(play: Play, start: Start) -> None:
    """A line each, the key escaped, and what was done; on stderr that others may be missing."""
    node = play()
    process = start("watch", "user:", "--endpoint", node.address)
    assert node.answer_next(keys_changed("c1"))["prefix"] == "user:"
    assert node.answer_next(keys_changed("c2", "user:1", "user:\n\x1b"))["cursor"] == "c1"
    assert process.next_line() == "user:1  put  v"
    assert process.next_line() == "user:\\n\\x1b  put  v"
    node.answer_next(keys_changed("c3", "user:2", kind="absent", missed=True))
    assert process.line_with("missed") == "gossamer: some changes were missed"
    assert process.next_line() == "user:2  deleted  v"
    process.signal(signal.SIGINT)
    assert process.wait() == -signal.SIGINT
    assert len(process.lines) == 1


def test_changed_keys_as_json(play: Play, start: Start) -> None:
    """That some were missed is an object among them."""
    node = play()
    process = start("watch", "--json", "--endpoint", node.address)
    node.answer_next(keys_changed("c1"))
    node.answer_next(keys_changed("c2", "a\n", missed=True))
    assert orjson.loads(process.next_line()) == {"missed": True}
    assert orjson.loads(process.next_line()) == {
        "key": "a\n",
        "change": "put",
        "version": "v",
    }


def test_a_watch_goes_on_where_it_was(play: Play, start: Start, address: str) -> None:
    """It asks whoever answers again with the cursor that it had: who cannot know it says so."""
    node = play(address)
    process = start("watch", "--json", "--endpoint", address)
    node.answer_next(keys_changed("c1"))
    node.next_request()
    node.close()
    lost = orjson.loads(process.line_with("nobody answers"))
    assert (lost["answered"], lost["code"]) == (False, "unreachable")
    node = play(address)
    header = node.answer_next(keys_changed("d1", missed=True))
    assert (header["cursor"], header["timeout_ms"]) == ("c1", 1)
    assert orjson.loads(process.line_with("answered")) == {"answered": True}
    assert orjson.loads(process.next_line()) == {"missed": True}


def test_a_put_is_seen(run: Run, node: Node, start: Start) -> None:
    """By a real node, with the version that it has."""
    process = start("watch", "seen:", "--endpoint", node.address)
    # When the watch has begun cannot be seen from outside: so a key is put until one is seen.
    seen = background(process.next_line)
    versions: list[str] = []

    def put() -> bool:
        versions.append(orjson.loads(run("put", "seen:a", "1", "--json").stdout)["version"])
        return seen.done()

    wait_until("it is seen", put)
    key, change, version = seen.result().split("  ")
    assert (key, change) == ("seen:a", "put")
    assert version in versions


def test_a_watch_ends_with_whoever_reads_it(play: Play, start: Start) -> None:
    """`gossamer watch | head -1` ends with the next change, and says nothing on stderr."""
    node = play()
    process = start("watch", "--endpoint", node.address)
    node.answer_next(keys_changed("c1", "a"))
    assert process.first_line() == b"a  put  v\n"
    node.answer_next(keys_changed("c2", "b"))
    assert process.wait() == 128 + signal.SIGPIPE
    assert process.lines == []
