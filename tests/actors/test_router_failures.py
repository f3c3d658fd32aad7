"""The router's failures: what is repeated, what is given up and when, and what is then known."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from actors.actor import HOST, Address, Envelope
from actors.closing import QUIET_MS
from actors.messages import (
    Failed,
    Fetch,
    Finished,
    Got,
    Heal,
    Observe,
    Observed,
    Scan,
    Stop,
    Store,
    Stored,
    Written,
)
from actors.router_settings import RouterSettings
from tests.actors.coordinators import (
    NAMES,
    OWN,
    D,
    begun,
    bounce_all,
    coordinator,
    failure,
    fetched,
    keys_of,
    members_changed,
    nodes,
    observed,
    read,
    sent,
    stored,
)
from tests.actors.envelopes import (
    A,
    B,
    C,
    all_of,
    bounced,
    client,
    from_host,
    get,
    listing,
    message,
    messages,
    reasons,
    record,
    the,
    to,
    write,
)

STOP = from_host("router", Stop())
OWNED = next(keys_of((A, B, C), A, B, C, D))
FOREIGN = next(keys_of((B, C, D), A, B, C, D))


def to_client(out: list[Envelope]) -> list[Envelope]:
    """What the client is told."""
    return [e for e in out if e.to == client()]


# Time runs out.


@pytest.mark.parametrize(("timeout_ms", "answered_ms"), [(10_000, 9_800), (1_000, 900), (10, 9)])
def test_a_client_hears_of_a_time_out_before_it_gives_up(timeout_ms: int, answered_ms: int) -> None:
    """The deadline is a tenth of its time earlier, or 200 ms."""
    node = coordinator(A, settings=RouterSettings(tick_ms=1))
    node.take(write("k", timeout_ms=timeout_ms))
    assert to_client(node.run_for(answered_ms - 1)) == []
    assert failure(to_client(node.run_for(1))) == ("timed_out", False)


def test_no_time_out_is_longer_than_the_longest() -> None:
    """A client that wants to wait for ever waits for the longest time that is admitted."""
    node = coordinator(A, settings=RouterSettings(max_timeout_ms=1_000))
    node.take(write("k", timeout_ms=10**12))
    assert failure(to_client(node.run_for(1_000))) == ("timed_out", False)


def test_a_read_times_out() -> None:
    """For each key that no quorum answered; that nothing happened is certain."""
    node = coordinator(A, B, C, D)
    out = node.take(get(OWNED, FOREIGN))
    held = record(OWNED, 1), record(FOREIGN, 1)
    node.take(*(fetched(sent(out, n, Fetch), *held, first=1) for n in (A, B)))
    assert message(node.run_for(10_000), Got).codes == ("ok", "timed_out")
    node.take(get("k", number=2))
    assert failure(to_client(node.run_for(10_000))) == ("timed_out", True)


def test_a_write_whose_store_has_left_times_out() -> None:
    """It may have happened, and has no version; one replica has even stored it."""
    node = coordinator()
    out = begun(node, write("k"))
    node.take(stored(sent(out, B, Store)))
    assert failure(to_client(node.run_for(10_000))) == ("timed_out", False)
    begun(node, write("k", "l", number=2))
    timed_out = Written(("timed_out",) * 2, ("",) * 2, ((),) * 2)
    assert message(node.run_for(10_000), Written) == timed_out


def test_a_write_that_was_not_stamped_is_unavailable() -> None:
    """No quorum told its clock, so it is certain that nothing was stored."""
    node = coordinator()
    node.take(write("k"))
    assert failure(to_client(node.run_for(10_000))) == ("unavailable", True)
    node.take(write("k", "l", number=2))
    unavailable = Written(("unavailable",) * 2, ("",) * 2, ((),) * 2)
    assert message(node.run_for(10_000), Written) == unavailable


def test_a_batch_says_of_each_key_what_is_known() -> None:
    """One stored, one only asked about; one whose stores went unanswered."""
    node = coordinator(A, B, C, D)
    other = next(keys_of((A, C, D), A, B, C, D))
    out = node.take(write(OWNED, FOREIGN, other))
    stores = node.take(observed(sent(out, C, Observe), 1))
    assert nodes(stores, Store) == [A, B, C, D]
    a, b = sent(stores, A, Store), sent(stores, B, Store)
    assert (message([a], Store).keys, message([b], Store).keys) == ((OWNED, other), (OWNED,))
    node.take(stored(b), stored(a, "ok", "refused"))
    assert message(node.run_for(10_000), Written).codes == ("ok", "unavailable", "timed_out")


def test_a_late_answer_is_dropped_and_counted() -> None:
    """The client has its answer already, and nobody waits any more."""
    node = coordinator()
    out = node.take(get("k"))
    node.run_for(10_000)
    late = node.take(fetched(sent(out, B, Fetch)))
    assert messages(late, Got) == []
    assert reasons(late) == ["late Fetched"]
    assert late[0].to == Address(A, HOST)


def test_an_answer_to_an_earlier_life_is_no_answer() -> None:
    """Questions are numbered above those of all earlier boots."""
    assert min(e.id for e in coordinator().take(get("k"))) == (2 << 40) + 1


def test_the_failure_of_one_key_is_told_in_a_sentence() -> None:
    """It names the key, a long one shortened, who keeps it, and how large what was sent is."""
    node = coordinator(settings=RouterSettings(max_value_bytes=1_234))
    shown = repr("x" * 40 + "…")

    def told(out: list[Envelope]) -> str:
        return message(out, Failed).reason

    size = f"the key {shown} has 2,000 bytes, and 1,024 are admitted"
    assert told(node.take(get("x" * 2_000))) == size
    assert told(node.take(write("x" * 2_000, values=[b"v"]))) == size
    assert told(node.take(get("", number=2))) == "the key is empty"
    large = write("k", values=[bytes(5_678)], number=2)
    assert told(node.take(large)) == "the value has 5,678 bytes, and 1,234 are admitted"
    order = [e.to.node for e in node.take(get("k", number=3))]
    owners = f"{', '.join(NAMES[n] for n in order)}, which keep 'k',"
    late = f"too few of {owners} have answered"
    assert told(node.run_for(10_000)) == late
    begun(node, write("k", number=4))
    assert told(node.run_for(10_000)) == f"{late}; the write may have happened"
    node.take(members_changed(down=(B,)))
    one = f"too few of {owners} can be reached ({NAMES[B]} is down)"
    assert told(node.take(get("k", number=5, r="all"))) == one
    node.take(members_changed(down=(B, C)))
    down = ", ".join(NAMES[n] for n in order if n != A)
    both = f"too few of {owners} can be reached ({down} are down)"
    assert told(node.take(write("k", number=6))) == both


# It asks again.


@pytest.mark.parametrize(
    ("request_", "kind"), [(get("k"), Fetch), (write("k"), Observe), (listing(), Scan)]
)
def test_what_goes_unanswered_is_asked_again(
    request_: Envelope, kind: type[Fetch | Observe | Scan]
) -> None:
    """After 500 ms, a second more, two more and so on, with the same number."""
    node = coordinator(B, settings=RouterSettings(tick_ms=1))
    first = all_of(node.take(request_), kind)
    times: list[int] = []
    for _ in range(9_000):
        out = node.run_for(1)
        if out:
            assert out == first
            times.append(node.now_ms)
    assert times == [500, 1_500, 3_500, 7_500]


def test_nothing_is_asked_again_when_all_have_answered() -> None:
    """The router then sleeps."""
    node = coordinator(A)
    node.take(fetched(the(node.take(get("k")), Fetch)))
    assert node.run_for(10_000) == []
    assert node.actor.wake_at is None


def test_it_never_wants_a_turn_that_has_passed() -> None:
    """Whatever it waits for, and however late its turn comes."""
    node = coordinator()
    for number, after_ms in enumerate([0, 1, 7, 49, 50, 51, 120, 700, 3_000], start=1):
        request = [get("k", number=number), write("k", number=number), listing(number=number)]
        deletion = write("d", values=[b""], kind="absent", number=100 + number)
        node.take(request[number % 3], deletion, after_ms=after_ms)
        assert node.actor.wake_at is not None
        assert node.actor.wake_at > node.now_ms
    for _ in range(2_000):
        if node.actor.wake_at is not None:
            node.take_when_due()
            assert node.actor.wake_at is None or node.actor.wake_at > node.now_ms
    assert node.actor.wake_at is None


# Nothing could be sent.


def test_a_connection_under_way_is_waited_for() -> None:
    """What bounced is asked again every 50 ms; it may then be answered."""
    node = coordinator(B)
    out = node.take(get("k"))
    for _ in range(8):
        assert node.take(bounced(the(out, Fetch))) == []
        out = node.run_for(50)
    assert message(node.take(fetched(the(out, Fetch), record("k", 1))), Got).codes == ("ok",)


@pytest.mark.parametrize("request_", [get("k"), write("k")])
def test_owners_that_cannot_be_reached_are_unavailable(request_: Envelope) -> None:
    """Known for certain after half a second, and not only at the deadline."""
    node = coordinator()
    out = bounce_all(node, node.take(request_), B, C, for_ms=600)
    assert failure(to_client(out)) == ("unavailable", True)


@pytest.mark.parametrize("request_", [get("k"), write("k")])
def test_one_owner_that_cannot_be_reached_is_not_missed(request_: Envelope) -> None:
    """The others are a quorum."""
    node = coordinator()
    out = bounce_all(node, node.take(request_), B, for_ms=600)
    assert to_client(out) == []
    out = [e for e in node.run_for(1_000) if e.to.node == C]
    assert len(out) > 0


def test_a_store_that_always_bounced_is_unavailable() -> None:
    """The clock was told, then the connection broke: the value never left."""
    node = coordinator(B)
    out = bounce_all(node, begun(node, write("k")), B, for_ms=600)
    assert failure(to_client(out)) == ("unavailable", True)


def test_a_store_that_bounced_only_later_may_have_happened() -> None:
    """One attempt has left: nobody can know."""
    node = coordinator(B)
    begun(node, write("k"))
    again = node.run_for(600)
    assert len(all_of(again, Store)) == 1
    out = bounce_all(node, again, B, for_ms=100)
    assert failure(to_client(out)) == ("timed_out", False)


def test_a_store_that_bounced_at_some_and_left_for_another_may_have_happened() -> None:
    """Its answer is still to come."""
    node = coordinator(B, C, D)
    out = bounce_all(node, begun(node, write("k")), B, C, for_ms=600)
    assert failure(to_client(out)) == ("timed_out", False)


def test_a_member_that_fell_is_not_waited_for() -> None:
    """All that it was asked is given up at once; with too few left the request fails."""
    node = coordinator()
    node.take(get("k", number=1), write("k", number=2))
    assert to_client(node.take(members_changed(down=(B,)))) == []
    answers = to_client(node.take(members_changed(down=(B, C))))
    assert [(e.id, *failure([e])) for e in answers] == [
        (2, "unavailable", True),
        (1, "unavailable", True),
    ]


def test_a_store_to_members_that_fell_may_have_happened() -> None:
    """They may have kept it, and will be back."""
    node = coordinator()
    begun(node, write("k"))
    out = node.take(members_changed(down=(B, C)))
    assert failure(to_client(out)) == ("timed_out", False)


# It stops.


@pytest.mark.parametrize("ask", [get, write, listing])
def test_a_node_that_stops_takes_nothing_on(ask: Callable[..., Envelope]) -> None:
    """The refusal is definite, so a client may go elsewhere at once."""
    node = coordinator()
    node.take(get("k"), STOP)
    failed = message(node.take(ask("k", number=2)), Failed)
    assert (failed.code, failed.definite) == ("stopping", True)


def test_a_node_that_stops_heals_nothing_more() -> None:
    """Others will."""
    node = coordinator()
    node.take(get("k"), STOP)
    assert node.take(to("router", Heal(("k",)), OWN)) == []
    out, _ = read(node := coordinator(), get("k"), a=record("k", 2), b=record("k", 2))
    node.take(get("l", number=2), STOP)
    assert node.take(fetched(sent(out, C, Fetch), record("k", 1))) == []


def test_a_node_without_work_has_finished_at_once() -> None:
    """The host is told."""
    answer = the(coordinator().take(STOP), Finished)
    assert answer.to == Address(A, HOST)


def test_a_node_that_stops_finishes_what_is_under_way() -> None:
    """A write in its first round gets its second one; then the router has finished."""
    node = coordinator()
    out = node.take(write("k"))
    assert node.take(STOP) == []
    out = node.take(observed(sent(out, B, Observe), 1))
    out = node.take(*(stored(sent(out, n, Store)) for n in (A, B)))
    assert message(out, Written).codes == ("ok",)
    assert messages(node.run_for(QUIET_MS), Finished) == [Finished()]


def test_a_node_that_stops_has_patience_for_a_second() -> None:
    """Then each open request is told what is known of it, before the router has finished."""
    node = coordinator()
    begun(node, write("a", number=1))
    node.take(write("b", number=2), get("c", number=3))
    node.take(STOP)
    assert messages(node.run_for(999), Finished) == []
    out = node.run_for(51)
    assert [(e.id, *failure([e])) for e in to_client(out)] == [
        (1, "timed_out", False),
        (2, "unavailable", True),
        (3, "timed_out", True),
    ]
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
    assert failure(to_client(out)) == ("timed_out", False)
    assert len(all_of(out, Finished)) == 1


def test_peers_are_told_the_clock_while_it_stops() -> None:
    """Their writes to this node's storage go on."""
    node = coordinator()
    node.take(get("k"), STOP)
    assert message(node.take(to("router", Observe(1), Address(B, "router"))), Observed).clock == 0
