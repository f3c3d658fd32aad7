"""The commands for keys and their values: put, get, delete, list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import orjson

from nodes.client_command import client_command
from nodes.output import Output, one_line, value_fields
from nodes.value_argument import ValueCommand, read_value

if TYPE_CHECKING:
    from nodes.client import Client


@client_command("put", ValueCommand)
@click.argument("key")
@click.argument("value")
def put(client: Client, output: Output, key: str, value: str) -> None:
    """Store VALUE under KEY.

    VALUE is JSON if it can be read as JSON, and text if not; "-" reads bytes from stdin.

    \b
    Examples:
      gossamer put color blue
      gossamer put temp -5
      gossamer put user:7 '{"name": "Ann"}'
      gossamer put logo - < logo.png
    """
    entry = client.put_entry(key, read_value(value))
    if output.as_json:
        output.object(
            {
                "key": key,
                **value_fields(entry.value),
                "status": "stored",
                "node": entry.replicas[0],
                "version": entry.version,
            }
        )


@client_command("get")
@click.argument("key")
def get(client: Client, output: Output, key: str) -> None:
    """Print the value of KEY.

    Text and bytes are printed as they are, everything else as JSON.

    \b
    Examples:
      gossamer get color
      gossamer get logo > logo.png
      gossamer get color --json
    """
    if output.as_json:
        entry = client.entry(key)
        fields = {"key": key, **value_fields(entry.value)}
        output.object({**fields, "version": entry.version, "replicas": entry.replicas})
        return
    match client.get(key):
        case bytes() as data:
            output.data(data)
        case str() as text:
            output.data(text.encode() + b"\n")
        case value:
            output.data(orjson.dumps(value) + b"\n")


@client_command("delete")
@click.argument("key")
def delete(client: Client, output: Output, key: str) -> None:
    """Delete KEY.

    Deleting what is not there is done, not an error.
    """
    client.delete(key)
    if output.as_json:
        output.object({"key": key, "status": "deleted"})


@client_command("list")
@click.argument("prefix", default="")
def list_keys(client: Client, output: Output, prefix: str) -> None:
    """Print the keys that begin with PREFIX, or all keys, one a line.

    What could begin another line or steer a terminal is escaped; --json shows keys exactly.

    \b
    Examples:
      gossamer list
      gossamer list user:
    """
    for key in client.list(prefix):
        if output.as_json:
            output.object({"key": key})
        else:
            output.text(one_line(key))
