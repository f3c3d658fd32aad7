"""Push-pull: what two nodes say to each other until both know the same."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from actors.actor import Address, Envelope, reply
from actors.digests import BUCKETS, Digests
from actors.gossip_settings import GossipSettings
from actors.membership import Member, Members
from actors.messages import Compare, Compared, Exchange, Tell
from actors.outbox import Outbox
from actors.push_pull import ENTRY_BYTES, MEMBER_BYTES, PushPull
from actors.shared import SharedEntry
from actors.shared_table import SharedTable
from tests.actors.envelopes import A, B, C, all_of, member, message, messages, the
from tests.actors.gossipers import NET, from_peer
from tests.actors.parts import nodes
from tests.actors.shared_tables import NOW, entry

ME, OTHER, THIRD = member(A), member(B), member(C)
ALL = range(BUCKETS)
NOTHING = Digests().buckets()


class Side:
    """What one node knows, and its push-pull."""

    def __init__(
        self, me: Member, *others: Member, settings: GossipSettings | None = None, seed: int = 1
    ) -> None:
        self.settings = settings or GossipSettings()
        self.digests = Digests()
        self.members = Members(me, others, self.settings.max_members, self.digests)
        self.shared = SharedTable(me.id, {}, self.digests, self.settings)
        self.outbox = Outbox(Address(me.id, "gossiper"), 0)
        self.push_pull = PushPull(
            self.members, self.shared, self.digests, self.outbox, Random(seed), self.settings
        )
        self.push_pull.network = NET

    def knows(self, *news: Member | SharedEntry) -> None:
        """Take in what is later than what it knows."""
        self.members.merge([one for one in news if isinstance(one, Member)])
        entries = [one for one in news if isinstance(one, SharedEntry)]
        self.shared.hold(self.shared.later(entries, NOW)[0])

    def facts(self) -> tuple[tuple[Member, ...], tuple[SharedEntry, ...]]:
        """All that it knows; of one that has left only that, for it is not said of it anew."""
        known = [replace(m, boot=1) if m.state == "left" else m for m in self.members.all()]
        return tuple(known), tuple(sorted(self.shared.in_buckets(ALL), key=lambda e: e.key))

    def on(self, envelope: Envelope) -> list[Envelope]:
        """Another node says something: what this one sends then."""
        match envelope.message:
            case Compare(_, digest):
                self.outbox.reply(envelope, self.push_pull.compared(digest))
            case Compared(_, digests):
                self.push_pull.exchange_with(envelope.sender.node, digests)
            case Exchange(_, _, members, shared):
                self.push_pull.answer(envelope)
                self.knows(*members, *shared)
            case Tell(_, members, shared):
                self.knows(*members, *shared)
        return self.outbox.take()

    def asked(self, now_ms: int = 0, pause_ms: int = 2_000) -> list[str]:
        """With whom it compares notes at this time."""
        self.push_pull.due(now_ms, pause_ms)
        return [e.to.node for e in all_of(self.outbox.take(), Compare)]


def compare(one: Side, two: Side) -> list[Envelope]:
    """One side begins, which has heard of the other; all that either sends until nothing more is to
    be said."""
    one.push_pull.exchange_with(two.members.me.id, ())
    one.push_pull.compare_with(two.members.me.id)
    sent, under_way = [], one.outbox.take()
    while under_way:
        envelope = under_way.pop(0)
        sent.append(envelope)
        to = one if envelope.to.node == one.members.me.id else two
        under_way += to.on(envelope)
        assert len(sent) < 1_000, "they never come to an end"
    return sent


def steps(sent: list[Envelope]) -> list[str]:
    """The names of the messages."""
    return [type(e.message).__name__ for e in sent]


# Two nodes.


def test_where_the_same_is_known_two_messages_are_enough() -> None:
    """A digest, and that it is equal."""
    one, two = Side(ME, OTHER), Side(OTHER, ME)
    one.knows(entry("k"))
    two.knows(entry("k"))
    sent = compare(one, two)
    assert steps(sent) == ["Compare", "Compared"]
    assert message(sent, Compared) == Compared(NET, ())


def test_push_pull_has_four_steps() -> None:
    """A digest, those of the buckets, what is in those that differ, and what is later there."""
    one, two = Side(ME, OTHER, THIRD), Side(OTHER, ME)
    two.knows(entry("k"))
    sent = compare(one, two)
    assert steps(sent) == ["Compare", "Compared", "Exchange", "Tell"]
    assert len(message(sent, Compared).digests) == BUCKETS
    assert message(sent, Exchange).members == (THIRD,)
    assert message(sent, Tell) == Tell(NET, (), (entry("k"),))
    assert one.facts() == two.facts() == ((ME, OTHER, THIRD), (entry("k"),))
    assert [(e.sender.node, e.to.node) for e in sent] == [(A, B), (B, A), (A, B), (B, A)]
    assert sent[3].id == sent[2].id


def test_who_has_never_answered_is_told_of_this_node_first() -> None:
    """It may never have heard of it, and then it could not answer."""
    one = Side(ME, OTHER)
    for _ in range(2):
        one.push_pull.compare_with(B)
        first, second = one.outbox.take()
        assert (first.to.node, first.message) == (B, Tell(NET, (ME,), ()))
        assert isinstance(second.message, Compare)
    one.push_pull.exchange_with(B, ())
    one.push_pull.compare_with(B)
    assert steps(one.outbox.take()) == ["Compare"]


def test_only_what_differs_is_sent() -> None:
    """Here the bucket of one in three hundred members."""
    many = nodes(300)
    one, two = Side(ME, OTHER, *many), Side(OTHER, ME, *many)
    one.knows(replace(many[7], incarnation=1))
    exchange = message(compare(one, two), Exchange)
    assert exchange.buckets == (Digests.bucket_of(f"member {many[7].id}"),)
    assert len(exchange.members) < 20
    assert two.members[many[7].id].incarnation == 1


MEMBERS = st.builds(
    lambda number, boot, state: replace(nodes(6)[number], boot=boot, state=state),
    st.integers(0, 5),
    st.integers(1, 3),
    st.sampled_from(["alive", "suspect", "dead", "stopped", "left"]),
)
ENTRIES = st.builds(
    entry, st.sampled_from("abc"), st.sampled_from(["1", None]), ms=st.integers(0, 3)
)
NEWS = st.lists(MEMBERS | ENTRIES, max_size=12)


@given(NEWS, NEWS, st.sampled_from([1, 600, 10**6]))
def test_two_nodes_know_the_same_in_the_end(
    mine: list[Member | SharedEntry], theirs: list[Member | SharedEntry], limit_bytes: int
) -> None:
    """Whatever they knew before, and however little goes into one message."""
    settings = GossipSettings(max_tell_bytes=limit_bytes)
    one, two = Side(ME, OTHER, settings=settings), Side(OTHER, ME, settings=settings)
    one.knows(*mine)
    two.knows(*theirs)
    compare(one, two)
    assert one.facts() == two.facts()
    assert one.digests.whole() == two.digests.whole()


# How much goes into one message.


def test_much_is_exchanged_in_several_messages() -> None:
    """Each has whole buckets, and all of them together have all that differ, once."""
    many = nodes(200)
    one = Side(ME, OTHER, *many, settings=GossipSettings(max_tell_bytes=20 * MEMBER_BYTES))
    one.push_pull.exchange_with(B, NOTHING)
    exchanges = messages(one.outbox.take(), Exchange)
    differing = one.digests.differing(NOTHING)
    assert [b for e in exchanges for b in e.buckets] == list(differing)
    assert len(exchanges) > 5
    assert max(len(e.members) for e in exchanges) <= 20
    for exchange in exchanges:
        assert set(exchange.members) == set(one.members.in_buckets(exchange.buckets))


def test_much_is_told_in_several_messages() -> None:
    """Members first, then shared entries; each message is bounded."""
    one = Side(ME, *nodes(50), settings=GossipSettings(max_tell_bytes=20 * MEMBER_BYTES))
    entries = [entry(f"k{i}", f'"{"x" * 1_000}"') for i in range(20)]
    one.knows(*entries)
    asked = from_peer(Exchange(NET, tuple(ALL), (), ()), B, 7)
    tells = one.on(asked)
    assert {(e.to.node, e.id) for e in tells} == {(B, 7)}
    parts = messages(tells, Tell)
    assert [len(part.members) for part in parts if part.members] == [16, 16, 16, 3]
    shared = [part.shared for part in parts if part.shared]
    assert max(sum(len(e.value) for e in some) for some in shared) <= 20 * MEMBER_BYTES
    assert [e for some in shared for e in some] == list(one.shared.in_buckets(ALL))


def test_what_concerns_who_asks_is_told_first() -> None:
    """It may be waiting to hear whether it is still a member."""
    gone = member("f" * 16, state="left")
    one = Side(ME, *nodes(5), gone, settings=GossipSettings(max_tell_bytes=1))
    parts = messages(one.on(from_peer(Exchange(NET, tuple(ALL), (), ()), gone.id)), Tell)
    assert parts[0].members == (gone,)
    assert [m.id for part in parts[1:] for m in part.members] == [*(m.id for m in nodes(5)), A]


def test_a_bucket_too_large_for_a_message_is_told_in_several_and_asked_for() -> None:
    """No message is larger than may be; the other tells all that it has there, once."""
    limit_bytes = 10 * MEMBER_BYTES
    one = Side(ME, OTHER, settings=GossipSettings(max_tell_bytes=limit_bytes))
    two = Side(OTHER, ME, settings=GossipSettings(max_tell_bytes=limit_bytes))
    same = [key for i in range(2_000) if Digests.bucket_of(f"shared {(key := f'k{i}')}") == 7]
    mine, theirs = [entry(key) for key in same[::2]], [entry(key) for key in same[1::2]]
    one.knows(*mine)
    two.knows(*theirs)
    sent = compare(one, two)
    [exchange] = messages(sent, Exchange)
    assert (exchange.buckets, exchange.members, exchange.shared) == ((7,), (), ())
    unasked = [e for e in all_of(sent, Tell) if e.sender.node == A]
    assert {e.id for e in unasked} == {0}
    assert len(unasked) > 1
    for tell in messages(sent, Tell):
        assert sum(ENTRY_BYTES + len(e.value) for e in tell.shared) <= limit_bytes
    assert one.facts() == two.facts()
    assert len(one.facts()[1]) == len(same)


def test_what_is_too_large_for_a_message_goes_alone() -> None:
    """Nothing is held back for ever."""
    one = Side(ME, settings=GossipSettings(max_tell_bytes=1))
    one.knows(entry("k"), entry("l"))
    tells = messages(one.on(from_peer(Exchange(NET, tuple(ALL), (), ()), B)), Tell)
    assert [(len(part.members), len(part.shared)) for part in tells] == [(1, 0), (0, 1), (0, 1)]


def test_digests_of_another_length_differ_in_all_buckets() -> None:
    """They are of no node of this version: all is exchanged, once."""
    one = Side(ME, OTHER)
    one.push_pull.exchange_with(B, ("else",))
    assert message(one.outbox.take(), Exchange).buckets == tuple(ALL)


def test_buckets_that_there_are_not_hold_nothing() -> None:
    """A request for them is answered, with nothing."""
    one = Side(ME, OTHER)
    tells = one.on(from_peer(Exchange(NET, (BUCKETS, 10**9), (), ()), B))
    assert messages(tells, Tell) == [Tell(NET, (), ())]


# What is an answer.


def test_an_exchange_is_answered_once() -> None:
    """By the Tell with its number; no other Tell is an answer."""
    one = Side(ME, OTHER)
    one.push_pull.exchange_with(B, NOTHING)
    [exchange] = one.outbox.take()
    told = reply(exchange, Tell(NET, (), ()))
    assert not one.push_pull.is_answered(replace(told, id=exchange.id + 1))
    assert one.push_pull.is_answered(told)
    assert not one.push_pull.is_answered(told)


def test_the_last_of_several_exchanges_is_the_answer() -> None:
    """In whatever order they are answered; those with another node do not count."""
    one = Side(ME, *nodes(9), settings=GossipSettings(max_tell_bytes=2 * MEMBER_BYTES))
    one.push_pull.exchange_with(B, NOTHING)
    told = [reply(e, Tell(NET, (), ())) for e in all_of(one.outbox.take(), Exchange)]
    one.push_pull.exchange_with(C, NOTHING)
    assert len(told) > 3
    assert [one.push_pull.is_answered(answer) for answer in reversed(told)] == (
        [False] * (len(told) - 1) + [True]
    )


def test_an_exchange_makes_up_for_one_whose_answer_was_lost() -> None:
    """Else whoever has lost one would wait for an answer of that node for ever."""
    one = Side(ME, OTHER)
    one.push_pull.exchange_with(B, NOTHING)
    lost = reply(the(one.outbox.take(), Exchange), Tell(NET, (), ()))
    one.push_pull.exchange_with(B, NOTHING)
    told = reply(the(one.outbox.take(), Exchange), Tell(NET, (), ()))
    assert one.push_pull.is_answered(told)
    assert not one.push_pull.is_answered(lost)


def test_exchanges_that_are_never_answered_are_forgotten() -> None:
    """The oldest, when there are more than a hundred."""
    one = Side(ME, OTHER)
    for number in range(101):
        one.push_pull.exchange_with(f"{number:016x}", NOTHING)
    first, *rest = [reply(exchange, Tell(NET, (), ())) for exchange in one.outbox.take()]
    assert not one.push_pull.is_answered(first)
    assert all(one.push_pull.is_answered(told) for told in rest)


def test_digests_are_taken_once_and_only_where_they_were_asked_for() -> None:
    """Else anybody could have a node send all that it knows."""
    one = Side(ME, OTHER)
    one.push_pull.compare_with(B)
    compared = reply(the(one.outbox.take(), Compare), Compared(NET, NOTHING))
    for number in (0, compared.id + 1):
        assert not one.push_pull.is_expected(replace(compared, id=number))
    assert one.push_pull.is_expected(compared)
    assert not one.push_pull.is_expected(compared)


def test_nobody_answers_for_who_was_asked() -> None:
    """Another may guess the number: what it says is no answer, and takes nobody's place."""
    one = Side(ME, OTHER, THIRD)
    one.push_pull.compare_with(B)
    compared = reply(the(one.outbox.take(), Compare), Compared(NET, NOTHING))
    one.push_pull.exchange_with(B, NOTHING)
    told = reply(the(one.outbox.take(), Exchange), Tell(NET, (), ()))
    assert not one.push_pull.is_expected(replace(compared, sender=Address(C, "gossiper")))
    assert not one.push_pull.is_answered(replace(told, sender=Address(C, "gossiper")))
    assert one.push_pull.is_expected(compared)
    assert one.push_pull.is_answered(told)


# When, and with whom.


def test_notes_are_compared_now_and_then() -> None:
    """Every two seconds on average, and never in step with others."""
    one = Side(ME, OTHER)
    times: list[int] = []
    while len(times) < 50:
        times.append(one.push_pull.next_ms)
        assert one.asked(times[-1] - 1) == []
        assert one.asked(times[-1]) == [B]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert min(pauses) >= 1_000
    assert max(pauses) < 3_000
    assert len(set(pauses)) > 25


def test_notes_are_compared_with_all_in_turn() -> None:
    """In an order that is random, and another one each time."""
    others = nodes(10)
    one = Side(ME, *others)
    rounds = [[one.asked(10_000 * (10 * i + j))[0] for j in range(10)] for i in range(5)]
    assert [sorted(peers) for peers in rounds] == [[m.id for m in others]] * 5
    assert len({tuple(peers) for peers in rounds}) == 5


def test_who_is_down_is_asked_only_if_nobody_else_is_there() -> None:
    """All may have been started at once, and be back; who has left is never asked."""
    down, gone = member(C, state="dead"), member("9" * 16, state="left")
    one = Side(ME, OTHER, down, gone)
    assert {peer for i in range(10) for peer in one.asked(10_000 * i)} == {B}
    one = Side(ME, down, gone)
    assert {peer for i in range(10) for peer in one.asked(10_000 * i)} == {C}


def test_who_has_left_since_the_order_was_drawn_is_passed_over() -> None:
    """The next is asked instead."""
    one = Side(ME, OTHER, THIRD)
    [first] = one.asked(0)
    second = next(m for m in (OTHER, THIRD) if m.id != first)
    one.knows(replace(second, state="left"))
    assert one.asked(10_000) == [first]


def test_who_is_alone_asks_nobody() -> None:
    """But will look again."""
    one = Side(ME)
    assert one.asked() == []
    assert one.push_pull.next_ms > 0


def test_news_that_was_told_is_compared_soon() -> None:
    """Rumours may not carry it everywhere; what is due sooner stays so."""
    one = Side(ME, OTHER)
    one.asked(0)
    one.push_pull.soon(100)
    assert one.push_pull.next_ms == 300
    one.push_pull.soon(200)
    assert one.push_pull.next_ms == 300


def test_news_that_was_told_is_compared_once_more() -> None:
    """With somebody else, if there is; then as often as usual."""
    one = Side(ME, OTHER, THIRD)
    one.asked(0)
    one.push_pull.soon(0)
    assert [one.push_pull.next_ms, *one.asked(200)] in ([200, B], [200, C])
    assert one.push_pull.next_ms == 400
    assert one.asked(400)
    assert one.push_pull.next_ms >= 1_400
