"""Ctrl-C ends a client's wait, whenever it comes."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Iterator
from queue import Empty

import pytest

from actors.messages import Message
from nodes.async_client import AsyncClient
from nodes.client import Client
from tests.networks import DEADLINE_S
from tests.nodes.scripted_files import FileNode


@pytest.fixture
def deaf() -> Iterator[None]:
    """This thread is not woken by SIGINT, as if it always came just before the thread waits."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    yield
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    signal.signal(signal.SIGINT, before)


def test_a_signal_that_comes_just_before_the_wait_is_not_lost(
    nodes: list[FileNode], request: pytest.FixtureRequest
) -> None:
    """It is found soon, although nothing tells of it."""
    asked = threading.Event()

    def lose(_message: Message) -> str:
        asked.set()
        return "lose"

    def interrupt() -> None:
        asked.wait(DEADLINE_S)
        os.kill(os.getpid(), signal.SIGINT)

    nodes[0].fate = lose
    # It has to be able to take the signal: so it is started while this thread still is.
    threading.Thread(target=interrupt, daemon=True).start()
    request.getfixturevalue("deaf")
    with Client(nodes[0].address, timeout=60) as client, pytest.raises(KeyboardInterrupt):
        client.members()


def test_an_error_of_the_own_wait_is_no_other_error(nodes: list[FileNode]) -> None:
    """What a use of the client raises is raised, whatever it is."""

    async def use(_client: AsyncClient) -> None:
        raise Empty

    with Client(nodes[0].address) as client, pytest.raises(Empty):
        client.run(use)


def test_what_nobody_waits_for_any_more_fails_without_a_word(
    nodes: list[FileNode], caplog: pytest.LogCaptureFixture
) -> None:
    """A command that was interrupted says one line, and no traceback comes after it."""

    async def fails() -> None:
        raise ValueError

    with Client(nodes[0].address) as client:
        client._begin(fails())
    gc.collect()
    assert caplog.records == []
