"""The gossiper of a fresh node: it founds, promises, follows or is refused; disk before deed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.actor import EVERYBODY, HOST, Address, Envelope, reply
from actors.gossip_settings import GossipSettings
from actors.layout import Layout
from actors.membership import members_from_bytes
from actors.messages import (
    Admitted,
    Bind,
    Bound,
    Compare,
    Connect,
    Failed,
    Fresh,
    GiveUp,
    Join,
    MembersChanged,
    Remember,
    Remembered,
    Rumour,
    Subscribe,
    Tell,
)
from tests.actors.envelopes import (
    A,
    B,
    C,
    Turns,
    all_of,
    bounced,
    member,
    message,
    messages,
    reasons,
    the,
)
from tests.actors.gossipers import (
    NET,
    answer,
    belonging,
    fresh,
    from_peer,
    layout_is,
    notes,
    remembered,
    to_router,
    told,
)

ME, OTHER, THIRD = member(A), member(B), member(C)
LOWER = replace(OTHER, address="10.0.0.1:6999")


def waits_for(out: list[Envelope]) -> str:
    """What the router is told that the node waits for."""
    return next(m.waiting for m in messages(out, MembersChanged))


def after_joins(node: Turns, bound_to: str = "") -> list[Envelope]:
    """All peers have answered that they are fresh: what the node does then, or at its next
    attempt."""
    joins = all_of(node.take(), Join)
    ids = {member(of).address: of for of in (B, C)}
    ids[LOWER.address] = B
    out = node.take(*(answer(j, Fresh(bound_to), ids[j.to.node.removeprefix("@")]) for j in joins))
    return out or node.take_when_due()


# Founding.


def test_a_node_that_was_told_of_nobody_founds_alone() -> None:
    """It remembers the network first, and serves when that is on the disk."""
    node = fresh()
    out = node.take()
    kept = notes(the(out, Remember))
    assert len(kept["network"]) == 16
    assert members_from_bytes(kept["members"]) == [ME]
    assert message(out, Remember).founding == Layout(1, (A,), (), ())
    assert messages(out, MembersChanged) == []
    out = node.take(layout_is(), reply(the(out, Remember), Remembered("ok")))
    changed = MembersChanged(kept["network"].decode(), (ME,), "")
    assert [(e.to.actor, e.message) for e in all_of(out, MembersChanged)] == [
        ("storage", changed),
        ("router", changed),
        ("fileserver", changed),
        (HOST, changed),
    ]
    assert all_of(out, Connect) == all_of(out, Subscribe) == []


def test_a_node_that_could_not_remember_its_network_tries_again() -> None:
    """On a full disk nothing is founded; the next attempt is 200 ms later."""
    node = fresh()
    out = remembered(node, node.take(), "disk_full")
    assert messages(out, MembersChanged) == []
    assert node.actor.wake_at == node.now_ms + 200
    out = node.take_when_due()
    assert messages(remembered(node, out), MembersChanged)


def test_a_founder_asks_all_and_promises_itself_on_disk_first() -> None:
    """Only when its own promise is remembered does it ask for others'."""
    node = fresh(OTHER.address, THIRD.address)
    out = after_joins(node)
    assert notes(the(out, Remember)) == {"bound_to": ME.address.encode()}
    assert messages(out, Bind) == []
    remembered(node, out)
    out = node.take_when_due()
    assert [(e.to, e.message) for e in all_of(out, Bind)] == [
        (Address(f"@{OTHER.address}", "gossiper"), Bind(ME.address)),
        (Address(f"@{THIRD.address}", "gossiper"), Bind(ME.address)),
    ]


def test_a_founder_begins_with_all_who_promised() -> None:
    """When the last promise comes, it remembers the network with all of its members."""
    node = fresh(OTHER.address, THIRD.address)
    remembered(node, after_joins(node))
    first, second = all_of(node.take_when_due(), Bind)
    node.take(answer(first, Bound(ME.address, OTHER), B))
    out = node.take_when_due()
    assert messages(out, Remember) == []
    again = the([e for e in all_of(out, Bind) if e.to == second.to], Bind)
    out = node.take(answer(again, Bound(ME.address, THIRD), C))
    kept = notes(the(out, Remember))
    assert members_from_bytes(kept["members"]) == [OTHER, THIRD, ME]
    assert kept["bound_to"] == b""
    assert message(out, Remember).founding == Layout(1, (A, B, C), (), ())
    out = node.take(layout_is(B, C), reply(the(out, Remember), Remembered("ok")))
    changed = MembersChanged(kept["network"].decode(), (ME, OTHER, THIRD), "")
    assert to_router(out) == [changed]
    assert message(out, Connect).peers == ((B, OTHER.address), (C, THIRD.address))
    assert message(out, Subscribe).addresses == (OTHER.gossip_address, THIRD.gossip_address)


def test_the_network_of_a_founder_is_told_to_its_followers() -> None:
    """Who is fresh asks at once to be let in when it is told of a network."""
    node = fresh(OTHER.address)
    remembered(node, after_joins(node))
    bind = the(node.take_when_due(), Bind)
    out = remembered(node, node.take(answer(bind, Bound(ME.address, OTHER), B)))
    told = {e.to.node: e.message for e in all_of(out, Tell)}
    assert {f"@{OTHER.address}", B} <= set(told)
    follower = fresh(ME.address, me=OTHER)
    follower.take()
    out = follower.take(from_peer(told[B], A), after_ms=1)
    assert follower.actor.wake_at is not None
    assert [e.to.node for e in all_of(out, Join)] == [f"@{ME.address}"]


def test_a_promise_to_itself_survives_a_restart() -> None:
    """The founder does not promise again, it asks at once."""
    out = fresh(OTHER.address, notes={"bound_to": ME.address.encode()}).take()
    assert messages(out, Bind) == [Bind(ME.address)]
    assert messages(out, Remember) == []


def test_a_node_that_waits_says_for_whom() -> None:
    """Router and host are told when that changes, and only then."""
    node = fresh(OTHER.address)
    out = node.take()
    assert waits_for(out) == f"waiting for {OTHER.address} to answer"
    assert [e.to.actor for e in all_of(out, MembersChanged)] == ["router", "fileserver", HOST]
    assert messages(node.take_when_due(), MembersChanged) == []


def test_a_peer_that_is_gone_again_is_waited_for() -> None:
    """What bounced was not answered."""
    node = fresh(OTHER.address, me=replace(ME, address="10.0.0.1:9999"))
    joined = the(node.take(), Join)
    node.take(answer(joined, Fresh(""), B))
    assert waits_for(node.take_when_due()) == f"waiting for {OTHER.address} to begin the network"
    joined = the(node.take_when_due(), Join)
    node.take(bounced(joined))
    assert waits_for(node.take_when_due()) == f"waiting for {OTHER.address} to answer"


def test_a_question_that_comes_back_was_asked_of_itself() -> None:
    """The address is its own, though it is listed otherwise; then it is alone on its list."""
    node = fresh("0.0.0.0:7010")
    joined = the(node.take(), Join)
    assert node.take(from_peer(joined.message, A, joined.id)) == []
    out = node.take_when_due()
    assert messages(out, Join) == []
    assert notes(the(out, Remember)) == {"bound_to": ME.address.encode()}


# Promising.


def test_a_promise_is_on_disk_before_it_is_given() -> None:
    """The answer goes to the founder's address, with who promised."""
    node = fresh(LOWER.address)
    node.take()
    out = node.take(from_peer(Bind(LOWER.address), B, 33))
    assert notes(the(out, Remember)) == {"bound_to": LOWER.address.encode()}
    assert messages(out, Bound) == []
    bound = the(remembered(node, out), Bound)
    assert (bound.to, bound.id) == (Address(f"@{LOWER.address}", "gossiper"), 33)
    assert bound.message == Bound(LOWER.address, ME)


def test_a_promise_is_given_once() -> None:
    """Who asks later is told which one stands, itself or another."""
    node = fresh(LOWER.address, notes={"bound_to": LOWER.address.encode()})
    node.take()
    for founder in (THIRD.address, LOWER.address):
        out = node.take(from_peer(Bind(founder), C, 5))
        assert messages(out, Remember) == []
        assert message(out, Bound) == Bound(LOWER.address, ME)


def test_of_two_founders_at_once_only_the_first_is_promised() -> None:
    """The other is answered when it asks again."""
    node = fresh(LOWER.address)
    node.take()
    out = node.take(from_peer(Bind(LOWER.address), B, 1), from_peer(Bind(THIRD.address), C, 2))
    out = remembered(node, out)
    assert messages(out, Bound) == [Bound(LOWER.address, ME)]
    again = node.take(from_peer(Bind(THIRD.address), C, 3))
    assert messages(again, Bound) == [Bound(LOWER.address, ME)]


def test_a_promise_that_is_not_on_disk_is_not_given() -> None:
    """On a full disk the founder gets no answer; the promise may still go to anybody."""
    node = fresh(LOWER.address)
    node.take()
    out = node.take(from_peer(Bind(LOWER.address), B))
    assert messages(remembered(node, out, "disk_full"), Bound) == []
    out = node.take(from_peer(Bind(THIRD.address), C))
    assert messages(remembered(node, out), Bound) == [Bound(THIRD.address, ME)]


def test_who_founds_alone_promises_nothing() -> None:
    """Not even while the disk is full and its own network not yet begun."""
    node = fresh()
    remembered(node, node.take(), "disk_full")
    assert node.take(from_peer(Bind(LOWER.address), B)) == []


def test_a_member_promises_nothing() -> None:
    """Who asks to be followed also asks to be let in, and that is answered."""
    assert belonging().take(from_peer(Bind(LOWER.address), B)) == []


def test_fresh_nodes_tell_each_other_so() -> None:
    """With the promise that stands, to the address of who asked."""
    node = fresh(OTHER.address, notes={"bound_to": OTHER.address.encode()})
    answered = the(node.take(from_peer(Join(THIRD), C, 9)), Fresh)
    assert (answered.to, answered.id) == (Address(f"@{THIRD.address}", "gossiper"), 9)
    assert answered.message == Fresh(OTHER.address)


# Following.


def test_who_is_admitted_belongs_when_its_disk_has_it() -> None:
    """Network and members are remembered; then it serves, and tells of itself."""
    node = fresh(OTHER.address)
    joined = the(node.take(), Join)
    out = node.take(answer(joined, Admitted(NET, (OTHER, THIRD)), B))
    kept = notes(the(out, Remember))
    assert kept["network"] == NET.encode()
    assert members_from_bytes(kept["members"]) == [OTHER, THIRD, ME]
    assert message(out, Remember).founding is None
    assert messages(out, MembersChanged) == []
    out = remembered(node, out)
    told_storage = the([e for e in out if e.to.actor == "storage"], MembersChanged)
    assert told_storage.message == MembersChanged(NET, (ME, OTHER, THIRD), "")
    assert waits_for(out) == "waiting to be told which members keep the data"
    rumour = the(out, Rumour)
    assert rumour.to.node == EVERYBODY
    assert message([rumour], Rumour).members == (ME,)
    assert {e.to.node for e in all_of(out, Tell)} == {B, C, f"@{OTHER.address}"}


def test_who_could_not_remember_its_admission_asks_again() -> None:
    """On a full disk it belongs to nothing."""
    node = fresh(OTHER.address)
    joined = the(node.take(), Join)
    out = node.take(answer(joined, Admitted(NET, (OTHER,)), B))
    assert messages(remembered(node, out, "disk_full"), MembersChanged) == []
    assert [e.to for e in all_of(node.take_when_due(), Join)] == [joined.to]


def test_a_second_admission_changes_nothing() -> None:
    """A network is adopted once, and for ever."""
    node = fresh(OTHER.address, THIRD.address)
    first, second = all_of(node.take(), Join)
    out = node.take(
        answer(first, Admitted(NET, (OTHER,)), B), answer(second, Admitted("else", (THIRD,)), C)
    )
    assert notes(the(out, Remember))["network"] == NET.encode()
    remembered(node, out)
    assert messages(node.take(answer(second, Admitted("else", (THIRD,)), C)), Remember) == []


def test_who_promised_waits_for_the_founder_it_promised() -> None:
    """A network without it is not joined, and that is said; one with it is."""
    node = fresh(OTHER.address, THIRD.address, notes={"bound_to": THIRD.address.encode()})
    joined = all_of(node.take(), Join)[0]
    out = node.take(answer(joined, Admitted(NET, (OTHER,)), B))
    assert messages(out, Remember) == []
    assert THIRD.address in waits_for(out)
    out = node.take(answer(joined, Admitted(NET, (OTHER, THIRD)), B))
    assert notes(the(out, Remember))["bound_to"] == b""


@pytest.mark.parametrize("code", ["name_taken", "refused"])
def test_who_is_refused_gives_up(code: str) -> None:
    """Its host ends it, with the code and the reason that it was told."""
    node = fresh(OTHER.address)
    joined = the(node.take(), Join)
    out = node.take(answer(joined, Failed(code, "because", True), B))
    assert the(out, GiveUp).to == Address(A, HOST)
    assert message(out, GiveUp) == GiveUp(code, "because")


def test_a_refusal_that_answers_nothing_is_passed_over() -> None:
    """One of an earlier life, or one that comes when the node belongs already."""
    node = fresh(OTHER.address)
    joined = the(node.take(), Join)
    stray = answer(replace(joined, id=joined.id - 1_000), Failed("name_taken", "", True), B)
    assert messages(node.take(stray), GiveUp) == []
    remembered(node, node.take(answer(joined, Admitted(NET, (OTHER,)), B)))
    late = answer(joined, Failed("name_taken", "", True), B)
    assert messages(node.take(late), GiveUp) == []


def test_requests_are_numbered_above_those_of_all_earlier_lives() -> None:
    """So that no late answer is taken for a new one."""
    first = the(fresh(OTHER.address).take(), Join).id
    second = the(fresh(OTHER.address, me=member(A, boot=2)).take(), Join).id
    assert second - first == 1 << 40


# Letting in.


def test_a_newcomer_is_admitted() -> None:
    """It is told the network and all that is known of it, at the address it gives."""
    admitted = the(belonging(OTHER).take(from_peer(Join(THIRD), C, 12)), Admitted)
    assert (admitted.to, admitted.id) == (Address(f"@{THIRD.address}", "gossiper"), 12)
    assert admitted.message == Admitted(NET, (ME, OTHER))


def test_a_newcomer_is_a_member_when_it_says_so() -> None:
    """Not before: it may not have remembered it."""
    node = belonging()
    assert messages(node.take(from_peer(Join(OTHER), B)), Remember) == []
    out = remembered(node, node.take(told(OTHER)))
    assert messages(out, MembersChanged)[0].members == (ME, OTHER)


def test_a_name_in_use_is_refused() -> None:
    """The newcomer hears of it, it is counted with the reason, and nothing changes."""
    out = belonging(OTHER).take(from_peer(Join(replace(THIRD, name=OTHER.name)), C))
    failed = message(out, Failed)
    assert failed.code == "name_taken"
    assert reasons(out) == [f"a newcomer was refused: {failed.code}"]
    assert len(out) == 2


def test_a_network_has_so_many_members() -> None:
    """One more is refused."""
    node = belonging(OTHER, settings=GossipSettings(max_members=2))
    assert message(node.take(from_peer(Join(THIRD), C)), Failed).code == "refused"


def test_a_fresh_node_compares_nothing() -> None:
    """It asks to be let in instead."""
    node = fresh(OTHER.address)
    node.take()
    out = node.take(from_peer(Compare(NET, "digest"), B))
    assert [type(e.message) for e in out] == [Join]


def test_an_acknowledgement_is_one_for_all_notes() -> None:
    """Nothing else is remembered, or asked, until the disk has answered."""
    node = fresh(LOWER.address)
    node.take()
    first = the(node.take(from_peer(Bind(LOWER.address), B)), Remember)
    joined = Admitted(NET, (LOWER,))
    assert messages(node.take(from_peer(joined, B)), Remember) == []
    assert node.take_when_due() == []
    assert messages(node.take(reply(first, Remembered("ok"))), Bound)
