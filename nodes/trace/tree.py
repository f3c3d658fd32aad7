"""What a trace's records tell, as a tree: each message under the one that caused it, with its
times, and in plain words what the records do not tell. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from actors.actor import CLIENT, ENDPOINT, EVERYBODY, HOST
from nodes.trace.clocks import Timeline
from nodes.trace.fields import split_span
from nodes.trace.reading import Found, Record
from nodes.trace.spans import Span, assemble

CLOCKS_DIFFER: Final = "clocks differ"

LineKind = Literal["began", "passed", "delivered", "sync", "missing", "replied"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the tree. Times are in microseconds: `at_us` since the start, `hop_us` since the
    message was sent, `spent_us` in the turn or in the disk sync. `problem` says what is not as it
    should be, or cannot be known."""

    kind: LineKind
    depth: int
    at_us: int | None
    node: str
    actor: str = ""
    message: str = ""
    hop_us: int | None = None
    is_estimate: bool = False
    spent_us: int | None = None
    keys: int | None = None
    codes: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    problem: str = ""
    span: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Tree:
    """Lines in the order of the request's path, notes on what was read. No lines: no records."""

    trace: str
    lines: tuple[Line, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Visit:
    """A span that is to be told next, how deep in the tree, and which try of its cause it is."""

    span: Span
    depth: int
    nth_try: int = 1


def build_tree(found: Found) -> Tree:
    """The tree of all records found."""
    story = _Story(found)
    return Tree(found.trace, tuple(story.lines()), tuple(story.notes()))


class _Story:
    """Walks the spans from what began them, and says what is seen and what is not."""

    def __init__(self, found: Found) -> None:
        self._found = found
        self._spans = assemble(found.records)
        self.time = Timeline(self._spans.values())
        self._names = _names(self._spans.values()) | found.names
        self._told: set[str] = set()
        self._in_order = sorted(self._spans.values(), key=self._order)
        self._caused: dict[str, list[Span]] = {}
        self._answers: dict[str, list[Span]] = {}
        for span in self._in_order:
            if span.to_client:
                self._answers.setdefault(self._question(span).name, []).append(span)
            else:
                self._caused.setdefault(span.cause, []).append(span)

    def lines(self) -> Iterator[Line]:
        """Each beginning, all that came of it and its answers; at last what has no beginning."""
        for span in [*self._caused.get("", []), *self._in_order]:
            if span.name not in self._told and not span.to_client:
                yield from self._from(span)
                yield from self._ending(span)
        for span in self._in_order:
            if span.name not in self._told:
                yield self._answer(span, span)

    def notes(self) -> Iterator[str]:
        """What the files cover, and what in them could not be read."""
        found, time = self._found, self.time
        read = f"{_count(len(found.records), 'record')} in {_count(found.files, 'file')}"
        yield f"{read}, logs of {', '.join(sorted(found.begins_us)) or 'no node'}"
        senders = {span.clock for span in self._spans.values() if not span.by_client}
        if missing := senders - set(found.begins_us):
            yield f"not among the files: logs of {', '.join(sorted(missing))}"
        if found.truncated:
            yield f"{_count(found.truncated, 'line')} cut off, by a crash or while being written"
        if found.foreign:
            yield f"{_count(found.foreign, 'line')} of something else than a node's log"
        if found.left_out:
            yield f"{_count(found.left_out, 'record')} more, left out"
        for clock, ahead_us in sorted(time.shifts.items()):
            if ahead_us:
                side = "ahead of" if ahead_us > 0 else "behind"
                ahead = f"about {abs(ahead_us) / 1e6:.3f} s {side} {time.base}'s"
                yield f"{clock}'s clock is {ahead}, its times are moved to fit (~)"

    def _order(self, span: Span) -> tuple[int, int, str]:
        return self.time.sent_us(span), split_span(span.name).counter, span.name

    def _question(self, answer: Span) -> Span:
        """What a client asked to get this answer: the span at the top of the answer's causes, or,
        where the records that lead there are missing, a request of the same client."""
        span = answer
        climbed = {span.name}
        while span.cause in self._spans and span.cause not in climbed:
            climbed.add(span.cause)
            span = self._spans[span.cause]
        if span.by_client:
            return span
        requests = [request for request in self._in_order if request.by_client]
        of_client = [request for request in requests if request.sender == answer.to]
        return [*of_client, *requests, span][0]

    def _from(self, span: Span) -> Iterator[Line]:
        """The sender's line, and the tree under it."""
        node, actor = span.sent_by
        at_us = self.time.sent_us(span)
        problem = ""
        if span.cause:
            problem = "caused by what it caused itself"
        elif span.sent is None and not span.by_client:
            _, problem = self._why_unseen(node, at_us)
        yield Line(
            kind="began",
            depth=0,
            at_us=at_us,
            node=node,
            actor=actor,
            message=span.message,
            keys=span.keys,
            problem=problem,
            span=span.name,
            cause=span.cause,
        )
        self._told.add(span.name)
        todo: list[Line | _Visit] = [_Visit(span, 1)]
        while todo:
            step = todo.pop()
            if isinstance(step, Line):
                yield step
            else:
                todo.extend(reversed(list(self._way(step))))

    def _way(self, visit: _Visit) -> Iterator[Line | _Visit]:
        """Where a span got to: a line each, and under an arrival all that came of it."""
        span, depth = visit.span, visit.depth
        tries = (f"try {visit.nth_try}",) if visit.nth_try > 1 else ()
        for record in sorted(span.passed, key=self.time.at_us):
            yield self._seen("passed", depth, span, record, tries)
            depth, tries = depth + 1, ()
        arrivals = sorted(span.delivered, key=self.time.at_us)
        heirs = self._heirs(span, arrivals)
        if not arrivals:
            yield self._unseen(span, depth, tries)
            yield from (_Visit(heir, depth + 1, nth) for heir, nth in heirs[0])
        for record, came_of_it in zip(arrivals, heirs, strict=False):
            yield self._seen("delivered", depth, span, record, tries)
            if record.sync_us:
                yield self._sync(depth + 1, span, record)
            yield from (_Visit(heir, depth + 1, nth) for heir, nth in came_of_it)

    def _heirs(self, span: Span, arrivals: list[Record]) -> list[list[tuple[Span, int]]]:
        """What each arrival caused, with the number of the try; at least one list."""
        receivers = [(record.node, record.actor) for record in arrivals]
        heirs: list[list[tuple[Span, int]]] = [[] for _ in range(max(1, len(arrivals)))]
        tries: Counter[tuple[str, str, tuple[str, str]]] = Counter()
        for heir in self._caused.get(span.name, []):
            if heir.name not in self._told:
                self._told.add(heir.name)
                same = (heir.message, heir.to, heir.sent_by)
                tries[same] += 1
                which = receivers.index(heir.sent_by) if heir.sent_by in receivers else -1
                heirs[which].append((heir, tries[same]))
        return heirs

    def _seen(
        self,
        kind: Literal["passed", "delivered"],
        depth: int,
        span: Span,
        record: Record,
        remarks: tuple[str, ...],
    ) -> Line:
        is_delivered = kind == "delivered"
        if is_delivered and record.batch > 1:
            remarks += (f"in a turn of {record.batch} messages",)
        if record.at_us < span.sent_us:
            remarks += (CLOCKS_DIFFER,)
        problem = ""
        if record.message == "bounced" != span.message:
            id = span.to.rpartition("/")[0]
            receiver = self._names.get(id, id)
            problem = f"the {span.message} came back: it could not be sent to {receiver}"
        elif is_delivered and span.cause and self._is_sending_unseen(span):
            problem = f"the log of {span.clock} has no record of sending it"
        return Line(
            kind=kind,
            depth=depth,
            at_us=self.time.at_us(record),
            node=record.node,
            actor=record.actor,
            message=record.message,
            hop_us=self.time.hop_us(span, record),
            is_estimate=self.time.is_estimate(span, record),
            spent_us=record.turn_us if is_delivered else None,
            keys=record.keys,
            codes=record.codes,
            remarks=remarks,
            problem=problem,
            span=span.name,
            cause=span.cause,
        )

    def _sync(self, depth: int, span: Span, record: Record) -> Line:
        """The disk sync is the last thing in a turn of the storage."""
        return Line(
            kind="sync",
            depth=depth,
            at_us=self.time.at_us(record) + max(0, record.turn_us - record.sync_us),
            node=record.node,
            actor=record.actor,
            spent_us=record.sync_us,
            span=span.name,
            cause=span.cause,
        )

    def _unseen(self, span: Span, depth: int, remarks: tuple[str, ...]) -> Line:
        node, actor, problem = self._absence(span)
        return Line(
            kind="missing",
            depth=depth,
            at_us=max([self.time.sent_us(span), *map(self.time.at_us, span.passed)]),
            node=node,
            actor=actor,
            message=span.message,
            keys=span.keys,
            codes=span.codes,
            remarks=remarks,
            problem=problem,
            span=span.name,
            cause=span.cause,
        )

    def _absence(self, span: Span) -> tuple[str, str, str]:
        """Who should have got a span that no log has an arrival of, and what that means."""
        id, _, actor = span.to.rpartition("/")
        heirs = [heir.sent_by[0] for heir in self._caused.get(span.name, [])]
        node = self._names.get(id) or next(iter(heirs), "")
        if actor in (HOST, "switch"):
            return node or id, actor, ""
        if id == EVERYBODY:
            return "everybody", actor, "published, no log among the files says that it arrived"
        if node:
            is_sure, why = self._why_unseen(node, self.time.sent_us(span))
            fate = "never arrived" if is_sure else "arrival unknown"
            return node, actor, f"{'arrived unseen' if heirs else fate}, {why}"
        if id.startswith(ENDPOINT):
            return id, actor, "arrival unknown, and so is which node listens there"
        return id, actor, "arrival unknown, the log of the node of this id is not among the files"

    def _why_unseen(self, node: str, at_us: int) -> tuple[bool, str]:
        """Why there is no record of something on that node at that time, and whether that makes it
        sure that it did not happen."""
        begins_us = self._found.begins_us.get(node)
        if begins_us is None:
            return False, f"the log of {node} is not among the files"
        if self.time.since_start(node, begins_us) > at_us:
            return False, f"the log of {node} begins only later"
        return True, f"the log of {node} has no record of it"

    def _is_sending_unseen(self, span: Span) -> bool:
        node, at_us = span.clock, self.time.sent_us(span)
        return span.sent is None and not span.by_client and self._why_unseen(node, at_us)[0]

    def _ending(self, span: Span) -> Iterator[Line]:
        """What the client was answered, or why that is not known."""
        answers = self._answers.get(span.name, [])
        yield from (self._answer(span, answer) for answer in answers)
        if span.by_client and not answers:
            node = span.delivered[0].node if span.delivered else self._absence(span)[0]
            is_sure, why = self._why_unseen(node, self.time.sent_us(span))
            problem = f"{'not answered' if is_sure else 'answer unknown'}, {why}"
            yield Line(kind="missing", depth=1, at_us=None, node=CLIENT, problem=problem)

    def _answer(self, began: Span, answer: Span) -> Line:
        record = answer.replied or answer.sent
        at_us = self.time.at_us(record) if record else self.time.sent_us(answer)
        self._told.add(answer.name)
        remarks: tuple[str, ...] = ()
        if began.has_records:
            remarks = (f"{_ms(at_us - self.time.sent_us(began))} ms in all",)
        cause = self._spans.get(answer.cause)
        if cause is not None and cause is not began:
            remarks += (f"after {cause.message or 'a message'} from {'/'.join(cause.sent_by)}",)
        problem = "" if answer.replied else "no record of it being handed to the client"
        return Line(
            kind="replied",
            depth=1,
            at_us=at_us,
            node=CLIENT,
            message=answer.message,
            hop_us=self.time.hop_us(answer, record) if record else None,
            keys=answer.keys,
            codes=answer.codes,
            remarks=remarks,
            problem=problem,
            span=answer.name,
            cause=answer.cause,
        )


def _names(spans: Iterable[Span]) -> dict[str, str]:
    """Node id -> name: a span's name has its sender's name, its sender's address has the id."""
    return {
        span.sender.rpartition("/")[0]: split_span(span.name).node
        for span in spans
        if span.has_records and not span.by_client
    }


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _ms(us: int) -> str:
    return f"{us / 1000:.3f}"
