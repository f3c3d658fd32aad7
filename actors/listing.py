"""How a coordinator lists keys: every member says which it holds, and once a quorum of each
partition has spoken, the pages are merged. A key that not all of its owners have is read first.

A page goes no further than the last key of the shortest truncated answer, for a key after that may
have been left out there.
"""

from __future__ import annotations

from collections.abc import Callable

from actors.actor import Envelope, Trace, reply
from actors.asks import Ask
from actors.client_keys import as_asked
from actors.desk import Desk
from actors.jobs import Job, ProbeJob
from actors.layout import majority
from actors.messages import Export, Exported, Failed, List, Listed, Scan, Scanned
from actors.ring import partition_of
from actors.sizes import fitting

MAX_COVERED = 1_000
"""So many sets of members are remembered with whether they have a quorum of everything."""


class ListJob(Job):
    """One page, which is the only outcome of the job. `probe` reads keys that are disputed."""

    __slots__ = ("answers", "cursor", "limit", "message", "no", "page", "probe", "trace")

    def __init__(self, request: Envelope, message: List, limit: int, deadline_ms: int) -> None:
        super().__init__(request, 1, deadline_ms)
        self.message = message
        self.limit = limit
        self.trace: Trace | None = request.trace
        self.answers: dict[str, Scanned] = {}
        self.no: dict[str, None] = {}
        self.page: list[str] = []
        self.cursor = ""
        self.probe: ProbeJob | None = None

    def wants(self, node: str) -> bool:
        """Is its answer waited for?"""
        return bool(self.open) and self.probe is None and node not in self.answers

    def answer(self) -> Envelope:
        code = self.codes[0]
        if code == "ok":
            keys = as_asked(self.request, self.page)
            [cursor] = as_asked(self.request, [self.cursor])
            if isinstance(self.request.message, Export):
                return reply(self.request, Exported((), (), (), (), (), cursor))
            return reply(self.request, Listed(keys, cursor))
        how = "have answered in time" if code == "timed_out" else "can be reached"
        reason = f"too few members {how}: some keys would be missing from the list"
        return reply(self.request, Failed(code, reason, True))


class Listing:
    """Of the router whose `desk` it is. `probe` gives a job a probe that reads keys, and calls
    `on_probed`; `close` is called for a job that may be done."""

    def __init__(
        self,
        desk: Desk,
        close: Callable[[Job], None],
        probe: Callable[[ListJob, tuple[str, ...]], None],
    ) -> None:
        self._desk = desk
        self._close = close
        self._probe = probe
        self._covered: dict[frozenset[str], bool] = {}

    def begin(self, job: ListJob) -> None:
        """Ask all who may hold keys."""
        desk = self._desk
        members = desk.placement.layout.members
        living = [node for node in members if node not in desk.down]
        job.no = dict.fromkeys([node for node in members if node in desk.down])
        job.answers = {}
        job.page = []
        job.probe = None
        if not self._is_covered(frozenset(living)):
            job.settle((0,), "unavailable")
            self._close(job)
            return
        scan = Scan(desk.epoch, job.message.prefix, job.message.after, job.limit)
        for node in living:
            desk.ask(node, "storage", scan, (job,), job.trace)

    def forget_epoch(self) -> None:
        """Another layout: others are to be asked."""
        self._covered.clear()

    def on_scanned(self, ask: Ask, scanned: Scanned) -> None:
        """A member's page."""
        for job in ask.parts:
            assert isinstance(job, ListJob)
            if job.open and job.probe is None:
                job.answers[ask.to.node] = scanned
                job.no.pop(ask.to.node, None)
                self._merge_if_covered(job)

    def given_up(self, ask: Ask) -> None:
        """A member does not answer."""
        for job in ask.parts:
            assert isinstance(job, ListJob)
            if ask.to.node in job.answers or not job.open:
                continue
            job.no[ask.to.node] = None
            members = self._desk.placement.layout.members
            if not self._is_covered(frozenset([m for m in members if m not in job.no])):
                job.settle((0,), "unavailable")
                self._close(job)

    def _is_covered(self, members: frozenset[str]) -> bool:
        """Have these a quorum of every partition?"""
        placement = self._desk.placement
        if len(members) == len(placement.layout.members) and not placement.layout.lost:
            return True
        if members not in self._covered:
            if len(self._covered) >= MAX_COVERED:
                self._covered.clear()
            self._covered[members] = all(
                sum([owner in members for owner in owners]) >= majority(len(owners))
                for sets in placement.kinds_of_sets()
                for owners in sets
            )
        return self._covered[members]

    def _merge_if_covered(self, job: ListJob) -> None:
        if not self._is_covered(frozenset(job.answers)):
            return
        ends = [s.keys[-1] for s in job.answers.values() if s.more and s.keys]
        cursor = min(ends, default="")
        holders: dict[str, list[str]] = {}
        for node, scanned in job.answers.items():
            for key in scanned.keys:
                if not cursor or key <= cursor:
                    holders.setdefault(key, []).append(node)
        keys = sorted(key for key in holders if self._may_hold(key, holders[key]))
        count = min(job.limit, fitting(keys))
        if len(keys) > count:
            keys = keys[:count]
            cursor = keys[-1]
        job.cursor = cursor
        disputed = tuple([key for key in keys if self._is_disputed(job, key, holders[key])])
        if not disputed:
            self._finish(job, keys)
            return
        job.page = keys
        self._probe(job, disputed)

    def _may_hold(self, key: str, nodes: list[str]) -> bool:
        """A member may still have keys that it no longer owns."""
        owners = self._desk.placement.owners(partition_of(key))
        return any(node in owners for node in nodes)

    def _is_disputed(self, job: ListJob, key: str, nodes: list[str]) -> bool:
        """Is there an owner that has spoken, and does not have it?"""
        owners = self._desk.placement.owners(partition_of(key))
        return any(owner in job.answers and owner not in nodes for owner in owners)

    def on_probed(self, job: ListJob, probe: ProbeJob) -> None:
        """The disputed keys were read."""
        if job.probe is not probe or not job.open:
            return
        if any(code != "ok" for code in probe.codes):
            code = next(code for code in probe.codes if code != "ok")
            job.settle((0,), code)
            self._close(job)
            return
        absent = {*probe.keys} - {*probe.found}
        self._finish(job, [key for key in job.page if key not in absent])

    def _finish(self, job: ListJob, keys: list[str]) -> None:
        job.page = keys
        job.settle((0,), "ok")
        self._close(job)
