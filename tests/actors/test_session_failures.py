"""The session's failures: what goes elsewhere, and what is known of what does not."""

from __future__ import annotations

import pytest

from actors.actor import reply
from actors.errors import NotReady, TimedOut, Unavailable, Unreachable
from actors.messages import (
    Deny,
    Forget,
    KeysChanged,
    Leave,
    LinkDown,
    LinkUp,
    ListShared,
    Message,
    Share,
    WatchKeys,
    WatchMembers,
)
from tests.actors.calls import GET, OK, ONE, TWO, WRITE, Caller, asked, caller, failed, link
from tests.actors.envelopes import bounced

WRITES = [WRITE, Share("k", "json", b"1", 9_000), Leave("a", 9_000), Forget("a", False, 9_000)]
WRITES += [Deny("writer-17", True, 9_000)]
READS = [GET, ListShared("", ""), WatchKeys("", "", 9_000), WatchMembers("", 9_000)]

# Writes.


@pytest.mark.parametrize("write", WRITES)
def test_a_write_is_sent_once(write: Message) -> None:
    """It is not asked elsewhere, however long it takes; then nobody knows."""
    session = caller(ONE, TWO)
    number = session.call(write)
    assert asked(session.take()) == [ONE]
    assert session.run_for(9_000) == []
    error = session.error(number)
    assert isinstance(error, TimedOut)
    assert not error.definite


@pytest.mark.parametrize("write", WRITES)
def test_a_write_whose_connection_is_lost_may_have_happened(write: Message) -> None:
    """It timed out at once, and is not sent again."""
    session = caller(ONE, TWO)
    number = session.call(write)
    session.take()
    assert session.down(ONE) == []
    error = session.error(number)
    assert isinstance(error, TimedOut)
    assert not error.definite
    assert ONE in str(error)


@pytest.mark.parametrize("read", READS)
def test_a_read_whose_connection_is_lost_goes_elsewhere(read: Message) -> None:
    """At once: nothing was changed by it."""
    session = caller(ONE, TWO)
    session.call(read)
    session.take()
    assert asked(session.down(ONE)) == [TWO]


def test_one_that_waits_for_news_is_answered_before_it_is_asked_elsewhere() -> None:
    """A node answers after a quarter of the time at most, the session goes on after a third."""
    session = caller(ONE, TWO)
    number = session.call(WatchKeys("", "c", 9_000))
    [envelope] = session.take()
    assert session.run_for(2_250) == []
    nothing = KeysChanged((), (), (), "c", False)
    assert session.take(reply(envelope, nothing)) == []
    assert session.outcomes == {number: nothing}


@pytest.mark.parametrize("request_", [GET, WRITE])
def test_what_bounced_goes_elsewhere(request_: Message) -> None:
    """It was provably not sent."""
    session = caller(ONE, TWO)
    session.call(request_)
    [envelope] = session.take()
    assert asked(session.take(bounced(envelope))) == [TWO]


def test_an_indefinite_refusal_of_a_write_is_its_end() -> None:
    """Even with a code that would lead elsewhere: it may have happened."""
    session = caller(ONE, TWO)
    number = session.call(WRITE)
    [envelope] = session.take()
    assert session.take(reply(envelope, failed("overloaded", definite=False))) == []
    assert not session.error(number).definite


def test_the_loss_of_another_connection_is_nothing_to_a_write() -> None:
    """It waits for the endpoint that it was sent to."""
    session = caller(ONE, TWO)
    number = session.call(WRITE)
    [envelope] = session.take()
    session.down(TWO)
    session.take(reply(envelope, OK))
    assert session.outcomes == {number: OK}


# Nobody is there.


@pytest.mark.parametrize("request_", [GET, WRITE])
def test_nobody_is_reachable_when_all_connections_failed(request_: Message) -> None:
    """The error names the endpoints, and is definite: nothing was sent."""
    session = Caller(ONE, TWO)
    number = session.call(request_)
    session.down(ONE)
    assert session.outcomes == {}
    session.down(TWO)
    error = session.error(number)
    assert isinstance(error, Unreachable)
    assert error.definite
    assert f"{ONE}, {TWO}" in str(error)


def test_a_call_while_nobody_is_there_fails_at_once() -> None:
    """It does not wait for its time-out."""
    session = Caller(ONE)
    session.down(ONE)
    number = session.call(GET)
    session.take()
    assert isinstance(session.error(number), Unreachable)


def test_a_connection_that_is_never_made_is_waited_for() -> None:
    """For the time of the operation."""
    session = Caller(ONE)
    number = session.call(WRITE, 1_500)
    assert session.run_for(1_500) == []
    error = session.error(number)
    assert isinstance(error, Unreachable)
    assert error.definite
    assert "1.5 s" in str(error)


def test_a_bounced_write_that_nobody_else_takes_is_unreachable() -> None:
    """Definitely: it was never sent."""
    session = caller()
    number = session.call(WRITE)
    [envelope] = session.take()
    session.take(bounced(envelope))
    assert isinstance(session.error(number), Unreachable)


def test_who_was_refused_and_finds_nobody_else_is_told_the_refusal() -> None:
    """It says more than that nobody else answers."""
    session = Caller(ONE, TWO)
    session.up(ONE)
    number = session.call(WRITE)
    [envelope] = session.take()
    session.take(reply(envelope, failed("not_ready")))
    assert session.outcomes == {}
    session.down(TWO)
    assert isinstance(session.error(number), NotReady)
    assert issubclass(NotReady, Unavailable)


def test_why_a_key_does_not_fit_is_told() -> None:
    """Once for all endpoints that say the same; it is a refusal only if it is certain of all."""
    session = caller(ONE, TWO)
    number = session.call(GET)
    session.take(link(LinkDown(ONE, "has no need of you", True)))
    session.take(link(LinkDown(TWO, "has no need of you", True)))
    error = session.error(number)
    assert str(error) == f"{ONE} has no need of you (likewise {TWO})"
    assert (error.code, error.definite) == ("not_allowed", True)


@pytest.mark.parametrize("other", [LinkDown(TWO), LinkDown(TWO, "is of another kind")])
def test_what_may_be_otherwise_is_no_refusal(other: LinkDown) -> None:
    """One endpoint is silent, or it is not certain: whoever asks again may have more luck."""
    session = caller(ONE, TWO)
    number = session.call(GET)
    session.take(link(LinkDown(ONE, "has no need of you", True)), link(other))
    error = session.error(number)
    assert isinstance(error, Unreachable)
    second = f"{TWO} is of another kind" if other.why else f"nobody answers at {TWO}"
    assert str(error) == f"{ONE} has no need of you; {second}"


def test_a_connection_that_is_made_makes_up_for_it() -> None:
    """What was wrong before is not told any more."""
    session = caller(ONE)
    session.take(link(LinkDown(ONE, "has no need of you", True)))
    session.take(link(LinkUp(ONE)), link(LinkDown(ONE)))
    number = session.call(GET)
    session.take()
    assert str(session.error(number)) == f"nobody answers at {ONE}"
