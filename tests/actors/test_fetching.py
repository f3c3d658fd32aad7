"""Reading chunks for clients: who does not read waits, and is not forgotten."""

from __future__ import annotations

from random import Random

import pytest

from actors.actor import CLIENT, HOST, Address, Envelope, Now
from actors.fileserver import FileServer
from actors.messages import Unread
from tests.actors.file_servers import SETTINGS, A, DictionaryChunks


@pytest.mark.parametrize("waits", [True, False])
def test_what_a_client_has_not_read_is_tried_again_soon(waits: bool) -> None:
    """The host does so with every turn, and nobody tells when there is room: so there is one."""
    server = FileServer(A, DictionaryChunks(), 1, Random(1), SETTINGS)
    news = Unread(Address(CLIENT, "00"), waits)
    server.turn([Envelope(Address(A, "fileserver"), Address(A, HOST), news)], Now(1_000, 0))
    is_soon = server.wake_at is not None and server.wake_at <= 1_000 + SETTINGS.tick_ms
    assert is_soon == waits
