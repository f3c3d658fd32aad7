"""What backup and restore print, how they end, and how they are gone on with."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from nodes.backup_format import MANIFEST, UNFINISHED
from nodes.cli import main
from nodes.client import Client
from nodes.free_ports import Ports
from nodes.node import Node
from tests.cli.processes import gossamer
from tests.networks import DEADLINE_S, addresses, wait_until

Run = Callable[..., Result]
Start = Callable[..., Any]

BIG = os.urandom(3 * 2**20)


@pytest.fixture
def filled(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, node: Node) -> Run:
    """The node has some of everything; commands run in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    node.wait_ready(DEADLINE_S)
    assert run("put", "color", "blue").exit_code == 0
    assert run("share", "mode", "dark").exit_code == 0
    assert run("upload", "-", "--name", "a.txt", stdin=b"hello").exit_code == 0
    return run


def one_object(result: Result) -> dict[str, Any]:
    """The only line of the output."""
    [line] = result.stdout.splitlines()
    fields: dict[str, Any] = orjson.loads(line)
    return fields


def test_a_backup_tells_what_it_has(filled: Run, tmp_path: Path) -> None:
    """On a line for people."""
    result = filled("backup", "monday")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "monday has 1 key, 1 shared value, 0 denied keys and 1 file (1 fetched)\n"
    )
    assert (tmp_path / "monday" / "files" / "a.txt").read_bytes() == b"hello"


def test_a_backup_in_json_is_an_object(filled: Run) -> None:
    """With counts, and the times between which it was made."""
    made = one_object(filled("backup", "monday", "--json"))
    assert made == {
        "status": "complete",
        "folder": "monday",
        "keys": 1,
        "shared": 1,
        "denied": 0,
        "files": 1,
        "size_bytes": 5,
        "fetched_files": 1,
        "fetched_bytes": 5,
        "removed": 0,
        "resumed": False,
        "started": made["started"],
        "finished": made["finished"],
    }
    assert made["started"] < made["finished"]
    again = one_object(filled("backup", "monday", "--update", "--json"))
    assert (again["files"], again["fetched_files"], again["resumed"]) == (1, 0, False)


def test_a_restore_tells_what_it_has_put(filled: Run) -> None:
    """And what was there."""
    filled("backup", "monday")
    filled("delete", "color")
    filled("remove", "a.txt")
    result = filled("restore", "monday")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "keys    1 put, 0 were there, 0 kept, 0 expired\n"
        "shared  0 put, 1 were there, 0 kept\n"
        "files   1 put, 0 were there, 0 kept\n"
    )
    assert filled("get", "color").stdout == "blue\n"
    filled("put", "color", "red")
    kept = one_object(filled("restore", "monday", "--keep", "--json"))
    assert kept == {
        "status": "restored",
        "keys": {"put": 0, "equal": 0, "kept": 1},
        "shared": {"put": 0, "equal": 1, "kept": 0},
        "files": {"put": 0, "equal": 1, "kept": 0},
        "sent_bytes": 0,
        "expired": 0,
        "denied": 0,
        "refused": 0,
    }
    assert filled("get", "color").stdout == "red\n"


def test_a_whole_backup_is_not_made_anew_by_itself(filled: Run) -> None:
    """The sentence says what to do."""
    filled("backup", "monday")
    result = filled("backup", "monday")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "choose another folder, or bring it up to date with --update" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_damaged_backup_is_a_sentence(filled: Run, tmp_path: Path) -> None:
    """Status 1."""
    filled("backup", "monday")
    (tmp_path / "monday" / "files" / "a.txt").write_bytes(b"hallo")
    result = filled("restore", "monday")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "gossamer: monday/files/a.txt was changed: its SHA-256 is another\n"


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_nobody_to_ask_is_5(closed: str, tmp_path: Path, command: str) -> None:
    """And nothing is made."""
    folder = tmp_path / "monday"
    if command == "restore":
        folder.mkdir()
    done = CliRunner().invoke(
        main, [command, str(folder), "--endpoint", closed, "--timeout", "0.3"]
    )
    assert done.exit_code == 5
    assert done.stderr.count("\n") == 1
    assert folder.exists() == (command == "restore")


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_without_a_folder_it_is_2(run: Run, command: str) -> None:
    """Usage."""
    assert run(command).exit_code == 2


def test_a_refused_file_is_named_and_the_status_is_1(filled: Run, tmp_path: Path) -> None:
    """All else is restored."""
    filled("backup", "monday")
    with Node(tmp_path / "n2", listen="127.0.0.1:0", name="n2", extensions="pdf") as other:
        other.wait_ready(DEADLINE_S)
        result = filled("restore", "monday", "--endpoint", other.address)
        assert result.exit_code == 1
        assert result.stderr.startswith("gossamer: the file 'a.txt' was refused: ")
        assert "files   0 put" in result.stdout
        assert filled("get", "color", "--endpoint", other.address).stdout == "blue\n"
        noted = filled("restore", "monday", "--json", "--endpoint", other.address)
        assert orjson.loads(noted.stderr)["refused"] == "the file 'a.txt'"
        assert one_object(noted)["status"] == "partial"


# Ended in the middle.


@contextlib.contextmanager
def held_up(node: Node, folder: Path) -> Iterator[None]:
    """Many keys, and a file of which a chunk is not to be had for a while: a backup waits."""
    with Client(node.address) as client:
        (folder / "big.bin").write_bytes(BIG)
        client.upload(folder / "big.bin")
        client.put_many({f"key/{number:04d}": number for number in range(3_000)})
    id = sha256(BIG[2**20 : 2 * 2**20]).hexdigest()
    [chunk] = [path for path in (folder / "n1" / "chunks").rglob(id) if path.is_file()]
    aside = folder / "aside"
    chunk.rename(aside)
    yield
    aside.rename(chunk)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL, signal.SIGTERM])
def test_a_backup_that_was_ended_is_gone_on_with(
    node: Node, run: Run, start: Start, tmp_path: Path, number: signal.Signals
) -> None:
    """However it was ended. Ctrl-C says how; no restore takes it meanwhile."""
    node.wait_ready(DEADLINE_S)
    folder = tmp_path / "monday"
    with held_up(node, tmp_path):
        process = start("backup", "monday", "--endpoint", node.address, "--timeout", "60")
        hidden = folder / "files"
        wait_until("some of the file is there", lambda: [*hidden.glob(".gossamer-*")])
        process.signal(number)
        status = process.wait()
    if number == signal.SIGINT:
        assert status == 130
        assert "gossamer: interrupted; run it again to go on" in process.lines
    assert (folder / UNFINISHED).exists()
    assert not (folder / MANIFEST).exists()
    refused = run("restore", str(folder))
    assert refused.exit_code == 1
    assert "unfinished" in refused.stderr
    made = one_object(run("backup", str(folder), "--json", "--timeout", "60"))
    assert (made["resumed"], made["keys"], made["files"]) == (True, 3_000, 1)
    assert (folder / "files" / "big.bin").read_bytes() == BIG
    assert one_object(run("restore", str(folder), "--json"))["keys"]["equal"] == 3_000


def test_a_node_that_stays_away_is_5_and_its_return_goes_on(tmp_path: Path) -> None:
    """The command gives up after the time without progress, and is run again."""
    ports = Ports()
    [address] = addresses(ports.take(1))
    env = {"GOSSAMER_ENDPOINTS": address}
    with Node(tmp_path / "n1", listen=address, name="n1") as node:
        node.wait_ready(DEADLINE_S)
        with held_up(node, tmp_path):
            done = gossamer("backup", "monday", "--timeout", "1", cwd=tmp_path, env=env)
            assert done.returncode == 5
            assert done.stderr.count(b"\n") == 1
    done = gossamer("backup", "monday", "--timeout", "1", cwd=tmp_path, env=env)
    assert done.returncode == 5
    with Node(tmp_path / "n1", listen=address, name="n1") as node:
        node.wait_ready(DEADLINE_S)
        done = gossamer("backup", "monday", "--json", "--timeout", "30", cwd=tmp_path, env=env)
        assert orjson.loads(done.stdout)["resumed"]
    ports.close()
