"""The router: what it admits, whom it asks, and what it makes of the answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice

import pytest

from actors.actor import HOST, Address, Envelope, reply
from actors.messages import (
    ClockRaised,
    Failed,
    Fetch,
    Fetched,
    Get,
    Got,
    Join,
    Listed,
    MembersChanged,
    Message,
    Observe,
    Scan,
    Scanned,
    Store,
    Write,
    Written,
)
from actors.router import Router, RouterSettings
from actors.versions import NEVER
from tests.actors.envelopes import (
    TRACE,
    A,
    B,
    C,
    Turns,
    all_of,
    client,
    coordinator,
    fetched,
    get,
    key_of,
    keys_of,
    listing,
    member,
    members_changed,
    message,
    messages,
    reasons,
    stored,
    the,
    to,
    write,
)

NAMES = {node: member(node).name for node in (A, B, C)}


def refusal(out: Sequence[Envelope]) -> str:
    """The code of the refusal; that it is definite, and all that was sent."""
    [envelope] = out
    assert isinstance(envelope.message, Failed)
    assert envelope.message.definite
    return envelope.message.code


# What is admitted.


def test_a_node_without_a_network_is_not_ready() -> None:
    """It says what it waits for."""
    node = Turns(Router(A, "1.0", 1, 0))
    waiting = MembersChanged("", (), "waiting for 10.0.0.1:7001 to answer")
    out = node.take(to("router", waiting, Address(A, "gossiper")), get("k"))
    assert refusal(out) == "not_ready"
    assert "waiting for 10.0.0.1:7001 to answer" in message(out, Failed).reason


@pytest.mark.parametrize("request_", [get("k"), write("k"), listing()])
def test_a_refusal_answers_the_request(request_: Envelope) -> None:
    """It goes to the client, with the number of its request."""
    [answer] = Turns(Router(A, "1.0", 1, 0)).take(replace(request_, id=9, trace=TRACE))
    assert (answer.to, answer.id, answer.trace) == (client(), 9, TRACE)


@pytest.mark.parametrize("ask", [get, write])
@pytest.mark.parametrize("count", [0, 4])
def test_a_batch_has_a_bound(ask: Callable[..., Envelope], count: int) -> None:
    """It has one key at least."""
    node = coordinator(A, settings=RouterSettings(max_batch_keys=3))
    assert refusal(node.take(ask(*[f"k{i}" for i in range(count)]))) == "refused"


def test_too_many_open_keys_are_refused() -> None:
    """The node is overloaded until some of them have their outcome."""
    node = coordinator(A, settings=RouterSettings(max_open_keys=3))
    first = node.take(get("a", "b", number=1))
    assert refusal(node.take(get("c", "d", number=2))) == "overloaded"
    assert messages(node.take(get("c", number=3)), Failed) == []
    node.take(fetched(the(first, Fetch)))
    assert messages(node.take(get("a", "b", number=4)), Failed) == []


def test_too_many_open_bytes_are_refused() -> None:
    """Of values on their way in as well as out."""
    node = coordinator(A, settings=RouterSettings(max_open_bytes=10))
    store = the(node.take(write("a", values=[bytes(11)])), Store)
    for request in (write("b", number=2), get("b", number=3), listing(number=4)):
        assert refusal(node.take(request)) == "overloaded"
    node.take(stored(store))
    assert messages(node.take(get("b", number=5)), Failed) == []


def test_bytes_that_were_read_are_held_until_the_client_is_answered() -> None:
    """One owner has answered, the other not yet: its value takes room."""
    node = coordinator(A, B, settings=RouterSettings(max_open_bytes=10))
    out = node.take(get(key_of(A, A, B), key_of(B, A, B)))
    own, other = (fetched(e, bytes(11)) for e in all_of(out, Fetch))
    node.take(own)
    assert refusal(node.take(get("k", number=2))) == "overloaded"
    node.take(other)
    assert messages(node.take(get("k", number=3)), Failed) == []


def test_bytes_that_were_read_are_not_held_for_ever() -> None:
    """Once the client has its answer there is room again."""
    node = coordinator(A, settings=RouterSettings(max_open_bytes=10))
    for number in range(1, 4):
        fetch = the(node.take(get("a", number=number)), Fetch)
        assert message(node.take(fetched(fetch, bytes(100))), Got).codes == ("ok",)


@pytest.mark.parametrize("bad", ["", "x" * 1_025, "é" * 513, "\U0001f600" * 257])
def test_a_bad_key_is_refused_and_the_others_are_not(bad: str) -> None:
    """A key has 1 to 1,024 bytes of UTF-8."""
    node = coordinator(A)
    assert refusal(node.take(get(bad))) == "bad_key"
    assert refusal(node.take(write(bad, number=2))) == "bad_key"
    assert message(node.take(get(bad, bad, number=3)), Got).codes == ("bad_key",) * 2
    fetch = the(node.take(get("a", bad, "b", number=4)), Fetch)
    assert fetch.message == Fetch(("a", "b"))
    assert message(node.take(fetched(fetch)), Got).codes == ("ok", "bad_key", "ok")
    store = the(node.take(write("a", bad, number=5)), Store)
    assert message(node.take(stored(store)), Written).codes == ("ok", "bad_key")


@pytest.mark.parametrize("good", ["x", "x" * 1_024, "é" * 512, "\U0001f600" * 256, "\0"])
def test_a_key_is_anything_else(good: str) -> None:
    """Its length counts, and nothing else."""
    assert message(coordinator(A).take(get(good)), Fetch) == Fetch((good,))


def test_a_large_value_is_refused_and_the_others_are_not() -> None:
    """That key is too large."""
    node = coordinator(A, settings=RouterSettings(max_value_bytes=3))
    store = the(node.take(write("a", "b", "c", values=[b"123", b"1234", b"1"])), Store)
    assert message([store], Store).keys == ("a", "c")
    written = message(node.take(stored(store)), Written)
    assert written.codes == ("ok", "too_large", "ok")
    assert (written.versions[1], written.replicas[1]) == ("", "")
    assert refusal(node.take(write("a", values=[b"1234"], number=2))) == "too_large"


# Whom it asks.


@pytest.mark.parametrize("owner", [A, B, C])
def test_the_owner_is_asked(owner: str) -> None:
    """Its storage is, wherever it is; no router forwards a read."""
    node = coordinator(A, B, C)
    key = key_of(owner, A, B, C)
    fetch = the(node.take(get(key)), Fetch)
    assert (fetch.to, fetch.message) == (Address(owner, "storage"), Fetch((key,)))


def test_a_turn_sends_one_message_a_replica() -> None:
    """Whatever came in: the reads of two clients are one Fetch, answered to each."""
    node = coordinator(A, B)
    a, b = keys_of(A, A, B), keys_of(B, A, B)
    a1, a2, b1, b2, b3 = next(a), next(a), next(b), next(b), next(b)
    out = node.take(
        get(a1, b1, number=1, sender=client(1)),
        get(b2, number=1, sender=client(2)),
        get(b3, a2, number=2, sender=client(1)),
    )
    fetches = {e.to.node: e for e in out}
    assert len(out) == 2
    assert fetches[A].message == Fetch((a1, a2))
    assert fetches[B].message == Fetch((b1, b2, b3))
    out = node.take(fetched(fetches[B]), fetched(fetches[A]))
    answers = {(e.to, e.id): e.message for e in all_of(out, Got)}
    assert {who: got.values for who, got in answers.items() if isinstance(got, Got)} == {
        (client(1), 1): (a1.encode(), b1.encode()),
        (client(2), 1): (b2.encode(),),
        (client(1), 2): (b3.encode(), a2.encode()),
    }


def test_a_traced_request_is_asked_for_apart() -> None:
    """So that its trace shows what was done for it, and nothing else."""
    node = coordinator(A)
    out = node.take(get("a"), replace(get("b", number=2), trace=TRACE), get("c", number=3))
    assert [(e.message, e.trace) for e in out] == [
        (Fetch(("a", "c")), None),
        (Fetch(("b",)), TRACE),
    ]


def test_a_large_batch_is_asked_for_in_messages_that_are_not_too_large() -> None:
    """A replica then gets more than one."""
    keys = [f"{i:01000}" for i in range(1_000)]
    out = coordinator(A).take(get(*keys))
    assert len(out) > 1
    assert [key for fetch in messages(out, Fetch) for key in fetch.keys] == keys


def test_what_is_not_for_a_router_is_dropped_and_counted() -> None:
    """It is told to the host, and nobody is answered."""
    out = coordinator(A).take(to("router", Join(member(B)), Address(B, "gossiper")))
    assert reasons(out) == ["router was sent Join"]
    assert [e.to for e in out] == [Address(A, HOST)]


# What it makes of the answers.


def test_a_client_is_told_what_the_owner_holds() -> None:
    """With details also the version, and by whom."""
    node = coordinator(A, B)
    fetch = the(node.take(get(key_of(B, A, B), number=4, details=True)), Fetch)
    answer = the(node.take(fetched(fetch, b"v")), Got)
    assert (answer.to, answer.id) == (client(), 4)
    version = f"1-{B}-1.0"
    assert answer.message == Got(("ok",), ("bytes",), (b"v",), (version,), (NAMES[B],))


def test_what_a_replica_left_out_is_asked_for_again() -> None:
    """It answered the first keys only: the rest is asked of it in the same turn."""
    node = coordinator(A)
    fetch = the(node.take(get("a", "b", "c")), Fetch)
    rest = the(node.take(fetched(fetch, b"1")), Fetch)
    assert rest.message == Fetch(("b", "c"))
    assert message(node.take(fetched(rest)), Got).values == (b"1", b"b", b"c")


def test_what_was_left_out_of_two_reads_is_asked_for_in_one() -> None:
    """Each keeps its place."""
    node = coordinator(A)
    fetch = the(node.take(get("a", "b"), get("c", "d", number=2)), Fetch)
    out = node.take(fetched(fetch, b"1"))
    rest = the(out, Fetch)
    assert rest.message == Fetch(("b", "c", "d"))
    got = messages(node.take(fetched(rest)), Got)
    assert [g.values for g in got] == [(b"1", b"b"), (b"c", b"d")]


def test_a_reply_that_is_large_enough_ends() -> None:
    """The rest is left to another request, rather than held here."""
    node = coordinator(A, settings=RouterSettings(max_reply_bytes=10))
    fetch = the(node.take(get("a", "b", "c")), Fetch)
    out = node.take(fetched(fetch, bytes(11)))
    assert message(out, Got).values == (bytes(11),)
    assert messages(out, Fetch) == []


def test_a_reply_is_bounded_whatever_the_replicas_answer() -> None:
    """Six values of 1 MiB from three owners would not fit into a frame."""
    node = coordinator(A, B, C)
    keys = [key for owner in (A, B, C) for key in islice(keys_of(owner, A, B, C), 2)]
    out = node.take(get(*keys))
    answers = [fetched(f, bytes(2**20), bytes(2**20)) for f in all_of(out, Fetch)]
    got = message(node.take(*answers), Got)
    assert sum(map(len, got.values)) == 2 * 2**20
    assert len(got.codes) == 2


def test_new_members_own_at_once() -> None:
    """What is asked from then on is asked of the new owner."""
    node = coordinator(A)
    key = key_of(B, A, B)
    assert the(node.take(get(key)), Fetch).to.node == A
    assert the(node.take(members_changed(A, B), get(key, number=2)), Fetch).to.node == B
    assert the(node.take(members_changed(A), get(key, number=3)), Fetch).to.node == A


def test_a_member_that_left_may_still_answer() -> None:
    """What was asked before counts."""
    node = coordinator(A, B)
    fetch = the(node.take(get(key_of(B, A, B))), Fetch)
    assert message(node.take(members_changed(A), fetched(fetch, b"v")), Got).values == (b"v",)


def test_a_clock_that_storage_raised_is_told_to_who_asks() -> None:
    """A turn answers from memory; the clock never goes back."""
    node = coordinator(A, clock=5)
    peer = Address(B, "router")
    storage = Address(A, "storage")

    def clocks(*inbox: Envelope) -> list[Message]:
        asked = to("router", Observe(), peer, 8)
        out = node.take(*inbox, asked)
        assert [(e.to, e.id) for e in out] == [(peer, 8)]
        return [e.message for e in out]

    before = clocks()
    raised = clocks(to("router", ClockRaised(9), storage))
    assert clocks(to("router", ClockRaised(7), storage)) == raised
    assert [str(m) for m in (*before, *raised)] == ["Observed(clock=5)", "Observed(clock=9)"]


# Lists.


def test_every_member_is_asked_for_its_keys() -> None:
    """Each with the whole limit: all keys of the page may be one member's."""
    out = coordinator(A, B, C).take(listing("p", "pa", 7))
    assert [(e.to, e.message) for e in out] == [
        (Address(node, "storage"), Scan("p", "pa", 7)) for node in (A, B, C)
    ]


@pytest.mark.parametrize(("asked", "scanned"), [(0, 1), (10**9, 1_000)])
def test_a_page_has_one_key_at_least_and_a_bound(asked: int, scanned: int) -> None:
    """A limit beyond what is admitted counts as what is admitted."""
    assert message(coordinator(A).take(listing(limit=asked)), Scan).limit == scanned


def test_a_list_waits_for_all_members() -> None:
    """Then it has the keys of each, and their order is that of the keys."""
    node = coordinator(A, B)
    scans = all_of(node.take(listing()), Scan)
    own = {node: sorted(islice(keys_of(node, A, B), 3)) for node in (A, B)}
    answers = [reply(s, Scanned(tuple(own[s.to.node]), False)) for s in scans]
    assert node.take(answers[0]) == []
    assert message(node.take(answers[1]), Listed) == Listed(tuple(sorted(own[A] + own[B])), "")


def test_a_member_speaks_only_for_the_keys_it_owns() -> None:
    """What it still holds of others' is not listed: their owner knows whether it is there."""
    node = coordinator(A, B)
    scans = {s.to.node: s for s in all_of(node.take(listing()), Scan)}
    key = key_of(B, A, B)
    out = node.take(reply(scans[A], Scanned((key,), False)), reply(scans[B], Scanned((), False)))
    assert message(out, Listed) == Listed((), "")


def test_pages_are_merged_up_to_where_all_are_complete() -> None:
    """A key of others than a truncated page ends at is left to the next one."""
    node = coordinator(A, B)
    scans = {s.to.node: s for s in all_of(node.take(listing()), Scan)}
    a = sorted(islice(keys_of(A, A, B), 9))
    b = sorted(islice(keys_of(B, A, B), 9))
    out = node.take(
        reply(scans[A], Scanned(tuple(a[:2]), True)), reply(scans[B], Scanned(tuple(b), False))
    )
    expected = tuple(key for key in sorted(a + b) if key <= a[1])
    assert message(out, Listed) == Listed(expected, a[1])


def test_an_absent_key_is_not_found() -> None:
    """Whether it was deleted or never written."""
    node = coordinator(A)
    fetch = the(node.take(to("router", Get(("a",), False, 1_000), client())), Fetch)
    out = node.take(reply(fetch, Fetched(("absent",), (b"",), (NEVER,))))
    assert message(out, Got).codes == ("not_found",)


def test_a_write_of_nothing_is_no_request() -> None:
    """Nothing was taken on, so nothing wakes it."""
    node = coordinator(A)
    node.take(to("router", Write((), (), (), 1_000), client()))
    assert node.actor.wake_at is None
