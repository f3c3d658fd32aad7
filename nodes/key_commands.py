"""The commands for secrets and keys: keygen makes them, and deny is for those that got lost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from actors.roles import CLIENT_ROLES, KEYS_PER_ROLE
from nodes.client_command import client_command
from nodes.config import secret_option
from nodes.output import Output, json_option, one_line

if TYPE_CHECKING:
    from actors.roles import Role
    from nodes.client import Client


@click.command("keygen")
@click.option(
    "-o",
    "--output",
    "path",
    metavar="FILE",
    default="",
    help="The file to make, for its owner alone.  [default: gossamer.secret, or KEY.key]",
)
@click.option(
    "--role",
    type=click.Choice(CLIENT_ROLES),
    default=None,
    help="Make the key of a client: a reader reads; a writer also writes; an admin may also let "
    "members leave, forget them, and deny keys.",
)
@click.option(
    "--number",
    type=click.IntRange(1, KEYS_PER_ROLE),
    default=None,
    help="Which key of that role, so that none is given to two.  [default: drawn]",
)
@secret_option("The network's secret, of which a client's key is made.")
@json_option
@click.pass_obj
def keygen(
    output: Output, /, path: str, role: Role | None, number: int | None, secret: str | None
) -> None:
    """Make the secret of a network, or of that a key for a client.

    The secret is for the nodes, and for nobody else: who has it may do everything. What a client
    gets has no more in it than the client may do. Keys have names, such as writer-17: should one
    get lost, `gossamer deny writer-17` locks it out.

    With a secret file that has several lines, while a network changes its secret, the client's key
    is made of each of them.

    \b
    Examples:
      gossamer keygen
      gossamer keygen --role reader --secret gossamer.secret -o phone.key
    """
    from nodes import secret_file

    if role is None:
        if number is not None:
            raise click.UsageError("--number is of a client's key: say its --role")
        made = secret_file.new_secret()
        to = Path(path or "gossamer.secret")
        secret_file.write_secret(to, made)
        fields = {"file": str(to), "fingerprint": made.fingerprint}
        sentence = f"{to} has the secret of a new network, fingerprint {made.fingerprint}"
    else:
        if secret is None:
            raise click.UsageError("a client's key is made of the network's: give --secret FILE")
        held = secret_file.read_node_keys(secret).secrets
        keys = secret_file.new_client_keys(held, role, number or 0)
        to = Path(path or f"{keys[0].name}.key")
        secret_file.write_client_keys(to, keys)
        fields = {"file": str(to), "key": keys[0].name, "fingerprint": held[0].fingerprint}
        either = " or ".join([one.fingerprint for one in held])
        sentence = f"{to} has the key {keys[0].name} for the network with fingerprint {either}"
    if output.as_json:
        output.object(fields)
    else:
        output.text(one_line(sentence))


@client_command("deny")
@click.argument("key")
def deny(client: Client, output: Output, key: str) -> None:
    """Lock out who has KEY, the name of a client's key such as writer-17.

    Every node learns of it within a second, and takes nothing more by connections that stand, nor
    lets new ones in. For the secret itself there is no such thing: a network whose secret got lost
    changes it.
    """
    client.deny(key)
    if output.as_json:
        output.object({"key": key, "status": "denied"})


@client_command("allow")
@click.argument("key")
def allow(client: Client, output: Output, key: str) -> None:
    """Let in again who has KEY, the name of a key that was denied."""
    client.allow(key)
    if output.as_json:
        output.object({"key": key, "status": "allowed"})


@client_command("denied")
def denied(client: Client, output: Output) -> None:
    """Print the names of the keys that are denied, one a line."""
    for key in client.denied():
        if output.as_json:
            output.object({"key": key})
        else:
            output.text(key)
