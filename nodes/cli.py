"""The `gossamer` command: all of its commands, and the way that each of them ends.

What is slow to import is imported by the command that needs it.
"""

from __future__ import annotations

import signal
import sys
from functools import partial
from typing import Any, NoReturn

import click

from actors.errors import GossamerError
from nodes.backup_commands import backup, restore
from nodes.client_commands import delete, get, list_keys, put
from nodes.file_commands import download, files, remove, upload
from nodes.gateway_command import gateway, token
from nodes.key_commands import allow, denied, deny, keygen
from nodes.membership_commands import forget, leave, members
from nodes.output import Output, exit_status
from nodes.ring_command import ring
from nodes.serve import serve
from nodes.shared_commands import share, shared, unshare
from nodes.simulate_command import simulate
from nodes.status_commands import explain, status
from nodes.top.command import top
from nodes.trace.command import trace
from nodes.watch_commands import watch


class _Gossamer(click.Group):
    """Whatever happens in a command ends in an exit status, and at most a sentence."""

    def __call__(self, *args: Any, **options: Any) -> NoReturn:
        """As `main`, for a process of its own: Ctrl-C simply ends it, at any moment."""
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        self.main(*args, **options)

    def main(self, *args: Any, **options: Any) -> NoReturn:
        """Run a command line, then exit."""
        output = Output()
        options |= {"prog_name": "gossamer", "standalone_mode": False, "obj": output}
        sys.exit(exit_status(partial(super().main, *args, **options), output))


def _show_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        from nodes.release import UNKNOWN, release

        if release() == UNKNOWN:
            raise GossamerError("gossamer is not installed, so its version is unknown")
        click.echo(f"gossamer {release()}")
        ctx.exit()


@click.group(cls=_Gossamer, invoke_without_command=True)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version.",
)
@click.pass_context
def main(ctx: click.Context) -> None:
    """A key-value and file network without a broker: every machine runs one node.

    \b
    Examples:
      gossamer serve               run a node on 127.0.0.1:7100
      gossamer put color blue      store a value
      gossamer get color           read it again
      gossamer upload report.pdf   keep a file

    \b
    Exit status:
      0  done
      1  failed
      2  wrong usage
      3  not found
      4  timed out; a write may have happened
      5  unavailable; nothing was written
      6  refused
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(2)


KEYS = (put, get, delete, list_keys, watch, explain)
FILES = (upload, download, files, remove)
SHARED = (share, unshare, shared)
MEMBERS = (members, status, ring, top, leave, forget)
BACKUPS = (backup, restore)
SECRETS = (keygen, token, deny, allow, denied)
NODES = (serve, gateway)
for command in (*NODES, *KEYS, *FILES, *SHARED, *MEMBERS, *BACKUPS, *SECRETS, trace, simulate):
    main.add_command(command)


if __name__ == "__main__":
    main()
