"""How a coordinator reads: what a quorum holds, the latest of which counts; and where they differ,
that is stored on a quorum before it is told, or a later read might miss it.

The same that a read does for some keys is done for healing: then every owner is waited for, and
whoever lacks the latest is given it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from actors.asks import Ask
from actors.desk import Desk, Gathered, cut, packed
from actors.hedging import Hedging
from actors.jobs import GetJob, HealJob, ProbeJob
from actors.messages import Fetch, Fetched, Level, RouterVitals, Store
from actors.quorum import Quorum
from actors.read_parts import BackPart, ReadJob, ReadPart, keys_of
from actors.router_settings import RouterSettings
from actors.sizes import STAMP_BYTES, text_bytes
from actors.versions import Record


class Reading:
    """Of the router whose `desk` it is. `close` is called for a job that may be done, `grew` with
    how many bytes more it holds, `heal` with keys that an owner has not the latest of."""

    def __init__(
        self,
        desk: Desk,
        settings: RouterSettings,
        close: Callable[[ReadJob], None],
        grew: Callable[[int], None],
        heal: Callable[[Sequence[str]], None],
    ) -> None:
        self._desk = desk
        self._close = close
        self._grew = grew
        self._heal = heal
        self._hedging: Hedging[ReadPart] = Hedging(desk, settings.hedge_ms)
        self.repaired = 0
        """Records that were written back to owners that had less."""
        self._fetches: Gathered[ReadPart] = {}
        self._stores: Gathered[BackPart] = {}

    def vitals(self) -> RouterVitals:
        """What it has counted."""
        return RouterVitals(self.repaired, self._hedging.hedged)

    @property
    def wake_at(self) -> int | None:
        """When others are to be asked for what was not answered yet: monotonic ms."""
        return self._hedging.wake_at

    def begin(self, job: ReadJob, positions: Iterable[int]) -> None:
        """Read these keys of a job."""
        keys = keys_of(job)
        level: Level = job.message.r if isinstance(job, GetJob) else "quorum"
        for sets, same in self._desk.grouped(keys, positions).items():
            for piece, size in cut(same, lambda i: text_bytes(keys[i])):
                # To heal a key all of its owners are needed.
                ask: Level = "all" if isinstance(job, HealJob) else level
                self._fetch(ReadPart(job, sets, piece, size, level), ask)

    def restart(self, job: ReadJob) -> None:
        """Another epoch has begun: what was read in the last one does not count."""
        self._hold(job, (job.bytes_found if isinstance(job, GetJob) else 0) - job.bytes_held)
        self.begin(job, job.unsettled())
        self._close(job)

    def forget_epoch(self) -> None:
        """What was asked is void."""
        self._fetches.clear()
        self._stores.clear()
        self._hedging.forget_all()

    def _fetch(self, part: ReadPart, ask: Level) -> None:
        desk, quorum = self._desk, part.quorum
        for node in quorum.owners():
            if node in desk.down:
                quorum.no[node] = None
        if quorum.lost():
            self._fail(part)
            return
        for node in self._hedging.begin(part, part.sets, ask):
            self._fetches.setdefault((node, part.trace), []).append(part)

    def _fetch_spare(self, part: ReadPart) -> None:
        """Ask the others too."""
        spare, part.spare = part.spare, ()
        for node in spare:
            if node not in part.quorum.no:
                self._fetches.setdefault((node, part.trace), []).append(part)

    def on_fetched(self, ask: Ask, fetched: Fetched) -> None:
        """What an owner holds of the first keys that it was asked for."""
        node, start, count = ask.to.node, 0, len(fetched.kinds)
        for part in ask.parts:
            assert isinstance(part, ReadPart)
            keys = keys_of(part.job)
            end = min(start + len(part.positions), count)
            records = [
                Record(keys[i], kind, value, stamp, expires_ms)
                for i, kind, value, stamp, expires_ms in zip(
                    part.positions[: max(0, end - start)],
                    fetched.kinds[start:end],
                    fetched.values[start:end],
                    fetched.stamps[start:end],
                    fetched.expiries[start:end],
                    strict=True,
                )
            ]
            start += len(part.positions)
            if part.is_done:
                self._late(part, node, records)
            elif records and part.job.open:
                part.answers[node] = records
                part.quorum.yes[node] = None
                size_bytes = sum([len(record.value) for record in records])
                part.bytes_held += size_bytes
                self._hold(part.job, size_bytes)
                self._resolve_if_met(part)
            elif part.job.open:
                # Its answer had no room for any of these.
                self._fetches.setdefault((node, part.trace), []).append(part)

    def given_up(self, ask: Ask) -> None:
        """An owner cannot be asked, or does not answer."""
        node = ask.to.node
        for part in ask.parts:
            assert isinstance(part, (ReadPart, BackPart))
            if node in part.quorum.yes:
                continue
            if isinstance(part, BackPart):
                self._cannot_store(part, node)
                self._end_back_if_met(part)
                continue
            part.quorum.no[node] = None
            if part.quorum.lost() and not part.is_done:
                self._fail(part)
            elif not part.is_over:
                self._fetch_spare(part)
                self._resolve_if_met(part)

    def _hold(self, job: ReadJob, by_bytes: int) -> None:
        """All that a job holds is counted, until it is over."""
        if job.open:
            job.bytes_held += by_bytes
            self._grew(by_bytes)

    def _fail(self, part: ReadPart) -> None:
        part.is_done = True
        self._hold(part.job, -part.bytes_held)
        part.job.settle(part.positions, "unavailable")
        self._close(part.job)

    # What counts.

    def _resolve_if_met(self, part: ReadPart) -> None:
        if not part.quorum.met() or not part.job.open:
            return
        if isinstance(part.job, HealJob) and not part.quorum.complete():
            return
        part.is_done = True
        self._hold(part.job, -part.bytes_held)
        length = min(map(len, part.answers.values()))
        rest = part.positions[length:]
        self._resolve(part, length)
        part.answers.clear()
        job = part.job
        if rest and isinstance(job, GetJob) and rest[0] > 0 and job.is_full():
            job.put_off(rest)
        elif rest:
            self.begin(job, rest)
        self._close(job)

    def _resolve(self, part: ReadPart, length: int) -> None:
        """Find the latest of each key; tell it where all agree, else store it first."""
        answers = list(part.answers.values())
        first = answers[0]
        apart: dict[tuple[str, ...], list[tuple[int, Record]]] = {}
        names = self._desk.name_all(part.answers)
        wall_ms = self._desk.now.wall_ms
        for n in range(length):
            latest = first[n]
            agree = True
            for records in answers[1:]:
                other = records[n]
                if other.stamp != latest.stamp or (other.kind != latest.kind):
                    agree = False
                    if other.version > latest.version:
                        latest = other
            if latest.expires_ms and latest.kind != "absent" and wall_ms >= latest.expires_ms:
                latest = latest._replace(kind="absent", value=b"")
                agree = False
            part.chosen.append(latest.version)
            i = part.positions[n]
            if agree:
                self._fill(part, i, latest, names)
            else:
                version = latest.version
                holders = [
                    m for m, records in part.answers.items() if records[n].version == version
                ]
                apart.setdefault(tuple(holders), []).append((i, latest))
        for holders_of, entries in apart.items():
            self._write_back(part, holders_of, entries)

    def _fill(self, part: ReadPart, i: int, record: Record, names: tuple[str, ...]) -> None:
        job = part.job
        if isinstance(job, HealJob):
            job.behind[i] = tuple([m for m in part.quorum.owners() if m not in part.quorum.yes])
            job.settle((i,), "ok")
        else:
            self._tell(job, i, record, names)

    def _tell(self, job: GetJob | ProbeJob, i: int, record: Record, names: tuple[str, ...]) -> None:
        if isinstance(job, GetJob):
            job.fill(i, record, names)
            self._hold(job, len(record.value))
        else:
            job.fill(i, record)

    # Writing back.

    def _write_back(
        self, part: ReadPart, holders: Sequence[str], entries: Sequence[tuple[int, Record]]
    ) -> None:
        job = part.job
        if isinstance(job, GetJob) and job.message.r == "one":
            for i, record in entries:
                self._fill(part, i, record, self._desk.name_all(holders))
            return
        level: Level = "all" if isinstance(job, HealJob) else "quorum"
        sizes = {i: len(r.value) + text_bytes(r.key) + STAMP_BYTES for i, r in entries}
        records = dict(entries)
        for piece, _ in cut([i for i, _ in entries], sizes.__getitem__):
            quorum = Quorum(part.sets, level)
            quorum.yes.update(dict.fromkeys(holders))
            quorum.no.update(part.quorum.no)
            spare = [m for m in quorum.owners() if m not in part.answers and m not in quorum.no]
            back = BackPart(job, piece, [records[i] for i in piece], quorum, spare)
            self._hold(job, back.size_bytes)
            for node in part.answers:
                if node not in quorum.yes:
                    self._store_at(back, node)
            self._end_back_if_met(back)

    def _store_at(self, back: BackPart, node: str) -> None:
        if node in self._desk.down:
            self._cannot_store(back, node)
        else:
            self._stores.setdefault((node, back.trace), []).append(back)

    def _cannot_store(self, back: BackPart, node: str) -> None:
        back.quorum.no[node] = None
        spare, back.spare = back.spare, ()
        for other in spare if back.job.open else ():
            self._store_at(back, other)

    def on_stored(self, ask: Ask, codes: Sequence[str]) -> None:
        """An owner has stored what was written back."""
        node, start = ask.to.node, 0
        for part in ask.parts:
            assert isinstance(part, BackPart)
            end = start + len(part.positions)
            is_stored = all(code == "ok" for code in codes[start:end])
            start = end
            if is_stored:
                self.repaired += len(part.positions)
                part.quorum.yes[node] = None
            else:
                self._cannot_store(part, node)
            self._end_back_if_met(part)

    def _end_back_if_met(self, back: BackPart) -> None:
        quorum, job = back.quorum, back.job
        heals = isinstance(job, HealJob)
        if back.is_done or not (quorum.complete() if heals else quorum.met() or quorum.lost()):
            return
        back.is_done = True
        back.spare = ()
        self._hold(job, -back.size_bytes)
        if isinstance(job, HealJob):
            behind = tuple([node for node in quorum.owners() if node not in quorum.yes])
            for i in back.positions:
                job.behind[i] = behind
            job.settle(back.positions, "ok")
        elif quorum.met():
            names = self._desk.name_all(quorum.yes)
            for i, record in zip(back.positions, back.records, strict=True):
                self._tell(job, i, record, names)
        else:
            job.settle(back.positions, "unavailable")
        self._close(job)

    def _late(self, part: ReadPart, node: str, records: Sequence[Record]) -> None:
        """The answer was not needed. Where it is another, somebody has not the latest."""
        if isinstance(part.job, HealJob):
            return
        pairs = zip(records, part.chosen, strict=False)
        keys = [record.key for record, version in pairs if record.version != version]
        if keys:
            self._heal(keys)

    # Once a turn.

    def flush(self) -> None:
        """One message to each replica, for all that the turn has gathered for it."""
        desk = self._desk
        for part in self._hedging.due():
            self._fetch_spare(part)
        self._hedging.end_turn()
        fetches, self._fetches = self._fetches, {}
        stores, self._stores = self._stores, {}
        for (node, trace), parts in fetches.items():
            for together in packed(parts):
                keys = [keys_of(part.job)[i] for part in together for i in part.positions]
                desk.ask(node, "storage", Fetch(desk.epoch, tuple(keys)), together, trace)
        for (node, trace), backs in stores.items():
            for group in packed(backs):
                desk.ask(node, "storage", _store(group, desk.epoch), group, trace)


def _store(backs: Sequence[BackPart], epoch: int) -> Store:
    records = [record for back in backs for record in back.records]
    return Store(
        epoch,
        tuple([r.key for r in records]),
        tuple([r.kind for r in records]),
        tuple([r.value for r in records]),
        tuple([r.stamp for r in records]),
        tuple([r.expires_ms for r in records]),
    )
