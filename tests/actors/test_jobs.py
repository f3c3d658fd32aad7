"""Jobs: the answer to a client is put together from the answers of several replicas."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.jobs import GetJob, Job, ListJob, WriteJob, cut_reads, cut_stores
from actors.messages import Failed, Fetched, Get, Got, Listed, Message, Write, Written
from actors.sizes import MESSAGE_BYTES, STAMP_BYTES, text_bytes
from actors.versions import NEVER
from tests.actors.envelopes import A, client, get, kinds, listing, stamp, write

SIZES = st.sampled_from([0, 1, 100, MESSAGE_BYTES // 3, MESSAGE_BYTES - 200, MESSAGE_BYTES])


def get_job(*keys: str, details: bool = False, max_reply_bytes: int = 2**21) -> GetJob:
    """A client's read."""
    request = get(*keys, details=details)
    assert isinstance(request.message, Get)
    return GetJob(request, request.message, 10_000, max_reply_bytes)


def write_job(*keys: str, values: Sequence[bytes] = ()) -> WriteJob:
    """A client's write."""
    request = write(*keys, values=values)
    assert isinstance(request.message, Write)
    return WriteJob(request, request.message, 10_000)


def list_job(*members: str, limit: int = 100) -> ListJob:
    """A client's page of keys."""
    return ListJob(listing(), members, limit, 10_000)


def fetched(*values: bytes) -> Fetched:
    """What a replica holds."""
    stamps = tuple(stamp(i + 1) for i in range(len(values)))
    return Fetched(kinds(len(values)), values, stamps)


def answer(job: Job) -> Message:
    """What the client is told, having made sure that it is the one who is told."""
    envelope = job.answer()
    assert (envelope.to, envelope.id) == (client(), job.request.id)
    assert envelope.sender.node == A
    return envelope.message


def test_a_job_is_open_until_each_key_has_an_outcome() -> None:
    """A key has one outcome: the first."""
    job = Job(get("a", "b"), 2, 0)
    job.settle((0,), "ok")
    job.settle((0,), "timed_out")
    assert (job.open, job.codes) == (1, ["ok", ""])
    job.settle((0, 1), "unavailable")
    assert (job.open, job.codes) == (0, ["ok", "unavailable"])


def test_a_read_is_answered_in_the_order_asked() -> None:
    """Wherever the values came from, and in whatever order."""
    job = get_job("a", "b", "c")
    job.fill((2, 0), fetched(b"C", b"A"), 0, "node-b")
    job.fill((1,), fetched(b"?", b"B"), 1, "node-c")
    assert answer(job) == Got(("ok",) * 3, ("bytes",) * 3, (b"A", b"B", b"C"), (), ())


def test_details_are_versions_and_replicas() -> None:
    """Only of keys that are there."""
    job = get_job("a", "b", details=True)
    found = Fetched(("json", "absent"), (b"1", b""), (stamp(3), stamp(9)))
    job.fill((0, 1), found, 0, "node-b")
    assert answer(job) == Got(
        ("ok", "not_found"),
        ("json", "absent"),
        (b"1", b""),
        (str(stamp(3)), ""),
        ("node-b", "node-b"),
    )


def test_a_key_never_written_is_not_found() -> None:
    """As is one that was deleted."""
    job = get_job("a")
    job.fill((0,), Fetched(("absent",), (b"",), (NEVER,)), 0, "node-b")
    assert answer(job) == Got(("not_found",), ("absent",), (b"",), (), ())


def test_what_was_put_off_is_left_to_another_request() -> None:
    """The answer ends before the first key of it, though later ones are there."""
    job = get_job("a", "b", "c", "d")
    job.fill((0, 3), fetched(b"A", b"D"), 0, "node-b")
    job.put_off((2,))
    job.fill((1,), fetched(b"B"), 0, "node-c")
    assert job.open == 0
    assert answer(job) == Got(("ok",) * 2, ("bytes",) * 2, (b"A", b"B"), (), ())


def test_the_answers_of_several_replicas_may_be_too_much_for_one_reply() -> None:
    """Each is bounded, their sum is not: the reply has the first keys, and at most its bound."""
    job = get_job("a", "b", "c", "d", max_reply_bytes=20)
    job.fill((0, 2), fetched(bytes(10), bytes(10)), 0, "node-b")
    job.fill((1, 3), fetched(bytes(10), bytes(10)), 0, "node-c")
    message = answer(job)
    assert isinstance(message, Got)
    assert message.values == (bytes(10), bytes(10))


def test_a_reply_has_one_key_at_least() -> None:
    """However large its value: the client must get on."""
    job = get_job("a", "b", max_reply_bytes=5)
    job.fill((0, 1), fetched(bytes(10), b""), 0, "node-b")
    message = answer(job)
    assert isinstance(message, Got)
    assert message.values == (bytes(10),)


def test_a_read_that_timed_out_says_so() -> None:
    """For each key of which nothing was heard."""
    job = get_job("a", "b")
    job.fill((1,), fetched(b"B"), 0, "node-b")
    job.time_out()
    assert answer(job) == Got(("timed_out", "ok"), ("absent", "bytes"), (b"", b"B"), (), ())


def test_a_write_is_answered_with_versions() -> None:
    """The version of each key that was stored, and of no other."""
    job = write_job("a", "b")
    job.stamps = [stamp(1), stamp(2)]
    job.replicas[0] = "node-b"
    job.settle((0,), "ok")
    job.settle((1,), "disk_full")
    assert answer(job) == Written(("ok", "disk_full"), (str(stamp(1)), ""), ("node-b", ""))


def test_a_write_that_never_left_is_unavailable() -> None:
    """A key without a stamp failed definitely; one with a stamp may have been stored."""
    job = write_job("a", "b", "c")
    job.stamps[1:] = [stamp(1), stamp(2)]
    job.settle((2,), "ok")
    job.time_out()
    assert answer(job) == Written(
        ("unavailable", "timed_out", "ok"), ("", "", str(stamp(2))), ("", "", "")
    )


def test_a_page_is_merged_from_those_of_all_members() -> None:
    """In order, and without a cursor when nobody has more."""
    job = list_job("node-a", "node-b")
    job.keys = ["b", "d", "a", "c"]
    job.settle((0, 1), "ok")
    assert answer(job) == Listed(("a", "b", "c", "d"), "")


def test_a_page_ends_at_the_least_last_key_of_the_truncated_ones() -> None:
    """Who truncated at "c" may have a key after it and before "d": nothing is skipped."""
    job = list_job("node-a", "node-b", "node-c")
    job.keys = ["a", "c", "b", "d", "e"]
    job.resume_after = ["c", "d"]
    job.settle((0, 1, 2), "ok")
    assert answer(job) == Listed(("a", "b", "c"), "c")


def test_a_page_may_be_empty_and_not_the_last() -> None:
    """Where a truncated page had only keys that are not the member's own: there is a cursor."""
    job = list_job("node-a")
    job.resume_after = ["c"]
    job.settle((0,), "ok")
    assert answer(job) == Listed((), "c")


def test_a_page_has_at_most_what_was_asked() -> None:
    """The cursor is its last key; a page that is just full and has nothing after it has none."""
    for limit, expected in ((2, Listed(("a", "b"), "b")), (3, Listed(("a", "b", "c"), ""))):
        job = list_job("node-a", limit=limit)
        job.keys = ["a", "b", "c"]
        job.settle((0,), "ok")
        assert answer(job) == expected


def test_a_page_of_long_keys_fits_into_a_message() -> None:
    """It is cut, and the cursor is its last key."""
    job = list_job("node-a", limit=1_000)
    job.keys = [f"{i:03}" + "x" * 1_000 for i in range(500)]
    job.settle((0,), "ok")
    message = answer(job)
    assert isinstance(message, Listed)
    assert sum(map(text_bytes, message.keys)) <= MESSAGE_BYTES
    assert message.cursor == message.keys[-1]


@pytest.mark.parametrize("code", ["unavailable", "timed_out"])
def test_a_page_without_the_word_of_a_member_fails(code: str) -> None:
    """It would have a hole; the failure names who does not answer, and is definite."""
    job = list_job("node-a", "node-b")
    job.settle((0,), "ok")
    job.settle((1,), code)
    message = answer(job)
    assert isinstance(message, Failed)
    assert (message.code, message.definite) == (code, True)
    assert "node-b" in message.reason


@given(st.lists(st.lists(SIZES, min_size=1, max_size=5), min_size=1, max_size=4))
def test_stores_are_cut_where_a_message_is_full(sizes: list[list[int]]) -> None:
    """All entries are there, once and in order; a message is too large only with one entry."""
    jobs = [
        write_job(*[f"k{i}" for i in range(len(s))], values=[bytes(n) for n in s]) for s in sizes
    ]
    for job in jobs:
        job.stamps = [stamp(i + 1) for i in range(len(job.codes))]
    cuts = list(cut_stores([(job, range(len(job.codes))) for job in jobs]))
    told = [(job, i) for _, parts in cuts for job, positions in parts for i in positions]
    assert told == [(job, i) for job in jobs for i in range(len(job.codes))]
    stored = [len(value) for store, _ in cuts for value in store.values]
    assert stored == [size for of_job in sizes for size in of_job]
    for store, parts in cuts:
        entries = [(job, i) for job, positions in parts for i in positions]
        assert store.keys == tuple(f"k{i}" for _, i in entries)
        assert store.stamps == tuple(stamp(i + 1) for _, i in entries)
        assert len(entries) == 1 or size_of(store.values, store.keys) <= MESSAGE_BYTES


def size_of(values: Sequence[bytes], keys: Sequence[str]) -> int:
    """As it is counted."""
    return sum(len(v) + text_bytes(k) + STAMP_BYTES for v, k in zip(values, keys, strict=True))


@pytest.mark.parametrize("length", [1, 170])
@pytest.mark.parametrize("counts", [(64,), (60, 4), (65,), (1_000,), (900, 1, 2_500)])
def test_reads_are_cut_where_a_message_is_full(counts: tuple[int, ...], length: int) -> None:
    """All keys are there, once and in order, in messages that are not too large."""
    batches = [[f"{i:0{length}}" for i in range(count)] for count in counts]
    jobs = [get_job(*batch) for batch in batches]
    cuts = list(cut_reads([(job, range(len(job.codes))) for job in jobs]))
    told = [(job, i) for _, parts in cuts for job, positions in parts for i in positions]
    assert told == [(job, i) for job in jobs for i in range(len(job.codes))]
    assert [key for keys, _ in cuts for key in keys] == [key for b in batches for key in b]
    for keys, parts in cuts:
        assert len(keys) == sum(len(positions) for _, positions in parts)
        assert sum(map(text_bytes, keys)) <= MESSAGE_BYTES
    assert (len(cuts) > 1) is (sum(counts) * (6 * length + 3) > MESSAGE_BYTES)
