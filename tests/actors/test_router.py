"""The router: what it admits, whom it asks, and what it makes of what is not for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice

import pytest

from actors.actor import HOST, Address, Envelope
from actors.messages import (
    Check,
    ClockRaised,
    Explain,
    Failed,
    Fetch,
    Got,
    Join,
    LayoutIs,
    MembersChanged,
    Message,
    Observe,
    Observed,
    Store,
    Write,
    Written,
)
from actors.router import Router
from actors.router_settings import RouterSettings
from tests.actors.coordinators import (
    OWN,
    D,
    coordinator,
    fetched,
    keys_of,
    layout_is,
    members_changed,
    nodes,
    sent,
    stored,
)
from tests.actors.envelopes import (
    TRACE,
    A,
    B,
    C,
    Turns,
    client,
    get,
    listing,
    member,
    message,
    messages,
    reasons,
    record,
    the,
    to,
    write,
)

CHECK = to("router", Check(10_000), client())
EXPLAIN = to("router", Explain("k", 10_000), client())


def refusal(out: Sequence[Envelope]) -> str:
    """The code of the refusal; that it is definite, and all that was sent."""
    [envelope] = out
    assert isinstance(envelope.message, Failed)
    assert envelope.message.definite
    return envelope.message.code


def alone(settings: RouterSettings | None = None, clock: int = 0) -> Turns:
    """A router that is its network's only member, so that its own storage is all that it asks."""
    return coordinator(A, settings=settings, clock=clock)


# What is admitted.


def test_a_node_without_a_network_is_not_ready() -> None:
    """It says what it waits for."""
    node = Turns(Router(A, "1.0", 1, 0))
    waiting = MembersChanged("", (), "waiting for 10.0.0.1:7001 to answer")
    out = node.take(to("router", waiting, Address(A, "gossiper")), get("k"))
    assert refusal(out) == "not_ready"
    assert "waiting for 10.0.0.1:7001 to answer" in message(out, Failed).reason


def test_a_node_without_a_layout_is_not_ready() -> None:
    """It knows who is in the network, but not who keeps the data."""
    node = Turns(Router(A, "1.0", 1, 0))
    out = node.take(members_changed(), write("k"))
    assert refusal(out) == "not_ready"
    assert "waiting to be told who keeps the data" in message(out, Failed).reason
    assert messages(node.take(layout_is(1), get("k")), Failed) == []


@pytest.mark.parametrize("request_", [get("k"), write("k"), listing(), CHECK, EXPLAIN])
def test_a_refusal_answers_the_request(request_: Envelope) -> None:
    """It goes to the client, with the number of its request."""
    [answer] = Turns(Router(A, "1.0", 1, 0)).take(replace(request_, id=9, trace=TRACE))
    assert (answer.to, answer.id, answer.trace) == (client(), 9, TRACE)


@pytest.mark.parametrize("ask", [get, write])
@pytest.mark.parametrize("count", [0, 4])
def test_a_batch_has_a_bound(ask: Callable[..., Envelope], count: int) -> None:
    """It has one key at least."""
    node = alone(RouterSettings(max_batch_keys=3))
    assert refusal(node.take(ask(*[f"k{i}" for i in range(count)]))) == "refused"


def test_too_many_open_keys_are_refused() -> None:
    """The node is overloaded until some of them have their outcome."""
    node = alone(RouterSettings(max_open_keys=3))
    first = node.take(get("a", "b", number=1))
    assert refusal(node.take(get("c", "d", number=2))) == "overloaded"
    assert messages(node.take(get("c", number=3)), Failed) == []
    node.take(fetched(the(first, Fetch)))
    assert messages(node.take(get("a", "b", number=4)), Failed) == []


def test_too_many_open_bytes_are_refused() -> None:
    """Of values on their way in as well as out."""
    node = alone(RouterSettings(max_open_bytes=10))
    store = the(node.take(write("a", values=[bytes(11)])), Store)
    for request in (write("b", number=2), get("b", number=3), listing(number=4)):
        assert refusal(node.take(request)) == "overloaded"
    node.take(stored(store))
    assert messages(node.take(get("b", number=5)), Failed) == []


def test_bytes_that_were_read_are_held_until_the_client_is_answered() -> None:
    """One key has been read, the other not yet: its value takes room."""
    node = coordinator(A, B, C, D, settings=RouterSettings(max_open_bytes=10))
    [here] = islice(keys_of((A, B, C), A, B, C, D), 1)
    [there] = islice(keys_of((B, C, D), A, B, C, D), 1)
    out = node.take(get(here, there))
    node.take(*(fetched(sent(out, n, Fetch), record(here, 1, bytes(11)), first=1) for n in (A, B)))
    assert refusal(node.take(get("k", number=2))) == "overloaded"
    node.run_for(10_000)
    assert messages(node.take(get("k", number=3)), Failed) == []


def test_bytes_that_one_owner_has_answered_are_held_until_another_has() -> None:
    """And those that are written back until that is done; then there is room again."""
    node = coordinator(settings=RouterSettings(max_open_bytes=150))
    out = node.take(get("k"))
    node.take(fetched(sent(out, B, Fetch), record("k", 9, bytes(151))))
    assert refusal(node.take(get("l", number=2))) == "overloaded"
    out = node.take(fetched(sent(out, A, Fetch), record("k", 5, bytes(1))))
    assert refusal(node.take(get("l", number=3))) == "overloaded"
    assert message(node.take(stored(sent(out, A, Store))), Got).codes == ("ok",)
    assert messages(node.take(get("l", number=4)), Failed) == []


def test_bytes_that_were_answered_in_an_epoch_that_is_over_are_not_held() -> None:
    """They do not count, and are asked for again."""
    node = coordinator(settings=RouterSettings(max_open_bytes=10))
    out = node.take(get("k"))
    node.take(fetched(sent(out, B, Fetch), record("k", 9, bytes(11))))
    assert messages(node.take(layout_is(2), get("l", number=2)), Failed) == []


def test_bytes_that_were_read_are_not_held_for_ever() -> None:
    """Once the client has its answer there is room again."""
    node = alone(RouterSettings(max_open_bytes=10))
    for number in range(1, 4):
        fetch = the(node.take(get("a", number=number)), Fetch)
        assert message(node.take(fetched(fetch, record("a", 1, bytes(100)))), Got).codes == ("ok",)


@pytest.mark.parametrize("bad", ["", "x" * 1_025, "é" * 513, "\U0001f600" * 257])
def test_a_bad_key_is_refused_and_the_others_are_not(bad: str) -> None:
    """A key has 1 to 1,024 bytes of UTF-8."""
    node = alone()
    assert refusal(node.take(get(bad))) == "bad_key"
    assert refusal(node.take(write(bad, number=2))) == "bad_key"
    assert refusal(node.take(to("router", Explain(bad, 1_000), client(), 2))) == "bad_key"
    assert message(node.take(get(bad, bad, number=3)), Got).codes == ("bad_key",) * 2
    fetch = the(node.take(get("a", bad, "b", number=4)), Fetch)
    assert fetch.message == Fetch(1, ("a", "b"))
    got = message(node.take(fetched(fetch, record("a", 1), record("b", 1))), Got)
    assert got.codes == ("ok", "bad_key", "ok")
    store = the(node.take(write("a", bad, number=5)), Store)
    assert message(node.take(stored(store)), Written).codes == ("ok", "bad_key")


@pytest.mark.parametrize("good", ["x", "x" * 1_024, "é" * 512, "\U0001f600" * 256, "\0"])
def test_a_key_is_anything_else(good: str) -> None:
    """Its length counts, and nothing else."""
    assert message(alone().take(get(good)), Fetch) == Fetch(1, (good,))


def test_a_large_value_is_refused_and_the_others_are_not() -> None:
    """That key is too large."""
    node = alone(RouterSettings(max_value_bytes=3))
    store = the(node.take(write("a", "b", "c", values=[b"123", b"1234", b"1"])), Store)
    assert message([store], Store).keys == ("a", "c")
    written = message(node.take(stored(store)), Written)
    assert written.codes == ("ok", "too_large", "ok")
    assert (written.versions[1], written.replicas[1]) == ("", ())
    assert refusal(node.take(write("a", values=[b"1234"], number=2))) == "too_large"


def test_a_write_of_nothing_is_no_request() -> None:
    """Nothing was taken on, so nothing wakes it."""
    node = alone()
    node.take(to("router", Write((), (), (), "quorum", 0, 1_000), client()))
    assert node.actor.wake_at is None


# Whom it asks.


def test_all_owners_are_asked() -> None:
    """Their storages are, wherever they are, its own too; no router forwards a read."""
    out = coordinator().take(get("k"))
    assert {(e.to, str(e.message)) for e in out} == {
        (Address(node, "storage"), str(Fetch(1, ("k",)))) for node in (A, B, C)
    }


def test_a_node_that_hears_of_its_own_death_asks_itself() -> None:
    """It knows better; the gossiper will say so."""
    node = coordinator(down=(A,))
    assert nodes(node.take(get("k")), Fetch) == [A, B, C]


def test_nobody_but_the_owners_is_asked() -> None:
    """The coordinator itself may be none of them."""
    node = coordinator(A, B, C, D)
    [key] = islice(keys_of((B, C, D), A, B, C, D), 1)
    assert nodes(node.take(get(key)), Fetch) == [B, C, D]
    assert nodes(node.take(write(key, number=2)), Observe) == [B, C, D]


def test_a_turn_sends_one_message_a_replica() -> None:
    """Whatever came in: the reads of two clients are one Fetch, answered to each."""
    node = coordinator()
    out = node.take(
        get("a", "b", number=1, sender=client(1)),
        get("c", number=1, sender=client(2)),
        get("d", number=2, sender=client(1)),
    )
    assert nodes(out, Fetch) == [A, B, C]
    assert sent(out, B, Fetch).message == Fetch(1, ("a", "b", "c", "d"))
    held = [record(key, 1, key.encode()) for key in "abcd"]
    out = node.take(*(fetched(sent(out, n, Fetch), *held) for n in (B, C)))
    assert {(e.to, e.id): e.message.values for e in out if isinstance(e.message, Got)} == {
        (client(1), 1): (b"a", b"b"),
        (client(2), 1): (b"c",),
        (client(1), 2): (b"d",),
    }


def test_a_traced_request_is_asked_for_apart() -> None:
    """So that its trace shows what was done for it, and nothing else."""
    node = alone()
    out = node.take(get("a"), replace(get("b", number=2), trace=TRACE), get("c", number=3))
    assert [(e.message, e.trace) for e in out] == [
        (Fetch(1, ("a", "c")), None),
        (Fetch(1, ("b",)), TRACE),
    ]


def test_a_large_batch_is_asked_for_in_messages_that_are_not_too_large() -> None:
    """A replica then gets more than one."""
    keys = [f"{i:01000}" for i in range(1_000)]
    out = alone().take(get(*keys))
    assert len(out) > 1
    assert [key for fetch in messages(out, Fetch) for key in fetch.keys] == keys


def test_what_is_not_for_a_router_is_dropped_and_counted() -> None:
    """It is told to the host, and nobody is answered."""
    out = alone().take(to("router", Join(member(B)), Address(B, "gossiper")))
    assert reasons(out) == ["router was sent Join"]
    assert [e.to for e in out] == [Address(A, HOST)]


# What others ask of it.


def test_a_clock_that_storage_raised_is_told_to_who_asks() -> None:
    """A turn answers from memory; the clock never goes back."""
    node = coordinator(clock=5)
    peer = Address(B, "router")

    def clocks(*inbox: Envelope) -> list[Message]:
        asked = to("router", Observe(1), peer, 8)
        out = node.take(*inbox, asked)
        assert [(e.to, e.id) for e in out] == [(peer, 8)]
        return [e.message for e in out]

    before = clocks()
    raised = clocks(to("router", ClockRaised(9), OWN))
    assert clocks(to("router", ClockRaised(7), OWN)) == raised
    assert [*before, *raised] == [Observed(5), Observed(9)]


def test_a_node_that_is_not_welcome_does_not_tell_its_clock() -> None:
    """Its folder may be an old copy, which has forgotten counters that it held."""
    asked = to("router", Observe(1), Address(B, "router"), 8)
    out = coordinator(welcome=False).take(asked)
    assert (message(out, Failed).code, out[0].to, out[0].id) == ("not_ready", asked.sender, 8)


@pytest.mark.parametrize("epoch", [2, 4])
def test_a_clock_is_told_in_one_epoch(epoch: int) -> None:
    """Who asks in another is answered with the layout that is on the disk here."""
    node = coordinator(epoch=3)
    out = node.take(to("router", Observe(epoch), Address(B, "router"), 8))
    assert [e.id for e in out] == [8]
    assert message(out, LayoutIs).layout.epoch == 3
