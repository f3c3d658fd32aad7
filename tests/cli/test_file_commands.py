"""What upload, download, files and remove print and leave, with scripted nodes at the other end."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from actors.messages import CheckFile, GetChunk, GetFile
from nodes.cli import main
from nodes.partial_file import partial_name
from nodes.sockets import new_context
from tests.actors.dictionary_files import TIME_MS, put_file
from tests.cli.processes import COMMAND, DEADLINE_S, environment
from tests.networks import wait_until
from tests.nodes.scripted_files import CHUNK, MIXED, FileNode, file_nodes

Ask = Callable[..., Result]


@pytest.fixture
def nodes() -> Iterator[list[FileNode]]:
    """Two nodes with the same files."""
    context = new_context()
    with file_nodes(context, 2) as nodes:
        yield nodes
    context.term()


@pytest.fixture
def ask(nodes: list[FileNode], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Run a command in a folder of its own, with the first node as its endpoint."""
    monkeypatch.chdir(tmp_path)

    def ask(*arguments: str, stdin: bytes = b"") -> Result:
        env = {"GOSSAMER_ENDPOINTS": nodes[0].address}
        return CliRunner(env=env).invoke(main, arguments, input=stdin)

    return ask


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A file of two chunks."""
    path = tmp_path / "report.txt"
    path.write_bytes(b"text " * 300_000)
    return path


def one_object(result: Result) -> dict[str, Any]:
    """The only line of the output."""
    [line] = result.stdout.splitlines()
    fields: dict[str, Any] = orjson.loads(line)
    return fields


def test_an_upload_says_nothing_and_a_download_makes_the_file(ask: Ask, report: Path) -> None:
    """By default under its own name, in the current folder."""
    result = ask("upload", "report.txt")
    assert (result.stdout, result.stderr, result.exit_code) == ("", "", 0)
    data = report.read_bytes()
    report.unlink()
    result = ask("download", "report.txt")
    assert (result.stdout, result.stderr, result.exit_code) == ("", "", 0)
    assert report.read_bytes() == data


def test_an_upload_in_json_tells_what_was_sent(ask: Ask, report: Path) -> None:
    """The second one sends nothing."""
    first = one_object(ask("upload", "report.txt", "--json"))
    assert first == {
        "filename": "report.txt",
        "status": "uploaded",
        "size_bytes": 1_500_000,
        "sha256": sha256(report.read_bytes()).hexdigest(),
        "type": "text/plain",
        "version": first["version"],
        "sent_chunks": 2,
        "chunks": 2,
    }
    second = one_object(ask("upload", "report.txt", "--name", "again.txt", "--json"))
    assert (second["filename"], second["sent_chunks"], second["chunks"]) == ("again.txt", 0, 2)


def test_a_download_in_json_tells_where_it_is(ask: Ask, report: Path, tmp_path: Path) -> None:
    """And what was fetched."""
    ask("upload", "report.txt")
    (tmp_path / "folder").mkdir()
    fields = one_object(ask("download", "report.txt", "-o", "folder", "--json"))
    assert (fields["status"], fields["path"]) == ("downloaded", "folder/report.txt")
    assert (fields["fetched_chunks"], fields["chunks"]) == (2, 2)
    assert (tmp_path / "folder" / "report.txt").read_bytes() == report.read_bytes()


def test_streams_go_both_ways(ask: Ask) -> None:
    """From stdin, and to stdout."""
    assert ask("upload", "-", "--name", "s.txt", stdin=MIXED).exit_code == 0
    result = ask("download", "s.txt", "-o", "-")
    assert result.stdout_bytes == MIXED
    assert result.stderr == ""


def test_stdin_needs_a_name(ask: Ask) -> None:
    """It has none."""
    result = ask("upload", "-", stdin=b"x")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--name" in result.stderr


def test_files_are_a_table_or_objects(ask: Ask) -> None:
    """Name, size, type and time; with --json the SHA-256 as well."""
    for name in ("b.txt", "a.txt"):
        ask("upload", "-", "--name", name, stdin=name.encode() * 3)
    assert ask("files").stdout == (
        "a.txt  15  text/plain  2023-11-14T22:13:20Z\nb.txt  15  text/plain  2023-11-14T22:13:20Z\n"
    )
    assert one_object(ask("files", "b", "--json")) == {
        "name": "b.txt",
        "size_bytes": 15,
        "type": "text/plain",
        "sha256": sha256(b"b.txt" * 3).hexdigest(),
        "time": "2023-11-14T22:13:20.000+00:00",
    }
    assert TIME_MS == 1_700_000_000_000
    assert ask("files", "none").stdout == ""


def test_removing_what_is_not_there_is_done(ask: Ask) -> None:
    """As it is with keys."""
    ask("upload", "-", "--name", "a.txt", stdin=b"x")
    assert ask("remove", "a.txt").exit_code == 0
    assert one_object(ask("remove", "a.txt", "--json")) == {
        "filename": "a.txt",
        "status": "removed",
    }
    assert ask("files").stdout == ""


# Failures.


def test_a_missing_file_is_3(ask: Ask, tmp_path: Path) -> None:
    """And leaves nothing behind."""
    result = ask("download", "none.txt")
    assert result.exit_code == 3
    assert result.stderr == "gossamer: there is no file 'none.txt'\n"
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("code", ["bad_name", "bad_type", "file_too_large"])
def test_what_is_refused_is_6(nodes: list[FileNode], ask: Ask, report: Path, code: str) -> None:
    """A name, a type, or a size."""
    nodes[0].files.refuse = lambda r: code if isinstance(r, CheckFile) else ""
    result = ask("upload", "report.txt")
    assert (result.exit_code, result.stderr) == (6, f"gossamer: told to say {code}\n")


def test_a_name_that_is_a_path_is_6(ask: Ask) -> None:
    """It is not even asked for."""
    assert ask("download", "../report.txt").exit_code == 6


def test_nobody_answering_is_4(nodes: list[FileNode], ask: Ask) -> None:
    """After the time without progress."""
    for node in nodes:
        node.fate = lambda request: "lose" if isinstance(request, GetFile) else ""
    assert ask("download", "report.txt", "--timeout", "0.3").exit_code == 4


def test_chunks_that_are_not_to_be_had_are_5(nodes: list[FileNode], ask: Ask) -> None:
    """As keys without a quorum are."""
    put_file(nodes[0].files, "f.txt", MIXED, CHUNK)
    nodes[0].files.chunks.clear()
    assert ask("download", "f.txt", "--timeout", "0.3").exit_code == 5


def test_a_local_file_that_cannot_be_read_is_a_sentence(ask: Ask) -> None:
    """With its path."""
    result = ask("upload", "none.txt")
    assert result.exit_code == 1
    assert result.stderr == "gossamer: none.txt cannot be read: No such file or directory\n"


def test_a_folder_that_is_not_there_is_a_sentence(ask: Ask, report: Path) -> None:
    """The file cannot be written there."""
    ask("upload", "report.txt")
    result = ask("download", "report.txt", "-o", "no/where.txt")
    assert result.exit_code == 1
    assert result.stderr == (
        "gossamer: no/where.txt cannot be written: No such file or directory\n"
    )


# In a process of its own.


def test_ctrl_c_tells_that_it_can_be_gone_on_with(nodes: list[FileNode], tmp_path: Path) -> None:
    """The status is 130; the next run fetches the rest, and a terminal sees how far it is."""
    put_file(nodes[0].files, "f.txt", MIXED, CHUNK)
    last = nodes[0].files.files["f.txt"].chunks[12]
    held = nodes[0].files.chunks.pop(last)
    shown, terminal = pty.openpty()
    env = environment(GOSSAMER_ENDPOINTS=nodes[0].address, TERM="xterm", COLUMNS="100")
    process = subprocess.Popen(
        [*COMMAND, "download", "f.txt", "--timeout", "60"],
        cwd=tmp_path,
        env=env,
        stdin=subprocess.DEVNULL,
        stderr=terminal,
    )
    os.close(terminal)
    partial = tmp_path / partial_name("f.txt")
    try:
        wait_until(
            "there are twelve chunks",
            lambda: partial.exists() and partial.stat().st_size == 12 * CHUNK,
        )
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_S) == 130
    finally:
        process.kill()
        process.wait()
    with open(shown, "rb", buffering=0) as file:
        said = b"".join(iter(lambda: _read(file.fileno()), b"")).decode()
    assert "f.txt" in said
    assert "interrupted; run it again to fetch the rest" in said
    nodes[0].files.chunks[last] = held
    nodes[0].files.asked.clear()
    again = subprocess.run(
        [*COMMAND, "download", "f.txt"],
        cwd=tmp_path,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert (again.returncode, again.stdout, again.stderr) == (0, b"", b"")
    assert nodes[0].files.count(GetChunk) == 21 - 12
    assert (tmp_path / "f.txt").read_bytes() == MIXED


def test_a_terminal_is_told_what_was_there_already(nodes: list[FileNode], report: Path) -> None:
    """Or a person would wonder whether anything was done at all."""
    said = []
    for _ in range(2):
        shown, terminal = pty.openpty()
        ended = subprocess.run(
            [*COMMAND, "upload", str(report)],
            env=environment(GOSSAMER_ENDPOINTS=nodes[0].address, TERM="xterm", COLUMNS="100"),
            cwd=report.parent,
            stdin=subprocess.DEVNULL,
            stderr=terminal,
            timeout=DEADLINE_S,
            check=False,
        )
        assert ended.returncode == 0
        os.close(terminal)
        with open(shown, "rb", buffering=0) as file:
            said.append(b"".join(iter(lambda: _read(file.fileno()), b"")).decode())
    assert "chunks were sent" not in said[0]
    assert "gossamer: 0 of 2 chunks were sent, the rest was there" in said[1]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        *((folder, "Is a directory") for folder in (".", "/", "folder")),
        ("", "No such file or directory"),
    ],
)
def test_a_folder_is_no_file(ask: Ask, nodes: list[FileNode], path: str, why: str) -> None:
    """Whether or not it would give the file a name."""
    Path("folder").mkdir()
    result = ask("upload", path)
    assert (result.exit_code, result.stderr) == (1, f"gossamer: {path} cannot be read: {why}\n")
    assert nodes[0].asked == []


def _read(terminal: int) -> bytes:
    """What was shown, or nothing once whoever wrote has gone."""
    try:
        return os.read(terminal, 4_096)
    except OSError:
        return b""


def test_ctrl_c_ends_a_wait_for_stdin(nodes: list[FileNode], tmp_path: Path) -> None:
    """A pipe that stays open does not keep it."""
    process = subprocess.Popen(
        [*COMMAND, "upload", "-", "--name", "f.txt"],
        cwd=tmp_path,
        env=environment(GOSSAMER_ENDPOINTS=nodes[0].address),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        wait_until("the node was asked for members", lambda: nodes[0].asked)
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_S) == 130
        assert process.stderr is not None
        assert process.stderr.read() == b""
    finally:
        process.kill()
        process.communicate()
