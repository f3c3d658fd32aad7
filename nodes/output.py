"""What a command says and how it ends: data to stdout, everything else to stderr, one exit status.

An error is one plain sentence, or with --json one JSON object; never a traceback.
"""

from __future__ import annotations

import contextlib
import os
import sys
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import click
import orjson

from actors.errors import ERRORS, GossamerError
from nodes.terminal import printable

USAGE = 2
INTERRUPTED = 130
"""128 + SIGINT, as a shell has it."""
PIPE_CLOSED = 141
"""128 + SIGPIPE: whoever read the data has had enough of it."""

_CONTROLS = {
    code: chr(code).encode("unicode_escape").decode()
    for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)
}


class Output:
    """Where one run of the command speaks; `as_json` is set by --json."""

    def __init__(self) -> None:
        self.as_json = False

    def data(self, data: bytes) -> None:
        """Bytes to stdout, as they are. Raises GossamerError where they cannot be written."""
        if sys.stdout is None:
            raise GossamerError("stdout is closed")
        try:
            sys.stdout.buffer.write(data)
        except OSError as error:
            _give_up_stdout(error)

    def flush(self) -> None:
        """Hand on what was written. Raises GossamerError where that fails."""
        if sys.stdout is not None:
            try:
                sys.stdout.flush()
            except OSError as error:
                _give_up_stdout(error)

    def text(self, text: str) -> None:
        """A line for a person to stdout, in the encoding of the terminal."""
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        self.data(f"{text}\n".encode(encoding, "backslashreplace"))

    def object(self, fields: Mapping[str, Any]) -> None:
        """A JSON object to stdout, on a line."""
        self.data(orjson.dumps(fields) + b"\n")

    def note(self, sentence: str, fields: Mapping[str, Any]) -> None:
        """To stderr: the sentence, or with --json the fields."""
        text = orjson.dumps(fields).decode() if self.as_json else printable(sentence)
        # If nobody hears it there is nobody to be told; the exit status still says it.
        with contextlib.suppress(OSError, AttributeError):
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()

    def error(self, error: GossamerError) -> int:
        """Say what went wrong; the exit status that stands for it."""
        fields = {"code": error.code, "reason": str(error), "definite": error.definite}
        self.note(f"gossamer: {error}", fields)
        return ERRORS[error.code].exit_status


def _set_json(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    output = ctx.find_object(Output)
    assert output is not None
    output.as_json = value


json_option = click.option(
    "--json",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_set_json,
    help="Print JSON, one object a line; bytes are value_base64.",
)
"""The option of every command that prints data."""


def value_fields(value: object) -> dict[str, Any]:
    """How a value is shown in JSON: as `value`, or bytes as `value_base64`."""
    if isinstance(value, bytes):
        return {"value_base64": b64encode(value).decode()}
    return {"value": value}


def one_line(text: str) -> str:
    """`text` without what could begin another line or steer a terminal: that is escaped. On a
    terminal so is all that is not plainly visible; in a pipe other characters stay themselves."""
    return printable(text) if sys.stdout.isatty() else text.translate(_CONTROLS)


def exit_status(command: Callable[[], object], output: Output) -> int:
    """Run the command to its end, whatever that is; the status to exit with."""
    try:
        status = command()
        output.flush()
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "gossamer"
        message = error.format_message().strip()
        output.note(
            f"gossamer: {message.removesuffix('.')} (see {path} --help)",
            {"code": "usage", "reason": message, "definite": True},
        )
        return USAGE
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except GossamerError as error:
        return output.error(error)
    except Exception as error:
        return output.error(GossamerError(_of_a_bug(error)))
    return status if isinstance(status, int) else 0


def _of_a_bug(error: Exception) -> str:
    """One sentence with what whoever mends it needs first."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    where = ""
    if traceback is not None:
        file = Path(traceback.tb_frame.f_code.co_filename)
        where = f", at {file.parent.name}/{file.name}:{traceback.tb_lineno}"
    return f"this is a bug: {type(error).__name__}: {error}{where}"


def _give_up_stdout(error: OSError) -> NoReturn:
    """End quietly if the reader has gone, else with the reason. What is still buffered goes
    nowhere, or the interpreter would try again, and complain, at its very end."""
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    if isinstance(error, BrokenPipeError):
        raise click.exceptions.Exit(PIPE_CLOSED) from None
    raise GossamerError(f"stdout cannot be written: {error.strerror}") from error
