"""The commands for the small values that every node holds: share, unshare, shared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import orjson

from nodes.client_command import client_command
from nodes.output import Output, one_line, value_fields
from nodes.table import print_table
from nodes.value_argument import ValueCommand, read_value

if TYPE_CHECKING:
    from nodes.client import Client


@client_command("share", ValueCommand)
@click.argument("key")
@click.argument("value")
def share(client: Client, output: Output, key: str, value: str) -> None:
    """Let every node hold VALUE under KEY.

    For small things that all have to know: every node has them at hand, and nodes that were apart
    agree on the latest. Shared keys are apart from those of put. VALUE is JSON if it can be read as
    JSON, and text if not; "-" reads bytes from stdin.

    \b
    Examples:
      gossamer share motd 'back at noon'
      gossamer share limits '{"rate": 100}'
    """
    version = client.share(key, read_value(value))
    if output.as_json:
        output.object({"key": key, "version": version})


@client_command("unshare")
@click.argument("key")
def unshare(client: Client, output: Output, key: str) -> None:
    """Let every node drop what is shared under KEY.

    Dropping what is not there is done, not an error.
    """
    client.unshare(key)
    if output.as_json:
        output.object({"key": key, "status": "unshared"})


@client_command("shared")
@click.argument("prefix", default="")
def shared(client: Client, output: Output, prefix: str) -> None:
    """Print what is shared under keys that begin with PREFIX, or all of it.

    A row each, the key and the value; what could begin another line or steer a terminal is escaped.
    --json shows them exactly, with the version and the id of the node where it was shared.
    """
    entries = client.shared_entries(prefix)
    if not output.as_json:
        print_table(output, ("key", "value"), [(one_line(e.key), _shown(e.value)) for e in entries])
        return
    for entry in entries:
        fields = {"key": entry.key, **value_fields(entry.value)}
        output.object({**fields, "version": entry.version, "node": entry.node})


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return one_line(value.decode("utf-8", "backslashreplace"))
    return one_line(value if isinstance(value, str) else orjson.dumps(value).decode())
