"""The commands that tell how the network is and where a key is: status, explain."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from actors import ring
from nodes.client_command import client_command
from nodes.output import Output, one_line
from nodes.progress import bar
from nodes.table import print_table
from nodes.terminal import printable, wants_colours

if TYPE_CHECKING:
    from nodes.client import Client
    from nodes.status import Explanation, FileCounts, Replica, Status

_NOT_SAFE = 1

Facts = list[tuple[str, str]]
"""What is told in lines: what it is about, and what there is to say."""


@client_command("status")
def status(client: Client, output: Output) -> int:
    """Has all data all its copies, and is it safe to stop the node that is asked?

    The exit status is 0 if it is safe to stop it, and 1 if not. To stop one node after another,
    ask each by its own --endpoint, and wait for 0 each time: of several it is whichever answers.

    \b
    Examples:
      gossamer status --endpoint 10.0.0.7:7100
      until gossamer status; do sleep 1; done
    """
    told = client.status()
    if output.as_json:
        output.object(asdict(told))
    else:
        _print_facts(output, status_facts(told))
        colour = "green" if told.safe_to_stop else "red"
        verdict = _verdict(told, len(click.get_current_context().params["endpoint"]))
        output.text(click.style(verdict, fg=colour) if wants_colours(sys.stdout) else verdict)
    return 0 if told.safe_to_stop else _NOT_SAFE


@client_command("explain")
@click.argument("key")
def explain(client: Client, output: Output, key: str) -> None:
    """Tell where KEY is, and what each of its owners holds.

    Its position on the ring, the partition that this is in, who owns that, and of each owner what
    it holds: of which version, how large, and until when.
    """
    told = client.explain(key)
    if output.as_json:
        output.object(asdict(told))
        return
    _print_facts(output, _explanation_facts(told))
    output.text("")
    titles = ("replica", "holds", "version", "expires", "bytes")
    print_table(output, titles, [_row(replica) for replica in told.replicas])
    output.text("")
    output.text(_agreement(told))


def _print_facts(output: Output, facts: Facts) -> None:
    width = max(len(name) for name, _ in facts)
    for name, text in facts:
        output.text(f"{name:<{width}}  {printable(text)}")


def status_facts(told: Status) -> Facts:
    """What there is to tell of a network, each by a word for what it is about."""
    facts = [("members", f"{told.members:,}"), ("epoch", f"{told.epoch:,}")]
    traffic = "not encrypted: whoever reaches a port may use it"
    if told.fingerprint:
        traffic = f"encrypted, fingerprint of the secret {told.fingerprint}"
    facts.append(("traffic", traffic))
    facts.append(("partitions", copies(told)))
    if told.moving and not told.transfers:
        facts.append(("moving", "data moves to new owners"))
    for transfer in told.transfers:
        share = bar(transfer.moved, transfer.to_move)
        counts = f"{transfer.moved:,} of {transfer.to_move:,} partitions"
        facts.append(("moving", f"to {transfer.member} {share}, {counts}"))
    for member, count in told.hints.items():
        facts.append(("hints", f"{_many(count, 'write')} for {member}, to be told when it is back"))
    facts += _file_facts(told.files)
    facts += [("silent", f"{member} did not answer") for member in told.silent]
    if told.without_quorum and told.silent:
        advice = "start it again, or forget it if it never comes back: `gossamer forget`"
        facts.append(("lost?", advice))
    return facts


def _file_facts(files: FileCounts) -> Facts:
    """Of what there is to tell."""
    from rich.filesize import decimal

    facts = []
    if files.chunks or files.missing:
        copies = f"{files.chunks:,} copies of chunks, {decimal(files.size_bytes)}"
        facts.append(("files", copies))
    if files.missing:
        facts.append(("missing", f"{files.missing:,} more are still to be made"))
    if files.lost:
        lost = f"{files.lost:,} copies of chunks that no node has: put their files again"
        facts.append(("lost", lost))
    if files.strays:
        facts.append(("moving", f"{files.strays:,} are kept until their new owners have them"))
    done = [
        f"{count:,} {what}"
        for count, what in (
            (files.scrubbed, "scrubbed"),
            (files.rotten, "found rotten"),
            (files.repaired, "copied from other nodes"),
            (files.collected, "collected"),
        )
        if count
    ]
    return facts + ([("chunks", f"{', '.join(done)} since the nodes were started")] if done else [])


def copies(told: Status) -> str:
    """Whether partitions lack copies, in a sentence."""
    parts = []
    if told.under_replicated:
        parts.append(f"{told.under_replicated:,} of {ring.PARTITIONS:,} lack a copy")
        if not told.without_quorum:
            parts.append("each has a quorum")
    if told.without_quorum:
        parts.append(f"{told.without_quorum:,} have no quorum: their keys are unavailable")
    return ", ".join(parts) or "every partition has all its copies"


def _verdict(told: Status, endpoints: int) -> str:
    # It would be taken for a word about all of them.
    which = f", the one of {endpoints} endpoints that was asked" if endpoints > 1 else ""
    stop_it_now = f"stop {printable(told.node)} now{which}"
    if told.safe_to_stop:
        return f"It is safe to {stop_it_now}."
    reasons = "; ".join(printable(reason).rstrip(".") for reason in told.reasons)
    return f"Do not {stop_it_now}: {reasons or 'it gave no reason'}."


def _explanation_facts(told: Explanation) -> Facts:
    facts = [
        ("key", one_line(told.key)),
        ("position", told.position),
        ("partition", f"{told.partition:,} of {ring.PARTITIONS:,}"),
        ("epoch", f"{told.epoch:,}"),
        ("owners", ", ".join(told.owners)),
    ]
    if told.new_owners:
        facts.append(("moves to", ", ".join(told.new_owners)))
    return facts + [("hint", f"waits for {member}") for member in told.hinted]


def _row(replica: Replica) -> tuple[str, ...]:
    is_value = replica.code == "ok"
    expires = "-"
    if is_value:
        expires = "never"
        if replica.expires is not None:
            expires = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(replica.expires))
    size = f"{replica.size_bytes:,}" if is_value else "-"
    cells = (replica.name, _what(replica), replica.version or "-", expires, size)
    return tuple(printable(cell) for cell in cells)


def _what(replica: Replica) -> str:
    if replica.code == "ok":
        return replica.kind
    if replica.code == "not_found":
        return "deleted or expired" if replica.version else "nothing"
    return f"unknown: {replica.code}"


def _agreement(told: Explanation) -> str:
    if told.agrees:
        return "The owners agree."
    unknown = [r.name for r in told.replicas if r.code not in ("ok", "not_found")]
    if unknown:
        return f"What {', '.join(map(printable, unknown))} has is unknown."
    return "The owners do not agree at the moment; reading the key brings them together."


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")
