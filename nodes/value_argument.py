"""A VALUE on a command line: JSON if it reads as JSON, text if not, "-" for the bytes of stdin."""

from __future__ import annotations

import re
import sys
from itertools import islice
from typing import Any

import click
import orjson

from actors.errors import GossamerError, error_for

_MOST_DIGITS = 20
"""Of a whole number with 64 bits, or a sign and 63."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[-+.\w]+')
_WHOLE = re.compile(r"-?[0-9]+")


class ValueCommand(click.Command):
    """With KEY and VALUE; a VALUE may begin with a dash, as -5 does, unless it is an option of the
    command."""

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


def read_value(text: str) -> Any:
    """The value that is meant. Raises Refused for what could not be stored as it is."""
    return _stdin() if text == "-" else _parse(text)


def _stdin() -> bytes:
    """All of stdin; of what is too large for any node, enough to see that."""
    from nodes.values import MAX_VALUE_BYTES

    if sys.stdin is None:
        raise GossamerError("stdin is closed")
    try:
        return sys.stdin.buffer.read(MAX_VALUE_BYTES + 1)
    except OSError as error:
        raise GossamerError(f"stdin cannot be read: {error.strerror}") from error


def _parse(text: str) -> Any:
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
