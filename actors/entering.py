"""The way into a network: a fresh node asks to be let in, or begins one; a member lets others in.

What it has not yet got on the disk it does not act on: a promise to follow a founder, and the
network that it belongs to from then on, for ever. Two networks never merge.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from random import Random

from actors.actor import ENDPOINT, HOST, Envelope, Now
from actors.gossip_settings import GossipSettings
from actors.joining import Joining, refusal
from actors.layout import Layout, founding
from actors.membership import Member, Members, members_to_bytes
from actors.memory import Memory
from actors.messages import Admitted, Bind, Bound, Failed, Fresh, GiveUp, Join, Message
from actors.outbox import Outbox


class Entering:
    """`network` is empty until the node belongs to one. `on_adopted` is called then, with the
    members that it was told of; `on_waiting` with a sentence on what it waits for."""

    def __init__(
        self,
        join: Sequence[str],
        notes: dict[str, bytes],
        members: Members,
        memory: Memory,
        outbox: Outbox,
        rng: Random,
        settings: GossipSettings,
        on_adopted: Callable[[tuple[Member, ...]], None],
        on_waiting: Callable[[str], None],
    ) -> None:
        bound_to = notes.get("bound_to", b"").decode()
        # A promise stands, also when the node is now told to join nobody.
        listed = join or ([bound_to] if bound_to else [])
        self._joining = Joining(members.me, listed, bound_to)
        self._founds = not join and not bound_to
        self._members = members
        self._memory = memory
        self._outbox = outbox
        self._rng = rng
        self._settings = settings
        self._on_adopted = on_adopted
        self._on_waiting = on_waiting
        self._next_ms = 0
        self.network = notes.get("network", b"").decode()

    @property
    def wake_at(self) -> int | None:
        """When to ask again: monotonic ms."""
        return None if self.network else self._next_ms

    def peers(self) -> list[str]:
        """The addresses that the node was told of, but for its own."""
        return self._joining.peers()

    def ask_at_once(self) -> None:
        """There is a network: somebody spoke of it."""
        self._next_ms = 0

    def _ask_at(self, at_ms: int) -> None:
        self._next_ms = min(self._next_ms, at_ms)

    def due(self, now: Now) -> None:
        """Ask, or found, if it is time."""
        if self.network or now.mono_ms < self._next_ms:
            return
        self._next_ms = now.mono_ms + self._settings.join_retry_ms
        if self._memory.is_busy:
            return
        if self._founds or self._joining.may_found():
            members = () if self._founds else self._joining.followers()
            first = founding([m.id for m in (self._members.me, *members)])
            self._adopt(f"{self._rng.getrandbits(64):016x}", members, first)
            return
        if self._joining.should_bind_itself():
            self._bind(self._members.me.address, partial(self._ask_at, now.mono_ms + 1))
        for address, message in self._joining.requests():
            self._joining.asked(self._outbox.send(f"{ENDPOINT}{address}", message), address)
        self._on_waiting(self._joining.waiting_for())

    def on(self, envelope: Envelope) -> None:
        """What others say about getting in."""
        match envelope.message:
            case Join(newcomer):
                self._on_join(envelope, newcomer)
            case Bind(founder):
                self._on_bind(envelope, founder)
            case Admitted(network, members):
                self._on_admitted(envelope, network, members)
            case Fresh():
                self._joining.answered(envelope.id)
                if self._joining.should_bind_itself():
                    self.ask_at_once()
            case Bound(bound_to, member):
                self._joining.promised(envelope.id, bound_to, member)
                if self._joining.may_found():
                    self.ask_at_once()

    def _on_join(self, envelope: Envelope, newcomer: Member) -> None:
        """Somebody asks to be let in."""
        if envelope.sender.node == self._members.me.id:
            # It came from ourselves: the address that was asked is one of our own.
            self._joining.found_alias(envelope.id)
            return
        answer: Message
        if not self.network:
            answer = Fresh(self._joining.bound_to)
        else:
            refused = refusal(newcomer, self._members)
            if refused is not None:
                self._outbox.drop(f"a newcomer was refused: {refused.code}")
            answer = refused or Admitted(self.network, self._members.all())
        self._outbox.answer_at(newcomer.address, envelope, answer)

    def _on_bind(self, envelope: Envelope, founder: str) -> None:
        """Somebody who is to found asks for a promise."""
        if self.network or self._founds:
            # Who asks to be followed also asks to be let in, and that is answered. A node that
            # was told of nobody founds: it cannot promise to follow somebody else.
            return

        def answer() -> None:
            bound = Bound(self._joining.bound_to, self._members.me)
            self._outbox.answer_at(founder, envelope, bound)

        if self._joining.bound_to:
            answer()
        elif not self._memory.is_busy:
            self._bind(founder, answer)

    def _on_admitted(self, envelope: Envelope, network: str, members: tuple[Member, ...]) -> None:
        """This node is let in."""
        if self.network or self._memory.is_busy or not self._joining.address_asked(envelope.id):
            return
        if not self._joining.may_follow(envelope.id, members):
            self._on_waiting(
                f"this node promised to follow {self._joining.bound_to}, which is not in the "
                f"network that {envelope.sender.node} offers"
            )
            return
        self._adopt(network, members)

    def on_failed(self, envelope: Envelope, failed: Failed) -> None:
        """This node is not let in."""
        if not self.network and self._joining.address_asked(envelope.id):
            self._outbox.to(HOST, GiveUp(failed.code, failed.reason))

    def on_bounced(self, number: int, why: str) -> None:
        """A request could not be sent; `why`, if it is more than that nobody is there."""
        self._joining.bounced(number, why)

    def _bind(self, founder: str, then: Callable[[], None]) -> None:
        def bound(code: str) -> None:
            if code == "ok":
                self._joining.bound_to = founder
                then()
            else:
                self._outbox.drop("a promise could not be kept: the disk is full")

        self._memory.keep(lambda: [("bound_to", founder.encode())], bound)

    def _adopt(
        self, network: str, members: tuple[Member, ...], first: Layout | None = None
    ) -> None:
        """Belong to this network, for ever; `first` is its layout if it is founded."""

        def adopted(code: str) -> None:
            if code == "ok":
                self.network = network
                self._on_adopted(members)
            else:
                self._outbox.drop("the network could not be kept: the disk is full")

        notes = [("network", network.encode()), ("bound_to", b"")]
        notes.append(("members", members_to_bytes((*members, self._members.me))))
        self._memory.keep(lambda: notes, adopted, first)
