"""Announcing: what a node's own actors are told of the members, and what is on the disk first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest

from actors.actor import HOST, SWITCH, Address, Envelope
from actors.announcing import Announcing
from actors.gossip_settings import GossipSettings
from actors.membership import Member, State, members_from_bytes
from actors.messages import Connect, MembersChanged, Remember, Remembered, Subscribe
from tests.actors.envelopes import A, B, C, all_of, member, message, messages, reasons, the
from tests.actors.gossipers import NET, belonging, notes, remembered, rumour, told
from tests.actors.parts import Parts, nodes

ME, OTHER, THIRD = member(A), member(B), member(C)
SETTINGS = GossipSettings()
FOUND_OUT_ANEW: list[State] = ["suspect", "dead", "leaving"]


class Telling(Parts):
    """Announcing, of members who are all on the disk at the beginning."""

    def __init__(
        self, *others: Member, settings: GossipSettings = SETTINGS, has_layout: bool = True
    ) -> None:
        super().__init__(*others, settings=settings)
        self.announcing = Announcing(
            self.members, self.memory, self.outbox, Random(1), self.settings
        )
        self.announcing.network = NET
        self.announcing.has_layout = has_layout
        self.announcing.all_are_kept()

    def due(self, *, serves: bool = True, after_ms: int = 0) -> list[Envelope]:
        """The end of a turn, so much later: what is sent, also to the disk."""
        self.now_ms += after_ms
        self.announcing.due(self.now(), serves=serves)
        sent, remember = self.written()
        return sent + ([remember] if remember is not None else [])

    def answered(self, out: Sequence[Envelope], code: str = "ok") -> list[Envelope]:
        """The disk has answered: what is sent in that turn."""
        self.memory.on_remembered(the(out, Remember).id, code)
        return self.due()

    def hear(self, *news: Member) -> list[Envelope]:
        """News comes in: what is sent in that turn."""
        self.members.merge(news)
        return self.due()


def ring(out: Sequence[Envelope]) -> list[tuple[Member, ...]]:
    """What the router was told, each time."""
    told_router = [e for e in all_of(out, MembersChanged) if e.to.actor == "router"]
    return [changed.members for changed in messages(told_router, MembersChanged)]


# Who there is.


def whom(out: Sequence[Envelope]) -> list[str]:
    """The actors that are told of members."""
    return [envelope.to.actor for envelope in all_of(out, MembersChanged)]


def test_the_other_actors_and_the_host_are_told_who_belongs() -> None:
    """Once, when the node begins to serve."""
    telling = Telling(OTHER)
    assert all_of(telling.due(serves=False), MembersChanged) == []
    changed = MembersChanged(NET, (ME, OTHER), "")
    assert [(e.to, e.message) for e in all_of(telling.due(), MembersChanged)] == [
        (Address(A, "storage"), changed),
        (Address(A, "router"), changed),
        (Address(A, "fileserver"), changed),
        (Address(A, HOST), changed),
    ]
    assert telling.due() == []


def test_without_a_layout_only_the_storage_is_told() -> None:
    """It is to ask them which members keep the data; the others wait for that, then hear all."""
    telling = Telling(OTHER, has_layout=False)
    assert whom(telling.due()) == ["storage"]
    assert whom(telling.hear(member(B, state="suspect"))) == ["storage"]
    assert telling.due() == []
    telling.announcing.has_layout = True
    out = telling.due()
    assert whom(out) == ["router", "fileserver", HOST]
    assert ring(out) == [(ME, member(B, state="suspect"))]
    assert whom(telling.hear(member(B, incarnation=1))) == ["storage", "router", "fileserver", HOST]


def test_who_was_told_to_wait_is_told_anew_who_there_is() -> None:
    """Though that is what it knew before."""
    telling = Telling(OTHER)
    telling.due()
    telling.announcing.wait("for something")
    telling.outbox.take()
    assert whom(telling.due()) == ["router", "fileserver", HOST]


def test_a_newcomer_belongs_when_it_is_on_the_disk() -> None:
    """Not before, though the connection to it is made at once."""
    telling = Telling(OTHER)
    telling.due()
    out = telling.hear(THIRD)
    assert members_from_bytes(notes(the(out, Remember))["members"]) == [ME, OTHER, THIRD]
    assert ring(out) == []
    assert message(out, Connect).peers == ((B, OTHER.address), (C, THIRD.address))
    assert ring(telling.answered(out)) == [(ME, OTHER, THIRD)]


def test_one_that_left_belongs_until_that_is_on_the_disk() -> None:
    """As it was before: after a restart it would still be a member."""
    telling = Telling(OTHER, THIRD)
    telling.due()
    out = telling.hear(member(C, state="left"))
    assert ring(out) == []
    assert ring(telling.answered(out)) == [(ME, OTHER)]


@pytest.mark.parametrize("state", FOUND_OUT_ANEW)
def test_who_lives_is_told_at_once(state: State) -> None:
    """Without the disk: after a restart it is found out anew."""
    telling = Telling(OTHER, THIRD)
    telling.due()
    out = telling.hear(member(C, state=state))
    assert ring(out) == [(ME, OTHER, member(C, state=state))]
    assert all_of(out, Remember) == []
    assert ring(telling.hear(member(C, incarnation=1))) == [(ME, OTHER, member(C, incarnation=1))]


def test_one_that_stopped_is_told_at_once_and_remembered() -> None:
    """It stays a member, which keeps its data."""
    telling = Telling(OTHER)
    telling.due()
    out = telling.hear(member(B, state="stopped"))
    assert ring(out) == [(ME, member(B, state="stopped"))]
    kept = members_from_bytes(notes(the(out, Remember))["members"])
    assert kept == [ME, member(B, state="stopped")]


def test_news_of_others_does_not_wait_for_a_newcomer() -> None:
    """While that is on its way to the disk, another dies."""
    telling = Telling(OTHER)
    telling.due()
    out = telling.hear(THIRD)
    assert ring(telling.hear(member(B, state="dead"))) == [(ME, member(B, state="dead"))]
    assert ring(telling.answered(out)) == [(ME, member(B, state="dead"), THIRD)]


def test_one_write_at_a_time() -> None:
    """What comes while the disk is busy is remembered next, and none is forgotten."""
    telling = Telling()
    telling.due()
    first = telling.hear(OTHER)
    assert all_of(telling.hear(THIRD), Remember) == []
    out = telling.answered(first)
    assert ring(out) == [(ME, OTHER)]
    assert ring(telling.answered(out)) == [(ME, OTHER, THIRD)]


def test_a_list_that_could_not_be_remembered_is_not_acted_on() -> None:
    """It is counted, and tried again after a while, once."""
    telling = Telling(OTHER)
    telling.due()
    out = telling.answered(telling.hear(THIRD), "disk_full")
    assert reasons(out) == ["the list of members could not be kept: the disk is full"]
    assert all_of(out, MembersChanged) == all_of(out, Remember) == []
    assert telling.announcing.wake_at == SETTINGS.push_pull_ms
    out = telling.due(after_ms=SETTINGS.push_pull_ms)
    assert ring(telling.answered(out)) == [(ME, OTHER, THIRD)]
    assert telling.announcing.wake_at is None


def test_later_news_waits_too_while_the_disk_is_full() -> None:
    """All of it is in the next attempt."""
    telling = Telling()
    telling.due()
    telling.answered(telling.hear(OTHER), "disk_full")
    assert all_of(telling.hear(THIRD), Remember) == []
    out = telling.due(after_ms=SETTINGS.push_pull_ms)
    assert ring(telling.answered(out)) == [(ME, OTHER, THIRD)]


def test_a_node_that_does_not_serve_any_more_wants_no_turn_for_the_disk() -> None:
    """It keeps its folder as it is: a host that woke it for that would never rest."""
    telling = Telling(OTHER)
    telling.due()
    telling.answered(telling.hear(THIRD), "disk_full")
    telling.due(serves=False, after_ms=SETTINGS.push_pull_ms)
    wake_at = telling.announcing.wake_at
    assert wake_at is None or wake_at > telling.now_ms


# What the node waits for.


def test_why_a_node_waits_is_told_when_it_changes() -> None:
    """To router and file server, for their clients, and to the host, for its log."""
    telling = Telling()
    for reason in ("one", "one", "two"):
        telling.announcing.wait(reason)
    told_whom = [(e.to.actor, e.message) for e in telling.outbox.take()]
    assert told_whom == [
        (actor, MembersChanged("", (), reason))
        for reason in ("one", "two")
        for actor in ("router", "fileserver", HOST)
    ]
    assert telling.announcing.waiting == "two"


def test_a_node_that_waits_keeps_nothing_and_connects_to_all() -> None:
    """Who is to confirm it must be reached; what it hears is kept when it serves."""
    telling = Telling(OTHER)
    telling.members.merge([THIRD])
    out = telling.due(serves=False)
    assert {e.to.actor for e in out} == {SWITCH, HOST}
    assert message(out, Connect).peers == ((B, OTHER.address), (C, THIRD.address))
    assert [type(e.message) for e in telling.due()] == [*[MembersChanged] * 4, Remember]


# Connections, and whose gossip is heard.


def test_a_member_that_moved_is_connected_to_anew() -> None:
    """At its later address, for requests and for gossip."""
    telling = Telling(OTHER)
    telling.due()
    moved = member(B, boot=2, port=9_000)
    out = telling.hear(moved)
    assert the(out, Connect).to == Address(A, SWITCH)
    assert message(out, Connect).peers == ((B, moved.address),)
    assert the(out, Subscribe).to == Address(A, HOST)
    assert message(out, Subscribe).addresses == (moved.gossip_address,)


def test_who_is_down_is_still_connected_to() -> None:
    """It may come back."""
    telling = Telling(OTHER, THIRD)
    telling.due()
    assert all_of(telling.hear(member(B, state="dead")), Connect) == []


def test_who_left_is_still_connected_to_for_a_while() -> None:
    """It may have to be answered: it goes once it knows that others know."""
    telling = Telling(OTHER, THIRD)
    telling.due()
    out = telling.answered(telling.hear(member(C, state="left")))
    assert all_of(out, Connect) == []
    assert telling.announcing.wake_at == SETTINGS.neighbour_change_ms
    assert all_of(telling.due(after_ms=SETTINGS.neighbour_change_ms - 1), Connect) == []
    out = telling.due(after_ms=1)
    assert message(out, Connect).peers == ((B, OTHER.address),)
    assert telling.announcing.wake_at is None


def test_the_gossip_of_who_left_is_heard_no_more() -> None:
    """At once, though there still is a connection."""
    telling = Telling(OTHER, THIRD)
    telling.due()
    out = telling.hear(member(C, state="left"))
    assert message(out, Subscribe).addresses == (OTHER.gossip_address,)


def test_who_had_left_before_is_not_connected_to() -> None:
    """Nobody waits for an answer."""
    telling = Telling(OTHER, member(C, state="left"))
    assert message(telling.due(), Connect).peers == ((B, OTHER.address),)


def test_an_address_is_listened_to_once() -> None:
    """Two members may name the same one."""
    telling = Telling(OTHER, replace(THIRD, gossip_address=OTHER.gossip_address))
    assert message(telling.due(), Subscribe).addresses == (OTHER.gossip_address,)


def test_in_a_large_network_other_neighbours_are_chosen_now_and_then() -> None:
    """All are connected to, a handful is heard; nothing else is told of that."""
    telling = Telling(*nodes(30))
    out = telling.due()
    assert len(message(out, Connect).peers) == 30
    heard = message(out, Subscribe).addresses
    assert len(heard) < 10
    assert telling.announcing.wake_at == SETTINGS.neighbour_change_ms
    out = telling.due(after_ms=SETTINGS.neighbour_change_ms)
    assert [type(e.message) for e in out] == [Subscribe]
    assert len(set(message(out, Subscribe).addresses) - set(heard)) == 1
    assert telling.announcing.wake_at == 2 * SETTINGS.neighbour_change_ms


def test_in_a_small_network_all_are_heard() -> None:
    """Nobody waits to choose others."""
    others = nodes(SETTINGS.all_neighbours)
    telling = Telling(*others)
    assert message(telling.due(), Subscribe).addresses == tuple(m.gossip_address for m in others)
    assert telling.announcing.wake_at is None


# The same, of a whole gossiper.


def test_a_gossiper_acts_on_members_when_they_are_on_the_disk() -> None:
    """The ring follows the list that was remembered."""
    node = belonging(OTHER)
    out = node.take(rumour(THIRD))
    assert members_from_bytes(notes(the(out, Remember))["members"]) == [ME, OTHER, THIRD]
    assert ring(out) == []
    assert ring(remembered(node, out)) == [(ME, OTHER, THIRD)]


def test_a_gossiper_whose_disk_is_full_tries_again() -> None:
    """After two seconds, by its own wish."""
    node = belonging(OTHER)
    out = remembered(node, node.take(told(THIRD)), "disk_full")
    assert (ring(out), node.now_ms) == ([], 0)
    while not all_of(out, Remember):
        out = node.take_when_due()
    assert node.now_ms == SETTINGS.push_pull_ms
    assert [m.id for m in ring(remembered(node, out))[0]] == [A, B, C]


def test_news_that_changes_nothing_here_is_not_acted_on() -> None:
    """A list that was announced is not announced again."""
    node = belonging(OTHER)
    out = remembered(node, node.take(rumour(member(C, state="left"))))
    assert messages(out, MembersChanged) == []


def test_an_answer_of_the_disk_that_nobody_waits_for_is_passed_over() -> None:
    """One to an earlier life of the node."""
    node = belonging(OTHER)
    assert node.take(replace(rumour(), message=Remembered("ok"))) == []
