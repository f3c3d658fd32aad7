"""The Gossiper actor: who is in the network, who of them is down, and what everybody should know.

It hands what arrives to its part, and has news spread. What must not be forgotten is on the disk
before it is acted on. The parts, in the order of a node's life: entering, arriving, announcing,
rumours and push_pull, detector, sharing, watchers, departing and forgetting.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from actors.actor import CLIENT, Address, Envelope, Now
from actors.announcing import Announcing
from actors.arriving import Arriving
from actors.departing import Departing
from actors.detector import Detector
from actors.digests import Digests
from actors.entering import Entering
from actors.forgetting import Forgetting
from actors.gossip_settings import GossipSettings
from actors.hearing import Hearing
from actors.intake import Intake
from actors.listed import Listed
from actors.membership import Member, Members, members_from_bytes
from actors.memory import Memory
from actors.messages import (
    Ack,
    Admitted,
    AskVitals,
    Bind,
    Bounced,
    Bound,
    Changed,
    Compare,
    Compared,
    Deny,
    Departed,
    Exchange,
    Failed,
    Forget,
    Fresh,
    GossiperVitals,
    Join,
    LayoutIs,
    Leave,
    ListMembers,
    ListShared,
    Nack,
    Ping,
    PingReq,
    Remembered,
    Rumour,
    Share,
    Stop,
    Struck,
    Tell,
    Watched,
    WatchKeys,
    WatchMembers,
)
from actors.outbox import Outbox
from actors.push_pull import PushPull
from actors.rumours import Rumours
from actors.shared_table import SharedTable
from actors.sharing import Sharing
from actors.watchers import KeyWatchers, MemberWatchers


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
        self._settings = settings = settings or GossipSettings()
        known = {m.id: m for m in members_from_bytes(notes.get("members", b""))}
        self._former = known.pop(me.id, None)
        digests = Digests()
        # Numbered above every earlier boot, so that no late answer is taken for a new one.
        self._outbox = outbox = Outbox(Address(me.id, "gossiper"), me.boot << 40)
        self._members = members = Members(me, known.values(), settings.max_members, digests)
        self._memory = memory = Memory(outbox)
        self._rumours = rumours = Rumours(me.id, boot, settings)
        self._shared = SharedTable(me.id, notes, digests, settings)
        self._push_pull = PushPull(members, self._shared, digests, outbox, rng, settings)
        self._detector = Detector(members, outbox, rng, settings)
        self._sharing = Sharing(self._shared, memory, rumours, self._push_pull, outbox, settings)
        self._announcing = Announcing(members, memory, outbox, rng, settings)
        self._arriving = Arriving(members, outbox, rng, settings)
        self._departing = Departing(members, memory, rumours, outbox, settings)
        self._forgetting = Forgetting(
            members, rumours, self._arriving, self._push_pull, outbox, settings
        )
        self._listed = listed = Listed(members, self._arriving, self._announcing)
        self._member_watchers = MemberWatchers(outbox, settings, listed.listing)
        self._key_watchers = KeyWatchers(boot, outbox, settings)
        self._entering = Entering(
            join, notes, members, memory, outbox, rng, settings, self._adopt, self._announcing.wait
        )
        self._intake = Intake(
            members, self._detector, rumours, self._push_pull, self._arriving, outbox, settings
        )
        self._hearing = Hearing(
            rumours,
            self._intake,
            self._sharing,
            self._detector,
            self._key_watchers,
            outbox,
            settings,
        )
        self._left_before = bool(notes.get("left"))
        if notes.get("leaving"):
            self._departing.start_leaving_again()
        self._is_started = False
        self._wake_at = 0

    @property
    def wake_at(self) -> int | None:
        """When the next of many things is due."""
        return self._wake_at

    def turn(self, inbox: Sequence[Envelope], now: Now) -> list[Envelope]:
        """Handle what arrived, then what is due."""
        if not self._is_started:
            self._is_started = True
            self._start(now)
        elif now.mono_ms - self._wake_at > self._settings.stall_ms:
            self._detector.shift(now.mono_ms - self._wake_at)
        for envelope in inbox:
            self._on(envelope, now)
        self._departing.due(now, is_out=self._intake.is_out)
        if not self._is_going:
            self._do_what_is_due(now)
        self._forgetting.due(now, is_going=self._is_going)
        self._memory.flush()
        wakes = [at_ms for at_ms in self._wakes() if at_ms is not None]
        self._wake_at = min([*wakes, now.mono_ms + self._settings.push_pull_ms])
        return self._outbox.take()

    @property
    def _is_going(self) -> bool:
        return self._intake.has_left or self._departing.is_stopping

    def _start(self, now: Now) -> None:
        if self._left_before:
            self._intake.give_up(
                "this node has left its network for good: give it another data folder"
            )
        elif self._entering.network:
            self._set_network(self._entering.network)
            self._announcing.all_are_kept()
            self._members.unkept = self._former != self._members.me
            waiting_for = self._arriving.start_again(self._former)
            if waiting_for:
                self._announcing.wait(waiting_for)
            self._arrive()

    def _adopt(self, members: tuple[Member, ...]) -> None:
        """This node belongs to a network from now on."""
        self._set_network(self._entering.network)
        self._members.merge(members)
        gone = self._members.displaced()
        self._announcing.all_are_kept()
        self._members.unkept = True
        self._arrive()
        self._rumours.say_members(gone)

    def _set_network(self, network: str) -> None:
        self._intake.network = network
        self._detector.network = network
        self._push_pull.network = network
        self._announcing.network = network
        self._arriving.network = network
        self._departing.network = network
        self._listed.network = network

    def _arrive(self) -> None:
        self._rumours.say_members((self._members.me,))
        self._arriving.arrive(self._entering.peers())

    def _do_what_is_due(self, now: Now) -> None:
        self._entering.due(now)
        network = self._entering.network
        if network:
            self._intake.due(now)
            self._arriving.due(now)
            confirmed = self._arriving.is_confirmed
            if confirmed and not self._announcing.has_layout:
                self._announcing.wait("waiting to be told which members keep the data")
            settings = self._settings
            wait_ms = settings.push_pull_ms if confirmed else settings.join_retry_ms
            self._push_pull.due(now.mono_ms, wait_ms)
            if confirmed:
                self._rumours.say_members(self._detector.due(now))
            origin = self._rumours.gap(now)
            while origin:
                self._key_watchers.missed()
                if self._members.is_known(origin):
                    self._push_pull.compare_with(origin)
                origin = self._rumours.gap(now)
            if self._key_watchers.should_say(now):
                self._rumours.say_watched(self._settings.watch_ms)
                self._outbox.to("router", Watched(self._settings.watch_ms))
            for rumour in self._rumours.due(network, now):
                self._outbox.publish(rumour)
            if self._members.me.state == "left":
                self._announcing.wait("it has left its network for good")
                confirmed = False
            self._announcing.due(now, serves=confirmed)
        for reason, count in self._rumours.take_dropped().items():
            self._outbox.drop(reason, count)
        if self._listed.is_news():
            self._member_watchers.changed()
        self._member_watchers.due(now)
        self._key_watchers.due(now)

    def _wakes(self) -> list[int | None]:
        if self._is_going:
            return [self._departing.wake_at]
        wakes = [
            self._entering.wake_at,
            self._departing.wake_at,
            self._forgetting.wake_at,
            self._member_watchers.wake_at,
            self._key_watchers.wake_at,
        ]
        if self._entering.network:
            wakes += [
                self._push_pull.next_ms,
                self._arriving.wake_at,
                self._intake.wake_at,
                self._rumours.wake_at,
                self._announcing.wake_at,
            ]
            if self._arriving.is_confirmed:
                wakes.append(self._detector.wake_at)
        return wakes

    def _on(self, envelope: Envelope, now: Now) -> None:
        match envelope.message:
            case Ping() | Ack() | PingReq() | Nack() | Rumour():
                self._on_gossip(envelope, now)
            case Compare() | Compared() | Exchange() | Tell():
                self._on_push_pull(envelope, now)
            case Join() | Admitted() | Fresh() | Bind() | Bound():
                self._entering.on(envelope)
            case Departed() | Failed():
                self._departing.on_answer(envelope)
                if isinstance(envelope.message, Failed):
                    self._entering.on_failed(envelope, envelope.message)
                    self._intake.on_refused(envelope, envelope.message)
            case Remembered(code):
                self._memory.on_remembered(envelope.id, code)
            case Bounced() as bounced:
                self._on_bounced(envelope.id, bounced, now)
            case Changed(changes):
                self._rumours.say_changes(changes)
                self._key_watchers.heard(changes, now)
            case LayoutIs(layout) if envelope.sender.node == self._members.me.id:
                self._announcing.has_layout = True
                self._departing.on_layout(layout)
                self._intake.on_layout(layout, now, is_leaving=self._departing.is_leaving)
                self._arriving.on_layout(layout)
            case Struck() as struck:
                self._detector.follow(self._forgetting.on_struck(envelope, struck), now)
            case AskVitals():
                self._outbox.reply(envelope, GossiperVitals(self._listed.states()))
            case Stop():
                is_member = bool(self._entering.network) and not self._intake.has_left
                self._departing.on_stop(envelope, now, is_member=is_member)
            case _ if envelope.sender.node == CLIENT or isinstance(envelope.message, Leave):
                self._on_request(envelope, now)
            case other:
                self._outbox.drop(f"gossiper was sent {type(other).__name__}")

    def _on_request(self, envelope: Envelope, now: Now) -> None:
        """What clients ask; and another node, on behalf of one, that this node leave."""
        if isinstance(envelope.message, ListMembers):
            self._outbox.reply(envelope, self._listed.listing())
            return
        if self._departing.is_stopping:
            self._outbox.reply(envelope, Failed("stopping", "the node is shutting down", True))
            return
        if isinstance(envelope.message, WatchMembers) and not self._intake.has_left:
            self._member_watchers.on_watch(envelope, now)
            return
        belongs = bool(self._entering.network) and not self._intake.has_left
        if belongs and isinstance(envelope.message, Forget):
            self._forgetting.on_forget(envelope, now)
            return
        if not belongs or not self._arriving.is_confirmed:
            reason = f"the node is not ready: {self._announcing.waits}"
            self._outbox.reply(envelope, Failed("not_ready", reason, True))
            return
        match envelope.message:
            case WatchKeys():
                self._key_watchers.on_watch(envelope, now)
            case Share() | Deny():
                self._sharing.on_share(envelope, now)
            case ListShared(prefix, after):
                self._outbox.reply(envelope, self._shared.page(prefix, after))
            case Leave():
                self._departing.on_leave(envelope, now)

    def _is_of_network(self, envelope: Envelope, network: str, now: Now) -> bool:
        if not self._entering.network:
            self._entering.ask_at_once()  # there is a network
            return False
        if network != self._entering.network:
            self._outbox.drop("gossip of another network")
            return False
        self._forgetting.heard(envelope.sender.node, now)
        self._listed.heard(envelope.sender.node)
        return True

    def _on_gossip(self, envelope: Envelope, now: Now) -> None:
        message, sender = envelope.message, envelope.sender.node
        assert isinstance(message, (Ping, Ack, PingReq, Nack, Rumour))
        if isinstance(message, Ping) and not self._entering.network:
            # Others may count this node in before it knows; it is there.
            self._detector.on_ping(envelope, now)
        if not self._is_of_network(envelope, message.network, now):
            return
        match message:
            case Rumour():
                self._hearing.on_rumour(message, now)
            case Ping(_, wall_ms, news):
                self._intake.take_in(news, now, sender)
                self._detector.on_ping(envelope, now)
                self._hear_clock(sender, wall_ms, now)
            case Ack(_, wall_ms, news):
                before = self._members.get(sender)
                vouched = self._detector.expects(envelope)
                self._intake.take_in(news, now, sender, vouched=vouched)
                self._detector.on_ack(envelope, now)
                self._departing.on_ack(envelope, now)
                self._hear_clock(sender, wall_ms, now)
                if before is not None and before.state in ("dead", "stopped"):
                    self._push_pull.compare_with(sender)
            case PingReq():
                self._detector.on_ping_req(envelope, now)
            case Nack():
                self._detector.on_nack(envelope)

    def _hear_clock(self, sender: str, wall_ms: int, now: Now) -> None:
        if self._members.is_known(sender) and sender != self._members.me.id:
            self._sharing.heard(sender, wall_ms, now)

    def _on_push_pull(self, envelope: Envelope, now: Now) -> None:
        message, sender = envelope.message, envelope.sender.node
        assert isinstance(message, (Compare, Compared, Exchange, Tell))
        is_other = isinstance(message, Tell) and self._arriving.on_other_network(envelope, message)
        if is_other or not self._is_of_network(envelope, message.network, now):
            return
        match message:
            case Compare(_, digest):
                self._outbox.reply(envelope, self._push_pull.compared(digest))
            case Compared(_, digests):
                if not self._push_pull.is_expected(envelope):
                    self._outbox.drop_answer(envelope)
                    return
                self._push_pull.exchange_with(sender, digests)
                if not digests:
                    self._arriving.answered(sender)
            case Exchange(_, _, members, shared):
                self._push_pull.answer(envelope)
                self._intake.take_in(members, now, sender, doubted=True)
                self._sharing.take_in(shared, now, retell=True)
            case Tell(_, members, shared):
                self._intake.take_in(members, now, sender, doubted=True)
                self._sharing.take_in(shared, now, retell=True)
                if self._push_pull.is_answered(envelope):
                    # Had this node left, it would have been told so.
                    self._arriving.answered(sender)

    def _on_bounced(self, number: int, bounced: Bounced, now: Now) -> None:
        """An answer that could not be sent has the number of who asked, so the message tells whose
        business it is."""
        match bounced.request:
            case Join() | Bind():
                self._entering.on_bounced(number, bounced.why)
            case Ping() | PingReq():
                self._detector.on_bounced(number, now)
            case Leave():
                self._departing.on_bounced(number, now)
            case Tell(_, (member,), ()) if member.id == self._members.me.id:
                self._arriving.bounced(bounced.to.node)
                if bounced.why and not self._arriving.is_confirmed:
                    self._announcing.blame(bounced.why)
