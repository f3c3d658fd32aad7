"""Digests are equal where the facts are, and the buckets say where they differ."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.digests import BUCKETS, Digests

FACTS = st.dictionaries(st.text(max_size=3), st.text(min_size=1, max_size=3), max_size=5)


def digests(facts: dict[str, str]) -> Digests:
    """Of one who learnt these facts in this order."""
    made = Digests()
    for name, fact in facts.items():
        made.set(name, fact)
    return made


@given(FACTS, FACTS)
def test_digests_are_equal_exactly_where_the_facts_are(
    mine: dict[str, str], theirs: dict[str, str]
) -> None:
    """Of two nodes, the whole and all buckets alike, or neither."""
    one, other = digests(mine), digests(theirs)
    assert (one.whole() == other.whole()) == (mine == theirs)
    assert (one.buckets() == other.buckets()) == (mine == theirs)


@given(FACTS, FACTS, st.randoms(use_true_random=False))
def test_only_what_is_known_now_counts(
    earlier: dict[str, str], facts: dict[str, str], rng: Random
) -> None:
    """Neither the order of the facts, nor what they replaced, nor what was removed."""
    shuffled = sorted(facts)
    rng.shuffle(shuffled)
    roundabout = digests(earlier)
    for name in shuffled:
        roundabout.set(name, facts[name])
    for name in earlier.keys() - facts.keys():
        roundabout.set(name, "")
    assert roundabout.whole() == digests(facts).whole()
    assert roundabout.buckets() == digests(facts).buckets()


@given(FACTS, FACTS)
def test_the_buckets_that_differ_are_those_of_the_facts_that_differ(
    mine: dict[str, str], theirs: dict[str, str]
) -> None:
    """All of them and no other, in order, whoever asks."""
    one, other = digests(mine), digests(theirs)
    unlike = {name for name in mine | theirs if mine.get(name) != theirs.get(name)}
    expected = tuple(sorted({Digests.bucket_of(name) for name in unlike}))
    assert one.differing(other.buckets()) == expected
    assert other.differing(one.buckets()) == expected


@pytest.mark.parametrize("count", [0, 1, BUCKETS - 1, BUCKETS + 1])
def test_a_wrong_number_of_buckets_is_like_none(count: int) -> None:
    """Who cuts otherwise is told everything, also where nothing is known."""
    assert Digests().differing(["0" * 40] * count) == tuple(range(BUCKETS))


def test_a_name_and_a_fact_do_not_run_together() -> None:
    """Where the one ends and the other begins is part of what is digested."""
    assert digests({"ab": "c"}).whole() != digests({"a": "bc"}).whole()


def test_two_names_with_one_fact_do_not_stand_for_each_other() -> None:
    """Facts exchanged between two names are other facts."""
    assert digests({"a": "1", "b": "2"}).whole() != digests({"a": "2", "b": "1"}).whole()


def test_the_buckets_share_the_facts_evenly() -> None:
    """Of many names no bucket has twice its share."""
    counts = [0] * BUCKETS
    for i in range(6_400):
        counts[Digests.bucket_of(f"member {i}")] += 1
    assert min(counts) > 50
    assert max(counts) < 200


def test_digests_have_the_same_form_always() -> None:
    """As many digits for nothing as for anything."""
    some = digests({"a": "1"})
    for made in (Digests(), some):
        assert {len(digest) for digest in (made.whole(), *made.buckets())} == {40}
        assert len(made.buckets()) == BUCKETS


def test_nodes_of_all_versions_have_the_same_digests() -> None:
    """The sum of SHA-1(SHA-1(name) + fact), modulo 2^160."""
    assert digests({"a": "1", "b": "2"}).whole() == "e4a32b7a94d879a1c7e1827a39c8c86b6e1796f3"
