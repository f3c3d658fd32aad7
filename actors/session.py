"""A client's side of the protocol: correlation, time-outs, and which endpoint to ask next.

A read that goes unanswered for a third of its time is asked of the next endpoint too, and the first
answer counts; one that waits for news is answered before that, if need be without any. A write is
sent once; it goes to another endpoint only when it was provably not taken on, because the endpoint
said so or there was no connection to send it over. When the connection over which it was sent is
lost, nobody can know: it timed out, and may have happened. So an endpoint that says that it is
stopping is asked last from then on: what reaches it as it goes is not answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from actors.actor import CLIENT, ENDPOINT, Address, Envelope, Now, Trace
from actors.answers import fits
from actors.errors import GossamerError, TimedOut, Unreachable, error_for
from actors.messages import (
    FILES_FROM_CLIENTS,
    TO_GOSSIPERS,
    Bounced,
    Deny,
    Failed,
    Forget,
    Get,
    Got,
    Leave,
    LinkDown,
    LinkUp,
    MembersListed,
    Message,
    PutFile,
    RemoveFile,
    Share,
    Write,
)
from actors.versions import Kind

ELSEWHERE = frozenset({"not_ready", "stopping", "overloaded"})
"""Refusals of one endpoint that another may not share. All are definite."""

SILENCE = "nobody answers at"
"""Of endpoints where there may be no node at all."""

_WRITES = (Write, Share, Leave, Forget, Deny, PutFile, RemoveFile)


@dataclass(slots=True)
class _Operation:
    """One request, and how far it has got. `untried` are the endpoints it may still go to."""

    request: Message
    timeout_ms: int
    deadline_ms: int
    untried: list[str]
    trace: Trace | None
    next_try_ms: int = 0
    sent_to: dict[int, str] = field(default_factory=dict)
    refusal: Failed | None = None
    so_far: Got | None = None
    unsure: tuple[MembersListed, str, str] | None = None
    """What one that is not ready believes: its answer, its id and its endpoint."""

    @property
    def is_write(self) -> bool:
        return isinstance(self.request, _WRITES)

    @property
    def doubt(self) -> str:
        """What nobody knows once the answer to a write is lost."""
        is_value = isinstance(self.request, (Write, Share, PutFile))
        return "the write may have happened" if is_value else "it may have been done"


class Session:
    """Takes requests and turns, like an actor; what is finished is fetched with `finished()`."""

    def __init__(self, endpoints: Sequence[str]) -> None:
        if not endpoints:
            raise ValueError("a session needs at least one endpoint")
        self._endpoints = tuple(dict.fromkeys(endpoints))
        self._links: dict[str, bool | None] = dict.fromkeys(self._endpoints)
        self._faults: dict[str, LinkDown] = {}
        # Those that are shutting down: until their connections end they are asked last.
        self._stopping: set[str] = set()
        self._number = 0
        self._attempt = 0
        self._operations: dict[int, _Operation] = {}
        self._attempts: dict[int, int] = {}
        self._finished: list[tuple[int, Message | GossamerError]] = []
        self._answered_by: dict[int, tuple[str, str]] = {}
        self._wake_at: int | None = None
        self._out: list[Envelope] = []

    @property
    def wake_at(self) -> int | None:
        """Not later than the next operation is to be tried elsewhere or to time out: monotonic ms.

        It may be the time of one that has ended since: to look through all operations whenever one
        ends would take too long where there are many.
        """
        return self._wake_at if self._operations else None

    def submit(
        self,
        request: Message,
        timeout_ms: int,
        now: Now,
        trace: Trace | None = None,
        turn: int = 0,
    ) -> int:
        """Begin an operation; the number under which `finished` will tell of it. The time-out is
        the time without progress: where an answer comes in parts it begins anew with each. The
        endpoints are tried in their order, beginning with the one whose `turn` it is."""
        self._number += 1
        start = turn % len(self._endpoints)
        untried = [*self._endpoints[start:], *self._endpoints[:start]]
        operation = _Operation(request, timeout_ms, now.mono_ms + timeout_ms, untried, trace)
        self._operations[self._number] = operation
        self._try_next(self._number, operation, now)
        return self._number

    def finished(self) -> list[tuple[int, Message | GossamerError]]:
        """The operations that ended since the last call: the reply, or the error."""
        finished, self._finished = self._finished, []
        numbers = {number for number, _ in finished}
        self._answered_by = {n: who for n, who in self._answered_by.items() if n in numbers}
        return finished

    def answered_by(self, number: int) -> tuple[str, str]:
        """The id of the node that answered an operation, one of those that `finished` told of last,
        and the endpoint by which it did; both empty if nobody did."""
        return self._answered_by.get(number, ("", ""))

    def turn(self, inbox: Sequence[Envelope], now: Now) -> list[Envelope]:
        """Take in replies and news of links, then do what is due; what to send, to endpoints."""
        for envelope in inbox:
            match envelope.message:
                case LinkUp(endpoint):
                    self._links[endpoint] = True
                    self._faults.pop(endpoint, None)
                    self._stopping.discard(endpoint)
                    self._try_unsent(now)
                case LinkDown(endpoint) as down:
                    self._links[endpoint] = False
                    self._faults[endpoint] = down
                    self._stopping.discard(endpoint)
                    self._on_link_down(endpoint, now)
                case Bounced():
                    self._on_refused(envelope.id, None, now)
                case Failed() as failed:
                    self._on_failed(envelope.id, failed, now)
                case reply:
                    self._on_reply(envelope.id, reply, envelope.sender.node, now)
        wake_at = self.wake_at
        if wake_at is not None and now.mono_ms >= wake_at:
            self._on_time(now)
        out, self._out = self._out, []
        return out

    def _try_next(self, number: int, operation: _Operation, now: Now) -> None:
        """Send it to the first endpoint that it has not gone to and that may be connected."""
        self._look_again(operation, operation.deadline_ms)
        untried = operation.untried
        if self._stopping:
            untried = sorted(untried, key=self._stopping.__contains__)
        for endpoint in untried:
            if self._links[endpoint]:
                operation.untried.remove(endpoint)
                self._send(number, operation, endpoint)
                if not operation.is_write and len(self._endpoints) > 1:
                    self._look_again(operation, now.mono_ms + max(1, operation.timeout_ms // 3))
                return
        if operation.sent_to or any(self._links[e] is None for e in operation.untried):
            if operation.sent_to and operation.untried and not operation.is_write:
                # Nobody else is connected at the moment.
                self._look_again(operation, now.mono_ms + max(1, operation.timeout_ms // 10))
            return
        if operation.unsure is not None:
            self._make_do(number, operation.unsure)
            return
        if operation.refusal is not None:
            refusal = operation.refusal
            error = error_for(refusal.code, refusal.reason, refusal.definite)
        else:
            error = self._why_unreachable()
        self._finish(number, error)

    def _why_unreachable(self) -> GossamerError:
        """There is no connection to any endpoint."""
        faults = [down for e in self._endpoints if (down := self._faults.get(e)) and down.why]
        silent = [e for e in self._endpoints if e not in {down.endpoint for down in faults}]
        alike: dict[str, list[str]] = {}
        for down in faults:
            alike.setdefault(down.why, []).append(down.endpoint)
        reasons = [f"{first} {why}{_likewise(others)}" for why, (first, *others) in alike.items()]
        if silent:
            reasons.append(f"{SILENCE} {', '.join(silent)}")
        reason = "; ".join(reasons)
        if not silent and all(down.is_refused for down in faults):
            return error_for("not_allowed", reason)
        return Unreachable(reason)

    def _look_again(self, operation: _Operation, at_ms: int) -> None:
        operation.next_try_ms = at_ms
        self._wake_at = at_ms if self._wake_at is None else min(self._wake_at, at_ms)

    def _send(self, number: int, operation: _Operation, endpoint: str) -> None:
        self._attempt += 1
        operation.sent_to[self._attempt] = endpoint
        self._attempts[self._attempt] = number
        to = Address(f"{ENDPOINT}{endpoint}", _answering(type(operation.request)))
        sender = Address(CLIENT, "")
        self._out.append(Envelope(to, sender, operation.request, self._attempt, operation.trace))

    def _try_unsent(self, now: Now) -> None:
        for number, operation in list(self._operations.items()):
            if not operation.sent_to:
                self._try_next(number, operation, now)

    def _on_link_down(self, endpoint: str, now: Now) -> None:
        for number, operation in list(self._operations.items()):
            lost = [a for a, e in operation.sent_to.items() if e == endpoint]
            if lost and operation.is_write:
                reason = f"the connection to {endpoint} was lost; {operation.doubt}"
                self._finish(number, TimedOut(reason, definite=False))
                continue
            for attempt in lost:
                del operation.sent_to[attempt]
                del self._attempts[attempt]
            if lost or not operation.sent_to:
                self._try_next(number, operation, now)

    def _on_failed(self, attempt: int, failed: Failed, now: Now) -> None:
        if failed.code in ELSEWHERE and failed.definite:
            self._on_refused(attempt, failed, now)
        elif attempt in self._attempts:
            error = error_for(failed.code, failed.reason, failed.definite)
            self._finish(self._attempts[attempt], error)

    def _on_refused(self, attempt: int, refusal: Failed | None, now: Now) -> None:
        """This endpoint did not take it on: another may."""
        number = self._attempts.pop(attempt, None)
        if number is not None:
            operation = self._operations[number]
            endpoint = operation.sent_to.pop(attempt)
            if refusal is not None and refusal.code == "stopping":
                self._stopping.add(endpoint)
            operation.refusal = refusal or operation.refusal
            self._try_next(number, operation, now)

    def _on_reply(self, attempt: int, reply: Message, node: str, now: Now) -> None:
        number = self._attempts.get(attempt)
        if number is None:
            return
        operation = self._operations[number]
        if not fits(operation.request, reply):
            reason = f"{type(reply).__name__} is no answer to {type(operation.request).__name__}"
            self._finish(number, GossamerError(reason, definite=not operation.is_write))
            return
        if isinstance(reply, Got) and isinstance(operation.request, Get):
            if operation.so_far is not None:
                reply = _join(operation.so_far, reply)
            rest = operation.request.keys[len(reply.codes) - _length(operation.so_far) :]
            if rest:
                self._continue(number, operation, reply, rest, now)
                return
        if isinstance(reply, MembersListed) and reply.waiting:
            # One that is ready knows better, if there is any.
            operation.unsure = reply, node, operation.sent_to.pop(attempt)
            del self._attempts[attempt]
            self._try_next(number, operation, now)
            return
        self._answered_by[number] = node, operation.sent_to[attempt]
        self._finish(number, reply)

    def _make_do(self, number: int, unsure: tuple[MembersListed, str, str]) -> None:
        """Nobody knows better."""
        reply, node, endpoint = unsure
        self._answered_by[number] = node, endpoint
        self._finish(number, reply)

    def _continue(
        self, number: int, operation: _Operation, so_far: Got, rest: tuple[str, ...], now: Now
    ) -> None:
        """The reply had room for the first keys only: ask for the rest."""
        assert isinstance(operation.request, Get)
        for attempt in operation.sent_to:
            del self._attempts[attempt]
        operation.sent_to = {}
        operation.so_far = so_far
        operation.request = replace(operation.request, keys=rest)
        operation.deadline_ms = now.mono_ms + operation.timeout_ms
        operation.untried = list(self._endpoints)
        self._try_next(number, operation, now)

    def _on_time(self, now: Now) -> None:
        for number, operation in list(self._operations.items()):
            if now.mono_ms >= operation.deadline_ms and operation.unsure is not None:
                self._make_do(number, operation.unsure)
            elif now.mono_ms >= operation.deadline_ms:
                self._finish(number, self._time_out(operation))
            elif now.mono_ms >= operation.next_try_ms:
                self._try_next(number, operation, now)
        self._wake_at = min((o.next_try_ms for o in self._operations.values()), default=None)

    def _time_out(self, operation: _Operation) -> GossamerError:
        seconds = operation.timeout_ms / 1_000
        if not operation.sent_to and any(down.why for down in self._faults.values()):
            return self._why_unreachable()
        if not operation.sent_to:
            where = ", ".join(self._endpoints)
            return Unreachable(f"no connection to {where} within {seconds:g} s")
        if operation.is_write:
            return TimedOut(f"no answer within {seconds:g} s; {operation.doubt}")
        return TimedOut(f"no answer within {seconds:g} s", definite=True)

    def _finish(self, number: int, outcome: Message | GossamerError) -> None:
        operation = self._operations.pop(number)
        for attempt in operation.sent_to:
            del self._attempts[attempt]
        if operation.so_far is not None and isinstance(outcome, GossamerError):
            # What was read stays read: only the rest has failed.
            outcome = _join(operation.so_far, _unread(operation.request, outcome.code))
        self._finished.append((number, outcome))


def _likewise(others: Sequence[str]) -> str:
    return f" (likewise {', '.join(others)})" if others else ""


def _answering(request: type[Message]) -> str:
    """The actor that a request is addressed to."""
    if request in FILES_FROM_CLIENTS:
        return "fileserver"
    return "gossiper" if request in TO_GOSSIPERS else "router"


def _length(got: Got | None) -> int:
    return 0 if got is None else len(got.codes)


def _unread(request: Message, code: str) -> Got:
    """All keys that the request still asks for, failed with this code."""
    assert isinstance(request, Get)
    count = len(request.keys)
    kinds: list[Kind] = ["absent"] * count
    told = count if request.details else 0
    return Got((code,) * count, tuple(kinds), (b"",) * count, ("",) * told, ((),) * told)


def _join(first: Got, second: Got) -> Got:
    return Got(
        first.codes + second.codes,
        first.kinds + second.kinds,
        first.values + second.values,
        first.versions + second.versions,
        first.replicas + second.replicas,
    )
