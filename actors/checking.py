"""What people ask a node about the network: is everything fully replicated, may this node be
stopped, and where is a key?

Every member is asked how it does. What is not known to be well does not count as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from functools import lru_cache

from actors import ring
from actors.actor import Envelope, reply
from actors.asks import Ask
from actors.desk import Desk
from actors.hexadecimal import is_hex
from actors.jobs import Job
from actors.layout import Placement, majority
from actors.messages import (
    AskFiles,
    AskReport,
    Check,
    Checked,
    Explain,
    Explained,
    FilesReport,
    Inspect,
    Inspected,
    Message,
    Report,
    RingShown,
    ShowRing,
)
from actors.ring import partition_of, position_of
from actors.versions import NEVER

PATIENCE_MS = 2_000
"""So long members are waited for that do not answer how they do."""


NO_FILES = FilesReport(0, 0, 0, 0, 0, 0, 0, 0, 0)


class SurveyJob(Job):
    """A question to all members: `answers` are those of their storages that came, `files` those of
    their file servers, if they were asked too; `silent` who will not answer."""

    __slots__ = ("answers", "files", "silent")

    def __init__(self, request: Envelope, deadline_ms: int) -> None:
        super().__init__(request, 1, deadline_ms)
        self.answers: dict[str, Message] = {}
        self.files: dict[str, FilesReport] = {}
        self.silent: dict[str, None] = {}

    def wants(self, node: str) -> bool:
        """Is an answer of it waited for?"""
        return bool(self.open) and node not in self.silent and not self.has_told(node)

    def has_told(self, node: str) -> bool:
        """Has it told all that it was asked?"""
        is_told = node in self.files or not isinstance(self.request.message, Check)
        return is_told and node in self.answers

    def time_out(self) -> None:
        """Who has not answered is silent: that is an answer too."""
        self.settle((0,), "ok")

    def answer(self) -> None:
        """Only the desk knows what to make of the answers."""


class Checking:
    """Of the router whose `desk` it is. `close` is called for a job that is done."""

    def __init__(self, desk: Desk, close: Callable[[Job], None]) -> None:
        self._desk = desk
        self._close = close
        # Whatever is asked again and again, of all partitions, has mostly the same answer.
        self._judge = lru_cache(1)(_judge)

    def begin(self, job: SurveyJob) -> None:
        """Ask all members; those that are down are not waited for."""
        desk = self._desk
        job.answers, job.files, job.silent = {}, {}, {}
        question: Message
        match job.request.message:
            case Explain(key):
                question = Inspect(key)
            case _:
                question = AskReport(desk.epoch)
        for node in desk.placement.layout.members:
            if node in desk.down:
                job.silent[node] = None
            else:
                desk.ask(node, "storage", question, (job,), job.request.trace)
                if isinstance(job.request.message, Check):
                    files = AskFiles(desk.epoch)
                    desk.ask(node, "fileserver", files, (job,), job.request.trace)
        self._end_if_complete(job)

    def on_answer(self, ask: Ask, answer: Message) -> None:
        """A member has answered."""
        for job in ask.parts:
            assert isinstance(job, SurveyJob)
            if isinstance(answer, FilesReport):
                job.files[ask.to.node] = answer
            else:
                job.answers[ask.to.node] = answer
            self._end_if_complete(job)

    def given_up(self, ask: Ask) -> None:
        """A member does not answer."""
        for job in ask.parts:
            assert isinstance(job, SurveyJob)
            job.silent[ask.to.node] = None
            self._end_if_complete(job)

    def _end_if_complete(self, job: SurveyJob) -> None:
        members = self._desk.placement.layout.members
        if job.open and all(job.has_told(m) or m in job.silent for m in members):
            job.settle((0,), "ok")
            self._close(job)

    def reply(self, job: SurveyJob) -> Envelope:
        """What came of it."""
        match job.request.message:
            case Explain(key):
                return reply(job.request, self._explained(key, job))
            case ShowRing():
                return reply(job.request, self._shown(job))
            case Check():
                return reply(job.request, self._checked(job))
        raise AssertionError(f"no survey is made for {type(job.request.message).__name__}")

    # Where a key is.

    def _explained(self, key: str, job: SurveyJob) -> Explained:
        desk = self._desk
        partition = partition_of(key)
        placement = desk.placement
        owners = placement.owners(partition)
        rows = [_row(job.answers.get(node)) for node in owners]
        codes, kinds, versions, expiries, sizes = zip(*rows, strict=True)
        hinted: dict[str, None] = {}
        for answer in job.answers.values():
            if isinstance(answer, Inspected):
                hinted.update(dict.fromkeys(answer.hinted))
        old, new = placement.old_owners(partition), placement.new_owners(partition)
        return Explained(
            position_of(key),
            partition,
            desk.epoch,
            desk.name_all(old),
            desk.name_all(new) if placement.moves(partition) else (),
            desk.name_all(owners),
            codes,
            kinds,
            versions,
            expiries,
            sizes,
            desk.name_all(hinted),
        )

    # How all do.

    def _checked(self, job: SurveyJob) -> Checked:
        desk = self._desk
        layout = desk.placement.layout
        reports = _reports(job)
        under, without, at_risk = self._judged(reports)
        hints: dict[str, int] = {}
        for report in reports.values():
            for node, count in zip(report.hinted, report.hints, strict=True):
                hints[node] = hints.get(node, 0) + count
        reasons = self._reasons(at_risk, reports) + self._of_files(job)
        moves = [(n, reports[n]) for n in layout.members if n in reports and reports[n].moving]
        return Checked(
            layout.epoch,
            len(layout.members),
            bool(layout.next),
            under.bit_count(),
            without.bit_count(),
            not reasons,
            tuple(reasons),
            desk.name_all(n for n, _ in moves),
            tuple([r.moving for _, r in moves]),
            tuple([r.moved for _, r in moves]),
            desk.name_all([n for n in layout.members if n not in reports]),
            desk.name_all(hints),
            tuple(hints.values()),
            _together(job.files.values()),
        )

    def _judged(self, reports: dict[str, Report]) -> tuple[int, int, int]:
        behind = tuple([(n, r.behind) for n, r in reports.items()])
        return self._judge(self._desk.placement, behind, self._desk.node)

    def _shown(self, job: SurveyJob) -> RingShown:
        layout, reports = self._desk.placement.layout, _reports(job)
        under, without, _ = self._judged(reports)
        silent = tuple([n for n in layout.members if n not in reports])
        # Those that left of their own accord own nothing any more, and may be thousands.
        return RingShown(replace(layout, gone=layout.lost), _hex(under), _hex(without), silent)

    def _of_files(self, job: SurveyJob) -> list[str]:
        """Why it should not be stopped for the sake of chunks."""
        own, reasons = job.files.get(self._desk.node), []
        silent = self._desk.name_all([node for node in job.answers if node not in job.files])
        if silent:
            reasons.append(f"the file servers of {', '.join(silent)} have not answered in time")
        missing = sum([report.missing for report in job.files.values()])
        if own is not None and own.chunks and missing:
            reasons.append(f"{missing:,} copies of chunks of files are still to be made")
        if own is not None and own.strays:
            reasons.append(f"it keeps {own.strays:,} chunks for others until they have them")
        return reasons

    def _reasons(self, at_risk: int, reports: dict[str, Report]) -> list[str]:
        """Why this node should not be stopped now."""
        desk = self._desk
        layout = desk.placement.layout
        reasons = []
        if layout.next:
            reasons.append("data is moving to new owners")
        if layout.target == (desk.node,):
            reasons.append("it is the only member")
        elif at_risk:
            reasons.append(
                f"{at_risk:,} of its partitions would be left without a quorum of complete copies"
            )
        own = reports.get(desk.node)
        waiting = [n for n in own.hinted if n not in desk.down] if own is not None else []
        if waiting:
            names = ", ".join(desk.name_all(waiting))
            reasons.append(f"it still has to hand over writes to {names}")
        return reasons


def _reports(job: SurveyJob) -> dict[str, Report]:
    return {n: r for n, r in job.answers.items() if isinstance(r, Report)}


def _judge(
    placement: Placement, behind: tuple[tuple[str, str], ...], here: str
) -> tuple[int, int, int]:
    """Of the partitions, a bit each as in Report: which are not on all of their owners, and which
    have too few of them to be read and written; and how many would be at risk without the node
    `here`. `behind` is what each member has answered."""
    lacks = {node: _bits(text) for node, text in behind}
    under = without = at_risk = 0
    for partition in range(ring.PARTITIONS):
        bit = 1 << (ring.PARTITIONS - 1 - partition)
        well = {node for node, bits in lacks.items() if not bits & bit}
        owners = placement.new_owners(partition)
        if any(node not in well for node in owners):
            under |= bit
        sets = placement.sets(partition)
        if any(sum([n in lacks for n in s]) < majority(len(s)) for s in sets):
            without |= bit
        if here in owners:
            others = sum([node in well for node in owners if node != here])
            at_risk += others < majority(len(owners))
    return under, without, at_risk


def _row(answer: Message | None) -> tuple[str, str, str, int, int]:
    """Code, kind, version, expiry and size of what an owner holds."""
    if not isinstance(answer, Inspected):
        return "unavailable", "absent", "", 0, 0
    if answer.stamp == NEVER:
        return "not_found", "absent", "", 0, 0
    code = "not_found" if answer.kind == "absent" else "ok"
    return code, answer.kind, str(answer.stamp), answer.expires_ms, answer.size_bytes


def _together(reports: Iterable[FilesReport]) -> FilesReport:
    """The sum of each count."""
    told = [tuple(getattr(report, f.name) for f in fields(FilesReport)) for report in reports]
    return FilesReport(*map(sum, zip(*told, strict=True))) if told else NO_FILES


def _hex(bits: int) -> str:
    return f"{bits:0{ring.PARTITIONS // 4}x}"


def _bits(text: str) -> int:
    """A bit for each partition; all of them where it is not told so that it can be read."""
    is_told = is_hex(text, len(text))
    return int(text or "0", 16) if is_told else (1 << ring.PARTITIONS) - 1
