"""`gossamer ring`: who owns what share of the data, and a picture of it in the terminal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from nodes.client_command import client_command
from nodes.output import Output
from nodes.table import Colour, print_table
from nodes.terminal import STATE_COLOURS

if TYPE_CHECKING:
    from nodes.client import Client
    from nodes.look import Look
    from nodes.ring_picture import Named
    from nodes.ring_view import Ring, RingMember

SHARE_CELLS = 20


@client_command("ring")
@click.option(
    "--partitions",
    is_flag=True,
    help="With --json: also the owners of each partition, and which are in what state.",
)
def ring(client: Client, output: Output, partitions: bool) -> None:
    """Show who owns what share of the data, and how the partitions are.

    A row a member: its letter, name, state, share of all copies, and how many copies of partitions
    that is. Below are the 4,096 partitions in the order of their positions, a row for each first
    digit, and as many to a cell as have to be for the width of the terminal. A cell has the colour
    or the letter of the member that is the first owner of most of its partitions; a mark instead
    where a partition is unavailable (!), lacks a copy (-) or moves to new owners (>).
    """
    if partitions and not output.as_json:
        raise click.UsageError("--partitions is for --json")
    shown = client.ring()
    if output.as_json:
        output.object(ring_fields(shown, with_partitions=partitions))
    else:
        _print(output, shown)


def ring_fields(ring: Ring, *, with_partitions: bool = False) -> dict[str, Any]:
    """The ring as JSON has it. With the partitions: `owners[p]` are places in `members`, in the
    order of preference, and the partitions of each state are listed in order."""
    states = {
        "moving": ring.moving,
        "under_replicated": ring.under_replicated,
        "unavailable": ring.unavailable,
    }
    counts = {state: len(those) for state, those in states.items()}
    fields: dict[str, Any] = {
        "epoch": ring.epoch,
        "members": [asdict(member) for member in ring.members],
        "partitions": {"total": len(ring.owners), **counts},
    }
    if with_partitions:
        fields["owners"] = ring.owners
        fields |= {state: sorted(those) for state, those in states.items()}
    return fields


def _print(output: Output, ring: Ring) -> None:
    from nodes.look import look_of, rendered
    from nodes.ring_picture import block, legend, named

    look = look_of(sys.stdout)
    members = named(ring)
    colours = {member.letter: member.colour for member in members}

    def of_row(row: Sequence[str]) -> Sequence[Colour | None]:
        colour = colours.get(row[0])
        return colour, colour, STATE_COLOURS.get(row[2].partition(",")[0]), colour, None, None

    largest = max((member.copies for member in ring.members), default=0)
    titles = ("", "member", "state", "share", "", "copies")
    print_table(output, titles, [_row(member, largest, look) for member in members], of_row)
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else 80
    lines = [*block(ring, look, columns), legend(ring)]
    output.text("")
    output.text(rendered(lines, look, columns))


def _row(shown: Named, largest: int, look: Look) -> tuple[str, ...]:
    from nodes.ring_picture import share_bar

    member = shown.member
    return (
        shown.letter,
        look.text(member.name),
        state_of(member),
        share_bar(member.copies, largest, SHARE_CELLS).ljust(SHARE_CELLS),
        f"{member.share:>6.1%}",
        f"{member.copies:>6,}",
    )


def state_of(member: RingMember) -> str:
    """The state, and that it does not answer where one would expect it to."""
    return f"{member.state}, silent" if member.silent and member.state == "alive" else member.state
