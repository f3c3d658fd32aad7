"""A trace's records, put together by span: one message on its way, and all that logs say of it.

A span is sent by one actor, perhaps passed on by switches, and delivered to another actor (or to
several, if it was published, or to none). One that no log speaks of is still known from what it
caused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from actors.actor import CLIENT
from nodes.trace.fields import split_span
from nodes.trace.reading import Record


@dataclass(slots=True)
class Span:
    """A message on its way. `sent_us` is wall clock, by the clock of `clock`."""

    name: str
    cause: str
    message: str
    to: str
    sender: str
    sent_us: int
    keys: int | None = None
    codes: Mapping[str, int] = field(default_factory=dict)
    has_records: bool = True
    sent: Record | None = None
    passed: list[Record] = field(default_factory=list)
    delivered: list[Record] = field(default_factory=list)
    replied: Record | None = None

    @property
    def by_client(self) -> bool:
        """Is it a request of a client? Those keep no logs."""
        return self.sender.startswith(f"{CLIENT}/")

    @property
    def to_client(self) -> bool:
        """Is it the reply to a client?"""
        return self.to.startswith(f"{CLIENT}/")

    @property
    def clock(self) -> str:
        """Whose clock `sent_us` is of: a node's name, or CLIENT."""
        return self.sent_by[0]

    @property
    def sent_by(self) -> tuple[str, str]:
        """The names of the sending node and actor."""
        if self.by_client:
            return CLIENT, ""
        if self.sent is not None:
            return self.sent.node, self.sent.actor
        node, actor, _ = split_span(self.name)
        return node, actor


def assemble(records: Iterable[Record]) -> dict[str, Span]:
    """The spans of these records by name, and those that must have caused them."""
    spans: dict[str, Span] = {}
    unique = {(r.event, r.node, r.actor, r.span, r.at_us): r for r in records}
    for r in unique.values():
        span = spans.get(r.span)
        if span is None:
            span = Span(r.span, r.cause, r.message, r.to, r.sender, r.sent_us, r.keys, r.codes)
            spans[r.span] = span
        match r.event:
            case "sent":
                span.sent = r
                span.message = r.message
            case "passed":
                span.passed.append(r)
            case "delivered":
                span.delivered.append(r)
            case "replied":
                span.replied = r
    return spans | _unrecorded(spans)


def _unrecorded(spans: Mapping[str, Span]) -> dict[str, Span]:
    """A span for each cause that no record is of; whoever sent what it caused was sent it."""
    unrecorded: dict[str, Span] = {}
    for span in spans.values():
        if span.cause and span.cause not in spans:
            node, actor, _ = split_span(span.cause)
            cause = Span(
                name=span.cause,
                cause="",
                message="",
                to=span.sender,
                sender=f"{node}/{actor}",
                sent_us=span.sent_us,
                has_records=False,
            )
            cause = unrecorded.setdefault(span.cause, cause)
            cause.sent_us = min(cause.sent_us, span.sent_us)
    return unrecorded
