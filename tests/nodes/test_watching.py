"""Those who watch are told what happens, once each, by whichever node answers, until they stop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from actors.errors import GossamerError, TimedOut, Unavailable, Unreachable
from actors.membership import Member, State
from nodes.async_client import MAX_WATCH_MS, AsyncClient
from nodes.client import Client
from nodes.member_list import MemberList
from nodes.node import Node
from nodes.sockets import Context
from nodes.watching import MISSED, KeyChange, MemberChange, MembersSeen
from tests.networks import DEADLINE_S, Network, client_of, logged, wait_until
from tests.nodes.scripted import (
    ScriptedNode,
    background,
    failure,
    keys_changed,
    members_listed,
)

ONE = Member(
    "00000000000000a1", "node1", "127.0.0.1:7100", "127.0.0.1:8100", "127.0.0.1:9100", 1, 0, "alive"
)
TWO = Member(
    "00000000000000a2", "node2", "127.0.0.1:7200", "127.0.0.1:8200", "127.0.0.1:9200", 1, 0, "alive"
)
PATIENCE_S = 3.0


def now(member: Member, state: State, incarnation: int = 0) -> Member:
    """The member in another state."""
    return replace(member, state=state, incarnation=incarnation)


@pytest.fixture
def scripted(context: Context) -> Iterator[ScriptedNode]:
    """A node that does what the test says."""
    node = ScriptedNode(context)
    yield node
    node.close()


def unsure(*members: Member) -> MemberList:
    """What a node lists that is not ready."""
    listed = MemberList(members)
    listed.waiting = "waiting for one of node2 to confirm it"
    return listed


# What is news.


def test_every_present_member_is_news_once() -> None:
    """Who has left before is not: nobody saw it."""
    seen = MembersSeen()
    assert seen.news([ONE, now(TWO, "left")]) == [MemberChange(ONE, "")]
    assert seen.news([ONE, now(TWO, "left")]) == []


def test_what_a_node_doubts_that_is_not_ready_is_shown_until_one_knows() -> None:
    """Though it says no later news of a member than others did, and they none than it."""
    seen = MembersSeen()
    suspect = now(TWO, "suspect")
    assert seen.news(unsure(ONE, suspect))[1] == MemberChange(suspect, "")
    assert seen.news([ONE, TWO]) == [MemberChange(TWO, "suspect")]
    assert seen.news(unsure(ONE, replace(suspect, address="old:1"))) == [
        MemberChange(suspect, "alive")
    ]
    assert seen.news(unsure(ONE, suspect)) == []
    assert seen.news(unsure(ONE, TWO)) == [MemberChange(TWO, "suspect")]
    dead = now(TWO, "dead")
    seen.news([ONE, dead])
    assert seen.news(unsure(ONE, suspect)) == []
    assert seen.news([ONE, TWO]) == [MemberChange(TWO, "dead")]


def test_another_state_is_news() -> None:
    """With the state that it was in before."""
    seen = MembersSeen()
    seen.news([ONE, TWO])
    suspect, back = now(TWO, "suspect"), now(TWO, "alive", 1)
    assert seen.news([ONE, suspect]) == [MemberChange(suspect, "alive")]
    assert seen.news([ONE, back]) == [MemberChange(back, "suspect")]
    left = now(TWO, "left", 1)
    assert seen.news([ONE, left]) == [MemberChange(left, "alive")]


def test_another_address_is_news() -> None:
    """Alone or with another state; a restart that changes neither is not."""
    seen = MembersSeen()
    seen.news([ONE])
    moved = replace(ONE, boot=2, address="127.0.0.1:9999")
    assert seen.news([moved]) == [MemberChange(moved, "alive", moved=True)]
    assert seen.news([replace(moved, boot=3)]) == []
    back = replace(ONE, boot=4, state="leaving")
    assert seen.news([back]) == [MemberChange(back, "alive", moved=True)]


def test_what_a_node_that_is_behind_says_is_no_news() -> None:
    """Neither an older state, nor that it does not know a member yet, nor one who has left."""
    seen = MembersSeen()
    seen.news([ONE, now(TWO, "alive", 1)])
    assert seen.news([now(TWO, "suspect", 0)]) == []
    assert len(seen.news([ONE, now(TWO, "left", 1)])) == 1
    assert seen.news([ONE, now(TWO, "alive", 2)]) == []


# Members.


def test_members_are_watched_by_asking_again(scripted: ScriptedNode) -> None:
    """First for the list, then each time for another list than that one."""
    with client_of(scripted.address, timeout_s=8) as client:
        watched = client.watch_members()
        first = background(next, watched)
        assert scripted.answer_next(members_listed("d1", ONE, TWO))["type"] == "list_members"
        assert first.result(DEADLINE_S) == MemberChange(ONE, "")
        assert next(watched) == MemberChange(TWO, "")
        second = background(next, watched)
        header = scripted.answer_next(members_listed("d1", ONE, TWO))
        assert (header["type"], header["seen"]) == ("watch_members", "d1")
        assert header["timeout_ms"] == 8_000
        scripted.answer_next(members_listed("d2", ONE, now(TWO, "dead")))
        assert second.result(DEADLINE_S) == MemberChange(now(TWO, "dead"), "alive")


def test_no_request_waits_longer_than_a_node_listens(scripted: ScriptedNode) -> None:
    """However patient the client is."""
    with client_of(scripted.address, timeout_s=600) as client:
        background(client.members_since, "d1")
        assert scripted.next_request()[1]["timeout_ms"] == MAX_WATCH_MS
        background(client.changes_since, "", "c1")
        assert scripted.next_request()[1]["timeout_ms"] == MAX_WATCH_MS


def test_a_watch_goes_on_with_the_next_endpoint(scripted: ScriptedNode, context: Context) -> None:
    """When the node that it asked goes away; what the other one says is compared with the same."""
    second = ScriptedNode(context)
    with client_of(scripted.address, second.address) as client:
        watched = client.watch_members()
        first = background(next, watched)
        first_asked = scripted if wait_for_either(scripted, second) else second
        other = second if first_asked is scripted else scripted
        first_asked.answer_next(members_listed("d1", ONE))
        assert first.result(DEADLINE_S) == MemberChange(ONE, "")
        following = background(next, watched)
        first_asked.next_request()
        first_asked.close()
        header = other.answer_next(members_listed("other", ONE, TWO))
        assert header["seen"] == "d1"
        assert following.result(DEADLINE_S) == MemberChange(TWO, "")
    second.close()


def wait_for_either(one: ScriptedNode, two: ScriptedNode) -> bool:
    """Whichever a client is connected to first is asked: is it this one?"""
    wait_until("one is asked", lambda: one.has_request() or two.has_request())
    return one.has_request()


def test_a_watch_ends_when_nobody_answers(scripted: ScriptedNode) -> None:
    """With Unreachable where the connection is lost, with TimedOut where the node is silent."""
    with client_of(scripted.address, timeout_s=0.3) as client:
        with pytest.raises(TimedOut):
            next(client.watch_members())
        with pytest.raises(TimedOut):
            next(client.watch())
    assert scripted.next_request()[1]["type"] == "list_members"
    assert scripted.next_request()[1]["type"] == "watch_keys"
    with client_of(scripted.address) as client:
        watched = background(next, client.watch())
        scripted.next_request()
        scripted.close()
        assert isinstance(failure(watched), Unreachable)
        with pytest.raises(Unavailable):
            next(client.watch_members())


# Keys.


def test_keys_are_watched_from_one_cursor_to_the_next(scripted: ScriptedNode) -> None:
    """The first is had at once, so that what happens from then on is told."""
    with client_of(scripted.address, timeout_s=8) as client:
        watched = client.watch("k")
        first = background(next, watched)
        header = scripted.answer_next(keys_changed("c1"))
        assert (header["type"], header["prefix"], header["cursor"]) == ("watch_keys", "k", "")
        assert header["timeout_ms"] == 1
        header = scripted.answer_next(keys_changed("c2", "k1", "k2"))
        assert (header["cursor"], header["timeout_ms"]) == ("c1", 8_000)
        assert first.result(DEADLINE_S) == KeyChange("k1", "v", "put")
        assert next(watched) == KeyChange("k2", "v", "put")
        last = background(next, watched)
        assert scripted.answer_next(keys_changed("c3", "k3", missed=True))["cursor"] == "c2"
        assert last.result(DEADLINE_S) == MISSED
        assert next(watched) == KeyChange("k3", "v", "put")


def test_a_watch_may_be_left_at_any_time(scripted: ScriptedNode) -> None:
    """A loop that is broken off leaves no request, no thread, and a client that goes on."""
    with client_of(scripted.address) as client:
        before = threading.active_count()
        playing = background(
            lambda: [scripted.answer_next(keys_changed("c", "k")) for _ in range(3)]
        )
        for _ in range(3):
            for change in client.watch():
                assert change.key == "k"
                break
        playing.result(DEADLINE_S)
        assert not scripted.has_request()
        wait_until("its thread is gone", lambda: threading.active_count() == before)
        assert client._client._calls._when_done == {}


def test_closing_ends_a_watch(scripted: ScriptedNode) -> None:
    """Whoever waits for the next change in another thread is told."""
    client = Client(scripted.address, timeout=600)
    waiting = background(next, client.watch())
    scripted.answer_next(keys_changed("c"))
    scripted.next_request()
    client.close()
    assert "the client was closed" in str(failure(waiting))


def test_the_async_client_watches_too(scripted: ScriptedNode) -> None:
    """By async iterators, which may be left or cancelled."""

    async def run() -> None:
        async with AsyncClient(scripted.address, timeout=DEADLINE_S) as client:
            playing = asyncio.ensure_future(asyncio.to_thread(play))
            async for member_change in client.watch_members():
                assert member_change == MemberChange(ONE, "")
                break
            async for key_change in client.watch("k"):
                assert key_change == KeyChange("k", "v", "put")
                break
            await playing
            waiting = asyncio.ensure_future(client.watch().__anext__())
            await asyncio.to_thread(scripted.next_request)
            waiting.cancel()
            outcome = await asyncio.gather(waiting, return_exceptions=True)
            assert isinstance(outcome[0], asyncio.CancelledError)

    def play() -> None:
        scripted.answer_next(members_listed("d", ONE))
        scripted.answer_next(keys_changed("c", "k"))

    asyncio.run(run())


# With a real node.


def test_a_put_and_a_delete_are_heard_of(shared_node: Node, client: Client) -> None:
    """Each with the version that it made; what does not begin with the prefix is not told."""
    _, cursor = client.changes_since("watched:")
    version = client.put("watched:1", 1)
    client.put("other", 1)
    client.delete("watched:1")
    changes: list[KeyChange] = []

    def both() -> bool:
        nonlocal cursor
        more, cursor = client.changes_since("watched:", cursor)
        changes.extend(more)
        return len(changes) >= 2

    wait_until("both are heard of", both)
    assert [change.key for change in changes] == ["watched:1"] * 2
    assert [change.change for change in changes] == ["put", "deleted"]
    assert changes[0].version == version != changes[1].version


def test_to_wait_for_news_is_not_slow(network: Network) -> None:
    """The log has no word of a node that had nothing to tell for a while."""
    node = network.node("node1")
    node.wait_ready(DEADLINE_S)
    with client_of(node.address, timeout_s=PATIENCE_S) as client:
        _, digest = client.members_since()
        _, cursor = client.changes_since()
        members = background(client.members_since, digest)
        changes = background(client.changes_since, "", cursor)
        assert members.result(DEADLINE_S)[1] == digest
        assert changes.result(DEADLINE_S)[0] == ()
    network.stop(node)
    assert logged(network.folder / "node1", "request_slow") == []


def test_a_prefix_that_is_no_text_is_refused(client: Client) -> None:
    """Before anything is sent."""
    for prefix in ("\ud800", 7):
        with pytest.raises(GossamerError) as error:
            next(client.watch(prefix))  # type: ignore[arg-type]
        assert error.value.code == "refused"
