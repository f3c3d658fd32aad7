"""The router's lists: pages of the members are merged once a quorum of every key has spoken."""

from __future__ import annotations

import pytest

from actors.actor import Address, Envelope
from actors.messages import Failed, Fetch, Listed, Scan, Store
from actors.sizes import MESSAGE_BYTES, text_bytes
from tests.actors.coordinators import (
    D,
    E,
    bounce_all,
    coordinator,
    failure,
    fetched,
    keys_of,
    layout_is,
    members_changed,
    nodes,
    scanned,
    sent,
    stored,
)
from tests.actors.envelopes import (
    A,
    B,
    C,
    Turns,
    all_of,
    client,
    listing,
    message,
    record,
    tombstone,
)


def listed(node: Turns, request: Envelope, **pages: str) -> list[Envelope]:
    """A list for which the members named here have these keys, each one letter, "+" at the end if
    there are more: all that is sent then."""
    out = node.take(request)
    answers = []
    for name, page in pages.items():
        scan = sent(out, name * 16, Scan)
        answers.append(scanned(scan, *page.removesuffix("+"), more=page.endswith("+")))
    return node.take(*answers)


# Whom it asks, and whose word is enough.


def test_every_member_is_asked_for_its_keys() -> None:
    """Each with the whole limit: all keys of the page may be one member's."""
    out = coordinator(epoch=3).take(listing("p", "pa", 7))
    assert {(e.to, str(e.message)) for e in out} == {
        (Address(node, "storage"), str(Scan(3, "p", "pa", 7))) for node in (A, B, C)
    }


@pytest.mark.parametrize(("asked", "limit"), [(0, 1), (10**9, 1_000)])
def test_a_page_has_one_key_at_least_and_a_bound(asked: int, limit: int) -> None:
    """A limit beyond what is admitted counts as what is admitted."""
    assert message(coordinator(A).take(listing(limit=asked)), Scan).limit == limit


def test_two_of_three_members_have_a_quorum_of_every_key() -> None:
    """The third one is not waited for."""
    assert message(listed(coordinator(), listing(), a="ab", b="ab"), Listed) == Listed(
        ("a", "b"), ""
    )


def test_one_of_three_members_has_no_quorum() -> None:
    """However often it answers."""
    node = coordinator()
    scan = sent(node.take(listing()), B, Scan)
    assert all_of(node.take(scanned(scan, "a"), scanned(scan, "a")), Listed) == []


def test_two_of_five_members_may_be_missing_from_no_list() -> None:
    """They own some keys together, of which there is no quorum without them."""
    node = coordinator(A, B, C, D, E)
    assert all_of(listed(node, listing(), a="", b="", c=""), Listed) == []
    assert message(listed(node, listing(number=2), a="", b="", c="", d=""), Listed) == Listed(
        (), ""
    )


def test_a_list_is_not_of_the_others_alone_where_most_owners_were_given_up() -> None:
    """Some keys have no quorum, until it is decided who else is to have them."""
    node = coordinator(A, B, C, D, E)
    node.take(layout_is(2, A, B, C, D, E, gone=(D, E)))
    assert failure(node.take(listing())) == ("unavailable", True)
    node.take(layout_is(3, A, B, C, D, E, moving_to=(A, B, C), gone=(D, E)))
    out = listed(node, listing(number=2), a="", b="", c="")
    assert message(out, Listed) == Listed((), "")


def test_while_data_moves_a_quorum_of_both_has_to_speak() -> None:
    """The new owners may have copied nothing yet."""
    node = coordinator(moving_to=(C, D, E))
    out = node.take(listing())
    assert nodes(out, Scan) == [A, B, C, D, E]
    answered = node.take(*(scanned(sent(out, n, Scan)) for n in (C, D, E)))
    assert all_of(answered, Listed) == []
    assert message(node.take(scanned(sent(out, A, Scan))), Listed) == Listed((), "")


def test_a_member_that_is_down_is_not_asked() -> None:
    """The others are enough, if they are a quorum of everything."""
    node = coordinator(down=(C,))
    assert nodes(node.take(listing()), Scan) == [A, B]
    node.take(members_changed(down=(B, C)))
    assert failure(node.take(listing(number=2))) == ("unavailable", True)


def test_a_list_fails_when_too_few_members_can_be_reached() -> None:
    """The failure is definite; one that cannot be reached is not missed."""
    node = coordinator()
    out = node.take(listing())
    assert [e for e in bounce_all(node, out, B, for_ms=600) if e.to == client()] == []
    node = coordinator()
    out = bounce_all(node, node.take(listing()), B, C, for_ms=600)
    assert failure([e for e in out if e.to == client()]) == ("unavailable", True)


def test_a_list_fails_when_too_few_members_answer_in_time() -> None:
    """It would have a hole."""
    node = coordinator()
    listed(node, listing(), a="a")
    out = node.run_for(10_000)
    failed = message(out, Failed)
    assert (failed.code, failed.definite) == ("timed_out", True)
    assert failed.reason == (
        "too few members have answered in time: some keys would be missing from the list"
    )


def test_a_list_begins_again_in_another_epoch() -> None:
    """Of the new members; what was answered before does not count."""
    node = coordinator()
    first = node.take(listing())
    node.take(scanned(sent(first, A, Scan), "x"))
    again = node.take(layout_is(2, B, C, D))
    assert nodes(again, Scan) == [B, C, D]
    assert all_of(node.take(scanned(sent(first, B, Scan), "x")), Listed) == []
    out = node.take(*(scanned(sent(again, n, Scan), "k") for n in (B, D)))
    assert message(out, Listed) == Listed(("k",), "")


def test_whose_word_is_enough_is_another_question_in_another_layout() -> None:
    """Two of three were enough; while their data moves they are not."""
    node = coordinator()
    listed(node, listing(), a="", b="")
    again = node.take(layout_is(2, moving_to=(C, D, E)), listing(number=2))
    out = node.take(*(scanned(sent(again, n, Scan)) for n in (A, B)))
    assert all_of(out, Listed) == []


# Pages are merged.


def test_a_page_ends_at_the_least_last_key_of_the_truncated_ones() -> None:
    """Who truncated at "c" may have a key after it and before "d": nothing is skipped."""
    out = listed(coordinator(), listing(), a="abc+", b="abcdefg")
    assert message(out, Listed) == Listed(("a", "b", "c"), "c")
    out = listed(coordinator(), listing(), a="abcd+", b="abc+")
    assert message(out, Listed) == Listed(("a", "b", "c"), "c")


def test_a_page_may_be_empty_and_not_the_last() -> None:
    """Where all its keys have gone meanwhile: the cursor goes on."""
    node = coordinator()
    out = listed(node, listing(), a="a+", b="")
    dead = tombstone("a", 9)
    out = node.take(*(fetched(sent(out, n, Fetch), dead) for n in (B, C)))
    assert message(out, Listed) == Listed((), "a")


def test_a_page_has_at_most_what_was_asked() -> None:
    """The cursor is its last key; a page that is just full and has nothing after it has none."""
    out = listed(coordinator(), listing(limit=2), a="abc", b="abc")
    assert message(out, Listed) == Listed(("a", "b"), "b")
    out = listed(coordinator(), listing(limit=3), a="abc", b="abc")
    assert message(out, Listed) == Listed(("a", "b", "c"), "")


def test_a_page_of_long_keys_fits_into_a_message() -> None:
    """It is cut, and the cursor is its last key."""
    node = coordinator()
    keys = [f"{i:03}" + "x" * 1_000 for i in range(500)]
    out = node.take(listing(limit=1_000))
    page = message(node.take(*(scanned(sent(out, n, Scan), *keys) for n in (A, B))), Listed)
    assert sum(map(text_bytes, page.keys)) <= MESSAGE_BYTES
    assert page.cursor == page.keys[-1]


def test_keys_are_in_the_order_of_their_utf_8() -> None:
    """That is the order of their code points."""
    out = listed(coordinator(), listing(), a="Aaé€\U0001f600", b="Aaé€\U0001f600")
    assert message(out, Listed).keys == ("A", "a", "é", "€", "\U0001f600")


# Keys of which owners disagree.


def test_a_key_that_not_all_owners_have_is_read_first() -> None:
    """As by a get, a write-back included: it is listed if it is there."""
    node = coordinator()
    out = listed(node, listing(), a="abc", b="ac")
    assert {e.message.keys for e in out if isinstance(e.message, Fetch)} == {("b",)}
    out = node.take(fetched(sent(out, A, Fetch), record("b", 5)), fetched(sent(out, C, Fetch)))
    assert nodes(out, Store) == [C]
    out = node.take(stored(sent(out, C, Store)))
    assert message(out, Listed) == Listed(("a", "b", "c"), "")


def test_a_key_that_was_deleted_is_not_listed_though_one_owner_still_has_it() -> None:
    """It was down when it was deleted."""
    node = coordinator()
    out = listed(node, listing(), a="ab", b="a")
    dead = tombstone("b", 9)
    out = node.take(*(fetched(sent(out, n, Fetch), dead) for n in (B, C)))
    assert message(out, Listed) == Listed(("a",), "")


def test_a_key_beyond_the_end_of_the_page_is_not_read() -> None:
    """The next page will have it."""
    out = listed(coordinator(), listing(), a="abz", b="ab+")
    assert message(out, Listed) == Listed(("a", "b"), "b")


def test_a_key_that_a_former_owner_still_has_is_not_listed() -> None:
    """Its owners know whether it is there."""
    members = (A, B, C, D)
    node = coordinator(*members)
    key = next(keys_of((B, C, D), *members))
    out = node.take(listing())
    pages: dict[str, tuple[str, ...]] = {A: (key,), B: (), C: ()}
    out = node.take(*(scanned(sent(out, n, Scan), *pages[n]) for n in pages))
    assert message(out, Listed) == Listed((), "")


def test_a_key_that_a_member_does_not_own_is_not_missed_there() -> None:
    """Who has never been an owner disagrees with nobody."""
    members = (A, B, C, D)
    node = coordinator(*members)
    key = next(keys_of((B, C, D), *members))
    out = node.take(listing())
    pages: dict[str, tuple[str, ...]] = {A: (), B: (key,), C: (key,)}
    out = node.take(*(scanned(sent(out, n, Scan), *pages[n]) for n in pages))
    assert message(out, Listed) == Listed((key,), "")


def test_a_list_fails_with_a_key_that_cannot_be_read() -> None:
    """It is not known whether that is there."""
    node = coordinator()
    listed(node, listing(), a="ab", b="a")
    assert failure(node.take(members_changed(down=(B, C)))) == ("unavailable", True)
    listed(node := coordinator(), listing(), a="ab", b="a")
    out = node.run_for(10_000)
    assert failure([e for e in out if e.to == client()]) == ("timed_out", True)
    node.run_for(20_000)
    assert node.actor.wake_at is None


def test_a_disputed_list_begins_again_in_another_epoch() -> None:
    """What was read for it is read for nobody."""
    node = coordinator()
    listed(node, listing(), a="ab", b="a")
    again = node.take(layout_is(2))
    out = node.take(*(fetched(sent(again, n, Fetch)) for n in (A, B)))
    assert all_of(out, Listed) == []
    out = node.take(*(scanned(sent(again, n, Scan), "b") for n in (A, B)))
    assert message(out, Listed) == Listed(("b",), "")
    node.run_for(20_000)
    assert node.actor.wake_at is None


def test_a_late_page_changes_nothing() -> None:
    """The client has its own, or keys of it are being read: that list is made of what was there."""
    node = coordinator()
    out = node.take(listing())
    node.take(scanned(sent(out, A, Scan), "a", "b"), scanned(sent(out, B, Scan), "a"))
    fetches = node.take(scanned(sent(out, C, Scan), "z"))
    assert (all_of(fetches, Listed), nodes(fetches, Fetch)) == ([], [])
