"""The router heals: keys that storage has hints of, and those that a late answer was wrong about,
are read from all owners, and the latest is stored wherever it is not."""

from __future__ import annotations

from actors.actor import Address, Envelope
from actors.messages import Fetch, Heal, Healed, Observe, Store
from actors.router import Router
from actors.router_settings import RouterSettings
from tests.actors.coordinators import (
    OWN,
    coordinator,
    fetched,
    layout_is,
    members_changed,
    nodes,
    read,
    records_of,
    sent,
    stored,
)
from tests.actors.envelopes import (
    A,
    B,
    C,
    Turns,
    all_of,
    get,
    message,
    messages,
    record,
    the,
    to,
    tombstone,
)

OLD, NEW = record("k", 5, b"old"), record("k", 7, b"new")


def heal(*keys: str, number: int = 7) -> Envelope:
    """The own storage has hints of these keys."""
    return to("router", Heal(keys), OWN, number)


def test_every_owner_is_read_and_who_is_behind_is_given_the_latest() -> None:
    """A quorum that agrees is not enough: the hint is for the third."""
    node = coordinator()
    out = node.take(heal("k"))
    assert nodes(out, Fetch) == [A, B, C]
    assert node.take(*(fetched(sent(out, n, Fetch), NEW) for n in (A, B))) == []
    out = node.take(fetched(sent(out, C, Fetch), OLD))
    assert (nodes(out, Store), records_of(the(out, Store))) == ([C], [NEW])
    healed = the(node.take(stored(the(out, Store))), Healed)
    assert (healed.to, healed.id) == (OWN, 7)
    assert healed.message == Healed(("ok",), ((),))


def test_no_clock_is_asked_for_and_nothing_is_stamped() -> None:
    """What is healed keeps the stamp that it has: a hint is no write."""
    node = coordinator()
    out = node.take(heal("k"))
    held = {A: tombstone("k", 9), B: OLD, C: OLD}
    assert all_of(out, Observe) == []
    out = node.take(*(fetched(sent(out, n, Fetch), held[n]) for n in held))
    assert nodes(out, Store) == [B, C]
    assert {r.stamp.counter for e in out for r in records_of(e)} == {9}


def test_an_owner_that_cannot_be_read_is_behind() -> None:
    """The others are healed without it, and storage keeps its hint."""
    node = coordinator(down=(B,))
    out = node.take(heal("k"))
    assert nodes(out, Fetch) == [A, C]
    held = {A: NEW, C: OLD}
    out = node.take(*(fetched(sent(out, n, Fetch), held[n]) for n in held))
    assert message(node.take(stored(the(out, Store))), Healed) == Healed(("ok",), ((B,),))


def test_an_owner_that_falls_meanwhile_is_behind() -> None:
    """Before it was read, or before it has stored."""
    node = coordinator()
    out = node.take(heal("k"))
    node.take(*(fetched(sent(out, n, Fetch), NEW) for n in (A, B)))
    assert message(node.take(members_changed(down=(C,))), Healed).behind == ((C,),)
    node.take(members_changed())
    out = node.take(heal("k"))
    node.take(*(fetched(sent(out, n, Fetch), NEW) for n in (A, B)))
    node.take(fetched(sent(out, C, Fetch), OLD))
    assert message(node.take(members_changed(down=(C,))), Healed).behind == ((C,),)


def test_an_owner_that_cannot_store_is_behind() -> None:
    """Its disk is full."""
    node = coordinator()
    out = node.take(heal("k"))
    node.take(*(fetched(sent(out, n, Fetch), NEW) for n in (A, B)))
    out = node.take(fetched(sent(out, C, Fetch), OLD))
    assert message(node.take(stored(the(out, Store), "disk_full")), Healed).behind == ((C,),)


def test_what_is_found_on_no_quorum_is_not_spread() -> None:
    """Too few owners can be read to know which is the latest."""
    node = coordinator(down=(B, C))
    assert message(node.take(heal("k")), Healed) == Healed(("unavailable",), ((),))


def test_healing_has_a_time_out() -> None:
    """One owner is silent: storage hears that nothing came of it, and may ask again."""
    node = coordinator(settings=RouterSettings(heal_timeout_ms=300))
    out = node.take(heal("k", "l"))
    node.take(fetched(sent(out, A, Fetch), NEW))
    healed = message(node.run_for(300), Healed)
    assert healed.codes == ("timed_out",) * 2
    node.run_for(20_000)
    assert node.actor.wake_at is None


def test_healing_dies_with_its_epoch_and_begins_again() -> None:
    """All is read again, of the new owners."""
    node = coordinator()
    out = node.take(heal("k"))
    node.take(*(fetched(sent(out, n, Fetch), NEW) for n in (A, B)))
    node.take(fetched(sent(out, C, Fetch), OLD))
    again = node.take(layout_is(2))
    assert (nodes(again, Store), nodes(again, Fetch)) == ([], [A, B, C])
    out = node.take(*(fetched(sent(again, n, Fetch), NEW) for n in (A, B, C)))
    assert message(out, Healed) == Healed(("ok",), ((),))


def test_a_node_without_a_layout_heals_nothing() -> None:
    """It knows nobody that could be behind."""
    assert Turns(Router(A, "1.0", 1, 0)).take(heal("k")) == []
    assert coordinator().take(heal()) == []


def test_late_answers_are_healed_one_lot_after_the_other() -> None:
    """While some keys are being healed others wait for their turn, each once."""
    node = coordinator()

    def read_late(key: str, number: int) -> list[Envelope]:
        new, old = record(key, 7), record(key, 5)
        out, _ = read(node, get(key, number=number), a=new, b=new)
        return node.take(fetched(sent(out, C, Fetch), old))

    first = read_late("a", 1)
    assert {fetch.keys for fetch in messages(first, Fetch)} == {("a",)}
    assert read_late("b", 2) == read_late("c", 3) == read_late("b", 4) == []
    out = node.take(*(fetched(sent(first, n, Fetch), record("a", 7)) for n in (A, B, C)))
    assert {fetch.keys for fetch in messages(out, Fetch)} == {("b", "c")}


def test_few_keys_are_healed_for_late_answers() -> None:
    """More will be found by and by."""
    node = coordinator()
    keys = [f"k{i}" for i in range(300)]
    out = node.take(get(*keys))
    new, old = [record(k, 7) for k in keys], [record(k, 5) for k in keys]
    node.take(*(fetched(sent(out, n, Fetch), *new) for n in (A, B)))
    out = node.take(fetched(sent(out, C, Fetch), *old))
    assert len(message([sent(out, B, Fetch)], Fetch).keys) == 100


def test_a_late_answer_to_healing_is_not_healed_again() -> None:
    """It would go on for ever where an owner cannot store."""
    node = coordinator(settings=RouterSettings(heal_timeout_ms=100))
    out = node.take(heal("k"))
    node.take(*(fetched(sent(out, n, Fetch), NEW) for n in (A, B)))
    node.run_for(150)
    assert node.take(fetched(sent(out, C, Fetch), OLD)) == []


def test_healing_is_asked_of_storages() -> None:
    """As any read."""
    out = coordinator().take(heal("k"))
    assert {e.to for e in out} == {Address(n, "storage") for n in (A, B, C)}
