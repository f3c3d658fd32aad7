"""`gossamer serve`: a node in a process of its own, from its settings to its exit status.

SIGTERM and SIGINT stop it cleanly, and that is status 0. What ends it otherwise is said in one
sentence; where one of its actors failed the process is gone at once, for its supervisor to restart.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

import click

from nodes.addresses import BadAddress
from nodes.config import (
    check_address,
    check_addresses,
    check_extensions,
    check_grace,
    check_rate,
    check_size,
    read_toml,
    secret_option,
    setting,
)
from nodes.output import Output

if TYPE_CHECKING:
    from nodes.node import Node

STOPS = (signal.SIGTERM, signal.SIGINT)
LOG_LEVELS = ("debug", "info", "warning", "error")


@click.command()
@setting(
    "--listen",
    metavar="HOST:PORT",
    callback=check_address,
    default="127.0.0.1:7100",
    show_default=True,
    help="Where requests are taken; port 0 picks a free one.",
)
@setting(
    "--gossip-listen",
    metavar="HOST:PORT",
    callback=check_address,
    default="",
    help="Where gossip is heard, if not 1,000 ports above --listen.",
)
@setting(
    "--files-listen",
    metavar="HOST:PORT",
    callback=check_address,
    default="",
    help="Where files are served, if not 2,000 ports above --listen.",
)
@setting(
    "--advertise",
    metavar="HOST:PORT",
    callback=check_address,
    default="",
    help="What others are told to connect to, if not --listen; needed for 0.0.0.0.",
)
@setting(
    "--join",
    metavar="HOST:PORT",
    multiple=True,
    callback=check_addresses,
    help="A node of the network to be in; may be repeated, and may be the node's own address.",
)
@setting(
    "--data",
    metavar="DIR",
    default=None,
    help="The folder with all that the node keeps.  [default: .data/NAME]",
)
@setting(
    "--name",
    metavar="NAME",
    default="",
    help="What people call it.  [default: $HONCHO_PROCESS_NAME, else the host's name:PORT]",
)
@setting(
    "--files-quota",
    metavar="SIZE",
    callback=check_size,
    default=None,
    help="What the files kept here may take, such as 10GB.  [default: what the disk has]",
)
@setting(
    "--max-file",
    metavar="SIZE",
    callback=check_size,
    default=None,
    help="The largest file that is admitted.  [default: 64GiB]",
)
@setting(
    "--extensions",
    metavar="TEXT",
    callback=check_extensions,
    default=None,
    help="Which files are admitted: pdf,txt for these alone, +sh,-zip to change the usual.",
)
@setting(
    "--chunk-grace",
    metavar="TIME",
    callback=check_grace,
    default=None,
    help="How long a part of a file is kept that no file needs.  [default: 1h]",
)
@setting(
    "--scrub-rate",
    metavar="SIZE",
    callback=check_rate,
    default=None,
    help="So much of the files kept here is read a second to see that it is whole; 0 for none.  "
    "[default: 4MiB]",
)
@setting(
    "--scrub-every",
    metavar="TIME",
    callback=check_grace,
    default=None,
    help="How long it rests before it begins, and when all was read.  [default: 1h]",
)
@secret_option(
    "The file with the network's secret, of gossamer keygen: all is encrypted, and only who has "
    "the secret, or a key made of it, gets in."
)
@setting(
    "--insecure",
    is_flag=True,
    help="Without a secret, listen beyond loopback, and let whoever reaches the node read and "
    "write everything.",
)
@setting(
    "--http",
    metavar="HOST:PORT",
    callback=check_address,
    default="",
    help="Where the node shows its metrics, and how it is: /metrics, /livez and /readyz; port 0 "
    "picks a free one.  [default: nowhere]",
)
@setting(
    "--log",
    type=click.Choice(LOG_LEVELS),
    default="info",
    show_default=True,
    help="How much the node tells on stderr and in DIR/log.jsonl.",
)
@setting(
    "--config",
    metavar="FILE",
    callback=read_toml,
    is_eager=True,
    expose_value=False,
    help="A TOML file with these settings, their names with underscores.",
)
@click.pass_obj
def serve(output: Output, /, **settings: Any) -> None:
    """Run a node, until SIGTERM or Ctrl-C.

    A flag wins over the environment, that over the file.

    \b
    Examples:
      gossamer serve
      gossamer serve --listen 127.0.0.1:7200 --join 127.0.0.1:7100
      gossamer serve --listen 10.0.0.5:7100 --secret gossamer.secret
    """
    # Imported here: the other commands do without all that a node needs.
    from nodes.node import Node, NodeFailed

    try:
        node = Node(log_level=settings.pop("log"), console=sys.stderr, **settings)
    except BadAddress as error:
        raise click.UsageError(str(error)) from error
    _allow_open_files()
    # Threads that begin from here on leave these signals alone too: none is lost or interrupts.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    _stop_at_signal(node)
    node.start()
    try:
        node.wait()
    except NodeFailed as failure:
        # What the failed actor held may hang every orderly end. The log has been written, and all
        # that was acknowledged is on the disk.
        os._exit(output.error(failure))
    finally:
        node.stop()


def _allow_open_files() -> None:
    """As many as there may be: strangers' connections must not use up those that the node needs."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _stop_at_signal(node: Node) -> None:
    """Wait for a signal in a thread of its own. Further ones stay blocked: they change nothing."""

    def wait() -> None:
        signal.sigwait(STOPS)
        node.request_stop()

    threading.Thread(target=wait, name="signals", daemon=True).start()
