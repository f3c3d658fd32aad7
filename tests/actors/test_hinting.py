"""What a member missed is remembered by key, and brought to it by the router when it is back."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from actors.actor import Address, Envelope, reply
from actors.layout import founding
from actors.membership import State
from actors.messages import Dropped, Heal, Healed, Hint, MembersChanged
from actors.storage_settings import StorageSettings
from tests.actors.envelopes import A, B, C, member
from tests.actors.storage_parts import D, Replica, Replicas

SETTINGS = StorageSettings(
    deliver_ms=500, deliver_keys=3, hint_ms=10_000, max_hints=10, anti_entropy=False
)
FOUR = founding([A, B, C, D])


class Handing:
    """Replica A by itself, in a network of four; B, C and D are down at first."""

    def __init__(self, settings: StorageSettings = SETTINGS) -> None:
        self.net = Replicas(A, B, C, D, settings=settings)
        self.states: dict[str, State] = {}
        self.meet(B="dead", C="dead", D="dead")
        self.a.adopt(FOUR, self.net.now())

    @property
    def a(self) -> Replica:
        """The replica."""
        return self.net.all[A]

    def meet(self, **states: State) -> None:
        """So it is with the members by now."""
        self.states.update(states)
        ids = {"B": B, "C": C, "D": D}
        members = tuple([member(ids[letter], state=state) for letter, state in self.states.items()])
        self.a.meet(MembersChanged("net", members, ""), self.net.now())

    def take(self, *inbox: Envelope, after_ms: int = 0) -> list[Envelope]:
        """A turn; what was sent to the router and to the host."""
        self.net.now_ms += after_ms
        sent = self.a.turn(inbox, self.net.now())
        return [e for e in sent if isinstance(e.message, (Heal, Dropped))]

    def hint(self, who: str, *keys: str) -> list[Envelope]:
        """The router says that somebody has not stored these."""
        router, here = Address(A, "router"), Address(A, "storage")
        return self.take(Envelope(here, router, Hint(who, keys)))

    def delivery(self, after_ms: int = 500) -> Envelope:
        """The one that is under way after a while."""
        [heal] = self.take(after_ms=after_ms)
        return heal

    def heal(self, heal: Envelope, behind: Sequence[str] = (), code: str = "ok") -> list[Envelope]:
        """The router has seen to it, but these are behind still."""
        assert isinstance(heal.message, Heal)
        count = len(heal.message.keys)
        return self.take(reply(heal, Healed((code,) * count, (tuple(behind),) * count)))


def keys(heal: Envelope) -> set[str]:
    """What is to be brought."""
    assert isinstance(heal.message, Heal)
    return set(heal.message.keys)


def test_hints_are_kept_on_the_disk() -> None:
    """With when they expire by the wall clock; so they outlive a restart."""
    handing = Handing()
    handing.hint(B, "one", "two", "one")
    expires_ms = handing.net.now().wall_ms + 10_000
    assert handing.a.disk.hinted_until == {(B, "one"): expires_ms, (B, "two"): expires_ms}
    assert handing.a.hinting.counts() == {B: 2}
    handing.a.start()
    handing.a.adopt(FOUR, handing.net.now())
    handing.meet(B="alive")
    assert keys(handing.delivery()) == {"one", "two"}


def test_who_is_back_is_brought_what_it_missed() -> None:
    """The router reads each key anew; then the hint has done its work."""
    handing = Handing()
    handing.hint(B, "key")
    assert handing.take(after_ms=5_000) == []
    handing.meet(B="alive")
    handing.heal(handing.delivery())
    assert handing.a.hinting.counts() == {}
    assert handing.take(after_ms=5_000) == []
    assert handing.a.hinting.wake_at is None


def test_who_is_down_keeps_its_hints() -> None:
    """Until it is back, or they expire."""
    handing = Handing()
    handing.hint(B, "key")
    handing.meet(B="suspect")
    assert handing.take(after_ms=5_000) == []
    assert handing.a.hinting.counts() == {B: 1}
    for _ in range(20):
        handing.take(after_ms=500)
    assert handing.a.hinting.counts() == {}


def test_one_delivery_is_under_way_at_a_time() -> None:
    """A few keys in each, and a pause between any two."""
    handing = Handing()
    handing.hint(B, *[f"key{i}" for i in range(5)])
    handing.meet(B="alive")
    first = handing.delivery()
    assert handing.take(after_ms=5_000) == []
    assert handing.heal(first) == []
    assert handing.take(after_ms=499) == []
    second = handing.delivery(1)
    assert (len(keys(first)), len(keys(second))) == (3, 2)
    assert handing.heal(second) == []
    assert handing.a.hinting.counts() == {}


def test_members_have_their_turns() -> None:
    """One with many hints does not keep the others waiting."""
    handing = Handing()
    handing.hint(B, *[f"b{i}" for i in range(6)])
    handing.hint(C, "c")
    handing.hint(D, "d")
    handing.meet(B="alive", C="alive", D="alive")
    brought = []
    for _ in range(4):
        heal = handing.delivery()
        brought.append({key[0] for key in keys(heal)})
        handing.heal(heal)
    assert brought == [{"b"}, {"c"}, {"d"}, {"b"}]


@pytest.mark.parametrize(("behind", "code"), [((B,), "ok"), ((), "timed_out")])
def test_a_delivery_that_failed_waits(behind: tuple[str, ...], code: str) -> None:
    """The hint stays, and is tried again after a longer pause."""
    handing = Handing()
    handing.hint(B, "key")
    handing.meet(B="alive")
    handing.heal(handing.delivery(), behind, code)
    assert handing.a.hinting.counts() == {B: 1}
    for _ in range(9):
        assert handing.take(after_ms=500) == []
    assert keys(handing.delivery()) == {"key"}


def test_who_comes_back_again_does_not_wait() -> None:
    """That it was down since explains why the delivery failed."""
    handing = Handing()
    handing.hint(B, "key")
    handing.meet(B="alive")
    handing.heal(handing.delivery(), (B,))
    handing.meet(B="dead")
    handing.meet(B="alive")
    assert keys(handing.delivery()) == {"key"}


def test_that_others_are_behind_is_not_its_concern() -> None:
    """The hint of B goes when B has it."""
    handing = Handing()
    handing.hint(B, "key")
    handing.meet(B="alive")
    handing.heal(handing.delivery(), (C,))
    assert handing.a.hinting.counts() == {}


def test_who_is_no_member_any_more_is_owed_nothing() -> None:
    """Its hints go, be it alive or not."""
    handing = Handing()
    handing.hint(B, *[f"key{i}" for i in range(4)])
    handing.hint(C, "key")
    handing.meet(B="alive")
    handing.a.adopt(founding([A, C, D]), handing.net.now())
    for _ in range(6):
        assert handing.take(after_ms=500) == []
    assert handing.a.hinting.counts() == {C: 1}


def test_there_is_no_more_than_a_bounded_number() -> None:
    """What is beyond is counted, and left to the comparison of copies."""
    handing = Handing()
    dropped = handing.hint(B, *[f"key{i}" for i in range(12)])
    assert [e.message for e in dropped] == [Dropped("too many hints", 2)]
    assert handing.a.hinting.counts() == {B: 10}
    assert handing.hint(C, "key") != []


def test_the_same_hints_again_take_no_room() -> None:
    """It is seen before long that they were there already."""
    handing = Handing()
    for _ in range(6):
        assert handing.hint(B, "one", "two", "three") == []
        handing.take(after_ms=500)
    assert handing.a.hinting.counts() == {B: 3}


def test_without_handoff_nothing_is_kept() -> None:
    """It can be switched off."""
    handing = Handing(StorageSettings(hinted_handoff=False, anti_entropy=False))
    handing.hint(B, "key")
    assert handing.a.disk.hinted_until == {}


def test_an_answer_that_is_not_awaited_does_nothing() -> None:
    """Such as a second one."""
    handing = Handing()
    handing.hint(B, "key")
    handing.meet(B="alive")
    heal = handing.delivery()
    handing.heal(heal, (B,))
    handing.heal(heal)
    assert handing.a.hinting.counts() == {B: 1}


def test_a_router_that_never_answers_does_not_stop_it() -> None:
    """After a minute the delivery is given up."""
    handing = Handing(StorageSettings(anti_entropy=False))
    handing.hint(B, "key")
    handing.meet(B="alive")
    handing.delivery()
    assert handing.take(after_ms=59_000) == []
    assert keys(handing.delivery(1_000)) == {"key"}
