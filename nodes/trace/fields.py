"""How a traced envelope is written down: the fields of its log records and the names of its spans.

Those who write the records (the hosts) and those who read them meet here. What an envelope carries
is counted, never written: a log holds no values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from actors.actor import Envelope
from actors.messages import Message
from nodes.wire import type_name

TracedEvent = Literal["sent", "passed", "delivered", "replied"]
"""What happens to a traced envelope: its actor's host sends it, a switch passes it on, an actor is
given it in a turn, a router's host hands it to a client."""


class SpanName(NamedTuple):
    """One sending of a traced envelope, named by who sent it; `counter` is its host's."""

    node: str
    actor: str
    counter: int

    def __str__(self) -> str:
        return f"{self.node}/{self.actor}/{self.counter}"


def split_span(name: str) -> SpanName:
    """The parts of a span's name; a name of another form is all node, with counter 0."""
    node, actor, counter = ["", "", *name.rsplit("/", 2)][-3:]
    if node and actor and counter.isascii() and counter.isdigit() and len(counter) < 19:
        return SpanName(node, actor, int(counter))
    return SpanName(name, "", 0)


def describe(envelope: Envelope) -> dict[str, Any]:
    """Fields for any log record about this envelope: `message`, `to`, `sender`, and where the
    message has them `keys` (how many) and `codes` (how many of each)."""
    fields: dict[str, Any] = {
        "message": type_name(type(envelope.message)),
        "to": str(envelope.to),
        "sender": str(envelope.sender),
    }
    codes = _codes(envelope.message)
    keys: Sequence[str] | None = getattr(envelope.message, "keys", None)
    if keys is not None:
        fields["keys"] = len(keys)
    if codes:
        fields["codes"] = dict(Counter(codes))
    return fields


def trace_fields(envelope: Envelope) -> dict[str, Any]:
    """`describe`, and the envelope's trace: `trace`, `span`, `cause`, `sent_us` (wall clock).

    The host adds `node`, `node_id`, `actor`, `at_us`, and for "delivered" `turn_us`, `sync_us` and
    `batch`. The envelope must have a trace.
    """
    trace = envelope.trace
    assert trace is not None, "only a traced envelope leaves records"
    return {
        "trace": trace.id,
        "span": trace.span,
        "cause": trace.cause,
        **describe(envelope),
        "sent_us": trace.sent_us,
    }


def _codes(message: Message) -> Sequence[str]:
    codes: Sequence[str] | None = getattr(message, "codes", None)
    if codes is not None:
        return codes
    code: str | None = getattr(message, "code", None)
    return () if code is None else (code,)
