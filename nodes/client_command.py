"""What all commands that ask something of a network have in common.

Each is a function of a client, the output, and its own arguments; the rest is added here.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import update_wrapper
from typing import Any

import click

from nodes.config import endpoint_option, secret_option, timeout_option
from nodes.output import Output, json_option

ADVICE = "start a node there with `gossamer serve`, or name one that runs with --endpoint"


def client_command(
    name: str, kind: type[click.Command] = click.Command
) -> Callable[[Callable[..., int | None]], click.Command]:
    """Make a command of a function `(client, output, **arguments)`, which may return the status to
    exit with."""

    def decorate(function: Callable[..., int | None]) -> click.Command:
        def run(
            output: Output,
            /,
            endpoint: tuple[str, ...],
            timeout: float,
            secret: str | None,
            trace: bool,
            **arguments: Any,
        ) -> int | None:
            from actors.errors import Unreachable
            from actors.session import SILENCE
            from nodes.client import Client

            trace_id = secrets.token_hex(5) if trace else ""
            if trace:
                output.note(f"trace {trace_id}", {"trace": trace_id})
            try:
                with Client(*endpoint, timeout=timeout, secret=secret, trace_id=trace_id) as client:
                    return function(client, output, **arguments)
            except Unreachable as error:
                if SILENCE not in str(error):
                    raise
                raise Unreachable(f"{error}: {ADVICE}") from error

        callback: Callable[..., Any] = update_wrapper(click.pass_obj(run), function)
        for option in reversed(_OPTIONS):
            callback = option(callback)
        return click.command(name, cls=kind)(callback)

    return decorate


_OPTIONS = [
    endpoint_option,
    timeout_option("How long to wait for an answer; for files, the time without progress."),
    secret_option("The network's secret, or a key made of it, where the network has one."),
    json_option,
    click.option(
        "--trace",
        is_flag=True,
        help="Tell the request's trace id, for `gossamer trace`, on stderr.",
    ),
]
