"""The router and the layout: in which epoch it asks, whose votes count while data moves, and what
becomes of what is under way when another epoch begins."""

from __future__ import annotations

import pytest

from actors.actor import Address, Envelope
from actors.layout import NO_LAYOUT, Layout
from actors.messages import (
    Fetch,
    Got,
    Hint,
    LayoutIs,
    Level,
    Observe,
    Scan,
    Store,
    Written,
)
from tests.actors.coordinators import (
    NAMES,
    OWN,
    D,
    E,
    begun,
    coordinator,
    failure,
    fenced,
    fetched,
    layout_is,
    members_changed,
    nodes,
    not_ready,
    observed,
    read,
    records_of,
    sent,
    stored,
)
from tests.actors.envelopes import (
    WALL_MS,
    A,
    B,
    C,
    Turns,
    all_of,
    client,
    delete,
    get,
    listing,
    message,
    messages,
    reasons,
    record,
    the,
    write,
)

OLD, NEW = record("k", 5, b"old"), record("k", 7, b"new")


def moving() -> Turns:
    """A coordinator while the data of A, B and C moves to C, D and E."""
    return coordinator(moving_to=(C, D, E))


# While data moves.


def test_clocks_are_of_a_majority_of_the_old_owners_and_of_the_new() -> None:
    """Two of each; one node may be counted in both."""
    node = moving()
    out = node.take(write("k"))
    assert nodes(out, Observe) == [B, C, D, E]
    assert node.take(observed(sent(out, B, Observe), 9)) == []
    assert node.take(observed(sent(out, D, Observe), 5)) == []
    stores = node.take(observed(sent(out, E, Observe), 7))
    assert nodes(stores, Store) == [A, B, C, D, E]
    assert {r.stamp.counter for e in stores for r in records_of(e)} == {10}


@pytest.mark.parametrize("first", [(A, B, D), (C, D, E), (A, B, E)])
def test_a_write_is_done_when_a_majority_of_both_has_stored_it(first: tuple[str, ...]) -> None:
    """Of the new owners alone it could be missed by who still counts the old, and the reverse."""
    node = moving()
    out = begun(node, write("k"))
    for owner in first:
        assert all_of(node.take(stored(sent(out, owner, Store))), Written) == []
    last = next(n for n in (B, E, D) if n not in first)
    written = message(node.take(stored(sent(out, last, Store))), Written)
    assert written.codes == ("ok",)
    assert written.replicas == (tuple(NAMES[n] for n in (*first, last)),)


def test_a_read_hears_a_majority_of_both() -> None:
    """The new owners alone may have copied nothing yet."""
    node = moving()
    out, answered = read(node, get("k"), d=OLD, e=OLD, a=NEW)
    assert answered == []
    assert nodes(out, Fetch) == [A, B, C, D, E]
    out = node.take(fetched(sent(out, B, Fetch), NEW))
    assert nodes(out, Store) == [D, E]
    node.take(stored(sent(out, D, Store)))
    assert message(node.take(stored(sent(out, E, Store))), Got).values == (b"new",)


def test_what_is_written_back_reaches_a_majority_of_both() -> None:
    """It was on one old and one new owner; of each another has to store it."""
    node = moving()
    _, out = read(node, get("k"), a=OLD, c=NEW, d=OLD)
    assert nodes(out, Store) == [A, D]
    assert all_of(node.take(stored(sent(out, D, Store))), Got) == []
    assert message(node.take(stored(sent(out, A, Store))), Got).values == (b"new",)


@pytest.mark.parametrize(
    ("level", "enough"), [("one", (A, D)), ("one", (C,)), ("all", (A, B, C, D, E))]
)
def test_a_level_counts_among_the_old_owners_and_among_the_new(
    level: Level, enough: tuple[str, ...]
) -> None:
    """One of each, or all of each."""
    node = moving()
    out = begun(node, write("k", w=level))
    for owner in enough[:-1]:
        assert all_of(node.take(stored(sent(out, owner, Store))), Written) == []
    assert all_of(node.take(stored(sent(out, enough[-1], Store))), Written)
    out = node.take(get("k", r=level, number=2))
    for owner in enough[:-1]:
        assert all_of(node.take(fetched(sent(out, owner, Fetch), NEW)), Got) == []
    assert all_of(node.take(fetched(sent(out, enough[-1], Fetch), NEW)), Got)


@pytest.mark.parametrize("down", [(B, C), (D, E), (C, E)])
def test_nothing_is_done_without_a_majority_of_one_of_them(down: tuple[str, ...]) -> None:
    """It is refused at once and for certain, whatever is left of the others."""
    node = moving()
    node.take(members_changed(down=down))
    assert failure(node.take(write("k"))) == ("unavailable", True)
    assert failure(node.take(get("k", number=2))) == ("unavailable", True)


def test_an_owner_that_stays_counts_once_in_each() -> None:
    """Of owners of which two stay, these are a majority of both."""
    node = coordinator(moving_to=(A, B, D))
    assert message(read(node, get("k"), a=NEW, b=NEW)[1], Got).codes == ("ok",)


# Fencing.


@pytest.mark.parametrize(
    ("request_", "kind"), [(write("k"), Observe), (get("k"), Fetch), (listing(), Scan)]
)
def test_all_that_is_asked_carries_the_epoch(
    request_: Envelope, kind: type[Observe | Fetch | Scan]
) -> None:
    """That of the layout on the own disk."""
    asked = messages(coordinator(epoch=7).take(request_), kind)
    assert {question.epoch for question in asked} == {7}


def test_a_later_layout_of_another_goes_to_the_own_storage_first() -> None:
    """It is acted in once that says that it is on the disk; the question is asked again then."""
    node = coordinator()
    out = node.take(get("k"))
    news = fenced(sent(out, B, Fetch), 2, A, B, D)
    out = node.take(news)
    assert [(e.to, e.message) for e in out] == [(OWN, news.message)]
    assert messages(node.take(get("l", number=2)), Fetch)[0].epoch == 1
    out = node.take(layout_is(2, A, B, D))
    assert nodes(out, Fetch) == [A, B, D]
    assert sent(out, D, Fetch).message == Fetch(2, ("k", "l"))


def test_who_is_behind_is_sent_the_layout_and_asked_again() -> None:
    """Its storage has to keep it before it can answer."""
    node = coordinator(epoch=3)
    fetch = sent(node.take(get("k")), B, Fetch)
    out = node.take(fenced(fetch, 2))
    layout = LayoutIs(Layout(3, (A, B, C), (), ()))
    assert [(e.to, e.message) for e in out] == [(Address(B, "storage"), layout)]
    assert node.run_for(50) == [fetch]


def test_a_layout_of_the_past_changes_nothing() -> None:
    """The own storage's news may come twice, and out of turn."""
    node = coordinator(epoch=3)
    node.take(get("k"))
    assert node.take(layout_is(2, A, B, D), layout_is(3, A, B, D)) == []


def test_a_node_without_a_layout_is_told_by_who_asks_it() -> None:
    """It answers with none; that is what it has."""
    node = coordinator()
    observe = sent(node.take(write("k")), B, Observe)
    out = node.take(Envelope(observe.sender, observe.to, LayoutIs(NO_LAYOUT), observe.id))
    assert [e.to for e in out] == [Address(B, "storage")]


def test_an_owner_that_stays_in_another_epoch_is_given_up() -> None:
    """After half a second the others have to be enough; they are not when there are two such."""
    node = coordinator(epoch=3)
    out = node.take(get("k"))
    pending = [sent(out, n, Fetch) for n in (B, C)]
    answers: list[Envelope] = []
    while pending and node.now_ms < 2_000:
        answers += node.take(*(fenced(e, 2) for e in pending))
        pending = all_of(node.take_when_due(), Fetch)
    assert failure(answers) == ("unavailable", True)
    assert 500 <= node.now_ms <= 600


def test_a_replica_that_is_not_ready_is_asked_again_and_then_given_up() -> None:
    """It may be welcomed any moment; of a write it cannot be known what it did before."""
    node = coordinator()
    out = begun(node, write("k"))
    pending = [sent(out, n, Store) for n in (B, C)]
    answers: list[Envelope] = []
    while pending and node.now_ms < 2_000:
        answers += node.take(*(not_ready(e) for e in pending))
        pending = [e for e in all_of(node.take_when_due(), Store) if e.to.node in (B, C)]
    assert failure(answers) == ("timed_out", False)


# Another epoch begins.


def test_a_question_for_clocks_is_asked_again_from_the_start() -> None:
    """What was told in the epoch before does not count, and is told too late."""
    node = coordinator(B, C, D)
    first = node.take(write("k"))
    node.take(observed(sent(first, B, Observe), 5))
    again = node.take(layout_is(2, B, C, D))
    assert messages(again, Observe) == [Observe(2)] * 3
    late = node.take(observed(sent(first, C, Observe), 50))
    assert reasons(late) == ["late Observed"]
    assert all_of(node.take(observed(sent(again, C, Observe), 6)), Store) == []
    assert nodes(node.take(observed(sent(again, D, Observe), 7)), Store) == [B, C, D]


def test_a_store_is_repeated_with_the_same_stamp_in_the_next_epoch() -> None:
    """Clocks are asked for by nobody; the new owners count."""
    node = coordinator()
    first = begun(node, write("k"), clock=5)
    again = node.take(layout_is(2, moving_to=(C, D, E)))
    assert nodes(again, Store) == [A, B, C, D, E]
    assert nodes(again, Observe) == []
    assert {message([e], Store).epoch for e in all_of(again, Store)} == {2}
    assert records_of(sent(again, D, Store)) == records_of(sent(first, B, Store))


def test_an_acknowledgement_of_another_epoch_is_never_counted() -> None:
    """A quorum is in one epoch: one owner before and one after are none."""
    node = coordinator()
    first = begun(node, write("k"))
    node.take(stored(sent(first, A, Store)))
    again = node.take(layout_is(2))
    assert reasons(node.take(stored(sent(first, B, Store)))) == ["late Stored"]
    assert all_of(node.take(stored(sent(again, C, Store))), Written) == []
    assert message(node.take(stored(sent(again, A, Store))), Written).codes == ("ok",)


def test_a_store_is_not_repeated_two_epochs_later() -> None:
    """Its stamp may be below a tombstone that has been collected: the outcome is not known."""
    node = coordinator()
    begun(node, write("k"))
    node.take(layout_is(2))
    out = node.take(layout_is(3))
    assert failure(out) == ("timed_out", False)
    assert all_of(out, Store) == []


def test_a_store_is_not_repeated_in_an_epoch_that_skips_one() -> None:
    """The node slept through what was between."""
    node = coordinator()
    begun(node, write("a", "b"))
    out = node.take(layout_is(3))
    assert message(out, Written).codes == ("timed_out",) * 2
    assert all_of(out, Store) == []


def test_a_write_that_was_not_stamped_may_begin_again_in_any_epoch() -> None:
    """Nothing of it has left."""
    node = coordinator()
    node.take(write("k"))
    out = node.take(layout_is(9))
    assert messages(out, Observe) == [Observe(9)] * 2


def test_a_repeated_store_is_never_refused() -> None:
    """It may have been stored in the epoch before: where too few owners are left nobody knows."""
    node = coordinator()
    begun(node, write("k"))
    node.take(members_changed(down=(D, E)))
    out = node.take(layout_is(2, moving_to=(C, D, E)))
    assert failure(out) == ("timed_out", False)


def test_a_delete_that_waits_for_clocks_is_not_stamped_twice() -> None:
    """Its patience ends in another epoch, in which it has begun anew."""
    node = coordinator()
    out = node.take(delete("k"))
    node.take(observed(sent(out, B, Observe), 5))
    again = node.take(layout_is(2), after_ms=40)
    assert all_of(node.run_for(200), Store) == []
    stores = all_of(node.take(observed(sent(again, C, Observe), 7)), Store)
    assert [len(records_of(store)) for store in stores] == [1, 1, 1]


def test_what_was_gathered_in_the_turn_of_a_new_layout_is_sent_in_it_alone() -> None:
    """Else it would be stamped, or stored, or read, a second time."""
    node = coordinator()
    out = node.take(write("k", number=1), get("k", number=2), layout_is(2))
    assert nodes(out, Observe) == [B, C]
    assert {fetch.keys for fetch in messages(out, Fetch)} == {("k",)}
    out = node.take(observed(sent(out, B, Observe), 5), layout_is(3))
    assert nodes(out, Observe) == []
    assert [len(records_of(store)) for store in all_of(out, Store)] == [1, 1, 1]
    fetches = all_of(out, Fetch)
    out = node.take(*(fetched(e, OLD if e.to.node == A else NEW) for e in fetches), layout_is(4))
    assert (nodes(out, Store), nodes(out, Fetch)) == ([], [A, B, C])


def test_of_a_batch_each_key_goes_on_where_it_was() -> None:
    """What is done is done; what was stamped is stored again, the rest is asked for."""
    node = coordinator()
    first = node.take(write("a", number=1))
    stores = node.take(write("b", number=2), observed(sent(first, B, Observe), 5))
    assert {store.keys for store in messages(stores, Store)} == {("a",)}
    again = node.take(layout_is(2))
    assert {store.keys for store in messages(again, Store)} == {("a",)}
    assert nodes(again, Observe) == [B, C]


def test_a_read_is_read_again() -> None:
    """In the new epoch, of the new owners; an answer from before does not count."""
    node = coordinator()
    first, _ = read(node, get("k"), a=OLD)
    again = node.take(layout_is(2, B, C, D))
    assert nodes(again, Fetch) == [B, C, D]
    assert reasons(node.take(fetched(sent(first, B, Fetch), OLD))) == ["late Fetched"]
    assert all_of(node.take(fetched(sent(again, B, Fetch), NEW)), Got) == []
    assert message(node.take(fetched(sent(again, D, Fetch), NEW)), Got).values == (b"new",)


def test_what_is_written_back_dies_with_its_epoch() -> None:
    """The key is read again: what was found may have been deleted, and that collected."""
    node = coordinator()
    _, out = read(node, get("k"), a=OLD, b=NEW)
    again = node.take(layout_is(2))
    assert (nodes(again, Store), nodes(again, Fetch)) == ([], [A, B, C])
    assert reasons(node.take(stored(the(out, Store)))) == ["late Stored"]


def test_a_mark_of_expiry_dies_with_its_epoch() -> None:
    """Like anything that is written back."""
    node = coordinator()
    gone = record("k", 7, b"v", expires_ms=WALL_MS)
    _, out = read(node, get("k"), a=gone, b=gone)
    assert nodes(out, Store) == [A, B]
    again = node.take(layout_is(2))
    assert (nodes(again, Store), nodes(again, Fetch)) == ([], [A, B, C])


def test_what_was_read_before_is_not_read_again() -> None:
    """Of a batch, keys that have their outcome keep it."""
    node = coordinator()
    out = node.take(get("a", "b"))
    held = record("a", 1), record("b", 1)
    node.take(*(fetched(sent(out, n, Fetch), *held, first=1) for n in (A, B)))
    again = node.take(layout_is(2))
    assert {fetch.keys for fetch in messages(again, Fetch)} == {("b",)}


def test_an_acknowledged_write_that_an_owner_lacks_is_hinted() -> None:
    """What was sent to it is not waited for any more."""
    node = coordinator()
    out = begun(node, write("k"))
    node.take(*(stored(sent(out, n, Store)) for n in (A, B)))
    assert messages(node.take(layout_is(2)), Hint) == [Hint(C, ("k",))]
    assert messages(node.take(layout_is(3)), Hint) == []


def test_time_goes_on_while_epochs_change() -> None:
    """The deadline is that of the request."""
    node = coordinator()
    node.take(write("k"))
    for epoch in range(2, 12):
        node.take(layout_is(epoch), after_ms=900)
    out = node.run_for(1_000)
    assert failure([e for e in out if e.to == client()]) == ("unavailable", True)
