"""The router's failures: what is repeated, what is given up and when, and what is then known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice

import pytest

from actors.actor import HOST, Address, Envelope, reply
from actors.messages import (
    Failed,
    Fetch,
    Finished,
    Got,
    Observe,
    Observed,
    Scan,
    Scanned,
    Stop,
    Store,
    Stored,
    Written,
)
from actors.router import RouterSettings
from tests.actors.envelopes import (
    A,
    B,
    C,
    Turns,
    all_of,
    bounced,
    coordinator,
    fetched,
    from_host,
    get,
    keys_of,
    listing,
    member,
    message,
    messages,
    reasons,
    stored,
    the,
    to,
    write,
)

B1, B2 = islice(keys_of(B, A, B), 2)
A1 = next(keys_of(A, A, B))
STOP = from_host("router", Stop())


def failure(out: list[Envelope]) -> tuple[str, bool]:
    """The code of the only failure, and whether it is definite; nothing else answers a request."""
    assert not any(isinstance(e.message, Got | Written) for e in out)
    failed = message(out, Failed)
    return failed.code, failed.definite


def bounce_all(node: Turns, out: list[Envelope], for_ms: int) -> list[Envelope]:
    """The host hands back every question to node B for so long; what else was sent."""
    until_ms = node.now_ms + for_ms
    others: list[Envelope] = []
    while node.now_ms <= until_ms:
        others += [e for e in out if e.to.node != B]
        notices = [bounced(e) for e in out if e.to.node == B]
        out = node.take(*notices) if notices else []
        if node.actor.wake_at is None:
            return others + out
        out += node.take_when_due()
    return others + out


# Time runs out.


@pytest.mark.parametrize(("timeout_ms", "answered_ms"), [(10_000, 9_800), (1_000, 900), (10, 9)])
def test_a_client_hears_of_a_time_out_before_it_gives_up(timeout_ms: int, answered_ms: int) -> None:
    """The deadline is a tenth of its time earlier, or 200 ms."""
    node = coordinator(A, settings=RouterSettings(tick_ms=1))
    node.take(write("k", timeout_ms=timeout_ms))
    early = node.run_for(answered_ms - 1)
    assert not any(isinstance(e.message, Failed | Written) for e in early)
    assert failure(node.run_for(1)) == ("timed_out", False)


def test_no_time_out_is_longer_than_the_longest() -> None:
    """A client that wants to wait for ever waits for the longest time that is admitted."""
    node = coordinator(A, settings=RouterSettings(max_timeout_ms=1_000))
    node.take(write("k", timeout_ms=10**12))
    assert failure(node.run_for(1_000)) == ("timed_out", False)


def test_a_read_times_out() -> None:
    """For each key that was not answered; that nothing happened is certain."""
    node = coordinator(A, B)
    out = node.take(get(A1, B1))
    node.take(fetched(next(e for e in out if e.to.node == A)))
    assert message(node.run_for(10_000), Got).codes == ("ok", "timed_out")
    node.take(get(B1, number=2))
    assert failure(node.run_for(10_000)) == ("timed_out", True)


def test_a_write_whose_store_has_left_times_out() -> None:
    """It may have happened, and has no version."""
    node = coordinator(A)
    node.take(write("k"))
    assert failure(node.run_for(10_000)) == ("timed_out", False)
    node.take(write("k", "l", number=2))
    timed_out = Written(("timed_out",) * 2, ("",) * 2, ("",) * 2)
    assert message(node.run_for(10_000), Written) == timed_out


def test_a_write_that_was_not_stamped_is_unavailable() -> None:
    """Its owner never told its clock, so it is certain that nothing was stored."""
    node = coordinator(A, B)
    node.take(write(B1))
    assert failure(node.run_for(10_000)) == ("unavailable", True)
    node.take(write(B1, B2, number=2))
    unavailable = Written(("unavailable",) * 2, ("",) * 2, ("",) * 2)
    assert message(node.run_for(10_000), Written) == unavailable


def test_a_batch_says_of_each_key_what_is_known() -> None:
    """One stored, one only asked about, one whose Store went unanswered."""
    node = coordinator(A, B, C)
    keys = [next(keys_of(owner, A, B, C)) for owner in (A, B, C)]
    out = node.take(write(*keys))
    node.take(stored(the(out, Store)))
    to_c = next(e for e in all_of(out, Observe) if e.to.node == C)
    node.take(reply(to_c, Observed(1)))
    assert message(node.run_for(10_000), Written).codes == ("ok", "unavailable", "timed_out")


def test_a_late_answer_is_dropped_and_counted() -> None:
    """The client has its answer already."""
    node = coordinator(A)
    fetch = the(node.take(get("k")), Fetch)
    node.run_for(10_000)
    out = node.take(fetched(fetch))
    assert messages(out, Got) == []
    assert reasons(out) == ["late or unasked Fetched"]
    assert out[0].to == Address(A, HOST)


def test_an_answer_from_somebody_else_is_dropped_and_counted() -> None:
    """A member that was not asked cannot answer for the owner."""
    node = coordinator(A, B, C)
    fetch = the(node.take(get(next(keys_of(B, A, B, C)))), Fetch)
    out = node.take(replace(fetched(fetch), sender=Address(C, "storage")))
    assert reasons(out) == ["late or unasked Fetched"]
    assert message(node.take(fetched(fetch)), Got).codes == ("ok",)


def test_an_answer_to_an_earlier_life_is_no_answer() -> None:
    """Questions are numbered above those of all earlier boots."""
    number = the(coordinator(A).take(get("k")), Fetch).id
    assert number == (2 << 40) + 1


def test_a_failed_message_of_a_peer_is_dropped_and_counted() -> None:
    """It is no answer to anything that a router asks."""
    node = coordinator(A, B)
    fetch = the(node.take(get(B1)), Fetch)
    out = node.take(reply(fetch, Failed("malformed", "", True)))
    assert reasons(out) == ["router was sent Failed"]


def test_the_failure_of_one_key_is_told_in_a_sentence() -> None:
    """It names the key, a long one shortened, and its owner, or how large what was sent is."""
    node = coordinator(A, B, settings=RouterSettings(max_value_bytes=1_234))
    name, long = member(B).name, "x" * 2_000
    shown = repr("x" * 40 + "…")

    def told(out: list[Envelope]) -> str:
        return message(out, Failed).reason

    size = f"the key {shown} has 2,000 bytes, and 1,024 are admitted"
    assert told(node.take(get(long))) == size
    assert told(node.take(write(long, values=[b"v"]))) == size
    assert told(node.take(get("", number=2))) == "the key is empty"
    large = write(B1, values=[bytes(5_678)], number=2)
    assert told(node.take(large)) == "the value has 5,678 bytes, and 1,234 are admitted"
    unreached = bounce_all(node, node.take(get(B1, number=3)), 700)
    assert told(unreached) == f"{name}, which keeps {B1!r}, cannot be reached"
    late = f"{name}, which keeps {B1!r}, did not answer in time"
    node.take(get(B1, number=4))
    assert told(node.run_for(10_000)) == late
    observe = the(node.take(write(B1, number=5)), Observe)
    node.take(reply(observe, Observed(1)))
    assert told(node.run_for(10_000)) == f"{late}; the write may have happened"


# It asks again.


@pytest.mark.parametrize(
    ("request_", "kind"), [(get(B1), Fetch), (write(B1), Observe), (listing(), Scan)]
)
def test_what_goes_unanswered_is_asked_again(
    request_: Envelope, kind: type[Fetch | Observe | Scan]
) -> None:
    """After 500 ms, a second more, two more and so on, with the same number."""
    node = coordinator(A, B, settings=RouterSettings(tick_ms=1))
    first = all_of(node.take(request_), kind)
    times: list[int] = []
    for _ in range(9_000):
        out = node.run_for(1)
        if out:
            assert out == first
            times.append(node.now_ms)
    assert times == [500, 1_500, 3_500, 7_500]


def test_nothing_is_asked_again_when_the_client_was_answered() -> None:
    """The router then sleeps."""
    node = coordinator(A)
    node.take(fetched(the(node.take(get("k")), Fetch)))
    assert node.run_for(10_000) == []
    assert node.actor.wake_at is None


def test_a_second_answer_changes_nothing() -> None:
    """A repeated question may be answered twice; the first answer counts."""
    node = coordinator(A, B)
    observe = the(node.take(write(B1)), Observe)
    store = the(node.take(reply(observe, Observed(5))), Store)
    assert all_of(node.take(reply(observe, Observed(6))), Store) == []
    assert len(all_of(node.take(stored(store), stored(store)), Written)) == 1


# Nothing could be sent.


def test_a_connection_under_way_is_waited_for() -> None:
    """What bounced is asked again every 50 ms; it may then be answered."""
    node = coordinator(A, B)
    out = node.take(get(B1))
    for _ in range(8):
        assert node.take(bounced(the(out, Fetch))) == []
        out = node.run_for(50)
    assert message(node.take(fetched(the(out, Fetch))), Got).codes == ("ok",)


@pytest.mark.parametrize("request_", [get(B1), write(B1)])
def test_a_member_that_cannot_be_reached_is_unavailable(request_: Envelope) -> None:
    """Known for certain after half a second, and not only at the deadline."""
    node = coordinator(A, B)
    out = bounce_all(node, node.take(request_), 700)
    assert failure(out) == ("unavailable", True)
    assert node.now_ms < 700


def test_a_store_that_always_bounced_is_unavailable() -> None:
    """The clock was told, then the connection broke: the value never left."""
    node = coordinator(A, B)
    observe = the(node.take(write(B1)), Observe)
    out = bounce_all(node, node.take(reply(observe, Observed(1))), 700)
    assert failure(out) == ("unavailable", True)


def test_a_store_that_bounced_only_later_may_have_happened() -> None:
    """One attempt has left: nobody can know."""
    node = coordinator(A, B)
    observe = the(node.take(write(B1)), Observe)
    node.take(reply(observe, Observed(1)))
    again = node.run_for(600)
    assert len(all_of(again, Store)) == 1
    out = bounce_all(node, again, 700)
    assert failure(out) == ("timed_out", False)


def test_only_the_keys_of_who_cannot_be_reached_fail() -> None:
    """The others of the batch have their outcome."""
    node = coordinator(A, B)
    out = node.take(get(A1, B1))
    own = next(e for e in out if e.to.node == A)
    node.take(fetched(own))
    others = bounce_all(node, [e for e in out if e.to.node == B], 700)
    assert message(others, Got).codes == ("ok", "unavailable")


def test_a_list_fails_when_a_member_cannot_be_reached() -> None:
    """The failure is definite and names the member."""
    node = coordinator(A, B)
    out = node.take(listing())
    own, other = all_of(out, Scan)
    node.take(reply(own, Scanned((), False)))
    failed = message(bounce_all(node, [other], 700), Failed)
    assert (failed.code, failed.definite) == ("unavailable", True)
    assert member(B).name in failed.reason


def test_a_list_fails_when_a_member_does_not_answer() -> None:
    """At its deadline."""
    node = coordinator(A, B)
    own = all_of(node.take(listing()), Scan)[0]
    node.take(reply(own, Scanned((), False)))
    failed = message(node.run_for(10_000), Failed)
    assert (failed.code, failed.definite) == ("timed_out", True)


# It stops.


@pytest.mark.parametrize("ask", [get, write, listing])
def test_a_node_that_stops_takes_nothing_on(ask: Callable[..., Envelope]) -> None:
    """The refusal is definite, so a client may go elsewhere at once."""
    node = coordinator(A)
    node.take(get("k"), STOP)
    failed = message(node.take(ask("k", number=2)), Failed)
    assert (failed.code, failed.definite) == ("stopping", True)


def test_a_node_without_work_has_finished_at_once() -> None:
    """The host is told."""
    answer = the(coordinator(A).take(STOP), Finished)
    assert answer.to == Address(A, HOST)


def test_a_node_that_stops_finishes_what_is_under_way() -> None:
    """A write in its first round gets its second one; then the router has finished."""
    node = coordinator(A, B)
    observe = the(node.take(write(B1)), Observe)
    assert node.take(STOP) == []
    store = the(node.take(reply(observe, Observed(1))), Store)
    out = node.take(stored(store))
    assert message(out, Written).codes == ("ok",)
    assert isinstance(out[-1].message, Finished)


def test_a_node_that_stops_has_patience_for_a_second() -> None:
    """Then each open request is told what is known of it, before the router has finished."""
    node = coordinator(A, B)
    node.take(write(A1, number=1), write(B1, number=2), get(B2, number=3))
    node.take(STOP)
    assert messages(node.run_for(999), Finished) == []
    out = node.run_for(51)
    assert [(e.id, *failure([e])) for e in out[:3]] == [
        (1, "timed_out", False),
        (2, "unavailable", True),
        (3, "timed_out", True),
    ]
    assert len(messages(out, Failed)) == 3
    assert messages(out, Finished) == [Finished()]


def test_a_turn_between_two_ticks_does_not_end_it_early() -> None:
    """Nothing stays unanswered, whenever other messages come."""
    node = coordinator(A)
    store = the(node.take(write("k")), Store)
    node.run_for(20)
    node.take(STOP)
    out: list[Envelope] = []
    for _ in range(60):
        out += node.take(to("router", Stored(("ok",)), store.to, 1), after_ms=20)
    assert failure(out) == ("timed_out", False)
    assert len(all_of(out, Finished)) == 1


def test_peers_are_told_the_clock_while_it_stops() -> None:
    """Their writes to this node's storage go on."""
    node = coordinator(A, B)
    node.take(get(B1), STOP)
    assert message(node.take(to("router", Observe(), Address(B, "router"))), Observed).clock == 0
