"""Clients that wait to hear of changes of the members, or of keys."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from actors.actor import Address, Envelope, Now
from actors.gossip_settings import GossipSettings
from actors.messages import Change, Failed, KeysChanged, MembersListed, WatchKeys, WatchMembers
from actors.outbox import Outbox
from actors.sizes import MESSAGE_BYTES
from actors.versions import Kind
from actors.watchers import KeyWatchers, MemberWatchers
from tests.actors.envelopes import WALL_MS, A, B, client, member, message, messages, to

SETTINGS = GossipSettings(max_watchers=3, max_changes_kept=5, watch_ms=15_000)


class Watching:
    """Node A's watchers of both kinds, at a time that goes on when it is told."""

    def __init__(self, settings: GossipSettings = SETTINGS, boot: str = "1.0") -> None:
        self.outbox = Outbox(Address(A, "gossiper"), 0)
        self.listed = MembersListed("net", "first", (member(A),))
        self.members = MemberWatchers(self.outbox, settings, lambda: self.listed)
        self.keys = KeyWatchers(boot, self.outbox, settings)
        self.now_ms = 0

    def now(self) -> Now:
        """Both clocks."""
        return Now(self.now_ms, WALL_MS + self.now_ms)

    def watch_members(self, seen: str, number: int = 1) -> list[Envelope]:
        """A client asks for another list than the one it has seen, within 10 s."""
        watch = to("gossiper", WatchMembers(seen, 10_000), client(number), number)
        self.members.on_watch(watch, self.now())
        return self.outbox.take()

    def watch(self, cursor: str = "", prefix: str = "", number: int = 1) -> list[Envelope]:
        """A client asks for changes of keys, within 10 s."""
        watch = to("gossiper", WatchKeys(prefix, cursor, 10_000), client(number), number)
        self.keys.on_watch(watch, self.now())
        return self.outbox.take()

    def hear(self, *keys: str, kind: Kind = "json") -> list[Envelope]:
        """These keys were changed; who is told."""
        self.keys.heard([Change(key, f"version of {key}", kind) for key in keys], self.now())
        return self.outbox.take()

    def due(self, after_ms: int = 0) -> list[Envelope]:
        """What is sent so much later."""
        self.now_ms += after_ms
        self.members.due(self.now())
        self.keys.due(self.now())
        return self.outbox.take()

    def begin(self) -> str:
        """The cursor of a client that watches from now on."""
        self.watch(number=99)
        return message(self.due(2_500), KeysChanged).cursor


def told(out: Sequence[Envelope]) -> list[tuple[str, ...]]:
    """The keys in each answer, and a note where there may have been others."""
    return [m.keys + ("missed",) * m.missed for m in messages(out, KeysChanged)]


# Members.


@pytest.mark.parametrize("seen", ["", "second"])
def test_who_has_seen_another_list_is_answered_at_once(seen: str) -> None:
    """With the one that there is."""
    watching = Watching()
    [answer] = watching.watch_members(seen, 7)
    assert (answer.to, answer.id, answer.message) == (client(7), 7, watching.listed)
    assert watching.members.wake_at is None


def test_who_has_seen_this_list_is_answered_when_it_changes() -> None:
    """All who wait are, once."""
    watching = Watching()
    assert watching.watch_members("first", 1) + watching.watch_members("first", 2) == []
    watching.listed = MembersListed("net", "second", (member(A), member(B)))
    watching.members.changed()
    answers = watching.outbox.take()
    assert [(e.to, e.message) for e in answers] == [(client(n), watching.listed) for n in (1, 2)]
    watching.members.changed()
    assert watching.due(60_000) == []


def test_who_waits_is_answered_after_a_quarter_of_the_time_out() -> None:
    """With the same list: so the client sees that the node is there."""
    watching = Watching()
    watching.watch_members("first")
    assert watching.members.wake_at == 2_500
    assert watching.due(2_499) == []
    assert message(watching.due(1), MembersListed) == watching.listed
    assert watching.members.wake_at is None


def test_no_time_out_is_so_short_that_the_node_would_spin() -> None:
    """It wakes later than now at the earliest."""
    watching = Watching()
    watch = to("gossiper", WatchMembers("first", 0), client())
    watching.members.on_watch(watch, watching.now())
    assert watching.members.wake_at == 1
    watching.keys.on_watch(to("gossiper", WatchKeys("", "", 0), client()), watching.now())
    assert watching.keys.wake_at == 1


def test_watchers_of_members_are_bounded() -> None:
    """More are refused, and nothing was done for them; who need not wait is answered still."""
    watching = Watching()
    for number in range(3):
        assert watching.watch_members("first", number) == []
    failed = message(watching.watch_members("first", 4), Failed)
    assert (failed.code, failed.definite) == ("overloaded", True)
    assert messages(watching.watch_members("other", 5), MembersListed)


# Keys.


def test_a_client_watches_from_now_on() -> None:
    """Without a cursor; it hears of what comes, with the versions, and where to go on."""
    watching = Watching()
    assert watching.watch(number=7) == []
    [answer] = watching.hear("a", "b")
    assert (answer.to, answer.id) == (client(7), 7)
    changed = message([answer], KeysChanged)
    assert (changed.keys, changed.missed) == (("a", "b"), False)
    assert changed.versions == ("version of a", "version of b")
    assert changed.kinds == ("json", "json")
    assert told(watching.watch(changed.cursor)) == []
    assert told(watching.hear("c")) == [("c",)]


def test_a_deleted_key_is_told_as_one() -> None:
    """Its kind is that of what is not there."""
    watching = Watching()
    watching.watch()
    deleted = message(watching.hear("a", kind="absent"), KeysChanged)
    assert (deleted.keys, deleted.kinds) == (("a",), ("absent",))


def test_what_came_between_two_questions_is_not_lost() -> None:
    """It is answered at once, however often the client asks."""
    watching = Watching()
    cursor = watching.begin()
    watching.hear("a")
    watching.hear("b")
    for _ in range(2):
        assert told(watching.watch(cursor)) == [("a", "b")]


def test_a_client_hears_of_keys_with_its_prefix() -> None:
    """And goes on after all of them."""
    watching = Watching()
    cursor = watching.begin()
    assert watching.watch(cursor, "user/") == []
    assert watching.hear("a", "users") == []
    changed = message(watching.hear("b", "user/1"), KeysChanged)
    assert changed.keys == ("user/1",)
    assert told(watching.watch(changed.cursor)) == []


def test_a_quiet_client_is_answered_after_a_quarter_of_its_time_out() -> None:
    """It goes on after what was of no concern to it."""
    watching = Watching()
    watching.watch(prefix="user/")
    watching.hear("a")
    assert watching.due(2_499) == []
    changed = message(watching.due(1), KeysChanged)
    assert (changed.keys, changed.missed) == ((), False)
    assert told(watching.watch(changed.cursor)) == []


def test_a_gap_is_owned_up_to() -> None:
    """To all who watch, whatever their prefix is; once."""
    watching = Watching()
    watching.watch(number=1)
    watching.watch(prefix="user/", number=2)
    watching.keys.missed()
    out = watching.outbox.take()
    assert told(out) == [("missed",), ("missed",)]
    assert told(watching.watch(message(out[:1], KeysChanged).cursor)) == []


def test_a_gap_between_two_questions_is_owned_up_to() -> None:
    """With what was heard before and after."""
    watching = Watching()
    cursor = watching.begin()
    watching.hear("a")
    watching.keys.missed()
    watching.hear("b")
    assert told(watching.watch(cursor)) == [("a", "b", "missed")]


def test_who_was_away_too_long_has_missed_something() -> None:
    """So many changes are kept; the client reads anew and goes on from now."""
    watching = Watching()
    cursor = watching.begin()
    watching.hear(*"abcde")
    assert told(watching.watch(cursor)) == [tuple("abcde")]
    watching.hear("f")
    changed = message(watching.watch(cursor), KeysChanged)
    assert (changed.keys, changed.missed) == ((), True)
    assert told(watching.watch(changed.cursor)) == []
    assert told(watching.hear("g")) == [("g",)]


def test_a_flood_is_owned_up_to_by_who_waits() -> None:
    """More than is kept came at once."""
    watching = Watching()
    watching.watch()
    assert told(watching.hear(*"abcdefgh"))[0][-1] == "missed"


@pytest.mark.parametrize(
    "cursor",
    [
        "2.0/1",
        "1.0/99",
        "1.0/-1",
        "1.0/x",
        "1.0",
        "1.0/",
        "/",
        "x",
        "1.0/" + "9" * 5_000,
        "1.0/1/1",
    ],
)
def test_a_cursor_that_is_not_of_this_life_may_have_missed_something(cursor: str) -> None:
    """The node was restarted, or the client has come from another."""
    watching = Watching()
    watching.begin()
    changed = message(watching.watch(cursor), KeysChanged)
    assert (changed.keys, changed.missed) == ((), True)
    assert told(watching.watch(changed.cursor)) == []


def test_while_nobody_watched_anything_may_have_changed() -> None:
    """The others do not tell a node of changes where nobody asks."""
    watching = Watching()
    cursor = watching.begin()
    watching.now_ms += SETTINGS.watch_ms
    assert watching.hear("a") == []
    assert told(watching.watch(cursor)) == [("missed",)]


def test_who_begins_after_a_pause_has_missed_nothing() -> None:
    """It asks for what comes from now on."""
    watching = Watching()
    watching.begin()
    watching.now_ms += SETTINGS.watch_ms
    assert watching.watch() == []
    assert told(watching.hear("a")) == [("a",)]


def test_the_others_are_told_that_somebody_watches_while_somebody_does() -> None:
    """At once, and every third of the time that it holds."""
    watching = Watching()
    assert not watching.keys.should_say(watching.now())
    said = []
    for at_ms in range(0, 40_000, 1_000):
        watching.now_ms = at_ms
        if at_ms <= 10_000:
            watching.watch(number=at_ms)
            watching.due(2_500 if at_ms == 10_000 else 0)
        if watching.keys.should_say(Now(at_ms, 0)):
            said.append(at_ms)
    assert said == [0, 5_000, 10_000, 15_000, 20_000]


def test_watchers_of_keys_are_bounded() -> None:
    """More are refused; who need not wait is answered still."""
    watching = Watching()
    for number in range(3):
        assert watching.watch(number=number) == []
    failed = message(watching.watch(number=4), Failed)
    assert (failed.code, failed.definite) == ("overloaded", True)
    assert told(watching.watch("2.0/1", number=5)) == [("missed",)]


@pytest.mark.parametrize("length", [5, 1_000])
def test_many_changes_are_told_a_message_at_a_time(length: int) -> None:
    """The client asks for the rest, and loses none."""
    watching = Watching(GossipSettings())
    cursor = watching.begin()
    keys = [f"{number:0{length}}" for number in range(9_000 if length == 5 else 500)]
    for first in range(0, len(keys), 100):
        watching.hear(*keys[first : first + 100])
    pages: list[tuple[str, ...]] = []
    while sum(map(len, pages)) < len(keys):
        changed = message(watching.watch(cursor), KeysChanged)
        assert not changed.missed
        size_bytes = 6 * sum(map(len, changed.keys + changed.versions))
        assert size_bytes <= MESSAGE_BYTES
        pages.append(changed.keys)
        cursor = changed.cursor
    assert len(pages) > 1
    assert min(map(len, pages[:-1])) > 50
    assert [key for page in pages for key in page] == keys
    assert watching.watch(cursor) == []


def test_one_change_that_is_larger_than_a_message_is_told_alone() -> None:
    """Nothing is held back for ever."""
    watching = Watching(GossipSettings())
    cursor = watching.begin()
    watching.hear("k" * MESSAGE_BYTES)
    watching.hear("l")
    for key in ("k" * MESSAGE_BYTES, "l"):
        changed = message(watching.watch(cursor), KeysChanged)
        assert changed.keys == (key,)
        cursor = changed.cursor


def test_a_change_is_told_at_once_behind_a_page_that_waits_for_nobody() -> None:
    """A client that is up to date is not held up by what others have yet to read."""
    watching = Watching(GossipSettings())
    watching.watch(prefix="rare/")
    for batch in range(30):
        assert watching.hear(*[f"{batch}/{number}/{'x' * 900}" for number in range(100)]) == []
    assert told(watching.hear("rare/1")) == [("rare/1",)]


def test_what_concerns_a_client_is_told_at_once_behind_much_that_does_not() -> None:
    """Its prefix is rare, the others' keys are many."""
    watching = Watching(GossipSettings())
    cursor = watching.begin()
    watching.watch(cursor, "rare/", number=1)
    for batch in range(15):
        watching.hear(*[f"common/{batch}/{number}" for number in range(100)])
    assert told(watching.hear("rare/1")) == [("rare/1",)]
    assert told(watching.watch(cursor, "rare/", number=2)) == [("rare/1",)]
