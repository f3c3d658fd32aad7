"""The Gossiper actor: gets the node into its network, and keeps every node's list of members alike.

What it has not yet got on the disk it does not act on: a promise to follow a founder, a network
adopted and a list of members are remembered first. A network has an id, and two never merge.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from actors.actor import ENDPOINT, EVERYBODY, HOST, SWITCH, Address, Envelope, Now, reply
from actors.gossip_settings import GossipSettings
from actors.joining import Joining, refusal
from actors.membership import Member, Members, members_from_bytes, members_to_bytes
from actors.messages import (
    Admitted,
    Bind,
    Bounced,
    Bound,
    Compare,
    Compared,
    Connect,
    Dropped,
    Failed,
    Finished,
    Fresh,
    GiveUp,
    Join,
    ListMembers,
    MembersChanged,
    MembersListed,
    Message,
    Remember,
    Remembered,
    Rumour,
    Stop,
    Subscribe,
    Tell,
)
from actors.rumours import Rumours


class Gossiper:
    """`me` is this node's own record, `boot` the name of its life, `join` the addresses that it was
    told to join through, `notes` what it had remembered."""

    def __init__(
        self,
        me: Member,
        boot: str,
        join: Sequence[str],
        notes: dict[str, bytes],
        rng: Random,
        settings: GossipSettings | None = None,
    ) -> None:
        self._here = Address(me.id, "gossiper")
        self._rng = rng
        self._settings = settings or GossipSettings()
        self._network = notes.get("network", b"").decode()
        known = members_from_bytes(notes.get("members", b""))
        self._members = Members(me, known, self._settings.max_members)
        bound_to = notes.get("bound_to", b"").decode()
        # A promise stands, also when the node is now told to join nobody.
        self._joining = Joining(me, join or ([bound_to] if bound_to else []), bound_to)
        self._founds = not join and not bound_to
        # Numbered above every earlier boot, so that no late answer is taken for a new one.
        self._number = me.boot << 40
        self._when_remembered: dict[int, Callable[[], None]] = {}
        self._saving = False
        self._changed = False
        self._not_kept = False
        self._has_left = False
        self._unconfirmed = False
        ttl, max_members = self._settings.ttl, self._settings.max_rumour_members
        self._rumours = Rumours(me.id, boot, ttl, max_members)
        self._waiting = ""
        self._announced: tuple[Member, ...] = ()
        # Whom this node has still to tell of itself: a message may bounce while a connection is
        # being made.
        self._untold: set[str] = set()
        self._known_to: set[str] = set()
        self._retell_at_ms = 0
        self._retell_pause_ms = self._settings.retell_ms
        self._next_ms = 0
        self._started = False
        self._out: list[Envelope] = []

    @property
    def wake_at(self) -> int | None:
        """At once at first, then at the next attempt to join or to compare notes."""
        return min(self._next_ms, self._retell_at_ms) if self._untold else self._next_ms

    def turn(self, inbox: Sequence[Envelope], now: Now) -> list[Envelope]:
        """Handle what arrived, then what is due."""
        self._out = []
        if not self._started:
            self._started = True
            if self._network:
                self._return()
        for envelope in inbox:
            self._on(envelope)
        if now.mono_ms >= self._next_ms:
            self._tick(now)
        if self._untold and now.mono_ms >= self._retell_at_ms:
            self._retell_at_ms = now.mono_ms + self._retell_pause_ms
            self._retell_pause_ms = min(2 * self._retell_pause_ms, self._settings.push_pull_ms)
            untold, self._untold = self._untold, set()
            for member_id in sorted(untold):
                self._tell(member_id, (self._members.me,))
        if self._changed and not self._saving:
            self._save()
        return self._out

    def _return(self) -> None:
        """Restart. This node's name may have been taken over meanwhile, and its keys with it: so
        it serves once another member has answered, and did not say so."""
        self._changed = True
        others = self._members.others()
        if others:
            self._unconfirmed = True
            names = ", ".join(m.name for m in others)
            self._wait(f"waiting for one of {names} to confirm that this node is still a member")
            self._connect(others)
        self._arrive()

    def _arrive(self) -> None:
        """This node is there: say so within it, and to everybody."""
        self._announce(self._members.present())
        self._publish((self._members.me,))
        self._untold = {m.id for m in self._members.others()}
        for address in self._joining.peers():
            self._tell(f"{ENDPOINT}{address}", (self._members.me,))

    def _tick(self, now: Now) -> None:
        if self._network:
            self._changed = self._changed or self._not_kept
            self._push_pull()
            pause_ms = self._settings.push_pull_ms
            if self._unconfirmed:
                pause_ms = self._settings.join_retry_ms
            self._next_ms = now.mono_ms + self._rng.randrange(pause_ms // 2, pause_ms * 3 // 2)
            return
        self._next_ms = now.mono_ms + self._settings.join_retry_ms
        if self._saving:
            return
        if self._founds or self._joining.may_found():
            members = () if self._founds else self._joining.followers()
            self._adopt(f"{self._rng.getrandbits(64):016x}", members)
            return
        if self._joining.should_bind_itself():
            self._bind(self._members.me.address, lambda: None)
        for address, message in self._joining.requests():
            self._joining.asked(self._send(f"{ENDPOINT}{address}", message), address)
        self._wait(self._joining.waiting_for())

    def _on(self, envelope: Envelope) -> None:
        match envelope.message:
            case Join(newcomer):
                self._on_join(envelope, newcomer)
            case Bind(founder):
                self._on_bind(envelope, founder)
            case Admitted(network, members):
                self._on_admitted(envelope, network, members)
            case Fresh():
                self._joining.answered(envelope.id)
            case Bound(bound_to, member):
                self._joining.promised(envelope.id, bound_to, member)
            case Failed(code, reason):
                if not self._network and self._joining.address_asked(envelope.id):
                    self._to(HOST, GiveUp(code, reason))
            case Rumour() as rumour:
                self._on_rumour(rumour)
            case Compare() | Compared() | Tell():
                self._on_push_pull(envelope)
            case ListMembers():
                listed = sorted(self._members.all(), key=lambda m: (m.name, m.id))
                self._out.append(reply(envelope, MembersListed(self._network, tuple(listed))))
            case Remembered(code):
                self._on_remembered(envelope.id, code)
            case Bounced():
                self._on_bounced(envelope)
            case Stop():
                self._on_stop(envelope)
            case other:
                self._drop(f"gossiper was sent {type(other).__name__}")

    # Getting in, and letting in.

    def _on_join(self, envelope: Envelope, newcomer: Member) -> None:
        if envelope.sender.node == self._here.node:
            # It came from ourselves: the address that was asked is one of our own.
            self._joining.found_alias(envelope.id)
            return
        answer: Message
        if not self._network:
            answer = Fresh(self._joining.bound_to)
        else:
            refused = refusal(newcomer, self._members)
            answer = refused or Admitted(self._network, self._members.all())
        # Its id means nothing to our switch yet: answer to the address it gives.
        to = Address(f"{ENDPOINT}{newcomer.address}", "gossiper")
        self._out.append(Envelope(to, self._here, answer, envelope.id, envelope.trace))

    def _on_bind(self, envelope: Envelope, founder: str) -> None:
        if self._network or self._founds:
            # Who asks to be followed also asks to be let in, and that is answered. A node that
            # was told of nobody founds: it cannot promise to follow somebody else.
            return
        to = Address(f"{ENDPOINT}{founder}", "gossiper")

        def answer() -> None:
            bound = Bound(self._joining.bound_to, self._members.me)
            self._out.append(Envelope(to, self._here, bound, envelope.id))

        if self._joining.bound_to:
            answer()
        elif not self._saving:
            self._bind(founder, answer)

    def _bind(self, founder: str, then: Callable[[], None]) -> None:
        def bound() -> None:
            self._joining.bound_to = founder
            then()

        self._remember([("bound_to", founder.encode())], bound)

    def _on_admitted(self, envelope: Envelope, network: str, members: tuple[Member, ...]) -> None:
        if self._network or self._saving or not self._joining.address_asked(envelope.id):
            return
        if not self._joining.may_follow(envelope.id, members):
            self._wait(
                f"this node promised to follow {self._joining.bound_to}, which is not in the "
                f"network that {envelope.sender.node} offers"
            )
            return
        self._adopt(network, members)

    def _adopt(self, network: str, members: tuple[Member, ...]) -> None:
        """Belong to this network, for ever."""

        def adopted() -> None:
            self._network = network
            self._merge(members)
            gone = self._members.displaced()
            self._arrive()
            self._publish(gone)

        notes = [("network", network.encode()), ("bound_to", b"")]
        notes.append(("members", members_to_bytes((*members, self._members.me))))
        self._remember(notes, adopted)

    # Keeping the lists alike.

    def _on_rumour(self, rumour: Rumour) -> None:
        if rumour.network != self._network:
            self._drop("gossip of another network")
        elif self._rumours.first_time(rumour):
            self._merge(rumour.members)
            passed_on = self._rumours.passed_on(rumour)
            if passed_on is not None:
                self._to_everybody(passed_on)

    def _push_pull(self) -> None:
        others = self._members.others()
        if others:
            peer = self._rng.choice(others).id
            if peer not in self._known_to:
                # It may never have heard of this node, and then could not answer it.
                self._tell(peer, (self._members.me,))
            self._send(peer, Compare(self._network, self._members.digest()))

    def _on_push_pull(self, envelope: Envelope) -> None:
        message = envelope.message
        assert isinstance(message, (Compare, Compared, Tell))
        if not self._network:
            # There is a network: ask at once to be let in.
            self._next_ms = 0
            return
        if message.network != self._network:
            self._drop("gossip of another network")
            return
        match message:
            case Compare(_, theirs):
                differ = theirs != self._members.digest()
                answer = Compared(self._network, self._members.all() if differ else ())
                self._out.append(reply(envelope, answer))
            case Compared(_, members):
                self._known_to.add(envelope.sender.node)
                self._publish(self._merge(members))
                if self._members.is_known(envelope.sender.node) and not self._has_left:
                    self._changed = self._changed or self._unconfirmed
                    self._unconfirmed = False
                if members:
                    self._tell(envelope.sender.node, self._members.later_than(members))
            case Tell(_, members):
                self._publish(self._merge(members))
                self._tell_departed(members)

    def _tell_departed(self, news: tuple[Member, ...]) -> None:
        """Who left for good may not know: it was down then. No connection to it is kept, so it is
        told at the address that it gives."""
        for gone, address in self._members.departed(news):
            self._tell(f"{ENDPOINT}{address}", (gone,))

    def _merge(self, news: tuple[Member, ...]) -> tuple[Member, ...]:
        """Take in what is later than what is known; what it was."""
        merged = self._members.merge(news)
        self._changed = self._changed or bool(merged.fresh)
        for problem in merged.problems:
            self._drop(problem)
        if merged.left:
            self._has_left = True
            reason = "this node left the network for good: another has taken over its name"
            self._to(HOST, GiveUp("refused", reason))
        return merged.fresh

    def _on_bounced(self, envelope: Envelope) -> None:
        self._joining.bounced(envelope.id)
        match envelope.message:
            case Bounced(to, Tell()) if self._members.is_known(to.node):
                self._untold.add(to.node)

    def _on_stop(self, envelope: Envelope) -> None:
        """Say good-bye to all: a stopped member stays a member."""
        self._members.update_me("stopped")
        if self._network:
            self._publish((self._members.me,))
            for member in self._members.others():
                self._tell(member.id, (self._members.me,))
        self._out.append(reply(envelope, Finished()))

    def _tell(self, node: str, news: tuple[Member, ...]) -> None:
        if news:
            self._send(node, Tell(self._network, news))

    def _send(self, node: str, message: Message) -> int:
        self._number += 1
        self._out.append(Envelope(Address(node, "gossiper"), self._here, message, self._number))
        return self._number

    def _publish(self, news: tuple[Member, ...]) -> None:
        if self._network:
            for rumour in self._rumours.of(self._network, news):
                self._to_everybody(rumour)

    def _to_everybody(self, rumour: Rumour) -> None:
        self._out.append(Envelope(Address(EVERYBODY, "gossiper"), self._here, rumour))

    # Remembering, and telling the rest of the node.

    def _remember(self, notes: list[tuple[str, bytes]], then: Callable[[], None]) -> None:
        self._number += 1
        self._saving = True
        self._when_remembered[self._number] = then
        to = Address(self._here.node, "storage")
        self._out.append(Envelope(to, self._here, Remember(tuple(notes)), self._number))

    def _on_remembered(self, number: int, code: str) -> None:
        then = self._when_remembered.pop(number)
        self._saving = False
        self._not_kept = code != "ok"
        if code == "ok":
            then()
        else:
            self._drop("the list of members could not be kept: the disk is full")

    def _save(self) -> None:
        self._changed = False
        kept = self._members.present()
        notes = [("members", members_to_bytes(self._members.all()))]
        self._remember(notes, lambda: self._announce(kept))

    def _announce(self, members: tuple[Member, ...]) -> None:
        """These are the members now: the ring, the connections and the subscriptions follow."""
        if not self._network or self._unconfirmed or members == self._announced:
            return
        self._announced = members
        self._to("router", MembersChanged(self._network, members, ""))
        self._to(HOST, MembersChanged(self._network, members, ""))
        self._connect([m for m in members if m.id != self._here.node])

    def _connect(self, others: Sequence[Member]) -> None:
        self._to(SWITCH, Connect(tuple((m.id, m.address) for m in others)))
        self._to(HOST, Subscribe(tuple(dict.fromkeys(m.gossip_address for m in others))))

    def _wait(self, reason: str) -> None:
        if reason != self._waiting:
            self._waiting = reason
            self._to("router", MembersChanged("", (), reason))
            self._to(HOST, MembersChanged("", (), reason))

    def _drop(self, reason: str) -> None:
        self._to(HOST, Dropped(reason))

    def _to(self, actor: str, message: Message) -> None:
        """Within this node."""
        self._out.append(Envelope(Address(self._here.node, actor), self._here, message))
