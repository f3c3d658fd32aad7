"""Chunks that are read for clients, as far as clients read them."""

from __future__ import annotations

from actors.actor import CLIENT, HOST, Address, Envelope
from actors.messages import Unread
from tests.actors.file_servers import SETTINGS, A, B, C, FileServers

CLIENT_01 = Address(CLIENT, "01")


def test_a_client_that_does_not_read_is_looked_at_soon() -> None:
    """What waits for it is sent when there is room, of which no message tells."""
    network = FileServers(A, B, C)
    actor = network.nodes[A].actor
    network.run_for(200)

    def soonest_ms() -> int:
        wake_at = actor.wake_at
        assert wake_at is not None
        return wake_at - network.now_ms

    quiet_ms = soonest_ms()
    for waits in (True, False):
        unread = Unread(CLIENT_01, waits)
        network.deliver(Envelope(Address(A, "fileserver"), Address(A, HOST), unread))
        assert (soonest_ms() <= SETTINGS.tick_ms) is waits
    assert quiet_ms > SETTINGS.tick_ms
