"""Jobs: the answer to a client is put together from what becomes of each of its keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from actors.actor import Address, Envelope
from actors.jobs import GetJob, HealJob, Job, ProbeJob, WriteJob, failure
from actors.messages import Change, Failed, Get, Got, Heal, Healed, Message, Write, Written
from actors.spaces import file_key
from actors.versions import NEVER, Record
from tests.actors.envelopes import (
    A,
    C,
    client,
    get,
    listing,
    record,
    stamp,
    to,
    tombstone,
    write,
)


def get_job(*keys: str, details: bool = False, max_reply_bytes: int = 2**21) -> GetJob:
    """A client's read."""
    request = get(*keys, details=details)
    assert isinstance(request.message, Get)
    return GetJob(request, request.message, 10_000, max_reply_bytes)


def write_job(*keys: str, values: Sequence[bytes] = ()) -> WriteJob:
    """A client's write."""
    request = write(*keys, values=values)
    assert isinstance(request.message, Write)
    return WriteJob(request, request.message, 10_000, 0)


def answer(job: Job) -> Message:
    """What the client is told, having made sure that it is the one who is told."""
    envelope = job.answer()
    assert envelope is not None
    assert (envelope.to, envelope.id) == (client(), job.request.id)
    assert envelope.sender.node == A
    return envelope.message


def told(job: GetJob | WriteJob, down: Sequence[str] = ()) -> Failed | None:
    """What becomes of a request for one key, which these three keep."""
    return failure(job, ["node-a", "node-b", "node-c"], down, 1_024, 100)


def test_a_job_is_open_until_each_key_has_an_outcome() -> None:
    """A key has one outcome: the first."""
    job = Job(get("a", "b"), 2, 0)
    job.settle((0,), "ok")
    job.settle((0,), "timed_out")
    assert (job.open, job.codes, job.unsettled()) == (1, ["ok", ""], [1])
    job.settle((0, 1), "unavailable")
    assert (job.open, job.codes, job.unsettled()) == (0, ["ok", "unavailable"], [])


# Reads.


def test_a_read_is_answered_in_the_order_asked() -> None:
    """In whatever order its keys were read; what is read twice counts once."""
    job = get_job("a", "b", "c")
    for i, key in ((2, "c"), (0, "a"), (1, "b")):
        job.fill(i, record(key, 1, key.encode()), ("node-b",))
    job.fill(0, record("a", 9, b"later"), ("node-c",))
    assert answer(job) == Got(("ok",) * 3, ("bytes",) * 3, (b"a", b"b", b"c"), (), ())
    assert job.bytes_found == 3


def test_details_are_versions_and_replicas() -> None:
    """Only of keys that are there."""
    job = get_job("a", "b", details=True)
    job.fill(0, record("a", 3, b"1", "json"), ("node-b", "node-c"))
    job.fill(1, tombstone("b", 9), ("node-b", "node-c"))
    assert answer(job) == Got(
        ("ok", "not_found"),
        ("json", "absent"),
        (b"1", b""),
        (str(stamp(3)), ""),
        (("node-b", "node-c"), ()),
    )


def test_a_key_never_written_is_not_found() -> None:
    """As is one that was deleted."""
    job = get_job("a", "b")
    job.fill(0, Record("a", "absent", b"", NEVER), ())
    job.fill(1, tombstone("b", 9), ())
    assert answer(job) == Got(("not_found",) * 2, ("absent",) * 2, (b"",) * 2, (), ())


def test_what_was_put_off_is_left_to_another_request() -> None:
    """The answer ends before the first key of it, though later ones are there."""
    job = get_job("a", "b", "c", "d")
    job.fill(0, record("a", 1), ())
    job.fill(3, record("d", 1), ())
    job.put_off((2,))
    job.fill(1, record("b", 1), ())
    assert job.open == 0
    assert answer(job) == Got(("ok",) * 2, ("bytes",) * 2, (b"v",) * 2, (), ())


def test_the_values_of_many_keys_may_be_too_much_for_one_reply() -> None:
    """Each answer of a replica is bounded, their sum is not: the reply has the first keys."""
    job = get_job("a", "b", "c", "d", max_reply_bytes=20)
    for i in range(4):
        assert job.is_full() is (i > 2)
        job.fill(i, record("k", 1, bytes(10)), ())
    message = answer(job)
    assert isinstance(message, Got)
    assert message.values == (bytes(10), bytes(10))


def test_a_reply_has_one_key_at_least() -> None:
    """However large its value: the client must get on."""
    job = get_job("a", "b", max_reply_bytes=5)
    job.fill(0, record("a", 1, bytes(10)), ())
    job.fill(1, record("b", 1, b"."), ())
    message = answer(job)
    assert isinstance(message, Got)
    assert message.values == (bytes(10),)


def test_a_read_that_timed_out_says_so() -> None:
    """For each key of which nothing was heard."""
    job = get_job("a", "b")
    job.fill(1, record("b", 1, b"B"), ())
    job.time_out()
    assert answer(job) == Got(("timed_out", "ok"), ("absent", "bytes"), (b"", b"B"), (), ())


# Writes.


def test_a_write_is_answered_with_versions() -> None:
    """The version of each key that was stored, and of no other."""
    job = write_job("a", "b")
    job.stamps = [stamp(1), stamp(2)]
    job.replicas[0] = ("node-b", "node-c")
    job.settle((0,), "ok")
    job.settle((1,), "disk_full")
    assert answer(job) == Written(
        ("ok", "disk_full"), (str(stamp(1)), ""), (("node-b", "node-c"), ())
    )


def test_a_write_that_never_left_is_unavailable() -> None:
    """A key without a stamp failed definitely; one with a stamp may have been stored."""
    job = write_job("a", "b", "c")
    job.stamps[1:] = [stamp(1), stamp(2)]
    job.settle((2,), "ok")
    job.time_out()
    assert answer(job) == Written(
        ("unavailable", "timed_out", "ok"), ("", "", str(stamp(2))), ((), (), ())
    )


def test_the_changes_of_a_write_are_what_may_have_been_written() -> None:
    """Not what was refused, and not what never left."""
    job = write_job("a", "b", "c", "d", "e")
    job.message = replace(job.message, kinds=("json", "absent", "bytes", "json", "json"))
    job.stamps = [stamp(1), stamp(2), stamp(3), None, stamp(5)]
    for i, code in enumerate(("ok", "timed_out", "disk_full", "unavailable", "refused")):
        job.settle((i,), code)
    assert list(job.changes()) == [
        Change("a", str(stamp(1)), "json"),
        Change("b", str(stamp(2)), "absent"),
        Change("c", str(stamp(3)), "bytes"),
    ]


def test_a_write_holds_its_values() -> None:
    """From the beginning."""
    assert write_job("a", "b", values=[bytes(3), bytes(4)]).bytes_held == 7


# What is asked by the node itself.


def test_storage_is_told_who_is_behind() -> None:
    """Of each key, and what could not be read."""
    request = to("router", Heal(("a", "b")), Address(A, "storage"), 7)
    job = HealJob(request, ("a", "b"), 0)
    job.behind[0] = (C,)
    job.settle((0,), "ok")
    job.time_out()
    told = job.answer()
    assert told is not None
    assert (told.to, told.id) == (request.sender, 7)
    assert told.message == Healed(("ok", "timed_out"), ((C,), ()))


def test_what_the_router_heals_itself_is_answered_to_nobody() -> None:
    """There is nobody who asked."""
    here = Address(A, "router")
    job = HealJob(Envelope(here, here, Healed((), ())), ("a",), 0)
    job.settle((0,), "ok")
    assert job.answer() is None


def test_a_probe_finds_what_is_there() -> None:
    """Each key once; the client's answer is the list's."""
    job = ProbeJob(listing(), ("a", "b", "c"), 0)
    job.fill(0, record("a", 1))
    job.fill(0, tombstone("a", 2))
    job.fill(1, tombstone("b", 1))
    job.fill(2, Record("c", "absent", b"", NEVER))
    assert (job.open, job.codes, job.found) == (0, ["ok"] * 3, ["a"])


# In a sentence.


@pytest.mark.parametrize(
    ("job", "code", "definite"),
    [
        (get_job("k"), "timed_out", True),
        (get_job("k"), "unavailable", True),
        (write_job("k"), "timed_out", False),
        (write_job("k"), "unavailable", True),
        (write_job("k", values=[bytes(101)]), "too_large", True),
        (get_job(""), "bad_key", True),
    ],
)
def test_only_a_write_that_timed_out_is_uncertain(
    job: GetJob | WriteJob, code: str, definite: bool
) -> None:
    """Whatever else fails has certainly not happened."""
    job.codes = [code]
    failed = told(job)
    assert failed is not None
    assert (failed.code, failed.definite) == (code, definite)


def test_what_has_an_answer_of_its_own_is_not_told_in_a_sentence() -> None:
    """A key that is there, or not; a full disk, whose code says it."""
    for job, code in (
        (get_job("k"), "ok"),
        (get_job("k"), "not_found"),
        (write_job("k"), "disk_full"),
    ):
        job.codes = [code]
        assert told(job) is None


def test_a_file_is_named_by_who_asks_for_it() -> None:
    """Nobody but nodes knows the key that its manifest has."""
    job = write_job(file_key("a.txt"))
    job.codes = ["unavailable"]
    failed = told(job, ["node-b"])
    assert failed is not None
    assert failed.reason == (
        "too few of node-a, node-b, node-c, which keep it, can be reached (node-b is down)"
    )


def test_who_keeps_the_key_and_who_is_down_is_named() -> None:
    """So that somebody can look after them."""
    job = write_job("k")
    job.codes = ["unavailable"]
    failed = told(job, ["node-b"])
    assert failed is not None
    assert failed.reason == (
        "too few of node-a, node-b, node-c, which keep 'k', can be reached (node-b is down)"
    )
    job.codes = ["timed_out"]
    failed = told(job, ["node-b", "node-c"])
    assert failed is not None
    assert failed.reason == (
        "too few of node-a, node-b, node-c, which keep 'k', have answered "
        "(node-b, node-c are down); the write may have happened"
    )
