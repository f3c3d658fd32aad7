"""Which members are down? Each node pings one other at a time, and has others ping it too before it
suspects; what is suspected has time to refute before it is called dead.

SWIM (Das, Gupta and Motivala, 2002, sections 3 and 4), with Lifeguard's awareness of the node's own
health (Dadgar, Phillips and Currey, 2018, section IV): a node that gets no word from those it asked
for help, or is itself suspected, or has stood still, has reason to doubt itself, and waits longer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

from actors.actor import SWITCH, Envelope, Now
from actors.gossip_settings import GossipSettings
from actors.membership import LIVING, Member, Members, fault
from actors.messages import Ack, Nack, Ping, PingReq, Reconnect
from actors.outbox import Outbox
from actors.suspicion import Suspicion


@dataclass(slots=True)
class _Probe:
    """Of one member: after `indirect_at_ms` others are asked to ping it too, at `judge_at_ms` it is
    suspected, or before if nobody can reach it, but not before `earliest_ms`: connections may just
    be being made. `helpers` are those who were asked and have not answered."""

    member_id: str
    indirect_at_ms: int
    earliest_ms: int
    judge_at_ms: int
    asked: bool = False
    bounced: bool = False
    again: bool = False
    helpers: set[str] = field(default_factory=set)
    numbers: list[int] = field(default_factory=list)

    @property
    def due_ms(self) -> int:
        """When something is to be done about it."""
        if not self.asked:
            return self.indirect_at_ms
        if self.bounced and not (self.again and self.helpers):
            # There was no connection. It is tried once more, and then others' word is awaited.
            return self.earliest_ms
        return self.judge_at_ms

    def shift(self, by_ms: int) -> None:
        """This node has stood still for so long."""
        self.indirect_at_ms += by_ms
        self.earliest_ms += by_ms
        self.judge_at_ms += by_ms


@dataclass(slots=True)
class _Relay:
    """A ping for somebody else."""

    member_id: str
    request: Envelope
    until_ms: int


class Detector:
    """`members` are those of the gossiper, which spreads what `due` declares."""

    def __init__(
        self, members: Members, outbox: Outbox, rng: Random, settings: GossipSettings
    ) -> None:
        self._members = members
        self._outbox = outbox
        self._rng = rng
        self._settings = settings
        self.network = ""
        self.health = 0
        self._probes: dict[str, _Probe] = {}
        # Of each number who is pinged, and who was asked to: itself, or a helper.
        self._asks: dict[int, tuple[str, str]] = {}
        self._suspicions: dict[str, Suspicion] = {}
        self._relays: dict[int, _Relay] = {}
        self._retries: list[tuple[int, str]] = []
        self._order: list[str] = []
        # Pings besides probes: who is pinged, and until when an answer counts.
        self._queries: dict[int, tuple[str, int]] = {}
        self._is_started = False
        self._next_probe_ms = 0
        self._next_retry_ms = 0

    @property
    def wake_at(self) -> int:
        """The next deadline, in monotonic ms."""
        times = [self._next_probe_ms, self._next_retry_ms, *(at_ms for at_ms, _ in self._retries)]
        times += [p.due_ms for p in self._probes.values()]
        times += [s.dead_at_ms for s in self._suspicions.values()]
        times += [r.until_ms for r in self._relays.values()]
        times += [until_ms for _, until_ms in self._queries.values()]
        return min(times)

    def shift(self, by_ms: int) -> None:
        """This node has stood still for so long: it has no right to judge by what it missed."""
        for probe in self._probes.values():
            probe.shift(by_ms)
        for suspicion in self._suspicions.values():
            suspicion.shift(by_ms)
        self._fare(worse=1)

    def due(self, now: Now) -> tuple[Member, ...]:
        """Do what is due; who is suspect or dead by this node's own finding, to be told to all."""
        if not self._is_started:
            # The list of members that it begins with may have suspects.
            self._is_started = True
            self.follow(self._members.others(), now)
        self._answer_for_silent(now)
        declared = [*self._judge(now), *self._bury(now)]
        if now.mono_ms >= self._next_probe_ms:
            self._next_probe_ms = now.mono_ms + self._settings.probe_ms * (self.health + 1)
            target = self._next_target()
            if target is not None:
                self._begin(target, now)
        if now.mono_ms >= self._next_retry_ms:
            self._next_retry_ms = now.mono_ms + self._settings.dead_retry_ms
            self._try_one_that_is_down(now)
        self._try_again(now)
        return tuple(declared)

    # What others answer, and ask.

    def expects(self, envelope: Envelope) -> bool:
        """Is this the answer of a member that was pinged?"""
        sender = envelope.sender.node
        relay = self._relays.get(envelope.id)
        queried, _ = self._queries.get(envelope.id, ("", 0))
        return (
            self._asks.get(envelope.id) == (sender, sender)
            or queried == sender
            or (relay is not None and relay.member_id == sender)
        )

    def ask(self, member_id: str, now: Now) -> None:
        """Ping a member, not more than once in a while, for its own word on what is said of it."""
        if all(queried != member_id for queried, _ in self._queries.values()):
            self._query(self._members[member_id], now)

    def on_ping(self, envelope: Envelope, now: Now) -> None:
        """Answer, once the news in it was taken in: with this node's own word where that was in
        doubt, and with what is said of who asks, if that is not that it is alive."""
        assert isinstance(envelope.message, Ping)
        me, sender, news = self._members.me, envelope.sender.node, envelope.message.news
        known = self._members.get(sender)
        own = next((m for m in news if m.id == sender), None)
        said = [me] if any(m.id == me.id for m in news) else []
        if known is not None and (known.state != "alive" or known != own):
            said.append(known)
        ack = Ack(envelope.message.network, now.wall_ms, tuple(said))
        is_known = self._members.is_known(sender)
        is_where_it_was = known is not None and own is not None and known.address == own.address
        if own is not None and not fault(own) and not (is_known and is_where_it_was):
            # It is no member, or this node may have been made to believe that it is elsewhere.
            self._outbox.answer_at(own.address, envelope, ack)
        elif is_known:
            self._outbox.reply(envelope, ack)

    def on_ack(self, envelope: Envelope, now: Now) -> None:
        """Somebody answers a ping, or for somebody it has pinged."""
        assert isinstance(envelope.message, Ack)
        sender = envelope.sender.node
        relay = self._relays.get(envelope.id)
        if relay is not None and relay.member_id == sender:
            del self._relays[envelope.id]
            news = envelope.message.news
            self._outbox.reply(relay.request, Ack(self.network, now.wall_ms, news))
        target, asked = self._asks.get(envelope.id, ("", ""))
        if asked == sender and self._end(target):
            self._fare(better=1)

    def on_nack(self, envelope: Envelope) -> None:
        """A helper had no answer either; but the helper itself is there."""
        target, helper = self._asks.get(envelope.id, ("", ""))
        probe = self._probes.get(target)
        if probe is not None and helper == envelope.sender.node:
            del self._asks[envelope.id]
            probe.helpers.discard(helper)

    def on_bounced(self, number: int, now: Now) -> None:
        """A ping or a request could not be sent."""
        relay = self._relays.pop(number, None)
        if relay is not None:
            self._outbox.reply(relay.request, Nack(self.network))
        target, asked = self._asks.pop(number, ("", ""))
        probe = self._probes.get(target)
        if probe is None:
            return
        if asked == target:
            if not probe.bounced and not probe.again:
                # The connection may have been lost, and attempts to make it anew be rare by now.
                self._outbox.to(SWITCH, Reconnect(target))
                connected_ms = now.mono_ms + self._settings.dead_pings_ms[0]
                probe.earliest_ms = max(probe.earliest_ms, min(connected_ms, probe.judge_at_ms))
            probe.bounced = True
            probe.indirect_at_ms = min(probe.indirect_at_ms, now.mono_ms)
        else:
            probe.helpers.discard(asked)

    def on_ping_req(self, envelope: Envelope, now: Now) -> None:
        """Ping somebody for another node."""
        assert isinstance(envelope.message, PingReq)
        if not self._members.is_known(envelope.sender.node):
            self._outbox.drop("ping request of a stranger")
            return
        target = self._members.get(envelope.message.target)
        if (
            target is None
            or target.id == self._members.me.id
            or target.state == "left"
            or len(self._relays) >= self._settings.max_relays
        ):
            self._outbox.reply(envelope, Nack(self.network))
            return
        until_ms = now.mono_ms + self._settings.ping_timeout_ms
        self._relays[self._ping(target, now)] = _Relay(target.id, envelope, until_ms)

    # What is said of members.

    def follow(self, changed: Iterable[Member], now: Now) -> None:
        """These have changed: suspicions begin and end with what the list of members says."""
        for member in changed:
            suspicion = self._suspicions.get(member.id)
            if member.state == "suspect" and member.id != self._members.me.id:
                if suspicion is None or not suspicion.is_of(member):
                    living = len(self._members.living()) + 1
                    self._suspicions[member.id] = Suspicion(
                        member, living, self._settings, now.mono_ms
                    )
            elif suspicion is not None:
                del self._suspicions[member.id]
            if member.state not in LIVING:
                self._end(member.id)
            if member.state == "dead":
                # It may only stand still: nothing more is to wait for it in the connection.
                self._outbox.to(SWITCH, Reconnect(member.id))

    def accused(self, member: Member, accuser: str, now: Now) -> bool:
        """Another node vouches for a suspicion: is that news? A few look for themselves at once."""
        suspicion = self._suspicions.get(member.id)
        if suspicion is None or not suspicion.is_of(member) or accuser == member.id:
            return False
        if suspicion.is_confirmed() or self._members.get(accuser) is None:
            return False
        is_news = accuser not in suspicion.accusers
        suspicion.accusers[accuser] = None
        mine = self._members.me.id in suspicion.accusers
        if not mine and member.id not in self._probes:
            others = max(1, len(self._members) - 2)
            if self._rng.random() < 2 * self._settings.confirmations / others:
                self._begin(self._members[member.id], now)
        return is_news

    def was_suspected(self) -> None:
        """This node itself was suspected: perhaps it is slow."""
        self._fare(worse=1)

    # Probing.

    def _next_target(self) -> Member | None:
        """Every living member once, in random order, then anew (SWIM, section 4.3)."""
        for _ in range(2):
            while self._order:
                member = self._members.get(self._order.pop())
                if member is not None and member.state in LIVING and member.id not in self._probes:
                    return member
            self._order = [m.id for m in self._members.living()]
            self._rng.shuffle(self._order)
        return None

    def _begin(self, target: Member, now: Now) -> None:
        slower = self.health + 1
        timeout_at_ms = now.mono_ms + self._settings.ping_timeout_ms * slower
        judge_at_ms = now.mono_ms + self._settings.probe_window_ms * slower
        probe = _Probe(target.id, timeout_at_ms, timeout_at_ms, judge_at_ms)
        self._probes[target.id] = probe
        self._expect(probe, self._ping(target, now), target.id)

    def _expect(self, probe: _Probe, number: int, asked: str) -> None:
        probe.numbers.append(number)
        self._asks[number] = probe.member_id, asked

    def _end(self, member_id: str) -> bool:
        """No more of this probe, if there is one."""
        probe = self._probes.pop(member_id, None)
        for number in probe.numbers if probe else ():
            self._asks.pop(number, None)
        return probe is not None

    def _ping(self, target: Member, now: Now) -> int:
        """Tell it who asks, and what is said of it if that is not that it is alive."""
        news = [self._members.me] if target.state == "alive" else [self._members.me, target]
        return self._outbox.send(target.id, Ping(self.network, now.wall_ms, tuple(news)))

    def _query(self, target: Member, now: Now) -> None:
        """Ask for its own word."""
        ping = Ping(self.network, now.wall_ms, (self._members.me, target))
        number = self._outbox.send(target.id, ping)
        self._queries[number] = target.id, now.mono_ms + self._settings.ping_timeout_ms

    def _judge(self, now: Now) -> list[Member]:
        """Ask for help where a ping went unanswered; suspect where help was in vain."""
        suspects = []
        for probe in [p for p in self._probes.values() if now.mono_ms >= p.due_ms]:
            while probe.member_id in self._probes and now.mono_ms >= probe.due_ms:
                if not probe.asked:
                    self._ask_for_help(probe, now)
                elif probe.bounced and not probe.again and now.mono_ms < probe.judge_at_ms:
                    # Nobody had a connection; now there may be one.
                    probe.again, probe.bounced = True, False
                    self._ping_again(probe, now)
                else:
                    self._end(probe.member_id)
                    suspects += self._suspect(probe, now)
        return suspects

    def _ask_for_help(self, probe: _Probe, now: Now) -> None:
        probe.asked = True
        if not probe.bounced:
            # Only the ping, or its answer, may have been lost.
            self._ping_again(probe, now)
        others = [m.id for m in self._members.living() if m.id != probe.member_id]
        count = min(self._settings.indirect_pings, len(others))
        for helper in self._rng.sample(others, count):
            number = self._outbox.send(helper, PingReq(self.network, probe.member_id))
            self._expect(probe, number, helper)
            probe.helpers.add(helper)

    def _ping_again(self, probe: _Probe, now: Now) -> None:
        self._expect(probe, self._ping(self._members[probe.member_id], now), probe.member_id)

    def _suspect(self, probe: _Probe, now: Now) -> list[Member]:
        # Helpers that said nothing at all: it may be this node that is cut off, or slow.
        self._fare(worse=len(probe.helpers))
        member = self._members.get(probe.member_id)
        if member is None or member.state not in LIVING:
            return []
        if member.state != "suspect":
            member = self._members.declare(member.id, "suspect")
            self.follow((member,), now)
        suspicion, me = self._suspicions[member.id], self._members.me
        is_news = not suspicion.is_confirmed() and me.id not in suspicion.accusers
        suspicion.accusers[me.id] = None
        return [member] if is_news else []

    def _bury(self, now: Now) -> list[Member]:
        """Those who had time enough to refute, and did not."""
        over = [i for i, s in self._suspicions.items() if now.mono_ms >= s.dead_at_ms]
        dead = [self._members.declare(member_id, "dead") for member_id in over]
        self.follow(dead, now)
        return dead

    def _answer_for_silent(self, now: Now) -> None:
        for number in [n for n, r in self._relays.items() if now.mono_ms >= r.until_ms]:
            self._outbox.reply(self._relays.pop(number).request, Nack(self.network))
        for number in [n for n, (_, until_ms) in self._queries.items() if now.mono_ms >= until_ms]:
            del self._queries[number]

    def _fare(self, *, better: int = 0, worse: int = 0) -> None:
        self.health = max(0, min(self._settings.max_health, self.health + worse - better))

    # Those who are down may come back where nobody hears of it: after a partition.

    def _try_one_that_is_down(self, now: Now) -> None:
        down = [m.id for m in self._members.others() if m.state not in LIVING]
        if down:
            member_id = self._rng.choice(down)
            self._outbox.to(SWITCH, Reconnect(member_id))
            self._retries = [(now.mono_ms + ms, member_id) for ms in self._settings.dead_pings_ms]

    def _try_again(self, now: Now) -> None:
        for at_ms, member_id in list(self._retries):
            member = self._members.get(member_id)
            if member is None or member.state in LIVING or member.state == "left":
                self._retries.remove((at_ms, member_id))
            elif now.mono_ms >= at_ms:
                self._retries.remove((at_ms, member_id))
                self._query(member, now)
