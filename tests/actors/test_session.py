"""The session: a client's side, from a call to its outcome."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.actor import Address, Envelope, reply
from actors.checking import NO_FILES
from actors.errors import NotReady, TimedOut
from actors.layout import NO_LAYOUT
from actors.membership import Member
from actors.messages import (
    FROM_CLIENTS,
    TO_GOSSIPERS,
    Check,
    Checked,
    Deny,
    Departed,
    Explain,
    Explained,
    Export,
    Exported,
    Forget,
    Get,
    Got,
    KeysChanged,
    Leave,
    List,
    Listed,
    ListMembers,
    ListShared,
    MembersListed,
    Message,
    RingShown,
    Share,
    Shared,
    SharedListed,
    ShowRing,
    WatchKeys,
    WatchMembers,
    Write,
)
from actors.session import Session
from actors.sizes import MAX_PIECE_KEYS, MESSAGE_BYTES, pieces, text_bytes
from tests.actors.calls import GET, OK, ONE, THREE, TWO, WRITE, Caller, asked, caller, failed, got
from tests.actors.envelopes import TRACE, bounced

MEMBERS = MembersListed("n", "d", ())
DEPARTED = Departed(Member("a", "node-a", "h:1", "h:2", "h:3", 1, 0, "left"))
CHECKED = Checked(3, 2, False, 0, 0, True, (), (), (), (), (), (), (), NO_FILES)
EXPLAINED = Explained("0" * 40, 7, 3, ("node-a",), (), (), (), (), (), (), (), ())
ANSWERS: list[tuple[Message, Message]] = [
    (GET, got(b"v")),
    (WRITE, OK),
    (List("", "", 10, 9_000), Listed(("k",), "")),
    (ListMembers(), MEMBERS),
    (WatchMembers("d", 9_000), MEMBERS),
    (Share("k", "json", b"1", 9_000), Shared("1")),
    (ListShared("", ""), SharedListed((), (), (), (), (), "")),
    (WatchKeys("", "", 9_000), KeysChanged((), (), (), "c", False)),
    (Leave("", 9_000), DEPARTED),
    (Forget("a", False, 9_000), DEPARTED),
    (Deny("writer-17", True, 9_000), Shared("1")),
    (Check(9_000), CHECKED),
    (Explain("k", 9_000), EXPLAINED),
    (ShowRing(9_000), RingShown(NO_LAYOUT, "", "", ())),
    (Export("", 10, 9_000), Exported((), (), (), (), (), "")),
]
"""Every request, and an answer that it can have."""

# Correlation.


def test_a_session_needs_an_endpoint() -> None:
    """Without one there is nobody to ask."""
    with pytest.raises(ValueError, match="at least one endpoint"):
        Session([])


@pytest.mark.parametrize(("request_", "answer"), ANSWERS)
def test_an_operation_ends_with_its_reply(request_: Message, answer: Message) -> None:
    """The first endpoint is asked: its router, or its gossiper for members and what is shared."""
    session = caller(ONE, TWO)
    number = session.call(request_)
    [envelope] = session.take()
    actor = "gossiper" if type(request_) in TO_GOSSIPERS else "router"
    assert envelope.to == Address(f"@{ONE}", actor)
    assert envelope.message == request_
    session.take(reply(envelope, answer))
    assert session.outcomes == {number: answer}
    assert session.session.wake_at is None


def test_who_answered_is_known_until_others_have() -> None:
    """What a node says of itself is about that one."""
    session = caller(ONE, TWO)
    number, other = session.call(Check(9_000)), session.call(GET)
    check, get = session.take()
    node = Address("00000000000000a2", "router")
    session.take(replace(reply(check, CHECKED), sender=node), reply(get, got(b"v")))
    assert session.session.answered_by(other)[0] == get.to.node
    assert session.session.answered_by(number)[0] == node.node
    session.take()
    assert session.session.answered_by(number) == ("", "")


def test_every_request_has_an_answer() -> None:
    """None of what a client may send is left out above."""
    assert {type(request_) for request_, _ in ANSWERS} == FROM_CLIENTS


@pytest.mark.parametrize(("request_", "answer"), ANSWERS)
def test_another_answer_is_an_error(request_: Message, answer: Message) -> None:
    """The operation ends with it; for a write nobody knows what was done."""
    session = caller(ONE)
    number = session.call(request_)
    [envelope] = session.take()
    session.take(reply(envelope, OK if answer != OK else MEMBERS))
    error = session.error(number)
    assert "is no answer to" in str(error)
    assert error.definite == (not isinstance(request_, (Write, Share, Leave, Forget, Deny)))


def test_a_reply_is_matched_by_its_number() -> None:
    """In whatever order replies come."""
    session = caller()
    first, second = session.call(GET), session.call(GET)
    one, two = session.take()
    session.take(reply(two, got(b"2")), reply(one, got(b"1")))
    assert session.outcomes == {first: got(b"1"), second: got(b"2")}


def test_what_is_asked_in_one_tick_leaves_in_one_turn() -> None:
    """So that it travels in one message."""
    session = caller()
    for _ in range(3):
        session.call(GET)
    assert len(session.take()) == 3


def test_a_reply_to_nothing_is_passed_over() -> None:
    """As is one that comes twice, or after its operation ended."""
    session = caller()
    number = session.call(GET)
    [envelope] = session.take()
    answer = reply(envelope, got(b"v"))
    stray = Envelope(answer.to, answer.sender, OK, envelope.id + 1)
    session.take(stray, answer, answer, reply(envelope, failed("refused")), bounced(envelope))
    assert session.outcomes == {number: got(b"v")}


def test_a_trace_goes_with_its_request() -> None:
    """To whichever endpoint it is sent."""
    session = caller(ONE, TWO)
    session.session.submit(GET, 9_000, session.now(), TRACE)
    assert session.take()[0].trace == TRACE
    assert session.take(after_ms=3_000)[0].trace == TRACE


def test_an_operation_waits_for_a_connection() -> None:
    """It goes to whoever is connected first."""
    session = Caller(ONE, TWO)
    session.call(GET)
    assert session.take() == []
    assert asked(session.up(TWO)) == [TWO]


@pytest.mark.parametrize("code", ["refused", "malformed", "unavailable", "timed_out"])
@pytest.mark.parametrize("definite", [True, False])
def test_a_failure_is_an_exception(code: str, definite: bool) -> None:
    """With the code, the reason and the definiteness that the endpoint told."""
    session = caller(ONE, TWO)
    number = session.call(WRITE)
    [envelope] = session.take()
    assert session.take(reply(envelope, failed(code, definite=definite))) == []
    error = session.error(number)
    assert (error.code, str(error), error.definite) == (code, f"because of {code}", definite)


# Reads.


def test_what_was_read_stays_read_when_the_rest_fails() -> None:
    """A reply had room for the first key only, and the other one cannot be had."""
    session = caller(ONE)
    number = session.call(Get(("a", "b"), False, "quorum", 9_000))
    [first] = session.take()
    [second] = session.take(reply(first, got(b"a")))
    session.take(reply(second, failed("unavailable")))
    outcome = session.outcomes[number]
    assert isinstance(outcome, Got)
    assert outcome.codes == ("ok", "unavailable")


def test_a_read_goes_elsewhere_as_soon_as_somebody_else_is_connected() -> None:
    """Also when nobody was after a third of its time: it looks again every tenth."""
    session = Caller(ONE, TWO)
    session.up(ONE)
    session.call(GET)
    session.take()
    assert session.take(after_ms=3_000) == []
    session.up(TWO)
    [second] = session.take(after_ms=900)
    assert second.to.node == f"@{TWO}"


def test_a_read_goes_elsewhere_after_a_third_of_its_time() -> None:
    """And after another third elsewhere again, until nobody is left."""
    session = caller(ONE, TWO, THREE)
    number = session.call(GET, 9_000)
    assert asked(session.take()) == [ONE]
    assert session.take(after_ms=2_999) == []
    assert asked(session.take(after_ms=1)) == [TWO]
    assert asked(session.take(after_ms=3_000)) == [THREE]
    assert session.outcomes == {}
    assert session.take(after_ms=3_000) == []
    assert isinstance(session.error(number), TimedOut)


def test_a_read_that_was_asked_of_all_is_waited_for() -> None:
    """There is nobody else to ask, but time is left."""
    session = caller(ONE, TWO)
    number = session.call(GET, 9_000)
    out = session.take() + session.run_for(8_999)
    assert asked(out) == [ONE, TWO]
    assert session.outcomes == {}
    session.take(reply(out[0], got(b"v")))
    assert session.outcomes == {number: got(b"v")}


@pytest.mark.parametrize("first", [0, 1])
def test_the_first_answer_counts(first: int) -> None:
    """Whoever gives it; the other is passed over."""
    session = caller(ONE, TWO)
    number = session.call(GET)
    envelopes = session.take() + session.take(after_ms=3_000)
    session.take(reply(envelopes[first], got(b"first")))
    session.take(reply(envelopes[1 - first], got(b"second")))
    assert session.outcomes == {number: got(b"first")}


def test_a_read_with_one_endpoint_is_asked_once() -> None:
    """There is nobody else; its time-out is definite, for a read changes nothing."""
    session = caller()
    number = session.call(GET)
    assert len(session.take()) == 1
    assert session.run_for(9_000) == []
    assert isinstance(session.error(number), TimedOut)
    assert session.error(number).definite


def test_a_read_goes_elsewhere_when_its_connection_is_lost() -> None:
    """At once."""
    session = caller(ONE, TWO)
    number = session.call(GET)
    session.take()
    [envelope] = session.down(ONE)
    assert asked([envelope]) == [TWO]
    session.take(reply(envelope, got(b"v")))
    assert session.outcomes == {number: got(b"v")}


@pytest.mark.parametrize("code", ["not_ready", "stopping", "overloaded"])
@pytest.mark.parametrize("request_", [GET, WRITE])
def test_what_one_endpoint_refuses_another_may_take_on(request_: Message, code: str) -> None:
    """Reads and writes alike: it was definitely not taken on."""
    session = caller(ONE, TWO)
    session.call(request_)
    [envelope] = session.take()
    assert asked(session.take(reply(envelope, failed(code)))) == [TWO]
    assert session.outcomes == {}


def test_an_endpoint_that_is_stopping_is_asked_last() -> None:
    """Until its connection ends: what reaches it as it goes would not be answered."""
    session = caller(ONE, TWO)
    session.call(WRITE)
    [first] = session.take()
    assert asked(session.take(reply(first, failed("stopping")))) == [TWO]
    session.call(WRITE)
    assert asked(session.take()) == [TWO]
    session.down(TWO)
    session.call(WRITE)
    assert asked(session.take()) == [ONE]
    session.down(ONE)
    session.up(ONE, TWO)
    session.call(WRITE)
    assert asked(session.take()) == [ONE]


def test_the_refusal_of_all_endpoints_is_the_last_ones() -> None:
    """When there is nobody left to ask."""
    session = caller(ONE, TWO)
    number = session.call(WRITE)
    [first] = session.take()
    [second] = session.take(reply(first, failed("overloaded")))
    session.take(reply(second, failed("not_ready")))
    assert isinstance(session.error(number), NotReady)


# Replies in parts.


def test_a_reply_that_has_the_first_keys_only_is_continued() -> None:
    """The rest is asked for, of the first endpoint again, until all is there."""
    session = caller(ONE, TWO)
    number = session.call(Get(("a", "b", "c", "d"), False, "quorum", 9_000))
    [first] = session.take()
    [second] = session.take(reply(first, got(b"a")))
    assert asked([second]) == [ONE]
    assert second.message == Get(("b", "c", "d"), False, "quorum", 9_000)
    [third] = session.take(reply(second, got(b"b", b"c")))
    assert third.message == Get(("d",), False, "quorum", 9_000)
    session.take(reply(third, got(b"d")))
    assert session.outcomes == {number: got(b"a", b"b", b"c", b"d")}


def test_details_are_put_together_too() -> None:
    """Versions and replicas come in parts like the values."""
    session = caller()
    number = session.call(Get(("a", "b"), True, "quorum", 9_000))
    [first] = session.take()
    holders = (("node-a", "node-b"), ("node-b",))
    one = Got(("ok",), ("json",), (b"1",), ("v1",), holders[:1])
    [second] = session.take(reply(first, one))
    session.take(reply(second, Got(("not_found",), ("absent",), (b"",), ("",), holders[1:])))
    assert session.outcomes[number] == Got(
        ("ok", "not_found"), ("json", "absent"), (b"1", b""), ("v1", ""), holders
    )


def test_details_that_are_missing_are_no_answer() -> None:
    """Who asked for versions and replicas is not given an answer without."""
    for versions, replicas in (((), ()), (("v1",), ()), ((), (("node-a",),))):
        session = caller()
        number = session.call(Get(("a",), True, "quorum", 9_000))
        [envelope] = session.take()
        session.take(reply(envelope, Got(("ok",), ("json",), (b"1",), versions, replicas)))
        assert "is no answer to" in str(session.error(number))


def test_the_time_begins_anew_with_each_part() -> None:
    """The time-out is the time without progress."""
    session = caller()
    number = session.call(Get(("a", "b"), False, "quorum", 9_000))
    [first] = session.take()
    [second] = session.take(reply(first, got(b"a")), after_ms=8_000)
    session.run_for(8_000)
    session.take(reply(second, got(b"b")))
    assert session.outcomes == {number: got(b"a", b"b")}


def test_a_second_answer_to_a_part_is_passed_over() -> None:
    """Of two endpoints that were asked for the same part, the first counts."""
    session = caller(ONE, TWO)
    number = session.call(Get(("a", "b"), False, "quorum", 9_000))
    one, two = [*session.take(), *session.take(after_ms=3_000)]
    [rest] = session.take(reply(two, got(b"a")))
    session.take(reply(one, got(b"x", b"x")))
    assert session.outcomes == {}
    session.take(reply(rest, got(b"b")))
    assert session.outcomes == {number: got(b"a", b"b")}


@given(st.lists(st.sampled_from([0, 10, MESSAGE_BYTES // 3, MESSAGE_BYTES, 2**21]), max_size=12))
def test_a_batch_is_cut_into_pieces_that_fit(sizes: list[int]) -> None:
    """Each key is in one piece, in order; a piece is too large only with one key."""
    keys = [f"k{i}" for i in range(len(sizes))]
    cut = list(pieces(keys, sizes))
    assert [key for piece in cut for key in keys[piece]] == keys
    for piece in cut:
        total_bytes = sum(sizes[piece]) + sum(map(text_bytes, keys[piece]))
        assert keys[piece]
        assert len(keys[piece]) == 1 or total_bytes <= MESSAGE_BYTES


def test_a_piece_has_a_thousand_keys_at_most() -> None:
    """So that pieces can be worked on side by side."""
    keys = [f"k{i}" for i in range(2 * MAX_PIECE_KEYS + 1)]
    lengths = [len(keys[piece]) for piece in pieces(keys, [1] * len(keys))]
    assert lengths == [MAX_PIECE_KEYS, MAX_PIECE_KEYS, 1]
