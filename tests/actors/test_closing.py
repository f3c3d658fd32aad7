"""An actor that listens for clients and is told to stop: it answers what it has taken on, and goes
when no client asks any more.
"""

from __future__ import annotations

import pytest

from actors.actor import CLIENT, HOST, Address, Envelope, Now, reply
from actors.chunks import chunk_id
from actors.closing import LATELY_MS, QUIET_MS, Closing
from actors.messages import (
    Failed,
    FilePut,
    Finished,
    GetFile,
    Message,
    PutChunk,
    PutFile,
    PutRecord,
    Stop,
    Written,
)
from tests.actors.coordinators import coordinator
from tests.actors.envelopes import from_host, get, message, messages, write
from tests.actors.file_servers import SETTINGS, A, B, C, FileServers

DATA = b"Plain text."
NAME = "letter.txt"
PUT = PutFile(NAME, len(DATA), chunk_id(DATA), 0, False, (), DATA, 5_000)
STOP = from_host("router", Stop())
PATIENCE_MS = 1_000


def at(mono_ms: int) -> Now:
    """A time."""
    return Now(mono_ms, 0)


def closing(asked_ms: int | None, begun_ms: int = 10_000) -> Closing:
    """It was asked last at one time, and told to stop at another."""
    closing = Closing(PATIENCE_MS)
    if asked_ms is not None:
        closing.asked(at(asked_ms))
    closing.begin(STOP, at(begun_ms))
    return closing


@pytest.mark.parametrize("asked_ms", [None, 10_000 - LATELY_MS])
def test_where_nobody_has_asked_lately_nobody_is_waited_for(asked_ms: int | None) -> None:
    """It has finished at once, and says so once."""
    idle = closing(asked_ms)
    assert idle.finished(at(10_000), is_busy=False) is STOP
    assert idle.finished(at(10_001), is_busy=False) is None
    assert idle.wake_at(is_busy=False) is None


def test_it_has_finished_when_nobody_asks_for_a_moment() -> None:
    """Each who asks makes it wait again."""
    asked = closing(9_990)
    assert asked.wake_at(is_busy=False) == 10_000 + QUIET_MS
    asked.asked(at(10_050))
    assert asked.finished(at(10_049 + QUIET_MS), is_busy=False) is None
    assert asked.finished(at(10_050 + QUIET_MS), is_busy=False) is STOP


def test_it_has_not_finished_while_something_is_under_way() -> None:
    """Then it is late, which is for others to act on."""
    busy = closing(None)
    assert busy.wake_at(is_busy=True) == 10_000 + PATIENCE_MS
    assert not busy.is_late(at(9_999 + PATIENCE_MS))
    assert busy.finished(at(9_999 + PATIENCE_MS), is_busy=True) is None
    assert busy.is_late(at(10_000 + PATIENCE_MS))


def test_those_who_ask_for_ever_are_left_in_the_end() -> None:
    """When its patience is over."""
    asked = closing(9_990)
    for ms in range(0, PATIENCE_MS, 10):
        assert asked.finished(at(10_000 + ms), is_busy=False) is None
        asked.asked(at(10_000 + ms))
    assert asked.finished(at(10_000 + PATIENCE_MS), is_busy=False) is STOP


def test_a_router_goes_on_refusing_until_nobody_asks() -> None:
    """A client that hears this goes elsewhere; one that does not cannot know what was done."""
    node = coordinator(A)
    node.take(get("k"))
    node.run_for(10_000)
    node.take(get("k", number=2))
    assert messages(node.take(STOP), Finished) == []
    out = node.run_for(QUIET_MS - 1)
    assert messages(out, Finished) == []
    refused = node.take(get("k", number=3))
    assert message(refused, Failed).code == "stopping"


def test_a_router_that_is_late_does_not_spin() -> None:
    """It gives up what is under way at its next tick, and wakes no sooner."""
    node = coordinator(A)
    node.take(write("k"))
    node.take(STOP)
    node.take(get("l", number=2), after_ms=PATIENCE_MS - 10)
    node.take(get("l", number=3), after_ms=10)
    wake_at = node.actor.wake_at
    assert wake_at is not None
    assert wake_at > node.now().mono_ms


class SlowRouters(FileServers):
    """What is to be written is not answered before `written`."""

    def __init__(self, *ids: str) -> None:
        super().__init__(*ids)
        self._records: list[Envelope] = []

    def _dictionary(self, envelope: Envelope) -> Message | None:
        if isinstance(envelope.message, PutRecord):
            self._records.append(envelope)
            return None
        return super()._dictionary(envelope)

    def request(self, request: Message, number: int) -> None:
        """A client asks the first node."""
        to, client = Address(A, "fileserver"), Address(CLIENT, "01")
        self.deliver(Envelope(to, client, request, number))

    def written(self) -> None:
        """All records are."""
        for envelope in self._records:
            self.deliver(reply(envelope, Written(("ok",), ("1-a-b",), (("node",),))))

    def stop(self) -> None:
        """The first node is to stop."""
        self.deliver(Envelope(Address(A, "fileserver"), Address(A, HOST), Stop(), 7))

    @property
    def has_finished(self) -> bool:
        """Has the first node's file server?"""
        return Finished() in self.nodes[A].told


def test_a_file_server_answers_what_is_under_way_before_it_goes() -> None:
    """A file that is being put is, and the client hears of it."""
    network = SlowRouters(A, B, C)
    network.request(PUT, 1)
    network.stop()
    network.run_for(SETTINGS.stop_patience_ms - 1)
    assert not network.has_finished
    assert network.answers == []
    network.written()
    assert [e.message for e in network.answers] == [FilePut("1-a-b", "text/plain; charset=utf-8")]
    assert network.has_finished


def test_a_file_server_refuses_what_is_new_until_nobody_asks() -> None:
    """Certainly, so that clients go elsewhere."""
    network = SlowRouters(A, B, C)
    assert network.ask(GetFile(NAME, 5_000)) is not None
    network.stop()
    network.run_for(QUIET_MS // 2)
    for number, request in enumerate((PutChunk(chunk_id(DATA), DATA, 5_000), PUT), 100):
        network.request(request, number)
        failed = network.answers[-1].message
        assert isinstance(failed, Failed)
        assert (failed.code, failed.definite) == ("stopping", True)
    network.run_for(QUIET_MS - 1)
    assert not network.has_finished
    network.run_for(1)
    assert network.has_finished


def test_a_file_server_that_can_wait_no_longer_says_what_is_known() -> None:
    """A file may have been put; what only reads may be asked of others."""
    network = SlowRouters(A, B, C)
    network.cut |= {B, C}
    network.request(PUT, 1)
    network.request(PutChunk(chunk_id(DATA), DATA, 5_000), 2)
    network.stop()
    network.run_for(SETTINGS.stop_patience_ms)
    told = [
        (e.id, e.message.code, e.message.definite)
        for e in network.answers
        if isinstance(e.message, Failed)
    ]
    assert told == [(1, "timed_out", False), (2, "stopping", True)]
    assert network.has_finished
