"""Clients that write, read, delete and list a few hot keys, and take down what they saw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from random import Random

from actors.errors import ERRORS, GossamerError
from actors.messages import Get, Got, List, Listed, ListMembers, MembersListed, Write, Written
from actors.versions import Kind
from nodes.simulated import Simulation
from nodes.simulated.client import Outcome, SimulatedClient
from nodes.simulated.history import History

KEYS = ("ant", "bee", "cat")
MAX_PAUSE_MS = 100
MAX_TIMEOUT_MS = 3_000


class Workload:
    """Each client does one thing after the other, `operations` in all. `outcomes` are whether each
    succeeded."""

    def __init__(
        self, simulation: Simulation, clients: Sequence[SimulatedClient], operations: int
    ) -> None:
        self.history = History()
        self.outcomes: list[bool] = []
        self._simulation = simulation
        self._rng = Random(f"{simulation.seed} workload")
        self._left = operations
        self._busy = len(clients)
        self._values = 0
        for client in clients:
            self._next(client)

    def done(self) -> bool:
        """Have all operations ended?"""
        return self._busy == 0

    def _next(self, client: SimulatedClient) -> None:
        if self._left == 0:
            self._busy -= 1
            return
        self._left -= 1
        kinds = [self.write, self.read, self.list, self.list_members]
        operation = self._rng.choices(kinds, (35, 57, 6, 2))[0]
        # After a failure, not to spend all operations on nodes that are down.
        most_ms = MAX_PAUSE_MS if self.outcomes[-1:] != [False] else 10 * MAX_PAUSE_MS
        pause_ms = self._rng.randint(0, most_ms)
        begin = partial(operation, client, partial(self._next, client))
        self._simulation.after(pause_ms, begin)

    def write(self, client: SimulatedClient, then: Callable[[], None]) -> None:
        """One key, or a batch in which a key may stand twice; some are deleted."""
        keys = self._some_keys()
        kinds: list[Kind] = []
        values: list[bytes] = []
        for _ in keys:
            self._values += 1
            deleted = self._rng.random() < 0.15
            kinds.append("absent" if deleted else self._rng.choice(("json", "bytes")))
            values.append(b"" if deleted else str(self._values).encode())
        timeout_ms = self._timeout_ms()
        request = Write(keys, tuple(kinds), tuple(values), timeout_ms)
        client.submit(
            request,
            timeout_ms,
            partial(self._written, client, request, self._simulation.clock.now_us, then),
        )

    def _written(
        self,
        client: SimulatedClient,
        request: Write,
        begin_us: int,
        then: Callable[[], None],
        outcome: Outcome,
    ) -> None:
        if isinstance(outcome, GossamerError):
            definite = [outcome.definite] * len(request.keys)
            codes: tuple[str, ...] = (outcome.code,) * len(request.keys)
        else:
            assert isinstance(outcome, Written)
            codes = outcome.codes
            definite = [code != "ok" and ERRORS[code].definite for code in codes]
        end_us = self._simulation.clock.now_us
        for key, kind, value, code, certain in zip(
            request.keys, request.kinds, request.values, codes, definite, strict=True
        ):
            written = None if kind == "absent" else value
            if code == "ok":
                self.history.write(client.name, key, written, begin_us, end_us)
            elif not certain:
                self.history.write_unknown(client.name, key, written, begin_us)
        self.outcomes.append(all(code == "ok" for code in codes))
        then()

    def read(
        self, client: SimulatedClient, then: Callable[[], None], keys: tuple[str, ...] = ()
    ) -> None:
        """One key or several."""
        timeout_ms = self._timeout_ms()
        request = Get(keys or self._some_keys(), self._rng.random() < 0.5, timeout_ms)
        begin_us = self._simulation.clock.now_us

        def got(outcome: Outcome) -> None:
            if isinstance(outcome, Got):
                end_us = self._simulation.clock.now_us
                for key, code, value in zip(
                    request.keys, outcome.codes, outcome.values, strict=True
                ):
                    if code in ("ok", "not_found"):
                        seen = value if code == "ok" else None
                        self.history.read(client.name, key, seen, begin_us, end_us)
            answered = isinstance(outcome, Got) and set(outcome.codes) <= {"ok", "not_found"}
            self.outcomes.append(answered)
            then()

        client.submit(request, timeout_ms, got)

    def list(self, client: SimulatedClient, then: Callable[[], None], after: str = "") -> None:
        """All pages, each of which is a read of the keys in its range."""
        timeout_ms = self._timeout_ms()
        request = List("", after, self._rng.choice((1, 2, 100)), timeout_ms)
        begin_us = self._simulation.clock.now_us

        def listed(outcome: Outcome) -> None:
            self.outcomes.append(isinstance(outcome, Listed))
            if not isinstance(outcome, Listed):
                then()
                return
            assert list(outcome.keys) == sorted(set(outcome.keys)), "keys twice or out of order"
            cursor = outcome.cursor
            covered = [k for k in KEYS if k > after and (not cursor or k <= cursor)]
            assert set(outcome.keys) <= set(covered), "keys outside the page"
            end_us = self._simulation.clock.now_us
            self.history.listed(client.name, outcome.keys, covered, begin_us, end_us)
            if cursor:
                assert cursor > after, "a cursor that does not advance"
                self.list(client, then, cursor)
            else:
                then()

        client.submit(request, timeout_ms, listed)

    def list_members(self, client: SimulatedClient, then: Callable[[], None]) -> None:
        """Who is there?"""

        def listed(outcome: Outcome) -> None:
            self.outcomes.append(isinstance(outcome, MembersListed))
            then()

        client.submit(ListMembers(), 1_000, listed)

    def _some_keys(self) -> tuple[str, ...]:
        count = self._rng.choices((1, 2, 5), (80, 14, 6))[0]
        return tuple(self._rng.choices(KEYS, k=count))

    def _timeout_ms(self) -> int:
        return self._rng.choice((300, 1_000, MAX_TIMEOUT_MS))
