"""A node that belongs to a network tells the others that it is there; and one that starts again
serves nothing before another member has answered it, and did not say that it has left. Where it is
the only member that is left, by the layout on its own disk, there is nobody to be asked.

One that starts again at another address first asks at the former one: if its data folder was
copied, another node with its id is there. Likewise wherever others have seen it since.

Who is of another network at an address that the node was told to join says so: a node that belongs
to one stays in it, but whoever started it has to know.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from actors.actor import ENDPOINT, HOST, Envelope, Now
from actors.gossip_settings import GossipSettings
from actors.layout import Layout
from actors.membership import LIVING, Member, Members, fault
from actors.messages import Elsewhere, Tell
from actors.outbox import Outbox
from actors.rumours import MAX_NAME_CHARACTERS

MAX_ASKED = 100
"""So many of the addresses that were told last may still answer."""

MAX_PLACES = 10
"""At so many addresses, where others say that it is, a node asks before it serves."""

MAX_OTHERS = 10
"""Of more other networks than these nobody is told."""


class Arriving:
    """`is_confirmed` says whether the node may serve."""

    def __init__(
        self, members: Members, outbox: Outbox, rng: Random, settings: GossipSettings
    ) -> None:
        self._members = members
        self._outbox = outbox
        self._rng = rng
        self._settings = settings
        self._untold: dict[str, None] = {}
        self._given: dict[str, None] = {}
        self._given_until_ms: int | None = None
        self._asked: dict[int, str] = {}
        self._others: set[str] = set()
        self._retell_at_ms = 0
        self._retell_pause_ms = settings.retell_ms
        self._former = ""
        self._moved_until_ms: int | None = None
        # Where else it asks, and until when; and where it has asked before.
        self._places: dict[str, int] = {}
        self._seen_places: set[str] = set()
        self._was_answered = True
        self._keeps_all = False
        self.network = ""

    @property
    def is_confirmed(self) -> bool:
        """May this node serve?"""
        return self._was_answered and not self.looks_for_a_copy

    @property
    def looks_for_a_copy(self) -> bool:
        """Is it not clear yet whether another node with this one's id runs where it was before, or
        where others say that it is?"""
        return bool(self._former or self._places)

    @property
    def has_moved(self) -> bool:
        """Was this node elsewhere when it ran last?"""
        return self._moved_until_ms is not None or bool(self._former)

    @property
    def wake_at(self) -> int | None:
        """When to tell again: monotonic ms."""
        times = [self._retell_at_ms] if self._is_untold else []
        if self._moved_until_ms is not None and self._former:
            times.append(self._moved_until_ms)
        return min([*times, *self._places.values()], default=None)

    @property
    def _is_untold(self) -> bool:
        return bool(self._untold or self._given or self.looks_for_a_copy)

    def start_again(self, former: Member | None) -> str:
        """A node that belonged already; what it waits for, or empty. `former` is what it had
        remembered of itself."""
        others = self._members.others()
        if former is not None and former.address != self._members.me.address:
            self._former = former.address
        if others:
            self._was_answered = False
            names = ", ".join(m.name for m in others[:10])
            more = f" and {len(others) - 10} more" if len(others) > 10 else ""
            return f"waiting for one of {names}{more} to confirm that this node is still a member"
        if self._former:
            return f"looking whether this node still runs at {self._former}, where it was before"
        return ""

    def arrive(self, peers: Sequence[str]) -> None:
        """Say so to the others themselves, or some of them: rumours may not reach them yet. `peers`
        are addresses that the node was told of; where all have moved, nobody is elsewhere. At one
        that is no member's another network may be: it is told for a while, as there is no knowing
        whether it was reached, and its answer was lost."""
        others = [m.id for m in self._members.others()]
        count = min(self._settings.all_neighbours, len(others))
        self._untold = dict.fromkeys(self._rng.sample(others, count))
        self._given = dict.fromkeys(peers)
        self._given_until_ms = None

    def look_at(self, address: str, now: Now) -> None:
        """Others say that this node is there. If it does not serve yet, it may be an older copy of
        one that does, and has moved since: so that address is asked, once."""
        is_asked = address == self._former or address in self._seen_places
        if self.is_confirmed or is_asked or len(self._seen_places) >= MAX_PLACES:
            return
        self._seen_places.add(address)
        self._places[address] = now.mono_ms + self._settings.moved_patience_ms
        self._retell_at_ms = now.mono_ms
        self._retell_pause_ms = self._settings.retell_ms

    def end_looks(self, now: Now) -> None:
        """Where nobody has answered for long enough there is nobody."""
        if self._moved_until_ms is not None and now.mono_ms >= self._moved_until_ms:
            self._former = ""
        self._places = {at: until for at, until in self._places.items() if now.mono_ms < until}

    def answered(self, node: str) -> None:
        """A member has answered, and did not say that this node has left."""
        if self._members.is_known(node):
            self._was_answered = True

    def on_layout(self, layout: Layout) -> None:
        """Another layout is on the disk; the list of members follows it already."""
        self._keeps_all = layout.members == (self._members.me.id,)

    def on_other_network(self, envelope: Envelope, tell: Tell) -> bool:
        """This is of another network. Who tells of itself, and expects an answer, was told to join
        this node, and hears what network it is of. Or is it that answer?"""
        if not self.network or tell.network == self.network:
            return False
        match tell.members:
            case (member,) if envelope.id and member.id == envelope.sender.node:
                if not fault(member):
                    answer = Tell(self.network, (), ())
                    self._outbox.answer_at(member.address, envelope, answer)
            case () if address := self._asked.pop(envelope.id, ""):
                self._given.pop(address, None)
                network = tell.network[:MAX_NAME_CHARACTERS]
                if network not in self._others and len(self._others) < MAX_OTHERS:
                    self._others.add(network)
                    self._outbox.to(HOST, Elsewhere(address, network, self.network))
                return True
        return False

    def bounced(self, node: str) -> None:
        """A message bounces while a connection is being made: tell again, but not for ever who is
        down: it is tried now and then anyway."""
        member = self._members.get(node)
        if member is not None and (member.state in LIVING or not self._was_answered):
            self._untold[node] = None

    def due(self, now: Now) -> None:
        """Tell those who have not been told."""
        if self._keeps_all and not self._members.others():
            self._was_answered = True
        if self._former and self._moved_until_ms is None:
            self._moved_until_ms = now.mono_ms + self._settings.moved_patience_ms
        self.end_looks(now)
        if self._given_until_ms is None:
            self._given_until_ms = now.mono_ms + self._settings.given_patience_ms
        if self._was_answered and now.mono_ms >= self._given_until_ms:
            self._given = {}
        if now.mono_ms < self._retell_at_ms or not self._is_untold:
            return
        self._retell_at_ms = now.mono_ms + self._retell_pause_ms
        self._retell_pause_ms = min(2 * self._retell_pause_ms, self._settings.push_pull_ms)
        untold, self._untold = self._untold, {}
        for address in self._given:
            self._tell_given(address)
        for member_id in untold:
            if self._members.is_known(member_id):
                self._tell(member_id)
        if not self._was_answered:
            # They may have been told, and their answer been lost.
            self._untold = untold
        else:
            known = {member.address for member in self._members.others()}
            self._given = {address: None for address in self._given if address not in known}
        for address in [self._former] * bool(self._former) + list(self._places):
            self._tell(f"{ENDPOINT}{address}")

    def _tell_given(self, address: str) -> None:
        tell = Tell(self.network, (self._members.me,), ())
        self._asked[self._outbox.send(f"{ENDPOINT}{address}", tell)] = address
        while len(self._asked) > MAX_ASKED:
            del self._asked[next(iter(self._asked))]

    def _tell(self, node: str) -> None:
        self._outbox.tell(node, Tell(self.network, (self._members.me,), ()))
