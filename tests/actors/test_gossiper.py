"""The gossiper: who is a member of the network, as far as this node knows."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from actors.actor import EVERYBODY, HOST, Address, Envelope
from actors.gossip_settings import GossipSettings
from actors.membership import Member, Members, members_from_bytes
from actors.messages import (
    Compare,
    Compared,
    Connect,
    Dropped,
    Finished,
    GiveUp,
    ListMembers,
    MembersChanged,
    MembersListed,
    Message,
    Observe,
    Remember,
    Rumour,
    Stop,
    Subscribe,
    Tell,
)
from tests.actors.envelopes import (
    A,
    B,
    C,
    all_of,
    bounced,
    client,
    from_host,
    member,
    message,
    messages,
    reasons,
    the,
    to,
)
from tests.actors.gossipers import NET, belonging, fresh, from_peer, notes, notes_of, remembered

ME, OTHER, THIRD = member(A), member(B), member(C)


def rumour(
    *news: Member, seq: int = 1, ttl: int = 2, boot: str = "1.0", network: str = NET
) -> Envelope:
    """Node B published news."""
    return from_peer(Rumour(network, B, boot, seq, ttl, news), B)


# Rumours.


def test_a_rumour_is_taken_in_and_passed_on() -> None:
    """With one hop less to go, under the number that its origin gave it."""
    node = belonging(OTHER)
    passed_on = the(node.take(rumour(THIRD, seq=7, ttl=2)), Rumour)
    assert passed_on.to == Address(EVERYBODY, "gossiper")
    assert passed_on.message == Rumour(NET, B, "1.0", 7, 1, (THIRD,))


def test_a_rumour_is_heard_once() -> None:
    """A duplicate is neither taken in nor passed on."""
    node = belonging(OTHER)
    node.take(rumour(THIRD, seq=7))
    assert node.take(rumour(member(C, boot=9), seq=7)) == []


def test_a_rumour_of_another_life_is_another_rumour() -> None:
    """An origin counts from the beginning in each of its lives."""
    node = belonging(OTHER)
    node.take(rumour(THIRD, seq=7))
    assert messages(node.take(rumour(member(C, boot=2), seq=7, boot="2.0")), Rumour)


def test_a_rumour_that_has_gone_far_enough_is_not_passed_on() -> None:
    """It is taken in all the same."""
    node = belonging(OTHER)
    out = node.take(rumour(THIRD, ttl=0))
    assert messages(out, Rumour) == []
    assert messages(remembered(node, out), MembersChanged)[0].members == (ME, OTHER, THIRD)


def test_no_rumour_lives_longer_than_the_nodes_own() -> None:
    """Whatever it says: a forged ttl does not keep a network busy."""
    node = belonging(OTHER, settings=GossipSettings(ttl=4))
    assert message(node.take(rumour(THIRD, ttl=10**9)), Rumour).ttl == 3


def test_a_node_does_not_pass_on_its_own_rumour() -> None:
    """It comes back to it through others."""
    node = belonging(OTHER)
    own = Rumour(NET, A, "1.0", 1, 3, (ME,))
    assert node.take(from_peer(own, B)) == []


@pytest.mark.parametrize(
    "strange",
    [
        Rumour("else", B, "1.0", 1, 3, (THIRD,)),
        Compare("else", "digest"),
        Compared("else", (THIRD,)),
        Tell("else", (THIRD,)),
    ],
)
def test_what_is_of_another_network_is_dropped_and_counted(strange: Message) -> None:
    """Two networks never merge."""
    node = belonging(OTHER)
    out = node.take(from_peer(strange, B))
    assert [e.to.actor for e in out] == [HOST]
    assert reasons(out) == ["gossip of another network"]


def test_much_news_is_published_in_several_rumours() -> None:
    """Each with a number of its own."""
    node = belonging(settings=GossipSettings(max_rumour_members=2))
    news = tuple(member(f"{i:016x}", name=f"n{i}", port=8000 + i) for i in range(5))
    rumours = messages(node.take(from_peer(Tell(NET, news), B)), Rumour)
    assert [len(r.members) for r in rumours] == [2, 2, 1]
    assert len({r.seq for r in rumours}) == 3
    assert [m for r in rumours for m in r.members] == list(news)


# Push-pull.


def test_a_node_compares_notes_with_a_peer_now_and_then() -> None:
    """Every two seconds on average, and never in step with others."""
    node = belonging(OTHER, settings=GossipSettings(push_pull_ms=2_000))
    times = []
    for _ in range(50):
        compare = the(node.take_when_due(), Compare)
        assert compare.to == Address(B, "gossiper")
        times.append(node.now_ms)
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert min(pauses) >= 1_000
    assert max(pauses) < 3_000
    assert len(set(pauses)) > 25


def test_a_node_that_is_alone_compares_nothing() -> None:
    """There is nobody."""
    assert belonging().run_for(10_000) == []


def test_push_pull_has_three_steps() -> None:
    """A digest; the list, if it differs; and what the other side did not know."""
    one = belonging(OTHER, THIRD)
    two = fresh(me=OTHER, notes=notes_of(OTHER, ME))
    remembered(two, two.take())
    remembered(two, two.take(from_peer(Compared(NET, ()), A)))
    newer = member(B, incarnation=1)
    compare = Compare(NET, Members(ME, [OTHER, THIRD], 10).digest())
    compared = message(two.take(from_peer(compare, A)), Compared)
    assert compared == Compared(NET, (ME, OTHER))
    out = one.take(from_peer(replace(compared, members=(ME, newer)), B))
    assert [e.to for e in all_of(out, Tell)] == [Address(B, "gossiper")]
    assert message(out, Tell) == Tell(NET, (THIRD,))
    assert message(out, Rumour).members == (newer,)
    out = remembered(two, two.take(from_peer(Tell(NET, (THIRD,)), A)))
    assert messages(out, MembersChanged)[0].members == (ME, OTHER, THIRD)


def test_equal_lists_are_not_sent() -> None:
    """A digest is answered with nothing, and nothing follows."""
    node = belonging(OTHER)
    compare = Compare(NET, Members(OTHER, [ME], 10).digest())
    compared = the(node.take(from_peer(compare, B, 5)), Compared)
    assert (compared.to, compared.id) == (Address(B, "gossiper"), 5)
    assert compared.message == Compared(NET, ())
    assert node.take(from_peer(Compared(NET, ()), B)) == []


def test_a_peer_that_may_not_know_this_node_is_told_of_it_first() -> None:
    """Else it could not answer; when it has answered, that is not needed any more."""
    node = fresh(notes=notes_of(ME, OTHER))
    remembered(node, node.take())
    out = node.take_when_due()
    assert [type(e.message) for e in out if e.to.node == B][-2:] == [Tell, Compare]
    node.take(from_peer(Compared(NET, ()), B))
    assert [type(e.message) for e in node.take_when_due()] == [Compare]


def test_news_that_was_told_is_published() -> None:
    """What is known already is not, nor is it remembered again."""
    node = belonging(OTHER)
    out = node.take(from_peer(Tell(NET, (THIRD, OTHER)), B))
    assert message(out, Rumour).members == (THIRD,)
    remembered(node, out)
    assert node.take(from_peer(Tell(NET, (THIRD, OTHER)), B)) == []


def test_what_bounced_is_told_again() -> None:
    """A connection may just be being made: after 100 ms, then 200, up to the usual interval."""
    never = GossipSettings(push_pull_ms=10**9, join_retry_ms=10**9)
    node = fresh(notes=notes_of(ME, OTHER), settings=never)
    out = node.take()
    remembered(node, out)
    times = []
    for _ in range(5):
        tells = [e for e in all_of(out, Tell) if e.to.node == B]
        node.take(bounced(tells[-1]))
        out = node.take_when_due()
        times.append(node.now_ms)
    assert times == [100, 300, 700, 1_500, 3_100]


def test_what_bounced_of_a_stranger_is_not_told_again() -> None:
    """Only members are told of this node until they have heard it."""
    node = belonging(OTHER)
    stranger = Envelope(Address(C, "gossiper"), Address(A, "gossiper"), Tell(NET, (ME,)))
    node.take(bounced(stranger))
    assert [e for e in node.run_for(5_000) if e.to.node == C] == []


# What is acted on is on the disk.


def test_members_are_acted_on_when_they_are_on_the_disk() -> None:
    """The ring, the connections and the subscriptions follow the list that was remembered."""
    node = belonging(OTHER)
    out = node.take(rumour(THIRD))
    assert members_from_bytes(notes(the(out, Remember))["members"]) == [ME, OTHER, THIRD]
    assert messages(out, MembersChanged) == []
    assert messages(out, Connect) == []
    out = remembered(node, out)
    changed = MembersChanged(NET, (ME, OTHER, THIRD), "")
    assert [(e.to, e.message) for e in all_of(out, MembersChanged)] == [
        (Address(A, "router"), changed),
        (Address(A, HOST), changed),
    ]
    assert the(out, Connect).to == Address(A, "switch")
    assert message(out, Connect).peers == ((B, OTHER.address), (C, THIRD.address))
    assert message(out, Subscribe).addresses == (OTHER.gossip_address, THIRD.gossip_address)


def test_a_list_that_could_not_be_remembered_is_not_acted_on() -> None:
    """It is counted, and tried again at the next comparison."""
    node = belonging(OTHER)
    out = remembered(node, node.take(rumour(THIRD)), "disk_full")
    assert messages(out, MembersChanged) == []
    assert reasons(out) == ["the list of members could not be kept: the disk is full"]
    out = remembered(node, node.take_when_due())
    assert messages(out, MembersChanged)[0].members == (ME, OTHER, THIRD)
    assert messages(node.take_when_due(), Remember) == []


def test_news_that_comes_while_the_disk_is_busy_is_remembered_next() -> None:
    """One commit at a time, and none is forgotten."""
    node = belonging()
    first = node.take(rumour(OTHER, seq=1))
    assert messages(node.take(rumour(THIRD, seq=2)), Remember) == []
    changes = messages(remembered(node, first), MembersChanged)
    assert [changed.members for changed in changes[::2]] == [(ME, OTHER), (ME, OTHER, THIRD)]


def test_news_that_changes_nothing_here_is_not_acted_on() -> None:
    """A list that was announced is not announced again."""
    node = belonging(OTHER)
    out = remembered(node, node.take(rumour(member(C, state="left"))))
    assert messages(out, MembersChanged) == []


# Names, ids and departures.


def test_a_living_member_takes_over_the_name_of_a_stopped_one() -> None:
    """The stopped one has left for good; both are news, and the ring changes at once."""
    node = belonging(member(B, state="stopped"))
    heir = replace(THIRD, name=OTHER.name)
    out = node.take(from_peer(Tell(NET, (heir,)), C))
    assert message(out, Rumour).members == (heir, member(B, state="left"))
    assert messages(remembered(node, out), MembersChanged)[0].members == (ME, heir)


def test_departure_is_final() -> None:
    """Later news of a member that left is no news; it is told so, at the address it gives."""
    node = belonging(member(B, state="left"))
    back = replace(member(B, boot=9), address="10.0.0.9:7000")
    out = node.take(from_peer(Tell(NET, (back,)), B))
    assert [(e.to.node, e.message) for e in out] == [
        ("@10.0.0.9:7000", Tell(NET, (member(B, state="left"),)))
    ]


def test_a_node_that_left_for_good_gives_up() -> None:
    """Another one has its name."""
    out = belonging(OTHER).take(from_peer(Tell(NET, (member(A, state="left"),)), B))
    assert message(out, GiveUp).code == "refused"
    assert reasons(out) == []


def test_another_node_with_the_same_id_is_counted() -> None:
    """It is a copy of this node's folder; this node goes on as it was."""
    node = belonging(OTHER)
    out = node.take(from_peer(Tell(NET, (member(A, boot=5),)), B))
    assert reasons(out) == ["another node claims this node's id"]
    listed = message(node.take(to("gossiper", ListMembers(), client())), MembersListed)
    assert listed.members[0] == ME


def test_what_cannot_be_a_member_is_counted() -> None:
    """It is not passed on in this node's name."""
    out = belonging(OTHER).take(from_peer(Tell(NET, (replace(THIRD, name=""),)), B))
    assert [type(e.message) for e in out] == [Dropped]
    assert reasons(out) == ["no such member can be"]


# The rest.


def test_a_client_is_told_all_members() -> None:
    """In the order of their names, those that left included."""
    node = belonging(replace(OTHER, name="zoe"), replace(THIRD, name="amy", state="left"))
    answer = the(node.take(to("gossiper", ListMembers(), client(), 6)), MembersListed)
    assert (answer.to, answer.id) == (client(), 6)
    assert isinstance(answer.message, MembersListed)
    assert answer.message.network == NET
    assert [m.name for m in answer.message.members] == ["amy", "node-a", "zoe"]


def test_a_fresh_node_tells_that_it_knows_only_itself() -> None:
    """Without a network."""
    listed = fresh(OTHER.address).take(to("gossiper", ListMembers(), client()))
    assert message(listed, MembersListed) == MembersListed("", (ME,))


def test_a_node_that_stops_says_good_bye() -> None:
    """To everybody, and to each member; it stays a member."""
    node = belonging(OTHER, THIRD)
    out = node.take(from_host("gossiper", Stop()))
    stopped = member(A, incarnation=1, state="stopped")
    assert message(out, Rumour).members == (stopped,)
    assert [(e.to.node, e.message) for e in all_of(out, Tell)] == [
        (B, Tell(NET, (stopped,))),
        (C, Tell(NET, (stopped,))),
    ]
    assert the(out, Finished).to == Address(A, HOST)
    assert out[-1].message == Finished()


def test_a_fresh_node_stops_without_a_word() -> None:
    """Nobody knows it."""
    node = fresh(OTHER.address)
    node.take()
    assert [e.message for e in node.take(from_host("gossiper", Stop()))] == [Finished()]


def test_what_is_not_for_a_gossiper_is_dropped_and_counted() -> None:
    """It is told to the host, and nobody is answered."""
    out = belonging(OTHER).take(from_peer(Observe(), B))
    assert reasons(out) == ["gossiper was sent Observe"]
    assert [e.to for e in out] == [Address(A, HOST)]
