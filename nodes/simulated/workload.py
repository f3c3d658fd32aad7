"""Clients that write, read, delete and list a few hot keys, and take down what they saw.

Nearly all is asked of quorums, and judged as such. One key more is written and read at the level
"one" too: of it nothing is promised but that a value that is read was written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from random import Random

from actors.errors import ERRORS, GossamerError
from actors.messages import Get, Got, Level, List, Listed, ListMembers, Write, Written
from actors.versions import Kind
from nodes.simulated import Simulation
from nodes.simulated.client import Outcome, SimulatedClient
from nodes.simulated.history import Expiry, History

KEYS = ("ant", "bee", "cat", "dog")
LOOSE_KEY = "yak"
MAX_PAUSE_MS = 100
MAX_TIMEOUT_MS = 3_000
LONG_TTL_MS = 3_600_000

Then = Callable[[], None]
OnAcknowledged = Callable[[str, str], None]
"""Is called with a key and a version that was acknowledged by a quorum, at that moment."""


class Workload:
    """Each client does one thing after the other, `operations` in all. `outcomes` are counted: a
    request is done, has certainly not happened ("refused"), or nobody knows ("unknown"). Clocks are
    at most `skew_ms` apart. `wrong` is what no answer may look like."""

    def __init__(
        self,
        simulation: Simulation,
        operations: int,
        skew_ms: int,
        on_acknowledged: OnAcknowledged = lambda key, version: None,
    ) -> None:
        self.history = History()
        self.outcomes: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._simulation = simulation
        self._rng = Random(f"{simulation.seed} workload")
        self._left = operations
        self._busy = 0
        self._clients: list[SimulatedClient] = []
        self._values = 0
        self._skew_us = skew_ms * 1_000
        self._on_acknowledged = on_acknowledged
        self._loose: set[bytes] = set()
        self.last = "done"
        """How the last operation ended."""

    def add(self, clients: Sequence[SimulatedClient]) -> None:
        """Let these take part."""
        self._busy += len(clients)
        self._clients += clients
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
        kinds: tuple[Callable[..., None], ...] = (
            self.write,
            self.read,
            self.list,
            self.list_members,
            self.write_loosely,
        )
        operation = self._rng.choices(kinds, (36, 53, 6, 1, 4))[0]
        # After a failure, not to spend all operations on nodes that are down.
        most_ms = MAX_PAUSE_MS if self.last == "done" else 10 * MAX_PAUSE_MS
        pause_ms = self._rng.randint(0, most_ms)
        self._simulation.after(pause_ms, partial(operation, client, partial(self._next, client)))

    def write(
        self,
        client: SimulatedClient,
        then: Then,
        keys: tuple[str, ...] = (),
        *,
        plain: bool = False,
    ) -> None:
        """One key, or a batch in which a key may stand twice; some are deleted, and some values are
        for a limited time. A plain one is neither."""
        keys = keys or self._some_keys()
        kinds: list[Kind] = []
        values: list[bytes] = []
        for _ in keys:
            deleted = not plain and self._rng.random() < 0.2
            kinds.append("absent" if deleted else self._rng.choice(("json", "bytes")))
            values.append(b"" if deleted else self._value())
        ttl_ms = 0 if plain else self._ttl_ms()
        timeout_ms = self._timeout_ms()
        request = Write(keys, tuple(kinds), tuple(values), self._level(), ttl_ms, timeout_ms)
        begin_us = self._simulation.clock.now_us
        written = partial(self._written, client, request, begin_us, then)
        client.submit(request, timeout_ms, written)

    def bury(self, keys: Sequence[str]) -> None:
        """Let somebody delete these, beside what the clients do anyway."""
        hot = tuple([key for key in dict.fromkeys(keys) if key in KEYS])
        if hot and not self.done():
            client = self._rng.choice(self._clients)
            absent: list[Kind] = ["absent" for _ in hot]
            request = Write(hot, tuple(absent), (b"",) * len(hot), "quorum", 0, 1_000)
            begin_us = self._simulation.clock.now_us
            written = partial(self._written, client, request, begin_us, lambda: None)
            client.submit(request, request.timeout_ms, written)

    def _written(
        self, client: SimulatedClient, request: Write, begin_us: int, then: Then, outcome: Outcome
    ) -> None:
        versions: tuple[str, ...] = ("",) * len(request.keys)
        if isinstance(outcome, GossamerError):
            definite = [outcome.definite] * len(request.keys)
            codes: tuple[str, ...] = (outcome.code,) * len(request.keys)
        else:
            assert isinstance(outcome, Written), outcome
            codes, versions = outcome.codes, outcome.versions
            definite = [code != "ok" and ERRORS[code].definite for code in codes]
        end_us = self._simulation.clock.now_us
        columns = zip(
            request.keys, request.kinds, request.values, codes, versions, definite, strict=True
        )
        for key, kind, value, code, version, certain in columns:
            seen = None if kind == "absent" else value
            expires = self._expiry(request, kind, begin_us, end_us if code == "ok" else None)
            if code == "ok":
                self.history.write(client.name, key, seen, begin_us, end_us, expires)
                self._on_acknowledged(key, version)
            elif not certain:
                self.history.write_unknown(client.name, key, seen, begin_us, expires)
        is_done = set(codes) == {"ok"}
        self._end("write", "done" if is_done else "refused" if all(definite) else "unknown", then)

    def _expiry(self, request: Write, kind: Kind, begin_us: int, end_us: int | None) -> Expiry:
        """The coordinator adds the time to live to its own clock, between the two times."""
        if not request.ttl_ms or kind == "absent":
            return None
        ttl_us = request.ttl_ms * 1_000
        latest_us = 2**62 if end_us is None else end_us + ttl_us + self._skew_us
        return max(begin_us, begin_us + ttl_us - self._skew_us - 1_000), latest_us + 1_000

    def read(
        self,
        client: SimulatedClient,
        then: Then,
        keys: tuple[str, ...] = (),
        *,
        plain: bool = False,
    ) -> None:
        """One key or several. A plain read is one of quorums: others wait for who is away, again
        for each part of their answer."""
        timeout_ms = self._timeout_ms()
        keys = keys or self._some_keys()
        details, level = self._rng.random() < 0.5, self._level()
        request = Get(keys, details, "quorum" if plain else level, timeout_ms)
        begin_us = self._simulation.clock.now_us

        def got(outcome: Outcome) -> None:
            codes = outcome.codes if isinstance(outcome, Got) else ()
            if isinstance(outcome, Got):
                end_us = self._simulation.clock.now_us
                for key, code, value in zip(request.keys, codes, outcome.values, strict=True):
                    if code in ("ok", "not_found"):
                        seen = value if code == "ok" else None
                        self.history.read(client.name, key, seen, begin_us, end_us)
            answered = bool(codes) and set(codes) <= {"ok", "not_found"}
            self._end("read", "done" if answered else "refused", then)

        client.submit(request, timeout_ms, got)

    def list(self, client: SimulatedClient, then: Then, after: str = "") -> None:
        """All pages, each of which is a read of the keys in its range."""
        timeout_ms = self._timeout_ms()
        request = List("", after, self._rng.choice((1, 2, 100)), timeout_ms)
        begin_us = self._simulation.clock.now_us

        def listed(outcome: Outcome) -> None:
            if not isinstance(outcome, Listed):
                self._end("list", "refused", then)
                return
            end_us = self._simulation.clock.now_us
            cursor = outcome.cursor
            covered = [k for k in KEYS if k > after and (not cursor or k <= cursor)]
            self._judge_page(outcome, after, covered)
            keys = [key for key in outcome.keys if key in KEYS]
            self.history.listed(client.name, keys, covered, begin_us, end_us)
            if cursor > after:
                self.list(client, then, cursor)
            else:
                self._end("list", "done", then)

        client.submit(request, timeout_ms, listed)

    def _judge_page(self, page: Listed, after: str, covered: Sequence[str]) -> None:
        if list(page.keys) != sorted(set(page.keys)):
            self.wrong.append(f"a list has keys twice or out of order: {page.keys}")
        if not set(page.keys) <= {*covered, LOOSE_KEY}:
            self.wrong.append(f"a list has keys outside of its page: {page} after {after!r}")
        if page.cursor and page.cursor <= after:
            self.wrong.append(f"the cursor of a list does not advance from {after!r}: {page}")

    def list_members(self, client: SimulatedClient, then: Then) -> None:
        """Who is there?"""

        def listed(outcome: Outcome) -> None:
            self._end("members", "refused" if isinstance(outcome, GossamerError) else "done", then)

        client.submit(ListMembers(), 1_000, listed)

    def write_loosely(self, client: SimulatedClient, then: Then) -> None:
        """Write the loose key at any level, then read it at any level."""
        value, timeout_ms = self._value(), self._timeout_ms()
        self._loose.add(value)
        levels: tuple[Level, ...] = ("one", "one", "quorum")
        write = Write((LOOSE_KEY,), ("bytes",), (value,), self._rng.choice(levels), 0, timeout_ms)
        read = Get((LOOSE_KEY,), True, self._rng.choice(levels), timeout_ms)

        def written(outcome: Outcome) -> None:
            client.submit(read, timeout_ms, got)

        def got(outcome: Outcome) -> None:
            found = outcome.values[0] if isinstance(outcome, Got) else b""
            if found and found not in self._loose:
                self.wrong.append(f"{LOOSE_KEY} has a value that nobody wrote: {outcome}")
            self._end("loose", "done" if isinstance(outcome, Got) else "refused", then)

        client.submit(write, timeout_ms, written)

    def _end(self, what: str, how: str, then: Then) -> None:
        self.last = how
        self.outcomes[how] += 1
        self.outcomes[f"{what} {how}"] += 1
        then()

    def _value(self) -> bytes:
        self._values += 1
        return str(self._values).encode()

    def _level(self) -> Level:
        return "all" if self._rng.random() < 0.05 else "quorum"

    def _some_keys(self) -> tuple[str, ...]:
        count = self._rng.choices((1, 2, 5), (80, 14, 6))[0]
        return tuple(self._rng.choices(KEYS, k=count))

    def _ttl_ms(self) -> int:
        short = self._rng.random() < 0.15
        return self._rng.randint(200, 2_000) if short else self._rng.choice((0, 0, 0, LONG_TTL_MS))

    def _timeout_ms(self) -> int:
        return self._rng.choice((300, 1_000, MAX_TIMEOUT_MS))
