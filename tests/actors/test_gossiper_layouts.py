"""The gossiper and the layout: when it tells the node who there is, who has left, when it goes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.actor import HOST, Address, reply
from actors.gossip_settings import GossipSettings
from actors.layout import Layout
from actors.messages import (
    Ack,
    Admitted,
    Compare,
    Departed,
    Forget,
    GiveUp,
    Join,
    LayoutIs,
    Leave,
    MembersChanged,
    Ping,
    Remember,
    Retire,
    Rumour,
    Stop,
    Strike,
    Struck,
    Tell,
)
from tests.actors.envelopes import (
    A,
    B,
    C,
    all_of,
    client,
    member,
    message,
    messages,
    reasons,
    the,
    to,
)
from tests.actors.gossipers import (
    NET,
    ROUND_MS,
    acks,
    answer,
    belonging,
    decided,
    equal,
    fresh,
    from_peer,
    layout_is,
    listed,
    notes,
    notes_of,
    published,
    remembered,
    rumour,
    run_answered,
    to_router,
    told,
)

ME, OTHER, THIRD = member(A), member(B), member(C)
AGAIN = member(A, boot=2)
SETTINGS = GossipSettings()
WAITS = "waiting to be told which members keep the data"
WITHOUT_ME = Layout(3, (B, C), (), (A,))
FORGET = Forget(B, False, 1_000)
LEAVING = {**notes_of(ME, OTHER, THIRD), "leaving": b"yes"}


# When the node is told who there is.


def test_a_node_waits_until_it_knows_which_members_keep_the_data() -> None:
    """Its storage is told who there is, for it is to ask them; the router only then."""
    node = fresh(me=AGAIN, notes=notes_of(ME, OTHER))
    out = node.take()
    out = node.take(*equal(out))
    told_storage = the([e for e in out if e.to.actor == "storage"], MembersChanged)
    assert told_storage.message == MembersChanged(NET, (AGAIN, OTHER), "")
    assert to_router(out) == [MembersChanged("", (), WAITS)]
    remembered(node, out)
    assert to_router([e for _, e in run_answered(node, 5_000)]) == []
    out = node.take(layout_is(B))
    assert [(e.to.actor, e.message) for e in all_of(out, MembersChanged)] == [
        (actor, MembersChanged(NET, (AGAIN, OTHER), "")) for actor in ("router", "fileserver", HOST)
    ]
    assert to_router(node.take(decided(Layout(2, (A, B), (), ())))) == []


def test_a_node_that_knows_them_waits_until_it_is_confirmed() -> None:
    """Its layout may be an old one, and the others have gone on without it."""
    node = fresh(me=AGAIN, notes=notes_of(ME, OTHER))
    out = node.take(layout_is(B))
    assert [m.network for m in to_router(out)] == [""]
    assert [m.network for m in to_router(node.take(*equal(out)))] == [NET]


@pytest.mark.parametrize("sender", [Address(B, "storage"), Address(B, "gossiper")])
def test_only_the_nodes_own_storage_tells_of_a_layout(sender: Address) -> None:
    """What another node tells its gossiper is counted, and nothing comes of it."""
    node = belonging(OTHER, THIRD)
    out = node.take(to("gossiper", LayoutIs(WITHOUT_ME), sender, 0))
    assert reasons(out) == ["gossiper was sent LayoutIs"]
    assert messages(out, GiveUp) == []


# Others.


def test_who_is_gone_from_the_layout_is_listed_as_left() -> None:
    """That is remembered. Nobody is told, for all learn it in this way."""
    node = belonging(OTHER, THIRD)
    out = node.take(decided(Layout(3, (A, C), (), (B,))))
    gone = member(B, state="left")
    assert listed(node) == (ME, gone, THIRD)
    assert to_router(out) == []
    assert to_router(remembered(node, out)) == [MembersChanged(NET, (ME, THIRD), "")]
    assert published(node) == []


def test_a_suspect_that_is_gone_from_the_layout_is_not_called_dead_later() -> None:
    """A suspicion that was under way ends."""
    node = belonging(OTHER, THIRD)
    remembered(node, node.take(rumour(member(B, state="suspect"), origin=C)))
    remembered(node, node.take(decided(Layout(3, (A, C), (), (B,)))))
    run_answered(node, 30_000)
    assert listed(node) == (ME, member(B, state="left"), THIRD)


def test_a_suspect_that_is_struck_out_is_not_called_dead_later() -> None:
    """Nor one that was dead when somebody asked for it, and is suspected anew."""
    node = belonging(member(B, state="dead"), THIRD)
    asked = node.take(to("gossiper", FORGET, client()))
    node.take(rumour(member(B, incarnation=1, state="suspect"), origin=C))
    remembered(node, node.take(*(reply(e, Struck("ok", "")) for e in all_of(asked, Strike))))
    run_answered(node, 30_000)
    assert listed(node) == (ME, member(B, incarnation=1, state="left"), THIRD)


@pytest.mark.parametrize("by", [B, C])
def test_word_that_one_has_left_is_not_believed_while_it_keeps_data(by: str) -> None:
    """Though it says so itself: what it kept may not have been moved. It is not told on either."""
    node = belonging(OTHER, THIRD)
    gone = member(B, incarnation=1, state="left")
    out = node.take(told(gone, by=by), rumour(gone, origin=by))
    assert set(reasons(out)) == {"a member that keeps data is said to have left"}
    assert listed(node) == (ME, OTHER, THIRD)
    assert published(node) == []


def test_lists_that_differ_in_who_has_left_are_compared_without_harm() -> None:
    """One node has a layout that the other has not yet: no rumours come of it, and no haste."""
    node = belonging(OTHER, THIRD)
    gone = Tell(NET, (member(B, state="left"), THIRD), ())
    sent = []
    for _ in range(5):
        sent += node.take(from_peer(gone, C, 0))
        sent += [e for _, e in run_answered(node, 2_000)]
    for unwanted in (Rumour, GiveUp, MembersChanged, Remember):
        assert all_of(sent, unwanted) == []
    assert len(all_of(sent, Compare)) <= 10_000 // (SETTINGS.push_pull_ms // 2)
    node.take(decided(Layout(3, (A, C), (), (B,))))
    assert listed(node) == (ME, member(B, state="left"), THIRD)


def test_an_heir_takes_the_place_of_who_is_down_when_that_is_decided() -> None:
    """Until then both are members: the one that is down keeps data."""
    node = belonging(THIRD, member(B, state="stopped"))
    heir = member("9" * 16, name=OTHER.name)
    remembered(node, node.take(told(heir, by=C)))
    assert {m.state for m in listed(node) if m.name == OTHER.name} == {"alive", "stopped"}
    node.take(decided(Layout(3, tuple(sorted((A, C, heir.id))), (), (B,))))
    assert [m for m in listed(node) if m.state == "left"] == [member(B, state="left")]


def test_a_lost_folder_is_replaced_by_who_listens_at_its_address() -> None:
    """Whose name and address it has cannot be there: dead, and left when a layout is without it."""
    old = replace(member(C), name=ME.name, address=ME.address)
    asked = belonging(OTHER, old)
    answered = asked.take(to("gossiper", Join(ME), Address("9" * 16, "gossiper")))
    assert message(answered, Admitted).members
    node = fresh(OTHER.address)
    join = the(node.take(), Join)
    out = remembered(node, node.take(answer(join, Admitted(NET, (OTHER, old)), B)))
    dead, gone = replace(old, state="dead"), replace(old, state="left")
    assert message(out, Rumour).members == (ME, dead)
    assert listed(node) == (ME, dead, OTHER)
    node.take(decided(Layout(5, (B, C), (A, B), ())))
    assert listed(node) == (ME, dead, OTHER)
    node.take(decided(Layout(6, (A, B), (), (C,))))
    assert listed(node) == (ME, gone, OTHER)


# The node itself.


def test_a_node_that_is_gone_from_the_layout_gives_up() -> None:
    """It was struck out, or another has its name; it keeps nothing any more."""
    out = belonging(OTHER, THIRD).take(decided(WITHOUT_ME))
    assert message(out, GiveUp).code == "refused"
    assert "left the network for good" in message(out, GiveUp).reason


def test_a_node_that_is_not_in_the_layout_yet_goes_on() -> None:
    """It wishes to be: others see that it is there."""
    node = belonging(OTHER, THIRD)
    assert messages(node.take(decided(Layout(3, (B, C), (), ()))), GiveUp) == []


def test_a_node_leaves_when_a_layout_is_without_it() -> None:
    """It says that it wishes to go and serves on; then it says that it left, answers, and stops."""
    node = belonging(OTHER, THIRD)
    out = node.take(to("gossiper", Leave("", 10_000), client(), 5))
    assert notes(the(out, Remember)) == {"leaving": b"yes"}
    remembered(node, out)
    assert [r.members for r in published(node)] == [(member(A, incarnation=1, state="leaving"),)]
    out = [e for _, e in run_answered(node, 5_000)]
    assert all(m.network for m in to_router(out))
    assert messages(out, Departed) == []

    out = node.take(decided(WITHOUT_ME))
    assert messages(out, GiveUp) == []
    assert notes(the(out, Remember)) == {"left": b"yes", "leaving": b""}
    out = remembered(node, out)
    left = member(A, incarnation=2, state="left")
    assert [m.waiting for m in to_router(out)] == ["it has left its network for good"]
    pings = all_of(out, Ping)
    assert {(e.to.node, e.message.news) for e in pings if isinstance(e.message, Ping)} == {
        (B, (left,)),
        (C, (left,)),
    }
    out = node.take(*acks(pings))
    departed = the(out, Departed)
    assert (departed.to, departed.id, departed.message) == (client(), 5, Departed(left))
    assert all_of(node.take(after_ms=ROUND_MS), Retire)


def test_a_node_that_was_leaving_goes_on_leaving() -> None:
    """It says so as soon as it is there again, and leaves when a layout is without it."""
    node = fresh(me=AGAIN, notes=LEAVING)
    out = node.take(layout_is(B, C))
    leaving = member(A, boot=2, incarnation=1, state="leaving")
    assert message(out, Rumour).members == (leaving,)
    out = node.take(*equal(out))
    assert [m.members for m in to_router(out)] == [(leaving, OTHER, THIRD)]
    remembered(node, out)
    remembered(node, node.take(decided(WITHOUT_ME)))
    assert {m.state for m in listed(node) if m.id == A} == {"left"}


def test_a_node_that_was_leaving_and_keeps_nothing_goes_at_once() -> None:
    """The layout without it was on its disk, and that it left was not."""
    node = fresh(me=AGAIN, notes=LEAVING)
    out = node.take(decided(WITHOUT_ME))
    assert messages(out, GiveUp) == []
    assert notes(the(out, Remember)) == {"left": b"yes", "leaving": b""}
    out = remembered(node, out)
    assert {e.to.node for e in all_of(out, Ping)} == {B, C}
    out = node.take(*acks(out))
    assert messages(out, Departed) == []
    assert all_of(node.take(after_ms=ROUND_MS), Retire)


def test_a_leaving_node_that_others_say_has_left_goes() -> None:
    """It missed the layout: they have no connection to it any more."""
    node = belonging(OTHER, THIRD)
    remembered(node, node.take(to("gossiper", Leave("", 10_000), client(), 5)))
    out = node.take(told(member(A, incarnation=1, state="left")))
    assert messages(out, GiveUp) == []
    out = remembered(node, out)
    out = node.take(*acks(out))
    assert message(out, Departed).member.state == "left"
    assert all_of(node.take(after_ms=ROUND_MS), Retire)


def test_a_leaving_node_that_is_stopped_stays_a_member() -> None:
    """It has not left yet; when it is started again it goes on leaving."""
    node = belonging(OTHER, THIRD)
    remembered(node, node.take(to("gossiper", Leave("", 10_000), client(), 5)))
    out = node.take(to("gossiper", Stop(), Address(A, HOST)))
    assert message(out, Rumour).members == (member(A, incarnation=2, state="stopped"),)


def test_who_hears_of_a_departure_says_so_to_who_left() -> None:
    """It waits for that; and there is no connection to it any more: it is told at its address."""
    node = belonging(OTHER, THIRD)
    node.take(decided(Layout(3, (A, C), (), (B,))))
    left = replace(OTHER, incarnation=2, state="left")
    ack = the(node.take(from_peer(Ping(NET, 0, (left,)), B, 7)), Ack)
    assert (ack.to.node, ack.id) == (f"@{OTHER.address}", 7)


def test_who_leaves_is_answered_by_those_who_have_not_heard_of_the_layout() -> None:
    """They do not believe it yet, but it need not wait for them."""
    node = belonging(OTHER, THIRD)
    left = replace(OTHER, incarnation=2, state="left")
    ack = the(node.take(from_peer(Ping(NET, 0, (left,)), B, 7)), Ack)
    assert (ack.to.node, ack.id) == (B, 7)
    assert listed(node) == (ME, OTHER, THIRD)
