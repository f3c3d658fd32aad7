"""The commands for keys and their values: put, get, delete, list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import orjson

from nodes.client_command import client_command
from nodes.options import LEVELS, ttl_ms
from nodes.output import Output, one_line, value_fields
from nodes.value_argument import ValueCommand, read_value

if TYPE_CHECKING:
    from actors.messages import Level
    from nodes.client import Client


def _check_ttl(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    try:
        ttl_ms(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None
    return value


_w_option = click.option(
    "--w",
    type=click.Choice(LEVELS),
    default="quorum",
    show_default=True,
    help=(
        "How many of the key's owners must have stored it. With one it is not atomic: others may "
        "read an older value after it, and it is lost with that one machine."
    ),
)


@client_command("put", ValueCommand)
@click.argument("key")
@click.argument("value")
@_w_option
@click.option(
    "--ttl",
    metavar="TIME",
    callback=_check_ttl,
    help="Let the key be gone after this: seconds, or with a unit, as in 500ms, 60s, 10m, 2h, 1d.",
)
def put(client: Client, output: Output, key: str, value: str, w: Level, ttl: str | None) -> None:
    """Store VALUE under KEY.

    VALUE is JSON if it can be read as JSON, and text if not; "-" reads bytes from stdin.

    \b
    Examples:
      gossamer put color blue
      gossamer put temp -5
      gossamer put user:7 '{"name": "Ann"}'
      gossamer put logo - < logo.png
      gossamer put session:7 '{"user": 7}' --ttl 30m
    """
    entry = client.put_entry(key, read_value(value), w=w, ttl=ttl)
    if output.as_json:
        output.object(
            {
                "key": key,
                **value_fields(entry.value),
                "status": "stored",
                "node": next(iter(entry.replicas), None),
                "version": entry.version,
                "replicas": entry.replicas,
            }
        )


@client_command("get")
@click.argument("key")
@click.option(
    "--r",
    type=click.Choice(LEVELS),
    default="quorum",
    show_default=True,
    help=(
        "How many of the key's owners must have answered. With one it is not atomic: the value may "
        "be an old one, or missing although it was put."
    ),
)
def get(client: Client, output: Output, key: str, r: Level) -> None:
    """Print the value of KEY.

    Text and bytes are printed as they are, everything else as JSON.

    \b
    Examples:
      gossamer get color
      gossamer get logo > logo.png
      gossamer get color --json
    """
    if output.as_json:
        entry = client.entry(key, r=r)
        fields = {"key": key, **value_fields(entry.value)}
        output.object({**fields, "version": entry.version, "replicas": entry.replicas})
        return
    match client.get(key, r=r):
        case bytes() as data:
            output.data(data)
        case str() as text:
            output.data(text.encode() + b"\n")
        case value:
            output.data(orjson.dumps(value) + b"\n")


@client_command("delete")
@click.argument("key")
@_w_option
def delete(client: Client, output: Output, key: str, w: Level) -> None:
    """Delete KEY.

    Deleting what is not there is done, not an error.
    """
    client.delete(key, w=w)
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
