"""A client's connections to the file ports of a network's nodes, found by asking for its members.

The node that was asked comes first, then the other living ones, so that a transfer goes on
whichever node is killed.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from weakref import WeakSet

from actors.errors import NotReady, TimedOut, Unavailable
from actors.membership import LIVING, Member
from actors.messages import ListMembers, MembersListed
from nodes.background import Background
from nodes.calls import Calls
from nodes.clocks import monotonic_ms
from nodes.ports import FILES
from nodes.threads import Threads

MAX_PORTS = 8
"""A client is connected to no more, however large the network."""

LOOK_AGAIN_MS = 5_000

HASHERS = 2
"""Threads that look whether chunks are what they are called."""


@dataclass(slots=True)
class _Ports:
    """Connections, and how many transfers use them."""

    addresses: frozenset[str]
    calls: Calls
    users: int = 0


class FilePorts:
    """Used by one client; `calls` are its requests to the request ports."""

    def __init__(self, calls: Calls, trace_id: str) -> None:
        self._calls = calls
        self._trace_id = trace_id
        self._ports: _Ports | None = None
        self._looked_ms = 0
        self._used: list[_Ports] = []
        self._threads = Threads("gossamer-file")
        self._lent: WeakSet[Background] = WeakSet()
        self.hashers = Background(self._threads, HASHERS)

    @property
    def timeout_ms(self) -> int:
        """The time without progress after which a transfer ends."""
        return self._calls.timeout_ms

    def thread(self) -> Background:
        """A thread for one transfer, which closes it."""
        thread = Background(self._threads)
        self._lent.add(thread)
        return thread

    @contextlib.asynccontextmanager
    async def use(self) -> AsyncIterator[Calls]:
        """The connections for one transfer. Raises Unavailable or TimedOut if nobody answers."""
        ports = self._ports
        if ports is None or monotonic_ms() - self._looked_ms > LOOK_AGAIN_MS:
            ports = await self._look()
        ports.users += 1
        try:
            ports.calls.event_loop()
            yield ports.calls
        except (Unavailable, TimedOut):
            # Who is there may have changed: look before the next transfer.
            self._looked_ms = 0
            raise
        finally:
            ports.users -= 1
            self._close_unused()

    def close(self) -> None:
        """End it; what is under way fails. May be called twice."""
        self.hashers.close()
        for thread in list(self._lent):
            thread.give_up()
        self._threads.close()
        self._ports = None
        for ports in self._used:
            ports.calls.close()
        self._used.clear()

    async def _look(self) -> _Ports:
        """Who is there now? The same connections, if they lead to the same places."""
        listed, answerer = await self._calls.ask_who(ListMembers(), MembersListed)
        addresses = file_addresses(listed.members, answerer.node)
        if not addresses:
            raise NotReady("the node that was asked knows of no living member to serve files")
        if self._ports is None or not _fits(self._ports.addresses, addresses[0], listed.members):
            calls = Calls(addresses, self.timeout_ms, self._trace_id, FILES, self._calls.dials)
            self._ports = _Ports(frozenset(addresses), calls)
            self._used.append(self._ports)
        self._looked_ms = monotonic_ms()
        self._close_unused()
        return self._ports

    def _close_unused(self) -> None:
        """What was replaced and is not used any more."""
        for ports in [p for p in self._used if p.users == 0 and p is not self._ports]:
            self._used.remove(ports)
            ports.calls.close()


def _fits(addresses: frozenset[str], asked: str, members: tuple[Member, ...]) -> bool:
    """May these connections be used on, with a node that was asked at this address?"""
    living = {m.files_address for m in members if m.state in LIVING}
    return (
        asked in addresses and living >= addresses and len(addresses) == min(MAX_PORTS, len(living))
    )


def file_addresses(members: tuple[Member, ...], asked: str) -> list[str]:
    """Whom to connect to: the node that was asked, by its id, then others in no order, so that
    many clients do not all choose the same."""
    living = [m for m in members if m.state in LIVING]
    first = [m.files_address for m in living if m.id == asked]
    others = [m.files_address for m in living if m.id != asked]
    random.shuffle(others)
    return [*first, *others][:MAX_PORTS]
