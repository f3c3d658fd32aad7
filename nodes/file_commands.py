"""The commands for files: upload, download, files, remove."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, cast

import click

from actors.errors import GossamerError
from nodes.client_command import client_command
from nodes.output import Output, one_line
from nodes.table import print_table
from nodes.transfer_progress import transfer_progress

if TYPE_CHECKING:
    from nodes.client import Client

STREAM = "-"


@client_command("upload")
@click.argument("path")
@click.option("--name", help="What it is to be called; by default as PATH is.")
def upload(client: Client, output: Output, path: str, name: str | None) -> None:
    """Put the file at PATH into the network.

    It takes the place of any other of that name at once, when all of it is there. "-" reads stdin,
    which needs a --name. What the network has already is not sent: to run it again after it was
    interrupted sends the rest. --timeout is the time without progress.

    \b
    Examples:
      gossamer upload report.pdf
      gossamer upload build/site.zip --name site-2026-11.zip
      tar c photos | gossamer upload - --name photos.tar
    """
    if path == STREAM and name is None:
        raise click.UsageError("what is read from stdin needs a --name")
    resumes = path != STREAM
    with told_of_ctrl_c(output, "run it again to send the rest" if resumes else ""):
        source = _stdin() if path == STREAM else path
        with _plain_sentences(f"{path} cannot be read"), transfer_progress(output, path) as told:
            uploaded = client.upload(source, name, told)
        if told is not None:
            _note_what_was_there(output, "sent", uploaded.sent_chunks, uploaded.chunks)
    if output.as_json:
        output.object(
            {
                "filename": uploaded.name,
                "status": "uploaded",
                "size_bytes": uploaded.size_bytes,
                "sha256": uploaded.sha256,
                "type": uploaded.type,
                "version": uploaded.version,
                "sent_chunks": uploaded.sent_chunks,
                "chunks": uploaded.chunks,
            }
        )


@client_command("download")
@click.argument("name")
@click.option(
    "-o",
    "--output",
    "to",
    metavar="PATH",
    help='A path, or a folder; "-" is stdout. By default NAME in the current folder.',
)
def download(client: Client, output: Output, name: str, to: str | None) -> None:
    """Fetch the file NAME from the network.

    It appears at its path when it is whole, in place of any other. To run it again after it was
    interrupted fetches the rest. --timeout is the time without progress.

    \b
    Examples:
      gossamer download report.pdf
      gossamer download report.pdf -o /tmp
      gossamer download photos.tar -o - | tar t
    """
    with told_of_ctrl_c(output, "" if to == STREAM else "run it again to fetch the rest"):
        if to == STREAM:
            with transfer_progress(output, name) as told:
                client.download(name, _Stdout(output), told)
            return
        where = to or "the current folder"
        with (
            _plain_sentences(f"{where} cannot be written"),
            transfer_progress(output, name) as told,
        ):
            downloaded = client.download(name, to, told)
        if told is not None:
            _note_what_was_there(output, "fetched", downloaded.fetched_chunks, downloaded.chunks)
    if output.as_json:
        output.object(
            {
                "filename": downloaded.name,
                "status": "downloaded",
                "size_bytes": downloaded.size_bytes,
                "sha256": downloaded.sha256,
                "type": downloaded.type,
                "version": downloaded.version,
                "path": str(downloaded.path),
                "fetched_chunks": downloaded.fetched_chunks,
                "chunks": downloaded.chunks,
            }
        )


@client_command("files")
@click.argument("prefix", default="")
def files(client: Client, output: Output, prefix: str) -> None:
    """Print the files whose names begin with PREFIX, or all: name, size in bytes, type, time.

    The time is when the file was put there, in UTC; --json shows also its SHA-256.
    """
    if output.as_json:
        for entry in client.files(prefix):
            output.object(
                {
                    "name": entry.name,
                    "size_bytes": entry.size_bytes,
                    "type": entry.type,
                    "sha256": entry.sha256,
                    "time": entry.time.isoformat(timespec="milliseconds"),
                }
            )
        return
    rows = [
        (
            one_line(entry.name),
            f"{entry.size_bytes}",
            one_line(entry.type),
            entry.time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        for entry in client.files(prefix)
    ]
    print_table(output, ("name", "size", "type", "time"), rows)


@client_command("remove")
@click.argument("name")
def remove(client: Client, output: Output, name: str) -> None:
    """Remove the file NAME.

    Removing what is not there is done, not an error.
    """
    client.remove(name)
    if output.as_json:
        output.object({"filename": name, "status": "removed"})


def _note_what_was_there(output: Output, done: str, moved: int, chunks: int) -> None:
    """Whoever watched is told why it took no longer."""
    if moved < chunks:
        sentence = f"gossamer: {moved:,} of {chunks:,} chunks were {done}, the rest was there"
        output.note(sentence, {})


class _Stdout:
    """Stdout as a file object, which ends as all output of a command does."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def write(self, data: bytes) -> int:
        """All of it."""
        self._output.data(data)
        return len(data)

    def flush(self) -> None:
        """Hand it on."""
        self._output.flush()


def _stdin() -> BinaryIO:
    if sys.stdin is None:
        raise GossamerError("stdin is closed")
    # Without its buffer: a thread that waits for input would hold that when the program ends.
    return cast(BinaryIO, getattr(sys.stdin.buffer, "raw", sys.stdin.buffer))


@contextlib.contextmanager
def _plain_sentences(what: str) -> Iterator[None]:
    """A local file that is not to be had is an error as any other. Errors of the network, some of
    which are OSErrors too, pass."""
    try:
        yield
    except GossamerError:
        raise
    except OSError as error:
        raise GossamerError(f"{what}: {error.strerror or error}") from error


@contextlib.contextmanager
def told_of_ctrl_c(output: Output, advice: str) -> Iterator[None]:
    """Ctrl-C ends what is within, and is followed by the advice, if there is any."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        if advice:
            output.note(f"gossamer: interrupted; {advice}", {"code": "interrupted"})
        raise click.Abort from None
    finally:
        if before is signal.SIG_DFL:
            signal.signal(signal.SIGINT, before)
