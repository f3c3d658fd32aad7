"""A coordinator, node A's router, in a layout; and what the owners of its keys answer it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from actors.actor import Address, Envelope, reply
from actors.asks import AskSettings
from actors.layout import Layout, Placement
from actors.messages import (
    Failed,
    Fetch,
    Fetched,
    Got,
    LayoutIs,
    Listed,
    MembersChanged,
    Message,
    Observe,
    Observed,
    Scan,
    Scanned,
    Store,
    Stored,
    Welcomed,
    Written,
)
from actors.router import Router
from actors.router_settings import RouterSettings
from actors.versions import NEVER, Record
from tests.actors.envelopes import A, B, C, Turns, all_of, bounced, member, message, messages, to

D, E = "d" * 16, "e" * 16
"""The ids of two more nodes; the coordinator under test is A's."""

OWN = Address(A, "storage")
NAMES = {node: member(node).name for node in (A, B, C, D, E)}


def coordinator(
    *members: str,
    moving_to: Sequence[str] = (),
    epoch: int = 1,
    clock: int = 0,
    welcome: bool = True,
    down: Sequence[str] = (),
    settings: RouterSettings | None = None,
    asks: AskSettings | None = None,
    hedge_ms: int = 0,
) -> Turns:
    """The router of node A, in the second life of the node, in a layout of A, B and C unless other
    members are given. A read asks all owners at once, unless it is said when it asks the others."""
    settings = replace(settings or RouterSettings(), hedge_ms=hedge_ms)
    turns = Turns(Router(A, "2.0", 2, clock, settings, asks))
    layout = layout_is(epoch, *(members or (A, B, C)), moving_to=moving_to)
    turns.take(members_changed(down=down), layout)
    if welcome:
        turns.take(to("router", Welcomed(), OWN))
    return turns


def members_changed(*, down: Sequence[str] = ()) -> Envelope:
    """The gossiper tells the router who of five nodes is down, if anybody is."""
    members = [member(n, state="dead" if n in down else "alive") for n in (A, B, C, D, E)]
    return to("router", MembersChanged("net", tuple(members), ""), Address(A, "gossiper"))


def layout_is(
    epoch: int, *base: str, moving_to: Sequence[str] = (), gone: Sequence[str] = ()
) -> Envelope:
    """Its own storage tells the router which layout is on the disk."""
    layout = Layout(epoch, base or (A, B, C), tuple(moving_to), tuple(gone))
    return to("router", LayoutIs(layout), OWN)


def keys_of(owners: Iterable[str], *members: str) -> Iterator[str]:
    """Keys that just these own, in one order of preference, in a stable layout of these members."""
    placement = Placement(Layout(1, tuple(sorted(members)), (), ()))
    wanted = set(owners)
    keys = [f"key{i}" for i in range(1_000)]
    order = next(sets for sets in map(placement.sets_of, keys) if set(sets[0]) == wanted)
    return (key for key in keys if placement.sets_of(key) == order)


def sent(out: Iterable[Envelope], node: str, kind: type[Message]) -> Envelope:
    """The one envelope with a message of this kind that goes to this node."""
    [envelope] = [e for e in all_of(out, kind) if e.to.node == node]
    return envelope


def nodes(out: Iterable[Envelope], kind: type[Message]) -> list[str]:
    """The nodes that a message of this kind goes to, in the order of their ids."""
    return sorted(e.to.node for e in all_of(out, kind))


def observed(observe: Envelope, clock: int = 0) -> Envelope:
    """The owner's router tells its clock."""
    assert isinstance(observe.message, Observe)
    return reply(observe, Observed(clock))


def stored(store: Envelope, *codes: str) -> Envelope:
    """The replica has stored all of it, unless it says otherwise."""
    assert isinstance(store.message, Store)
    return reply(store, Stored(codes or ("ok",) * len(store.message.keys)))


def fetched(fetch: Envelope, *held: Record, first: int | None = None) -> Envelope:
    """The replica holds these, and nothing of other keys; it answers of the first keys only, if it
    is said of how many."""
    assert isinstance(fetch.message, Fetch)
    of = {record.key: record for record in held}
    nothing = Record("", "absent", b"", NEVER)
    records = [of.get(key, nothing) for key in fetch.message.keys][:first]
    return reply(
        fetch,
        Fetched(
            tuple(r.kind for r in records),
            tuple(r.value for r in records),
            tuple(r.stamp for r in records),
            tuple(r.expires_ms for r in records),
        ),
    )


def read(node: Turns, request: Envelope, **held: Record) -> tuple[list[Envelope], list[Envelope]]:
    """A read that the owners named here answer, by what they hold: its questions, and what is sent
    when all of these have answered."""
    out = node.take(request)
    ids = {name * 16: record for name, record in held.items()}
    return out, node.take(*(fetched(sent(out, n, Fetch), ids[n]) for n in ids))


def scanned(scan: Envelope, *keys: str, more: bool = False) -> Envelope:
    """The member has these keys."""
    assert isinstance(scan.message, Scan)
    return reply(scan, Scanned(keys, more))


def fenced(request: Envelope, epoch: int, *base: str) -> Envelope:
    """Who was asked is at another epoch."""
    return reply(request, LayoutIs(Layout(epoch, base or (A, B, C), (), ())))


def not_ready(request: Envelope) -> Envelope:
    """Who was asked may not answer for its data."""
    return reply(request, Failed("not_ready", "", True))


def records_of(store: Envelope) -> list[Record]:
    """What is to be stored."""
    m = store.message
    assert isinstance(m, Store)
    columns = zip(m.keys, m.kinds, m.values, m.stamps, m.expiries, strict=True)
    return [Record(*column) for column in columns]


def counters(out: Iterable[Envelope]) -> list[int]:
    """Of all that is stored, wherever."""
    stores = messages(out, Store)
    return sorted({stamp.counter for store in stores for stamp in store.stamps})


def begun(node: Turns, request: Envelope, clock: int = 0) -> list[Envelope]:
    """A write whose first round is over: its stores, and what else was sent."""
    out = node.take(request)
    observes = all_of(out, Observe)
    return node.take(*(observed(e, clock) for e in observes)) if observes else out


def failure(out: Sequence[Envelope]) -> tuple[str, bool]:
    """The code of the only failure, and whether it is definite; nothing else answers a request."""
    assert not any(isinstance(e.message, Got | Written | Listed) for e in out)
    failed = message(out, Failed)
    return failed.code, failed.definite


def bounce_all(
    node: Turns, out: Sequence[Envelope], *to_nodes: str, for_ms: int = 700
) -> list[Envelope]:
    """The host hands back every question to these nodes for so long; what else was sent."""
    until_ms = node.now_ms + for_ms
    pending, others = list(out), []
    while node.now_ms <= until_ms:
        others += [e for e in pending if e.to.node not in to_nodes]
        pending = node.take(*[bounced(e) for e in pending if e.to.node in to_nodes])
        if node.actor.wake_at is None:
            break
        pending += node.take_when_due()
    return others + [e for e in pending if e.to.node not in to_nodes]
