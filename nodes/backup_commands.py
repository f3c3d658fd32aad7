"""The commands for backups: backup, restore."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

import click

from nodes.client_command import client_command
from nodes.file_commands import told_of_ctrl_c
from nodes.output import Output, one_line
from nodes.progress import ProgressLine

if TYPE_CHECKING:
    from actors.errors import GossamerError
    from nodes.client import Client
    from nodes.restore import Restored

FAILED = 1
SHOW_EVERY_S = 0.1


@client_command("backup")
@click.argument("folder", metavar="DIR")
@click.option(
    "--update",
    is_flag=True,
    help="Bring the backup in DIR up to date: files that have not changed are not fetched.",
)
def backup(client: Client, output: Output, folder: str, update: bool) -> None:
    """Copy all keys, shared values and files, and the names of denied keys, into the folder DIR.

    DIR is made, or is empty. To run it again after it was interrupted goes on where it was. A
    backup is whole once DIR has a backup.json: `gossamer restore` takes no other. It has the data
    of everybody, unencrypted, and neither the secret nor keys made of it.

    It takes an admin's key where the network has a secret. --timeout is the time without progress.

    \b
    Examples:
      gossamer backup monday
      cp -al monday tuesday && gossamer backup tuesday --update
    """
    from nodes.backup import back_up

    line = ProgressLine(output)
    try:
        with told_of_ctrl_c(output, "run it again to go on"):
            made = client.run(
                partial(back_up, folder=folder, update=update, told=_now_and_then(line))
            )
    finally:
        line.clear()
    if output.as_json:
        output.object({"status": "complete", **asdict(made), "folder": str(made.folder)})
        return
    output.text(
        one_line(
            f"{made.folder} has {_many(made.keys, 'key')}, "
            f"{_many(made.shared, 'shared value')}, "
            f"{_many(made.denied, 'denied key')} and {_many(made.files, 'file')} "
            f"({made.fetched_files:,} fetched)"
        )
    )


@client_command("restore")
@click.argument("folder", metavar="DIR")
@click.option(
    "--keep",
    is_flag=True,
    help="Leave keys, shared values and files that are there, instead of overwriting them.",
)
def restore(client: Client, output: Output, folder: str, keep: bool) -> int:
    """Put what `gossamer backup` has copied to DIR into the network.

    All of DIR is looked at first: if anything is missing or was changed nothing is written. What
    the network has is overwritten, unless you --keep it; what DIR does not have stays. Keys get
    what is left of their time to live. To run it again after it was interrupted goes on. A key or
    a file that is not admitted is told, the rest goes on, and the exit status is 1.

    It takes an admin's key where the network has a secret. --timeout is the time without progress.

    \b
    Examples:
      gossamer restore monday
      gossamer restore monday --keep
    """
    from nodes.restore import restore as put_back

    line = ProgressLine(output)

    def refused(what: str, error: GossamerError) -> None:
        line.clear()
        fields = {"refused": what, "code": error.code, "reason": str(error)}
        output.note(f"gossamer: {what} was refused: {error}", fields)

    use = partial(put_back, folder=folder, keep=keep, told=_now_and_then(line), on_refused=refused)
    try:
        with told_of_ctrl_c(output, "run it again to go on"):
            done = client.run(use)
    finally:
        line.clear()
    if done.denied is None:
        sentence = "the keys that were denied are not, as this network has another secret, or none"
        output.note(f"gossamer: {sentence}", {"denied": None, "reason": sentence})
    if output.as_json:
        output.object({"status": "partial" if done.refused else "restored", **asdict(done)})
    else:
        _print(output, done)
    return FAILED if done.refused else 0


def _print(output: Output, done: Restored) -> None:
    rows = [("keys", done.keys), ("shared", done.shared), ("files", done.files)]
    for what, counts in rows:
        more = f", {done.expired:,} expired" if what == "keys" else ""
        told = f"{counts.put:,} put, {counts.equal:,} were there, {counts.kept:,} kept{more}"
        output.text(f"{what:<6}  {told}")


def _now_and_then(line: ProgressLine) -> Callable[[str], None]:
    """Shows what it is told, but not more often than anybody could read."""
    shown_s = 0.0

    def tell(text: str) -> None:
        nonlocal shown_s
        if (now_s := time.monotonic()) - shown_s >= SHOW_EVERY_S:
            shown_s = now_s
            line.show(text)

    return tell


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
