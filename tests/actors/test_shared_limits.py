"""What is not admitted among the shared key-values, and how many of them there may be."""

from __future__ import annotations

import pytest

from actors.messages import Failed, Share
from tests.actors.shared_tables import NOW, Node, entry, limited, share

FULL = ("too many shared keys",)


def test_one_key_too_many_is_refused() -> None:
    """Of its own; what is held may be replaced and taken back, and then there is room."""
    node = limited(max_shared_keys=2)
    node.share("a")
    node.hear(entry("b"))
    failed = Failed("refused", "there are 2 shared keys: no more are admitted", True)
    assert node.table.refusal(share("c", "1")) == failed
    node.share("a", "2")
    assert node.hear(entry("b", "2", ms=1)) == ()
    node.share("a", None)
    node.share("c")
    assert node.table.refusal(share("a", "1")) == Failed(
        "refused", "there are 2 shared keys: no more are admitted", True
    )


def test_what_others_shared_may_pass_what_a_node_itself_may_share() -> None:
    """Two sides of a partition may have shared as much as they may: both keep all of it."""
    node = limited(max_shared_keys=2, max_shared_entries=4)
    node.share("a")
    node.share("b")
    assert node.hear(entry("c"), entry("d"), entry("e")) == FULL
    assert sorted(node.values()) == ["a", "b", "c", "d"]
    assert node.table.refusal(share("f", "1")) is not None
    assert node.table.refusal(share("a", "2")) is None


def test_deletions_take_up_room_too() -> None:
    """Theirs is larger; a deletion of what is held always has some."""
    node = limited(max_shared_keys=2, max_shared_entries=3)
    for key in ("a", "b", "c"):
        node.share(key)
        node.share(key, None)
    failed = Failed(
        "refused",
        "there are 3 shared keys, those taken back included: no more are admitted",
        True,
    )
    assert node.table.refusal(share("d", "1")) == node.table.refusal(share("d", None)) == failed
    assert node.hear(entry("d")) == node.hear(entry("d", None)) == FULL
    node.share("a")
    assert node.hear(entry("b", ms=1)) == ()
    node.share("a", None)
    assert node.hear(entry("b", None, ms=2)) == ()
    assert node.values() == {}


def test_a_deletion_of_an_unknown_key_needs_no_room_among_the_values() -> None:
    """Who hears of it before the value is spared the value."""
    node = limited(max_shared_keys=1)
    node.share("a")
    assert node.hear(entry("b", None)) == ()
    assert node.hear(entry("b", "1", ms=-1)) == ()
    assert node.values() == {"a": b"1"}


def test_a_later_version_of_a_known_key_is_taken_in_where_there_is_no_room() -> None:
    """A key that came back elsewhere comes back here, or the two would differ for ever."""
    node = limited(max_shared_keys=1)
    node.hear(entry("a"), entry("a", None, ms=1))
    node.share("b")
    assert node.hear(entry("a", "2", ms=2)) == ()
    assert node.values() == {"a": b"2", "b": b"1"}


def test_one_message_does_not_bring_too_many_keys() -> None:
    """What of it was admitted is counted in, by what became of each key."""
    node = limited(max_shared_entries=2)
    news = [entry("a"), entry("b"), entry("c"), entry("a", None, ms=1), entry("d"), entry("e")]
    assert node.hear(*news) == FULL * 3
    assert node.values() == {"b": b"1"}


def test_what_is_on_its_way_to_the_disk_has_its_place() -> None:
    """Messages that come at once do not bring too many keys either."""
    node = limited(max_shared_keys=1, max_shared_entries=1)
    found, _ = node.table.later([entry("a")], NOW)
    node.table.notes(found)
    assert node.table.later([entry("b")], NOW) == ((), FULL)
    assert node.table.refusal(share("b", "1")) is not None
    assert node.table.refusal(share("a", "2")) is None
    node.table.forgo(found)
    assert node.table.refusal(share("b", "1")) is None
    assert node.hear(entry("b")) == ()


def test_what_is_on_its_way_is_counted_by_what_becomes_of_it() -> None:
    """A key that comes back takes up room at once, and one that goes leaves some."""
    node = limited(max_shared_keys=1)
    node.share("a")
    node.table.notes([node.table.stamp(share("a", None), NOW)])
    assert node.table.refusal(share("b", "1")) is None
    node.table.notes([node.table.stamp(share("a", "2"), NOW)])
    assert node.table.refusal(share("b", "1")) is not None


def test_a_place_is_given_up_when_a_later_version_is_held() -> None:
    """Whatever was written twice, and in whatever order it is held."""
    node = limited(max_shared_keys=2, max_shared_entries=2)
    older, newer = entry("a", "1"), entry("a", None, ms=1)
    node.table.notes([newer])
    node.table.notes([older])
    node.table.hold([older])
    node.table.hold([newer])
    node.table.notes([older])
    node.table.hold([older])
    assert node.values() == {}
    node.share("b")
    assert node.table.refusal(share("a", "2")) is None
    assert node.table.refusal(share("c", "2")) is not None


REFUSED = {
    "no key": (share("", "1"), Failed("bad_key", "the key is empty", True)),
    "a long key": (
        share("ü" * 129, "1"),
        Failed(
            "bad_key",
            f"the key '{'ü' * 50}…' has 258 bytes, 256 are admitted if it is shared",
            True,
        ),
    ),
    "a key that is not UTF-8": (
        share("\ud800", "1"),
        Failed("bad_key", "a key is UTF-8: it has no lone surrogates", True),
    ),
    "a long value": (
        Share("k", "bytes", bytes(4_097), 1),
        Failed("too_large", "the value has 4,097 bytes, 4,096 are admitted if it is shared", True),
    ),
    "a value that is not JSON": (
        share("k", "NaN"),
        Failed("bad_value", "the value is not JSON", True),
    ),
    "a deletion with a value": (
        Share("k", "absent", b"1", 1),
        Failed("bad_value", "a key that is taken back has no value", True),
    ),
}


@pytest.mark.parametrize(("request_", "failed"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_admitted_is_refused_in_a_sentence(request_: Share, failed: Failed) -> None:
    """With a code that clients know."""
    assert Node().table.refusal(request_) == failed
