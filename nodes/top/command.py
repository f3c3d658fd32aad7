"""`gossamer top`: the network as it is now, in the whole terminal; or once, in lines."""

from __future__ import annotations

import shutil
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

import click

from nodes.client_command import client_command
from nodes.output import Output

if TYPE_CHECKING:
    from nodes.async_client import AsyncClient
    from nodes.client import Client

PIPE_COLUMNS = 80


@client_command("top")
@click.option("--once", is_flag=True, help="Print what there is to see now, and end.")
def top(client: Client, output: Output, once: bool) -> None:
    """Show the network as it is now, and go on showing it, until `q` or Ctrl-C.

    Who is there and since when, who has which share, what lacks copies and what moves, which keys
    are changed and how fast, and what has happened. When nobody answers it says so and goes on
    trying. For programs there are `status`, `ring`, `members --watch` and `watch`, with --json.
    """
    if output.as_json:
        raise click.UsageError("top is for people: for programs there is status --json")
    if once:
        _print_once(client, output)
        return
    from nodes.top.screen import Screen, is_terminal

    if not is_terminal():
        raise click.UsageError("top needs a terminal; --once prints a single frame without one")
    from nodes.top.live import Signals, show

    with Signals() as signals, Screen() as screen:
        client.run(partial(show, screen=screen, signals=signals))
    signals.end()


def _print_once(client: Client, output: Output) -> None:
    import asyncio

    from nodes.look import look_of, rendered
    from nodes.top.asking import Asking
    from nodes.top.frame import single_frame
    from nodes.top.seen import Seen

    now_s = time.time()
    seen = Seen(now_s)

    async def ask(asked: AsyncClient) -> None:
        await Asking(asked, seen, asyncio.Event()).once()

    client.run(ask)
    look = look_of(sys.stdout)
    columns = shutil.get_terminal_size((PIPE_COLUMNS, 24)).columns
    output.text(rendered(single_frame(seen, now_s, columns, look), look, columns))
