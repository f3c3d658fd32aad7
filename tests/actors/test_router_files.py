"""The router and the keys of manifests: clients never see them, and the own file server does."""

from __future__ import annotations

import pytest

from actors.actor import Address, Envelope
from actors.messages import (
    Change,
    Changed,
    Explain,
    Failed,
    Fetch,
    Get,
    Got,
    Inspect,
    LayoutIs,
    List,
    Listed,
    Message,
    Observe,
    PutRecord,
    Scan,
    Store,
    Watched,
    Write,
    Written,
)
from actors.spaces import FILES, OWN, file_key
from tests.actors.coordinators import (
    begun,
    coordinator,
    failure,
    fenced,
    fetched,
    layout_is,
    nodes,
    observed,
    records_of,
    scanned,
    sent,
    stored,
)
from tests.actors.envelopes import (
    A,
    B,
    C,
    all_of,
    client,
    get,
    listing,
    message,
    messages,
    record,
    stamp,
    to,
    write,
)

FILE_SERVER = Address(A, "fileserver")
KEY = file_key("a.pdf")
HIGH = f"{OWN}/a.pdf"
"""A key that a client may choose: it is that of a manifest, but for how it is stored."""


def asked(message: Message, number: int = 1) -> Envelope:
    """The own file server asks the router."""
    return to("router", message, FILE_SERVER, number)


def put(last_epoch: int, number: int = 1) -> Envelope:
    """It has a manifest to be kept."""
    return asked(PutRecord(KEY, b"manifest", last_epoch, 10_000), number)


# What clients ask.


def test_a_clients_key_is_never_that_of_a_manifest() -> None:
    """It is written, read and explained as another."""
    node = coordinator()
    out = begun(node, write(HIGH, "a", OWN))
    keys = [r.key for e in all_of(out, Store) for r in records_of(e)]
    assert {*keys} == {f"{OWN}{HIGH}", "a", OWN * 2}
    out = node.take(get(HIGH, "a", number=2))
    assert {key for m in messages(out, Fetch) for key in m.keys} == {f"{OWN}{HIGH}", "a"}
    out = node.take(to("router", Explain(HIGH, 1_000), client(), 3))
    assert {m.key for m in messages(out, Inspect)} == {f"{OWN}{HIGH}"}


def test_what_is_stored_under_it_is_read() -> None:
    """Values know nothing of it."""
    node = coordinator()
    out = node.take(get(HIGH))
    held = record(f"{OWN}{HIGH}", 3, b"mine")
    got = node.take(*[fetched(sent(out, n, Fetch), held) for n in (B, C)])
    assert message(got, Got).values == (b"mine",)


def test_a_list_names_keys_as_clients_do() -> None:
    """Its beginning and its cursor too."""
    node = coordinator()
    out = node.take(listing(OWN, f"{OWN}a", 1))
    scan = sent(out, B, Scan)
    assert scan.message == Scan(1, OWN * 2, f"{OWN * 2}a", 1)
    answers = [scanned(sent(out, n, Scan), f"{OWN * 2}b", more=True) for n in (A, B, C)]
    assert message(node.take(*answers), Listed) == Listed((f"{OWN}b",), f"{OWN}b")
    out = node.take(listing("", "", 1, number=2))
    assert sent(out, B, Scan).message == Scan(1, "", "", 1)


@pytest.mark.parametrize(("size", "is_fine"), [(1_020, True), (1_021, False)])
def test_the_largest_key_is_that_of_clients(size: int, is_fine: bool) -> None:
    """Not what it is stored as, which has four bytes more."""
    node = coordinator()
    out = begun(node, write(OWN + "k" * size))
    if is_fine:
        assert nodes(out, Store) == [A, B, C]
    else:
        assert message(out, Failed).code == "bad_key"
        assert "1,025 bytes, and 1,024 are admitted" in message(out, Failed).reason
    out = node.take(to("router", Explain(OWN + "k" * size, 1_000), client(), 3))
    assert bool(all_of(out, Inspect)) == is_fine


def test_a_sentence_names_the_key_as_the_client_does() -> None:
    """Whatever it is stored as."""
    out = coordinator(down=(B, C)).take(write(HIGH))
    assert f"which keep {HIGH!r}, can be reached" in message(out, Failed).reason


def test_who_watches_hears_of_keys_as_clients_call_them() -> None:
    """And of no manifests."""
    node = coordinator()
    node.take(to("router", Watched(10_000), Address(A, "gossiper")))
    removal = Write((KEY,), ("absent",), (b"",), "quorum", 0, 10_000)
    told: list[Change] = []
    for request in (write(HIGH), put(1), asked(removal, 2)):
        out = begun(node, request)
        if not all_of(out, Store):
            # A delete waits for the third clock.
            out = node.run_for(1_000)
        out = node.take(*[stored(sent(out, n, Store)) for n in (B, C)])
        assert message(out, Written).codes == ("ok",)
        told += [change for m in messages(out, Changed) for change in m.changes]
    assert [change.key for change in told] == [HIGH]


# What the own file server asks.


def test_the_own_file_server_names_keys_as_they_are_stored() -> None:
    """It reads, lists and removes manifests as any other key is."""
    node = coordinator()
    out = node.take(
        asked(Get((KEY,), True, "quorum", 1_000)),
        asked(List(FILES, KEY, 10, 1_000), 2),
        asked(Write((KEY,), ("absent",), (b"",), "quorum", 0, 1_000), 3),
    )
    assert sent(out, B, Fetch).message == Fetch(1, (KEY,))
    assert sent(out, B, Scan).message == Scan(1, FILES, KEY, 10)
    assert nodes(out, Observe) == [B, C]
    more = file_key("b.pdf")
    answers = [scanned(sent(out, n, Scan), more, more=True) for n in (A, B, C)]
    assert message(node.take(*answers), Listed) == Listed((more,), more)


def test_a_manifest_is_kept_by_a_quorum() -> None:
    """As bytes, for ever; the file server hears of its version."""
    node = coordinator(clock=6)
    out = begun(node, put(1))
    assert nodes(out, Store) == [A, B, C]
    [held] = records_of(sent(out, B, Store))
    assert held == record(KEY, 7, b"manifest")._replace(stamp=stamp(7, A)._replace(boot="2.0"))
    assert not all_of(node.take(stored(sent(out, B, Store))), Written)
    done = node.take(stored(sent(out, C, Store)))
    assert [(e.to, e.id) for e in all_of(done, Written)] == [(FILE_SERVER, 1)]
    assert message(done, Written).versions == (str(held.stamp),)


def test_a_long_name_and_a_large_manifest_are_admitted() -> None:
    """255 bytes, and 16 KiB or the digests of 512 chunks."""
    node = coordinator()
    request = PutRecord(file_key("n" * 255), bytes(2**16 - 1), 1, 10_000)
    assert nodes(begun(node, asked(request)), Store) == [A, B, C]


def test_nobody_else_may_have_a_manifest_kept() -> None:
    """Neither a client nor another node."""
    for sender in (client(), Address(B, "fileserver")):
        node = coordinator()
        out = node.take(to("router", PutRecord(KEY, b"", 1, 1_000), sender))
        assert failure(out) == ("refused", True)
        assert len(out) == 1


@pytest.mark.parametrize("last_epoch", [0, 1, 2])
def test_a_manifest_is_not_begun_with_in_too_late_an_epoch(last_epoch: int) -> None:
    """It is certain then that it is not there."""
    out = coordinator(epoch=2).take(put(last_epoch))
    if last_epoch == 2:
        assert nodes(out, Observe) == [B, C]
    else:
        assert failure(out) == ("unavailable", True)
        assert "another layout has begun" in message(out, Failed).reason
        assert not all_of(out, Observe)


@pytest.mark.parametrize("last_epoch", [1, 2])
def test_a_manifest_without_a_stamp_is_given_up_in_too_late_an_epoch(last_epoch: int) -> None:
    """None of it has left the node."""
    node = coordinator()
    out = node.take(put(last_epoch))
    again = node.take(layout_is(2))
    if last_epoch == 1:
        assert failure(again) == ("unavailable", True)
    late = [observed(e) for e in all_of(out, Observe)]
    assert not all_of(node.take(*late), Store)
    stores = node.take(*[observed(e) for e in all_of(again, Observe)])
    assert [m.epoch for m in messages(stores, Store)] == [2] * 3 * (last_epoch - 1)


@pytest.mark.parametrize("last_epoch", [1, 2])
def test_a_manifest_with_a_stamp_may_be_there_in_too_late_an_epoch(last_epoch: int) -> None:
    """Nothing more of it is sent."""
    node = coordinator()
    out = begun(node, put(last_epoch))
    again = node.take(layout_is(2))
    if last_epoch == 1:
        assert failure(again) == ("timed_out", False)
        assert "the write may have happened" in message(again, Failed).reason
    later = again + node.take(fenced(sent(out, B, Store), 2)) + node.run_for(20_000)
    assert bool(all_of(later, Store)) == (last_epoch == 2)


def test_a_layout_that_others_know_of_holds_a_manifest_up_until_it_is_here() -> None:
    """Its own storage decides in which epoch a router asks."""
    node = coordinator()
    out = node.take(put(1))
    told = node.take(*[fenced(e, 2) for e in all_of(out, Observe)])
    assert [e.to for e in all_of(told, LayoutIs)] == [Address(A, "storage")] * 2
    assert not all_of(told, Store)
    assert failure(node.take(layout_is(2))) == ("unavailable", True)
