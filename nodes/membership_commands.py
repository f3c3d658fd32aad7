"""The commands for the members of the network: members, leave, forget."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import click

from nodes.client_command import client_command
from nodes.output import Output
from nodes.progress import ProgressLine
from nodes.table import Colour, print_table
from nodes.terminal import STATE_COLOURS, colour_of, printable, wants_colours
from nodes.watch_commands import patiently

if TYPE_CHECKING:
    from actors.membership import Member
    from nodes.client import Client
    from nodes.member_list import MemberList
    from nodes.watching import MemberChange

_COLUMNS = ("name", "id", "state", "address")


@client_command("members")
@click.option(
    "--watch",
    is_flag=True,
    help="Go on with a line for every change, as it happens, until Ctrl-C.",
)
def members(client: Client, output: Output, watch: bool) -> None:
    """Print the members of the network: name, id, state, address."""
    if watch:
        _watch(client, output)
        return
    listed = client.members()
    _tell_waiting(output, listed.waiting)
    if not output.as_json:
        _print(output, listed)
        return
    for member in listed:
        output.object(_fields(member))


@client_command("leave")
@click.argument("node", required=False)
def leave(client: Client, output: Output, node: str | None) -> None:
    """Let NODE leave the network for good.

    NODE is a name or an id, or the host of a name such as host:7100 if no other is there; without
    it the node that is asked leaves. It gives its data to the others, which takes as long as the
    data needs to move, then stops, and cannot come back. A node that is to be started again later
    is not to leave but to be stopped.

    --timeout is the time without progress. After a time-out the node goes on leaving: `gossamer
    status` tells how far it is, and to let it leave once more does no harm.
    """
    from nodes.leaving import follow_leave

    line = ProgressLine(output)
    try:
        member = client.run(partial(follow_leave, node=node, told=line.show))
    finally:
        line.clear()
    _tell_departed(output, member, "has left")


@client_command("forget")
@click.argument("node")
@click.option(
    "--accept-loss",
    is_flag=True,
    help=(
        "Give NODE up: go on with what the others have, even where too few are left to decide it "
        "or to copy all keys from. What only those had that are given up, acknowledged writes too, "
        "is lost; and they must really be gone for good, for if they run on somewhere what they "
        "are told is lost as well, or there are two networks, whose writes contradict each other."
    ),
)
def forget(client: Client, output: Output, node: str, accept_loss: bool) -> None:
    """Strike out NODE, a machine that is down and will not come back.

    NODE is a name or an id, or the host of a name such as host:7100 if no other is there. The
    others make new copies of what it held from those that they have; should it come back after all,
    it is refused. A node that will come back is not to be forgotten: it may be down as long as it
    likes.

    A majority of the members has to agree, and of each key a majority of its owners has to be
    there. Where two or more machines are gone for good at once that may not be so: it is refused,
    and says who is down. Then forget each of those with --accept-loss; read first what it does,
    below. That is done when it is decided; `gossamer status` tells when all copies are made.

    A node that was restarted, and that no other member has confirmed since, takes it only with
    --accept-loss: it asks all others for three seconds first, and forgets nobody if it hears one of
    them. Never say it to a node that may have been forgotten itself: if it cannot reach those who
    know, it goes on as a second network.
    """
    _tell_departed(output, client.forget(node, accept_loss), "is forgotten")


def _print(output: Output, listed: Sequence[Member]) -> None:
    rows = [(m.name, m.id, m.state, m.address) for m in listed]
    shown = [tuple(printable(cell) for cell in row) for row in rows]
    print_table(output, _COLUMNS, shown, _colours)


def _tell_waiting(output: Output, waiting: str) -> None:
    """A node that is not ready remembers who there is, and does not know how they are."""
    if waiting:
        fields = {"ready": False, "waiting": waiting}
        output.note(f"gossamer: the node is not ready: {waiting}", fields)


def _fields(member: Member) -> dict[str, str]:
    return {name: getattr(member, name) for name in _COLUMNS}


def _colours(row: Sequence[str]) -> Sequence[Colour | None]:
    name, _, state, _ = row
    return colour_of(name), None, STATE_COLOURS.get(state), None


def _watch(client: Client, output: Output) -> None:
    """Print the members, then every change as it happens."""
    from nodes.watching import MembersSeen

    def members_now(anew: bool) -> tuple[MemberList, str]:
        return client.members_since(None if anew else digest)

    seen = MembersSeen()
    listed, digest = client.members_since()
    seen.news(listed)
    waiting = listed.waiting
    _tell_waiting(output, waiting)
    if output.as_json:
        for member in listed:
            output.object({**_fields(member), "was": None})
    else:
        _print(output, listed)
    while True:
        output.flush()
        listed, digest = patiently(output, members_now)
        if listed.waiting != waiting:
            waiting = listed.waiting
            _tell_waiting(output, waiting)
            if not waiting:
                output.note("gossamer: the node is ready", {"ready": True})
        width = max((len(printable(member.name)) for member in listed), default=0)
        for change in seen.news(listed):
            if output.as_json:
                output.object({**_fields(change.member), "was": change.was or None})
            else:
                output.text(_line(change, width))


def _line(change: MemberChange, width: int) -> str:
    """The time of day, who it is, and what became of it."""
    member = change.member
    name, state, was = f"{printable(member.name):<{width}}", str(member.state), str(change.was)
    if wants_colours(sys.stdout):
        name = click.style(name, fg=colour_of(printable(member.name)))
        state, was = (click.style(s, fg=STATE_COLOURS.get(s)) if s else s for s in (state, was))
    address = printable(member.address)
    if not change.was:
        news = f"new member, {state}, at {address}"
    elif member.state == "left":
        news = "has left"
    elif change.was != member.state:
        news = f"{was} -> {state}" + (f", address changed to {address}" if change.moved else "")
    else:
        news = f"address changed to {address}"
    return f"{time.strftime('%H:%M:%S')}  {name}  {news}"


def _tell_departed(output: Output, member: Member, what: str) -> None:
    if output.as_json:
        output.object({"name": member.name, "id": member.id, "state": member.state})
    else:
        output.text(f"{printable(member.name)} {what}")
