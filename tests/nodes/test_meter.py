"""How requests are counted at a port."""

from __future__ import annotations

import pytest

from actors.errors import ERRORS
from actors.messages import Explained, Failed, Get, Got, Listed, Message, Write, Written
from nodes.meter import BOUNDS_US, OUTCOMES, Meter, outcome_of


def got(*codes: str) -> Got:
    """An answer with these codes, and nothing else."""
    return Got(codes, (), (), (), ())


def test_an_operation_has_its_outcomes_and_its_times() -> None:
    """A bound belongs to its bucket; what took longest is above all bounds."""
    meter = Meter()
    for took_us in (BOUNDS_US[0], BOUNDS_US[0] + 1, 10**9):
        meter.count(Get, "ok", took_us)
    meter.count(Get, "not_found", 0)
    meter.count(Write, "not_allowed")
    read, write = meter.operations[Get], meter.operations[Write]
    assert read.outcomes == {"ok": 3, "not_found": 1}
    assert (read.buckets[:2], read.buckets[-1], sum(read.buckets)) == ([2, 1], 1, 4)
    assert read.sum_us == 2 * BOUNDS_US[0] + 1 + 10**9
    assert (write.outcomes, sum(write.buckets)) == ({"not_allowed": 1}, 0)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (got("ok"), "ok"),
        (got("not_found"), "not_found"),
        (got("ok", "ok", "not_found"), "not_found"),
        (got("unavailable", "not_found", "bad_key"), "unavailable"),
        (Written(("ok", "timed_out", "unavailable"), (), ()), "timed_out"),
        (got(), "ok"),
        (Failed("overloaded", "too much", True), "overloaded"),
        (Failed("file_missing", "no such file", True), "file_missing"),
        (Listed((), ""), "ok"),
        (Explained("", 0, 1, (), (), (), ("unavailable",), (), (), (), (), ()), "ok"),
    ],
)
def test_an_answer_is_one_outcome(answer: Message, outcome: str) -> None:
    """Of several keys the worst; how the owners of a key do that is explained is none."""
    assert outcome_of(answer) == outcome


def test_a_code_that_nobody_knows_is_a_failure() -> None:
    """Whatever others say, there are no more outcomes than are written down."""
    assert outcome_of(got("ok", "made up")) == "failed"
    assert outcome_of(Failed("made up", "", True)) == "failed"
    assert {"ok", *ERRORS} == OUTCOMES
