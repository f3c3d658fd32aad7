"""Which requests a router begins with, and which wait: no client keeps the others from theirs."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from actors.actor import CLIENT, Address, Envelope
from actors.admission import FIRST_VALUE_BYTES, MAX_HELD, MIN_VALUE_BYTES
from actors.messages import Failed, Fetch, Got, Store, Unread, Written
from actors.router_settings import RouterSettings
from tests.actors.coordinators import coordinator, fetched, layout_is, stored
from tests.actors.envelopes import (
    A,
    Turns,
    all_of,
    from_host,
    get,
    message,
    messages,
    record,
    the,
    write,
)

ONE_AT_A_TIME = RouterSettings(max_begun_bytes=1)
THREE_FIRST = RouterSettings(max_begun_bytes=2 * FIRST_VALUE_BYTES + 1)


def of(client: str, request: Envelope, number: int = 1) -> Envelope:
    """The request, asked by this client."""
    return replace(request, sender=Address(CLIENT, client), id=number)


def alone(settings: RouterSettings) -> Turns:
    """A router that asks its own storage and nobody else."""
    return coordinator(A, settings=settings)


def fetches(out: list[Envelope]) -> list[tuple[str, ...]]:
    """The keys of each fetch."""
    return [fetch.keys for fetch in messages(out, Fetch)]


def test_a_request_waits_while_those_that_have_begun_need_much() -> None:
    """It begins in the turn in which there is room."""
    node = alone(ONE_AT_A_TIME)
    first = node.take(get("a", number=1), get("b", number=2))
    assert fetches(first) == [("a",)]
    second = node.take(fetched(the(first, Fetch)))
    assert message(second, Got).codes == ("not_found",)
    assert fetches(second) == [("b",)]


def test_clients_take_turns() -> None:
    """Who has asked much waits no less for that, and who has asked little no more."""
    node = alone(ONE_AT_A_TIME)
    numbers = count(1)
    many = [of("many", get(f"m{n}"), next(numbers)) for n in range(4)]
    out = node.take(*many, of("few", get("f0"), 1), of("few", get("f1"), 2))
    order = []
    while asked := all_of(out, Fetch):
        order += fetches(out)
        out = node.take(fetched(asked[0]))
    assert order == [("m0",), ("f0",), ("m1",), ("f1",), ("m2",), ("m3",)]


def test_a_write_needs_its_bytes() -> None:
    """So one that is large waits for another, and those that are small do not."""
    node = alone(RouterSettings(max_begun_bytes=10))
    out = node.take(*[write(key, values=[bytes(4)], number=n) for n, key in enumerate("abcd", 1)])
    assert [store.keys for store in messages(out, Store)] == [("a", "b", "c")]
    out = node.take(stored(the(out, Store)))
    assert len(messages(out, Written)) == 3
    assert [store.keys for store in messages(out, Store)] == [("d",)]


def test_a_read_is_taken_to_need_what_others_have_found() -> None:
    """Large values count at once: fewer are asked for together; small ones by and by."""
    node = alone(THREE_FIRST)
    keys = [f"k{n}" for n in range(4)]
    out = node.take(*[get(key, number=n) for n, key in enumerate(keys, 1)])
    assert fetches(out) == [("k0", "k1", "k2")]
    large = [record(key, 1, bytes(3 * FIRST_VALUE_BYTES)) for key in keys]
    out = node.take(fetched(the(out, Fetch), *large), get("k5", number=5))
    assert fetches(out) == [("k3",)]
    for n in range(6, 200):
        out = node.take(fetched(the(out, Fetch)), get("small", number=n))
    out = node.take(
        fetched(the(out, Fetch)), *[get(f"s{n}", number=1_000 + n) for n in range(1_000)]
    )
    [asked] = fetches(out)
    assert len(asked) == THREE_FIRST.max_begun_bytes // MIN_VALUE_BYTES + 1


def test_a_read_needs_no_more_than_a_reply_has_room_for() -> None:
    """However many keys it has."""
    node = alone(RouterSettings(max_begun_bytes=21, max_reply_bytes=10))
    batches = [get(*[f"{n}{i}" for i in range(9)], number=n + 1) for n in range(4)]
    [asked] = fetches(node.take(*batches))
    assert len(asked) == 27


def test_who_waits_for_silent_owners_stops_nobody() -> None:
    """After half a second it is not the work here that it waits for."""
    node = alone(ONE_AT_A_TIME)
    node.take(get("a", number=1), get("b", number=2), get("c", number=3))
    assert [f for f in fetches(node.run_for(499)) if f != ("a",)] == []
    assert ("b",) in fetches(node.run_for(60))


def test_who_waits_for_silent_owners_stops_itself_in_the_end() -> None:
    """What it has asked may all be answered at once: so much is bounded for each client."""
    node = alone(replace(ONE_AT_A_TIME, max_client_bytes=1))
    node.take(of("slow", get("a"), 1), of("slow", get("b"), 2), of("quick", get("c"), 1))
    later = fetches(node.run_for(2_000))
    assert ("c",) in later
    assert ("b",) not in later


def test_a_request_that_never_began_times_out() -> None:
    """A write that has not left is refused for certain; and what waited behind it goes on."""
    node = alone(replace(ONE_AT_A_TIME, begun_patience_ms=60_000))
    node.take(get("a", number=1), write("b", number=2, timeout_ms=1_000))
    [failed] = messages(node.run_for(1_500), Failed)
    assert (failed.code, failed.definite) == ("unavailable", True)
    assert fetches(node.take(get("c", number=3))) == []
    assert ("c",) in fetches(node.run_for(9_000))


def test_what_waits_begins_once_in_the_next_epoch() -> None:
    """What had begun is begun again, and still goes first."""
    node = alone(ONE_AT_A_TIME)
    node.take(get("a", number=1), get("b", number=2))
    out = node.take(layout_is(2, A))
    assert fetches(out) == [("a",)]
    out = node.take(fetched(the(out, Fetch)))
    assert fetches(out) == [("b",)]
    assert message(node.take(fetched(the(out, Fetch))), Got).codes == ("not_found",)


@pytest.mark.parametrize("begun", [1, 100])
def test_what_one_client_writes_is_bounded(begun: int) -> None:
    """Another is not refused for it; and the first no more once it has been answered."""
    node = alone(RouterSettings(max_client_bytes=10, max_begun_bytes=begun))
    large = write("a", values=[bytes(11)])
    out = node.take(of("many", large, 1), of("many", write("b"), 2), of("few", write("c"), 1))
    [failed] = messages(out, Failed)
    assert (failed.code, failed.definite) == ("overloaded", True)
    assert failed.reason == "too many bytes of this client are under way"
    out = node.take(stored(the(out, Store)))
    assert messages(node.take(of("many", write("d"), 3)), Failed) == []


def unread(client: str, *, waits: bool) -> Envelope:
    """The switch tells how this client reads."""
    return from_host("router", Unread(Address(CLIENT, client), waits))


def test_who_does_not_read_waits_until_it_has_read() -> None:
    """Its requests begin then, and those of others meanwhile."""
    node = alone(RouterSettings())
    out = node.take(unread("slow", waits=True), of("slow", get("a")), of("quick", get("b")))
    assert fetches(out) == [("b",)]
    assert fetches(node.take(of("slow", write("c"), 2))) == []
    out = node.take(unread("slow", waits=False))
    assert fetches(out) == [("a",)]
    assert [store.keys for store in messages(out, Store)] == [("c",)]


def test_who_does_not_read_may_wait_with_so_many_requests() -> None:
    """Those beyond are refused for certain; not those of who reads."""
    node = alone(RouterSettings())
    many = [of("slow", get("a"), n) for n in range(MAX_HELD)]
    assert node.take(unread("slow", waits=True), *many) == []
    out = node.take(of("slow", get("b"), MAX_HELD), of("quick", get("c")))
    [failed] = messages(out, Failed)
    assert (failed.code, failed.definite) == ("overloaded", True)
    assert fetches(out) == [("c",)]
