"""Requests of clients at one port, from when they come in to when they are answered: how long that
took, what is worth a line in the log, and their traces. Each is counted when it has ended.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actors.actor import Envelope, Trace
from actors.messages import (
    Failed,
    Forget,
    GetChunk,
    Leave,
    Message,
    PutChunk,
    PutFile,
    WatchKeys,
    WatchMembers,
)
from nodes.clocks import monotonic_us, wall_us
from nodes.logs import Log
from nodes.loop import NodeInfo
from nodes.meter import Meter, outcome_of
from nodes.trace.fields import trace_fields
from nodes.wire import type_name

SLOW_MS = 500
CHUNKS_SLOW_MS = 5_000
"""What moves chunks, or has many of them looked for, may take as long without being slow."""

_OF_CHUNKS = (PutChunk, GetChunk, PutFile)
_TAKES_LONG = (WatchMembers, WatchKeys, Leave, Forget)
"""Requests that are not slow when their answer takes long."""
_FINE = frozenset({"ok", "not_found"})
_REFUSALS = frozenset(
    {
        "refused",
        "not_allowed",
        "bad_key",
        "bad_value",
        "too_large",
        "bad_name",
        "bad_type",
        "file_too_large",
    }
)
"""Mistakes of a client, which is told; nothing is wrong with the node."""
_MISSING = frozenset({"file_missing"})
"""Answers rather than failures."""
_STATES = frozenset({"not_ready", "stopping", "overloaded"})
"""Refusals that are about the node and not the request: counted, for they come in floods."""
MAX_FOLLOWED = 20_000
"""Requests whose time is taken at once. Where there are more, that of the oldest is forgotten: some
are never answered, for their clients are gone."""


class Following:
    """For the port of the actor `name`. `count` counts what is dropped, and the `meter` what has
    ended. With `trace_all` every request is traced, not only those that ask for it."""

    def __init__(
        self,
        name: str,
        node: NodeInfo,
        log: Log,
        count: Callable[..., None],
        meter: Meter,
        *,
        trace_all: bool,
    ) -> None:
        self._name = name
        self._node = node
        self._log = log
        self._count = count
        self._meter = meter
        self._trace_all = trace_all
        self._began: dict[tuple[str, int], tuple[int, type[Message]]] = {}
        self._traces = 0

    def begin(self, envelope: Envelope) -> Envelope:
        """Take a client's request's time, and trace it if all are traced."""
        if len(self._began) >= MAX_FOLLOWED:
            del self._began[next(iter(self._began))]
        self._began[envelope.sender.actor, envelope.id] = monotonic_us(), type(envelope.message)
        if self._trace_all and envelope.trace is None:
            self._traces += 1
            trace = Trace(
                f"{self._node.name}-{wall_us():x}-{self._traces}", "client//0", "", wall_us()
            )
            return Envelope(envelope.to, envelope.sender, envelope.message, envelope.id, trace)
        return envelope

    def end(self, client: str, envelope: Envelope) -> None:
        """It is answered with this: count it, and log what was slow, and what failed. A request to
        watch something is answered again and again; it counts once."""
        now_us = monotonic_us()
        began_us, request = self._began.pop((client, envelope.id), (now_us, Message))
        took_us = now_us - began_us
        took_ms = took_us / 1_000
        if envelope.trace is not None:
            self.record("replied", envelope)
        answer = envelope.message
        if request is not Message:
            is_timed = request not in _TAKES_LONG
            self._meter.count(request, outcome_of(answer), took_us if is_timed else None)
        if isinstance(answer, Failed) and answer.code in _STATES:
            self._count(f"request while {answer.code}", why=answer.reason)
            return
        codes: tuple[str, ...] = getattr(answer, "codes", ())
        failed = not _FINE.issuperset(codes)
        fields: dict[str, Any] = {"client": client, "id": envelope.id}
        if isinstance(answer, Failed):
            failed = answer.code not in _MISSING
            fields |= {"code": answer.code, "reason": answer.reason}
        if not failed and (request in _TAKES_LONG or took_ms < _slow_ms(request)):
            return
        if envelope.trace is not None:
            fields["trace"] = envelope.trace.id
        if codes:
            fields["codes"] = {code: codes.count(code) for code in sorted(set(codes))}
        refused = isinstance(answer, Failed) and answer.code in _REFUSALS
        say = self._log.events.info if refused else self._log.events.warning
        say(
            "request_failed" if failed else "request_slow",
            request=type_name(request),
            took_ms=round(took_ms, 1),
            **fields,
        )

    def refuse(self, request: type[Message], code: str) -> None:
        """It was answered with this code before it was begun."""
        self._meter.count(request, code)

    def record(self, event: str, envelope: Envelope) -> None:
        """What this thread does with a traced envelope that is not its actor's own."""
        self._log.traces.debug(
            event,
            node_id=self._node.id,
            actor=self._name,
            **trace_fields(envelope),
            at_us=wall_us(),
        )


def _slow_ms(request: type[Message]) -> int:
    return CHUNKS_SLOW_MS if request in _OF_CHUNKS else SLOW_MS
