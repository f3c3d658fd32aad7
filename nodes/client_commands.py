"""The commands that ask something of a network: put, get, delete, list, members.

Each is a function of a client, the output, and its own arguments; what they have in common is added
by `client_command`.
"""

from __future__ import annotations

import re
import secrets
import sys
from collections.abc import Callable
from functools import update_wrapper
from itertools import islice
from typing import TYPE_CHECKING, Any

import click
import orjson

from actors.errors import GossamerError, error_for
from nodes.config import check_addresses, check_seconds
from nodes.output import Output, json_option, one_line, value_fields
from nodes.terminal import colour_of, printable, wants_colours

if TYPE_CHECKING:
    from nodes.client import Client

COMMANDS: list[click.Command] = []

_MOST_DIGITS = 20
"""Of a whole number with 64 bits, or a sign and 63."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[-+.\w]+')
_WHOLE = re.compile(r"-?[0-9]+")

_STATE_COLOURS = {
    "alive": "green",
    "suspect": "yellow",
    "dead": "red",
    "stopped": "blue",
    "leaving": "yellow",
    "left": "blue",
}


def client_command(
    name: str, kind: type[click.Command] = click.Command
) -> Callable[[Callable[..., None]], click.Command]:
    """Make a command of a function `(client, output, **arguments)`."""

    def decorate(function: Callable[..., None]) -> click.Command:
        def run(
            output: Output,
            /,
            endpoint: tuple[str, ...],
            timeout: float,
            trace: bool,
            **arguments: Any,
        ) -> None:
            from nodes.client import Client

            trace_id = secrets.token_hex(5) if trace else ""
            if trace:
                output.note(f"trace {trace_id}", {"trace": trace_id})
            with Client(*endpoint, timeout=timeout, trace_id=trace_id) as client:
                function(client, output, **arguments)

        callback: Callable[..., Any] = update_wrapper(click.pass_obj(run), function)
        for option in reversed(_OPTIONS):
            callback = option(callback)
        command = click.command(name, cls=kind)(callback)
        COMMANDS.append(command)
        return command

    return decorate


_OPTIONS = [
    click.option(
        "--endpoint",
        metavar="HOST:PORT",
        multiple=True,
        callback=check_addresses,
        envvar="GOSSAMER_ENDPOINTS",
        show_envvar=True,
        default=["127.0.0.1:7100"],
        show_default=True,
        help="A node to ask; may be repeated, and has commas in the environment.",
    ),
    click.option(
        "--timeout",
        metavar="SECONDS",
        type=float,
        callback=check_seconds,
        default=5.0,
        show_default=True,
        help="How long to wait for an answer.",
    ),
    json_option,
    click.option(
        "--trace",
        is_flag=True,
        help="Tell the request's trace id, for `gossamer trace`, on stderr.",
    ),
]


class _Put(click.Command):
    """A VALUE may begin with a dash, as -5 does, unless it is an option of the command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give click the options first and then, after a `--`, what is none."""
        takes_value = {
            flag: not param.is_flag
            for param in self.get_params(ctx)
            if isinstance(param, click.Option)
            for flag in param.opts
        }
        options: list[str] = []
        others: list[str] = []
        rest = iter(args)
        for arg in rest:
            flag, has_value, _ = arg.partition("=")
            if arg == "--":
                others += rest
            elif flag in takes_value:
                options.append(arg)
                if takes_value[flag] and not has_value:
                    options += islice(rest, 1)
            elif arg.startswith("-") and arg != "-" and len(others) != 1:
                options.append(arg)
            else:
                others.append(arg)
        return super().parse_args(ctx, [*options, "--", *others])


@client_command("put", _Put)
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
    entry = client.put_entry(key, _stdin() if value == "-" else _parse_value(value))
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


@client_command("members")
def members(client: Client, output: Output) -> None:
    """Print the members of the network: name, id, state, address."""
    rows = [(m.name, m.id, m.state, m.address) for m in client.members()]
    columns = ("name", "id", "state", "address")
    if output.as_json:
        for row in rows:
            output.object(dict(zip(columns, row, strict=True)))
        return
    shown = [tuple(printable(cell) for cell in row) for row in rows]
    titles = [columns] if sys.stdout.isatty() else []
    widths = [max(map(len, cells)) for cells in zip(*titles, *shown, strict=True)]
    colours = wants_colours(sys.stdout)
    for line in [*titles, *shown]:
        cells = [f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)]
        if colours:
            cells = _coloured(line, cells, is_title=line == columns)
        output.text("  ".join(cells).rstrip())


def _coloured(row: tuple[str, ...], cells: list[str], *, is_title: bool) -> list[str]:
    if is_title:
        return [click.style(cell, dim=True) for cell in cells]
    name, identity, state, address = cells
    return [
        click.style(name, fg=colour_of(row[0])),
        identity,
        click.style(state, fg=_STATE_COLOURS[row[2]]),
        address,
    ]


def _stdin() -> bytes:
    """All of stdin; of what is too large for any node, enough to see that."""
    from nodes.values import MAX_VALUE_BYTES

    if sys.stdin is None:
        raise GossamerError("stdin is closed")
    try:
        return sys.stdin.buffer.read(MAX_VALUE_BYTES + 1)
    except OSError as error:
        raise GossamerError(f"stdin cannot be read: {error.strerror}") from error


def _parse_value(text: str) -> Any:
    """JSON, else the text itself. Raises Refused for what could not be stored as it is."""
    try:
        value = orjson.loads(text.encode())
    except UnicodeEncodeError:
        raise error_for("bad_value", "the text is not UTF-8; - reads bytes from stdin") from None
    except orjson.JSONDecodeError:
        return text
    for token in _TOKEN.findall(text):
        # orjson reads such a whole number as the nearest floating-point number.
        if _WHOLE.fullmatch(token) and not (len(token) <= _MOST_DIGITS and _fits(int(token))):
            reason = f"{token:.50} has more than 64 bits; put it in quotes, as in '\"{token:.3}…\"'"
            raise error_for("bad_value", reason)
    return value


def _fits(number: int) -> bool:
    return -(2**63) <= number < 2**64
