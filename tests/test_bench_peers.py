"""What the measurements beside other systems are made of: protocols, statistics, reports."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from rich.console import Console
from rich.table import Table

from actors.actor import Address, Envelope, Now
from actors.messages import Failed
from bench import http
from bench.exchange import DELAY_MS, Exchange
from bench.http import BadHttp, Response, Responses
from bench.million import BATCH, Holding, Loaded, batches
from bench.million_report import million_as_json, million_tables
from bench.peers import CASES, GET_MANY, PUT_MANY, PUT_ONE, Case, Measured
from bench.peers_report import PeerRow, peer_rows, peers_as_json, peers_table
from bench.process import NotInstalled, free_ports, installed
from bench.repair import Repaired
from bench.repair_report import repair_as_json, repair_table
from bench.resp import RedisError, Replies, command
from bench.samples import VALUE, Sample, Spread, measure, spread, together

REPLIES = b"+OK\r\n:2\r\n$5\r\na\r\nbc\r\n$-1\r\n$0\r\n\r\n"
ANSWERS = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX: y\r\n\r\n{ok}"
    b"HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
    b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
)
PIECES = [1, 2, 7, 1_000]


def in_pieces(data: bytes, size: int) -> list[bytes]:
    """The data, so many bytes at a time."""
    return [data[at : at + size] for at in range(0, len(data), size)]


def printed(table: Table) -> str:
    """The table as it is printed."""
    console = Console(width=140)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def measured(put_us: float, puts_per_s: int, peers: Sequence[str]) -> Measured:
    """Two rounds, in the first of which Redis is slower, and Gossamer as fast as said."""
    samples = {}
    for case in CASES:
        for peer in peers:
            calls, us = (puts_per_s, put_us) if peer == "Gossamer" else (1_000, 400.0)
            each = Sample(calls, 1.0, [us] * 3)
            samples[case, peer] = [each, Sample(calls * 2, 1.0, [us / 2] * 3)]
    return Measured(samples, list(peers), ["a note"], 200.0)


def row_of(rows: Sequence[PeerRow], case: Case, peer: str) -> PeerRow:
    """The row of this case and peer."""
    [row] = [row for row in rows if (row.case, row.peer) == (case, peer)]
    return row


def test_a_command_is_an_array_of_bulk_strings() -> None:
    """Words may hold anything, for their lengths are said."""
    assert command(b"SET", b"k", b"a\r\nb") == b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\na\r\nb\r\n"


@pytest.mark.parametrize("size", PIECES)
def test_replies_may_come_in_pieces(size: int) -> None:
    """Every kind of reply is read, wherever what comes in was cut."""
    replies = Replies()
    found = [reply for piece in in_pieces(REPLIES, size) for reply in replies.feed(piece)]
    assert found == [b"OK", 2, b"a\r\nbc", None, b""]


@pytest.mark.parametrize("refusal", [b"-ERR no\r\n", b"*1\r\n"])
def test_what_redis_refuses_is_an_error(refusal: bytes) -> None:
    """So is a reply of a kind that nothing here asks for."""
    with pytest.raises(RedisError):
        Replies().feed(b"+OK\r\n" + refusal)


@pytest.mark.parametrize("size", PIECES)
def test_answers_of_http_may_come_in_pieces(size: int) -> None:
    """Bodies of a known length and bodies in chunks are read, wherever they were cut."""
    responses = Responses()
    found = [answer for piece in in_pieces(ANSWERS, size) for answer in responses.feed(piece)]
    assert found == [Response(200, b"{ok}"), Response(400, b"abcde"), Response(200, b"")]


def test_an_answer_has_to_say_its_length() -> None:
    """Where it does not, nobody knows where the next one begins."""
    with pytest.raises(BadHttp):
        Responses().feed(b"HTTP/1.1 200 OK\r\n\r\n")


def test_a_request_leaves_the_connection_open() -> None:
    """It has the length of its body, and nothing asks for an end."""
    request = http.post("here", "/v3/kv/put", b"{}")
    assert request == b"POST /v3/kv/put HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\n\r\n{}"


def test_calls_are_counted_by_their_keys() -> None:
    """Each caller calls at least once, and a call that is about many keys counts as many."""
    asked: list[list[str]] = []

    async def call(keys: list[str]) -> None:
        asked.append(keys)

    sample = asyncio.run(measure([call, call], lambda: ["a", "b"], 2, 0))
    assert asked == [["a", "b"]] * 2
    assert (sample.calls, len(sample.each_us)) == (4, 2)


def test_samples_give_medians_and_percentiles() -> None:
    """Also where there was a single call."""
    sample = together([Sample(50, 1.0, range(1, 51)), Sample(51, 3.0, range(51, 102))])
    assert (sample.rate_per_s, sample.median_us, sample.p99_us) == (101 / 4, 51, 100)
    assert Sample(1, 1.0, [7.0]).p99_us == 7.0
    assert spread([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)


def test_peers_are_compared_round_by_round() -> None:
    """A ratio is that to Redis in the same round, its median with the least and the most."""
    rows = peer_rows(measured(100.0, 3_000, ["Gossamer", "Redis", "etcd"]))
    many = row_of(rows, PUT_MANY, "Gossamer")
    assert (many.rate_per_s, many.median_us) == (4_500, 75)
    assert many.rate_ratio == Spread(3.0, 3.0, 3.0)
    assert row_of(rows, PUT_ONE, "etcd").time_ratio == Spread(1.0, 1.0, 1.0)
    assert row_of(rows, PUT_ONE, "Redis").rate_ratio is None


@pytest.mark.parametrize(
    ("put_us", "puts_per_s", "reached"),
    [(200.0, 1_000, (True, True)), (201.0, 999, (False, False))],
)
def test_two_rows_have_a_target(put_us: float, puts_per_s: int, reached: tuple[bool, bool]) -> None:
    """Lone puts are held against Redis by their time, puts in flight by their rate."""
    rows = peer_rows(measured(put_us, puts_per_s, ["Gossamer", "Redis"]))
    targets = [row_of(rows, case, "Gossamer").reached for case in (PUT_ONE, PUT_MANY)]
    assert tuple(targets) == reached
    assert row_of(rows, GET_MANY, "Gossamer").reached is None


def test_without_redis_there_is_nothing_to_compare_with() -> None:
    """The figures of the others are reported all the same, and no target is said to be missed."""
    alone = measured(100.0, 3_000, ["Gossamer", "etcd"])
    assert all(row.reached is None and row.rate_ratio is None for row in peer_rows(alone))
    assert "Gossamer" in printed(peers_table(alone))


def test_the_table_of_peers_has_a_row_for_each_case_and_peer() -> None:
    """The JSON has the same rows; the notes are below the table."""
    figures = measured(100.0, 3_000, ["Gossamer", "Redis"])
    text = printed(peers_table(figures))
    assert all(text.count(case.name) == 2 for case in CASES)
    assert "time ≤ 0.5: yes" in text
    assert "a note" in text
    rows = peers_as_json(figures)["rows"]
    assert [row["case"]["what"] for row in rows[::2]] == [case.what for case in CASES]
    assert rows[0]["time_ratio"] == {"median": 0.25, "least": 0.25, "most": 0.25}


def test_a_program_that_is_missing_is_named() -> None:
    """In one sentence, with how to install it."""
    with pytest.raises(NotInstalled, match=r"no-such-program is not installed.*\(so and so\)"):
        installed("no-such-program", "so and so")


def test_free_ports_differ() -> None:
    """Several servers can be started on them."""
    assert len(set(free_ports(6))) == 6


def test_batches_hold_every_key_once() -> None:
    """The last one may be smaller."""
    some = list(batches(range(2_500), BATCH))
    assert [len(batch) for batch in some] == [1_000, 1_000, 500]
    assert len({key for batch in some for key in batch}) == 2_500
    assert some[0]["key-00000007"] == VALUE


@pytest.mark.parametrize(("last_per_s", "reached"), [(700, True), (699, False)])
def test_the_last_keys_are_held_against_the_first(last_per_s: int, reached: bool) -> None:
    """A network that holds much should take in more almost as fast."""
    tenths = [Sample(1_000, 1.0, [1e3]), Sample(last_per_s, 1.0, [2e3])]
    nodes = [Holding(60, 30, 100, 0.5), Holding(70, 40, 90, 0.1)]
    loaded = Loaded(2_000, 3, tenths, [0.0, 0.5], 0, nodes, 1.5)
    figures = {row["what"]: row for row in million_as_json(loaded)["figures"]}
    assert figures["the last tenth to the first"]["reached"] is reached
    assert figures["memory of a node"]["value"] == 70
    assert "1.50 s" in "".join(map(printed, million_tables(loaded)))


def test_repair_is_reported_by_what_differed() -> None:
    """Where nothing did, there are no bytes a key."""
    equal = Repaired(1_000, 0, 15_000, {"CompareTrees": 400}, 2)
    mended = Repaired(1_000, 100, 8_000, {"Pull": 3_000, "Fetched": 5_000}, 30)
    text = printed(repair_table([equal, mended]))
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines()]
    assert [row for row in cells if row] == [
        ["1,000", "0", "400", "0", "", "2", ""],
        ["1,000", "100", "8,000", "5,000", "80", "30", "8.0"],
    ]
    assert [row["bytes"] for row in repair_as_json([equal, mended])] == [400, 8_000]


class Pupil:
    """Says once, at its time, what it was told to say."""

    def __init__(self, says: Sequence[Envelope], at_ms: int | None) -> None:
        self._says = list(says)
        self.wake_at = at_ms
        self.heard: list[tuple[int, Envelope]] = []

    def turn(self, inbox: Sequence[Envelope], now: Now) -> list[Envelope]:
        """Note what has come; speak, if it is time."""
        self.heard += [(now.mono_ms, envelope) for envelope in inbox]
        if self.wake_at is None or now.mono_ms < self.wake_at:
            return []
        self.wake_at = None
        return self._says


def test_only_what_leaves_a_node_is_counted() -> None:
    """It arrives a little later; what a storage tells its own node's actors is dropped."""
    a, b = Address("a" * 16, "storage"), Address("b" * 16, "storage")
    router, news = Address(a.node, "router"), Failed("not_ready", "not yet", True)
    said = [Envelope(b, a, news), Envelope(a, a, news), Envelope(router, a, news)]
    first, second = Pupil(said, 5), Pupil([], None)
    exchange = Exchange({a.node: first, b.node: second})
    assert exchange.run_until(lambda: bool(second.heard), 100) == 5 + DELAY_MS
    assert (first.heard, second.heard) == ([(5, said[1])], [(6, said[0])])
    assert dict(exchange.sent_messages) == {"Failed": 1}
    assert exchange.sent_bytes["Failed"] > 0


def test_an_exchange_that_falls_silent_is_given_up() -> None:
    """Waiting for what cannot come any more is an error."""
    exchange = Exchange({"a" * 16: Pupil([], None)})
    with pytest.raises(TimeoutError):
        exchange.run_until(lambda: False, 100)
    exchange.run_for(50)
    assert exchange.now_ms == 50
