"""A life of a node is made known to the others before it may answer for what earlier ones have
acknowledged.
"""

from __future__ import annotations

import pytest

from actors.actor import reply
from actors.layout import joint
from actors.messages import Hello, LayoutIs, MembersChanged, Welcome
from tests.actors.envelopes import A, B, C, all_of, messages, reasons
from tests.actors.stewards import SETTINGS, NotesDisk, Stewarding, alive, as_state, stable, welcomed

D, E = "d" * 16, "e" * 16
ONE = stable(5, A, B, C)


def test_a_first_life_is_welcome_at_once() -> None:
    """Nobody can have seen an earlier one; it says hello all the same."""
    node = Stewarding(layout=ONE)
    assert node.steward.is_welcome
    hellos = all_of(node.turn(), Hello)
    assert [(e.to.node, e.message) for e in hellos] == [(n, Hello(1, "1.0")) for n in (B, C)]


def test_a_node_that_is_not_confirmed_says_nothing() -> None:
    """It may be a copy of a folder in use, and would use up the number of the original's life."""
    node = Stewarding(layout=ONE, boot=2, is_confirmed=False)
    assert all_of(node.run_for(10_000), Hello) == []
    node.turn(node.from_gossiper(MembersChanged("", (), "waiting")))
    assert all_of(node.run_for(10_000), Hello) == []
    out = node.gossip(*alive(A, B)) + node.run_for(SETTINGS.hello_retry_ms)
    assert [e.to.node for e in all_of(out, Hello)][:2] == [B, C]


def test_a_later_life_is_welcome_when_a_majority_knows_of_it() -> None:
    """It counts itself; and once welcome, it stays so in later layouts."""
    node = Stewarding(layout=ONE, boot=2)
    assert not node.steward.is_welcome
    welcomed(node, B)
    assert node.steward.is_welcome
    node.hear(LayoutIs(stable(6, A, C, D, E)), B)
    assert node.steward.is_welcome


def test_a_majority_of_five_is_three() -> None:
    """One that answers twice counts once."""
    node = Stewarding(layout=stable(5, A, B, C, D, E), boot=2)
    welcomed(node, B)
    welcomed_again = [e for e in node.run_for(1_000) if isinstance(e.message, Hello)]
    assert {e.to.node for e in welcomed_again} == {C, D, E}
    assert not node.steward.is_welcome
    welcomed(node, E)
    assert node.steward.is_welcome


def test_hello_is_said_until_all_have_answered() -> None:
    """Often until it is welcome, then at leisure, and to those that are there."""
    node = Stewarding(layout=ONE, boot=2)
    b, c = alive(B, C)
    node.gossip(b, as_state(c, "dead"))
    hellos = all_of(node.run_for(SETTINGS.hello_retry_ms), Hello)
    assert [e.to.node for e in hellos] == [B, C]
    welcomed(node, B)
    assert all_of(node.run_for(10_000), Hello) == []
    hellos = all_of(node.gossip(b, c) + node.run_for(SETTINGS.layout_ask_ms), Hello)
    assert [e.to.node for e in hellos] == [C, C]


def test_an_answer_may_be_late() -> None:
    """Hello has been said again meanwhile."""
    node = Stewarding(layout=ONE, boot=2)
    [first, _] = node.run_until(Hello)
    node.run_for(SETTINGS.hello_retry_ms * 5)
    node.turn(reply(first, Welcome(True, 2)))
    assert node.steward.is_welcome


def test_an_answer_to_another_life_is_none() -> None:
    """Nor is one of somebody who was not asked."""
    node = Stewarding(layout=ONE, boot=2)
    [to_b, to_c] = node.run_until(Hello)
    node.hear(Welcome(True, 2), B, 5)
    node.hear(Welcome(True, 2), B, to_c.id)
    assert not node.steward.is_welcome
    out = node.turn(reply(to_b, Welcome(False, 1)))
    assert reasons(out) == ["a welcome that cannot be"]
    assert node.steward.refused == ""


@pytest.mark.parametrize("known", [2, 7])
def test_an_older_copy_of_a_folder_is_refused(known: int) -> None:
    """It has forgotten what it acknowledged; it is welcome nowhere, whatever others say."""
    node = Stewarding(layout=ONE, boot=2)
    [to_b, to_c] = node.run_until(Hello)
    node.turn(reply(to_b, Welcome(False, known)))
    assert node.steward.refused == (
        f"the data folder is an older copy: life {known} of this node was seen already, and this "
        "is life 2; it has forgotten what it acknowledged since. Start it with an empty folder"
    )
    node.turn(reply(to_c, Welcome(True, 2)))
    assert not node.steward.is_welcome
    assert all_of(node.run_for(5_000), Hello) == []


def test_a_node_alone_has_nobody_to_ask() -> None:
    """And is welcome; so it is while its first companions are still to get their data."""
    assert Stewarding(layout=stable(5, A), boot=2).steward.is_welcome
    assert Stewarding(layout=joint(stable(5, A), (A, B, C)), boot=2).steward.is_welcome


def test_a_newcomer_in_a_later_life_asks_the_base() -> None:
    """It does not count itself: it is none of them yet."""
    node = Stewarding(D, layout=joint(stable(5, A, B), (A, B, D)), boot=2)
    welcomed(node, A)
    assert not node.steward.is_welcome
    welcomed(node, B)
    assert node.steward.is_welcome


def test_one_that_is_no_member_is_welcome_nowhere() -> None:
    """Before it is one, and after."""
    assert not Stewarding(D, layout=ONE).steward.is_welcome
    node = Stewarding(layout=ONE)
    node.hear(LayoutIs(stable(7, B, C, gone=(A,))), B)
    assert not node.steward.is_welcome


# Those who hear it.


def test_the_latest_life_is_remembered() -> None:
    """The answer comes when it is on the disk, and is the same after a restart."""
    node = Stewarding(layout=ONE)
    node.disk.full = True
    assert all_of(node.hear(Hello(3, "3.1"), B), Welcome) == []
    node.disk.full = False
    for _ in range(2):
        assert messages(node.hear(Hello(3, "3.1"), B), Welcome) == [Welcome(True, 3)]
    again = Stewarding(disk=node.disk, boot=2)
    assert messages(again.hear(Hello(2, "2.1"), B), Welcome) == [Welcome(False, 3)]
    assert messages(again.hear(Hello(3, "3.9"), B), Welcome) == [Welcome(False, 3)]
    assert messages(again.hear(Hello(3, "3.1"), B), Welcome) == [Welcome(True, 3)]
    assert messages(again.hear(Hello(4, "4.1"), B), Welcome) == [Welcome(True, 4)]


def test_of_two_that_say_hello_in_one_turn_one_is_welcome() -> None:
    """Two processes with copies of one folder."""
    node = Stewarding(layout=ONE)
    hellos = [node.envelope(Hello(3, name), B) for name in ("3.1", "3.2")]
    assert messages(node.turn(*hellos), Welcome) == [Welcome(True, 3), Welcome(False, 3)]


def test_a_member_by_gossip_is_answered_too() -> None:
    """A stranger is not, and one that is gone is told so."""
    node = Stewarding(layout=stable(5, A, B, gone=(E,)))
    assert reasons(node.hear(Hello(1, "1.1"), D)) == ["a hello of a stranger"]
    node.gossip(*alive(A, B, D))
    assert messages(node.hear(Hello(1, "1.1"), D), Welcome) == [Welcome(True, 1)]
    assert messages(node.hear(Hello(1, "1.1"), E), LayoutIs) == [LayoutIs(node.layout)]


def test_who_is_not_welcome_itself_answers() -> None:
    """All may have been started anew at once."""
    node = Stewarding(layout=ONE, boot=2)
    assert messages(node.hear(Hello(2, "2.1"), B), Welcome) == [Welcome(True, 2)]


def test_an_own_life_elsewhere_is_dropped() -> None:
    """It is the others who judge between copies."""
    node = Stewarding(layout=ONE)
    assert reasons(node.hear(Hello(9, "9.9"), A)) == ["a life that cannot be"]


def test_a_node_without_a_network_answers_nobody() -> None:
    """It knows of nobody."""
    node = Stewarding(disk=NotesDisk())
    assert messages(node.hear(Hello(1, "1.1"), B), Welcome) == []
