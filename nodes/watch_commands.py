"""The command that goes on until it is interrupted, watch; and how those do that go on so.

When nobody answers any more that is said once; they go on trying, and say when there is an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import TYPE_CHECKING, TypeVar

import click

from actors.errors import TimedOut, Unavailable
from nodes.client_command import client_command
from nodes.output import Output, one_line

if TYPE_CHECKING:
    from nodes.client import Client
    from nodes.watching import KeyChange

TRY_EVERY_S = 1.0

T = TypeVar("T")


@client_command("watch")
@click.argument("prefix", default="")
def watch(client: Client, output: Output, prefix: str) -> None:
    """Print which keys that begin with PREFIX are changed, as it happens, until Ctrl-C.

    A line for every put and every delete: the key, "put" or "deleted", and its new version. "Some
    changes were missed" says that there may have been others, of any key. That a key has expired
    is not told.
    """

    def changes_now(anew: bool) -> tuple[tuple[KeyChange, ...], str]:
        return client.changes_since(prefix, cursor, wait=not anew)

    changes, cursor = client.changes_since(prefix)
    while True:
        for change in changes:
            _tell(output, change)
        output.flush()
        changes, cursor = patiently(output, changes_now)


def patiently(output: Output, ask: Callable[[bool], T]) -> T:
    """What is answered in the end. `ask` is told whether to ask anew: then somebody who answers is
    to be heard of at once, whether there is news or not."""
    said = False
    while True:
        try:
            answer = ask(said)
        except (Unavailable, TimedOut) as error:
            if not said:
                said = True
                fields = {"answered": False, "code": error.code, "reason": str(error)}
                output.note(f"gossamer: {error}; trying again every second", fields)
            Event().wait(TRY_EVERY_S)
            continue
        if said:
            output.note("gossamer: there is an answer again", {"answered": True})
        return answer


def _tell(output: Output, change: KeyChange) -> None:
    if change.missed:
        if output.as_json:
            output.object({"missed": True})
        else:
            output.note("gossamer: some changes were missed", {})
    elif output.as_json:
        fields = {"key": change.key, "change": change.change, "version": change.version}
        output.object(fields)
    else:
        output.text(f"{one_line(change.key)}  {change.change}  {one_line(change.version)}")
