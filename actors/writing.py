"""How a coordinator writes: ask a quorum for their clocks, stamp each value once, above all of
them, and store it on a quorum.

The multi-writer register of Attiya, Bar-Noy and Dolev ("Sharing memory robustly in message-passing
systems", JACM 42(1), 1995). Once a Store has left, a write is done or of unknown outcome; it is
repeated under the same stamp, in its own epoch and the one after, and never stamped again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from actors.actor import Envelope, Trace, reply
from actors.asks import Ask
from actors.desk import Desk, Gathered, cut, packed
from actors.jobs import WriteJob
from actors.layout import Sets
from actors.messages import Failed, Hint, LayoutIs, Message, Observe, Observed, Store
from actors.quorum import Quorum
from actors.sizes import STAMP_BYTES, text_bytes
from actors.versions import MAX_CLOCK_STEP, NEVER

DELETE_PATIENCE_MS = 50
"""A delete waits so long for the clocks of all owners, to be above what only one of them holds."""


class WritePart:
    """Keys of a job that have the same owners: first their clocks are observed, then the keys are
    stored. `left` says that a Store may have reached somebody."""

    __slots__ = (
        "is_stored",
        "job",
        "left",
        "patient_until_ms",
        "positions",
        "quorum",
        "refusals",
        "sets",
        "size_bytes",
        "storing",
        "trace",
    )

    def __init__(self, job: WriteJob, sets: Sets, positions: Sequence[int], size: int) -> None:
        self.job = job
        self.sets = sets
        self.positions = positions
        self.size_bytes = size
        self.trace: Trace | None = job.request.trace
        # Clocks of a quorum, also where all are to store it; of one where one is enough.
        self.quorum = Quorum(sets, "one" if job.message.w == "one" else "quorum")
        self.storing = False
        self.is_stored = False
        self.left = False
        self.patient_until_ms = 0
        self.refusals: list[str] = []

    def wants(self, node: str) -> bool:
        """Does the job still wait for it?"""
        quorum = self.quorum
        return bool(self.job.open) and node not in quorum.yes and node not in quorum.no


class Writing:
    """Of the router whose `desk` it is. `close` is called for a job that may be done."""

    def __init__(self, desk: Desk, close: Callable[[WriteJob], None]) -> None:
        self._desk = desk
        self._close = close
        self._unstamped: Gathered[WritePart] = {}
        self._stores: Gathered[WritePart] = {}
        # In the order in which their patience ends.
        self._patient: dict[WritePart, None] = {}
        self._stored: dict[WritePart, None] = {}

    @property
    def wake_at(self) -> int | None:
        """When a delete is to wait for clocks no longer: monotonic ms."""
        return next((part.patient_until_ms for part in self._patient), None)

    def begin(self, job: WriteJob, positions: Iterable[int]) -> None:
        """Write these keys of a job, whose owners are to be asked for their clocks."""
        if self._is_late(job):
            job.is_late = True
            job.settle(positions, "unavailable")
            return
        for part in self._parts(job, positions):
            self._observe(part)

    def restart(self, job: WriteJob) -> None:
        """Another epoch has begun. What is stamped may be repeated if this is the next one."""
        desk = self._desk
        stamped: list[int] = []
        unstamped: list[int] = []
        for i in job.unsettled():
            if job.stamps[i] is None:
                unstamped.append(i)
            elif desk.epoch == job.stamped_in[i] + 1 and not self._is_late(job):
                stamped.append(i)
            else:
                job.settle((i,), "timed_out")
        self.begin(job, unstamped)
        for part in self._parts(job, stamped):
            part.left = True
            self._store(part)
        self._close(job)

    def _is_late(self, job: WriteJob) -> bool:
        return job.last_epoch is not None and self._desk.epoch > job.last_epoch

    def forget_epoch(self) -> None:
        """What was asked is void. Who has not stored what is stored may need to be told."""
        self._unstamped.clear()
        self._stores.clear()
        self._patient.clear()
        parts, self._stored = self._stored, {}
        for part in parts:
            for node in part.quorum.owners():
                if node not in part.quorum.yes and node not in part.quorum.no:
                    self._hint(part, node)

    def _parts(self, job: WriteJob, positions: Iterable[int]) -> list[WritePart]:
        message = job.message
        keys, values = message.keys, message.values

        def size_bytes(i: int) -> int:
            return len(values[i]) + text_bytes(keys[i]) + STAMP_BYTES

        if len(keys) == 1:
            sets = self._desk.placement.sets_of(keys[0])
            return [WritePart(job, sets, (i,), size_bytes(i)) for i in positions]
        return [
            WritePart(job, sets, piece, size)
            for sets, same in self._desk.grouped(keys, positions).items()
            for piece, size in cut(same, size_bytes)
        ]

    # Round one: the clocks.

    def on_observe(self, envelope: Envelope, epoch: int) -> None:
        """Another coordinator asks for this node's."""
        desk = self._desk
        answer: Message = Observed(desk.clock)
        if epoch != desk.epoch:
            answer = LayoutIs(desk.placement.layout)
        elif not desk.welcome:
            answer = Failed("not_ready", "the replica has not been welcomed yet", True)
        desk.out.append(reply(envelope, answer))

    def _observe(self, part: WritePart) -> None:
        desk = self._desk
        quorum, job = part.quorum, part.job
        asked = []
        for node in quorum.owners():
            if node in desk.down:
                quorum.no[node] = None
            elif node == desk.node and desk.welcome:
                quorum.yes[node] = None
            else:
                asked.append(node)
        if quorum.no and self._is_out_of_reach(part):
            job.settle(part.positions, "unavailable")
            self._close(job)
            return
        if asked and "absent" in job.message.kinds:
            part.patient_until_ms = desk.now.mono_ms + DELETE_PATIENCE_MS
            self._patient[part] = None
        if part in self._patient or not quorum.met():
            for node in asked:
                self._unstamped.setdefault((node, part.trace), []).append(part)
        else:
            self._stamp(part)

    def _is_out_of_reach(self, part: WritePart) -> bool:
        """Are too many owners down for either round?"""
        stores = Quorum(part.sets, part.job.message.w)
        stores.no.update(part.quorum.no)
        return stores.lost() or part.quorum.lost()

    def on_observed(self, ask: Ask, clock: int) -> None:
        """An owner has told its clock."""
        desk = self._desk
        if clock > desk.clock + MAX_CLOCK_STEP:
            desk.drop("clock too far ahead")
            self.given_up(ask)
            return
        desk.clock = max(desk.clock, clock)
        node = ask.to.node
        for part in ask.parts:
            if isinstance(part, WritePart) and not part.storing and part.job.open:
                part.quorum.yes[node] = None
                self._stamp_if_met(part)

    def _stamp_if_met(self, part: WritePart) -> None:
        if part.storing or not part.job.open or not part.quorum.met():
            return
        now_ms = self._desk.now.mono_ms
        if now_ms < part.patient_until_ms and not part.quorum.complete():
            return
        self._patient.pop(part, None)
        self._stamp(part)

    def _stamp(self, part: WritePart) -> None:
        """Once for each key, in order: where a key stands twice in a batch, the last one wins."""
        desk, job = self._desk, part.job
        epoch = desk.epoch
        for i in part.positions:
            job.stamps[i] = desk.stamp()
            job.stamped_in[i] = epoch
        self._store(part)

    # Round two: the values.

    def _store(self, part: WritePart) -> None:
        desk = self._desk
        part.storing = True
        part.quorum = quorum = Quorum(part.sets, part.job.message.w)
        if desk.down:
            quorum.no.update({node: None for node in quorum.owners() if node in desk.down})
        if quorum.lost():
            # To send it to those that are left would make its outcome uncertain, and nothing else.
            quorum.no.update(dict.fromkeys(quorum.owners()))
            self._fail(part)
            return
        for node in quorum.owners():
            if node in quorum.no:
                self._hint(part, node)
            else:
                self._stores.setdefault((node, part.trace), []).append(part)

    def on_stored(self, ask: Ask, codes: Sequence[str]) -> None:
        """A replica has stored, or could not."""
        node, start = ask.to.node, 0
        for part in ask.parts:
            assert isinstance(part, WritePart)
            end = start + len(part.positions)
            bad = [code for code in codes[start:end] if code != "ok"]
            start = end
            part.left = True
            if bad:
                part.refusals += bad
                self._refused(part, node)
                continue
            part.quorum.yes[node] = None
            if not part.is_stored and part.quorum.met():
                self._succeed(part)
            if part.is_stored and part.quorum.complete():
                self._stored.pop(part, None)

    def given_up(self, ask: Ask) -> None:
        """An owner cannot be asked, or does not answer, or told nonsense."""
        for part in ask.parts:
            assert isinstance(part, WritePart)
            if isinstance(ask.message, Store):
                part.left = part.left or not ask.harmless()
                self._refused(part, ask.to.node)
            elif not part.storing:
                part.quorum.no[ask.to.node] = None
                if part.quorum.lost():
                    part.job.settle(part.positions, "unavailable")
                    self._close(part.job)
                else:
                    self._stamp_if_met(part)

    def _refused(self, part: WritePart, node: str) -> None:
        """This owner has not stored it, as far as is known."""
        if node in part.quorum.yes or node in part.quorum.no:
            return
        part.quorum.no[node] = None
        self._hint(part, node)
        if not part.is_stored and part.quorum.lost():
            self._fail(part)
        if part.quorum.complete():
            self._stored.pop(part, None)

    def _succeed(self, part: WritePart) -> None:
        part.is_stored = True
        self._stored[part] = None
        names = self._desk.name_all(part.quorum.yes)
        for i in part.positions:
            part.job.replicas[i] = names
        part.job.settle(part.positions, "ok")
        self._close(part.job)

    def _fail(self, part: WritePart) -> None:
        """It cannot be stored on enough owners. Only if it provably left for none is that sure."""
        waits_for_answers = any(
            node not in part.quorum.no and node not in part.quorum.yes
            for node in part.quorum.owners()
        )
        if "disk_full" in part.refusals:
            code = "disk_full"
        elif part.left or part.quorum.yes or waits_for_answers:
            code = "timed_out"
        else:
            code = "unavailable"
            for i in part.positions:
                part.job.stamps[i] = None
        part.job.settle(part.positions, code)
        self._close(part.job)

    def _hint(self, part: WritePart, node: str) -> None:
        """What may be stored elsewhere this owner is to get later."""
        keys = tuple([part.job.message.keys[i] for i in part.positions])
        self._desk.send(self._desk.node, "storage", Hint(node, keys))

    # Once a turn.

    def due(self) -> None:
        """Who does not tell its clock is not waited for any longer, if a quorum has."""
        while (until_ms := self.wake_at) is not None and until_ms <= self._desk.now.mono_ms:
            part = next(iter(self._patient))
            del self._patient[part]
            self._stamp_if_met(part)

    def flush(self) -> None:
        """One message to each replica, for all that the turn has gathered for it."""
        desk = self._desk
        unstamped, self._unstamped = self._unstamped, {}
        stores, self._stores = self._stores, {}
        for (node, trace), parts in unstamped.items():
            desk.ask(node, "router", Observe(desk.epoch), parts, trace)
        for (node, trace), parts in stores.items():
            for together in packed(parts):
                desk.ask(node, "storage", _store(together, desk.epoch), together, trace)


def _store(parts: Sequence[WritePart], epoch: int) -> Store:
    entries = [(part.job, i) for part in parts for i in part.positions]
    return Store(
        epoch,
        tuple([job.message.keys[i] for job, i in entries]),
        tuple([job.message.kinds[i] for job, i in entries]),
        tuple([job.message.values[i] for job, i in entries]),
        tuple([job.stamps[i] or NEVER for job, i in entries]),
        tuple([0 if job.message.kinds[i] == "absent" else job.expires_ms for job, i in entries]),
    )
