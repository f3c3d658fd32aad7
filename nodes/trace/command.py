"""`gossamer trace`: reads the logs of nodes, and prints the path of one request over them."""

from __future__ import annotations

import glob
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from actors.errors import GossamerError, error_for
from nodes.output import Output, json_option
from nodes.terminal import wants_colours

if TYPE_CHECKING:
    from nodes.trace.tree import Tree

LOGS = ".data/*/log.jsonl"
PIPE_WIDTH = 1_000
"""Where the output is no terminal, lines are not wrapped."""


@click.command()
@click.argument("trace_id")
@click.argument("logs", nargs=-1, metavar="[LOG]...", type=click.Path(path_type=Path))
@json_option
@click.pass_obj
def trace(output: Output, trace_id: str, logs: tuple[Path, ...]) -> None:
    """Print a request's path across nodes, rebuilt from their logs.

    TRACE_ID is what a command says with --trace. LOG is a node's log.jsonl or its data folder; by
    default all of .data/*/log.jsonl are read.

    \b
    Examples:
      gossamer put color blue --trace
      gossamer trace 4f1d2c9a0b
      gossamer trace 4f1d2c9a0b node1/log.jsonl node2/log.jsonl
    """
    from nodes.trace.reading import read_traces
    from nodes.trace.tree import build_tree

    named = logs or tuple(Path(log) for log in sorted(glob.glob(LOGS)))
    if not named:
        raise error_for("not_found", f"there is no {LOGS} here: name the logs that are to be read")
    readable = [log for log in named if _is_readable(log, output)]
    if not readable:
        raise GossamerError("no log could be read")
    try:
        found = read_traces(readable, trace_id)
    except OSError as error:
        raise GossamerError(f"cannot read {error.filename}: {error.strerror}") from error
    if not found.records:
        read = f"{found.files} file" if found.files == 1 else f"{found.files} files"
        of_nodes = ", ".join(sorted(found.begins_us)) or "no node"
        reason = f"no record of the trace {trace_id!r} in {read}, with the logs of {of_nodes}"
        raise error_for("not_found", reason)
    _print(build_tree(found), output)
    if len(readable) < len(named):
        raise click.exceptions.Exit(1)


def _is_readable(log: Path, output: Output) -> bool:
    from nodes.trace.reading import LOG_NAME

    try:
        (log / LOG_NAME if log.is_dir() else log).open("rb").close()
    except OSError as error:
        output.error(GossamerError(f"cannot read {log}: {error.strerror}"))
        return False
    return True


def _print(tree: Tree, output: Output) -> None:
    from rich.console import Console

    from nodes.trace.picture import render, to_json_lines

    if output.as_json:
        for line in to_json_lines(tree):
            output.object(line)
        return
    console = Console(
        width=None if sys.stdout.isatty() else PIPE_WIDTH,
        force_terminal=wants_colours(sys.stdout),
        highlight=False,
    )
    with console.capture() as capture:
        console.print(render(tree))
    output.text(capture.get().removesuffix("\n"))
