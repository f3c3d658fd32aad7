"""How a command ends: each exit status, and one plain sentence (or JSON object) about it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from actors.errors import ERRORS, error_for
from gossamer import Client
from nodes.cli import main
from nodes.client import Client as NodesClient
from nodes.node import Node
from nodes.output import Output
from tests.cli.conftest import Run, Start
from tests.cli.processes import COMMAND, DEADLINE_S, environment, gossamer
from tests.networks import wait_until

OF_TWO = (("n1", "n2"), ("n2", "n1"))


def invoke(*arguments: str) -> Result:
    """Run a command without any node."""
    return CliRunner().invoke(main, arguments)


def is_sentence(stderr: str) -> bool:
    """Is it one line of gossamer's, and no traceback?"""
    return stderr.startswith("gossamer: ") and stderr.count("\n") == 1


def test_0_done(run: Run) -> None:
    """What went well is status 0."""
    assert run("put", "color", "blue").exit_code == 0
    assert run("get", "color").exit_code == 0


def test_1_failed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody foresaw is status 1 and said to be a bug, with its place, without a traceback."""

    def fail(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(NodesClient, "get", fail)
    result = run("get", "color")
    assert result.exit_code == 1
    assert is_sentence(result.stderr)
    assert "ZeroDivisionError: by zero, at cli/test_exit_status.py:" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("nosuch",),
        ("--nosuch",),
        ("get",),
        ("get", "a", "b"),
        ("get", "a", "--nosuch"),
        ("get", "a", "--endpoint", "a:b:c"),
        ("get", "a", "--endpoint", "a:99999"),
        ("get", "a", "--timeout", "0"),
        ("get", "a", "--timeout", "nan"),
        ("get", "a", "--timeout", "inf"),
        ("get", "a", "--timeout", "soon"),
        ("get", "a", "--r", "two"),
        ("put", "a", "1", "--w", "most"),
        ("put", "a", "1", "--ttl", "0"),
        ("put", "a", "1", "--ttl", "soon"),
        ("delete", "a", "--w", ""),
        ("explain",),
        ("status", "n1"),
        ("trace",),
    ],
)
def test_2_usage(arguments: tuple[str, ...]) -> None:
    """A mistake in the command line is status 2, and the sentence says where help is."""
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert is_sentence(result.stderr)
    assert "--help)" in result.stderr
    assert result.stdout == ""


def test_2_usage_without_a_command() -> None:
    """Without any command the help is shown, on stderr: nothing was done."""
    result = invoke()
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Commands:" in result.stderr


def test_2_usage_in_the_environment() -> None:
    """A bad setting in the environment is a mistake of usage too."""
    result = CliRunner(env={"GOSSAMER_ENDPOINTS": "127.0.0.1:7100,:"}).invoke(main, ["list"])
    assert result.exit_code == 2


def test_3_not_found(run: Run) -> None:
    """A missing key is status 3."""
    result = run("get", "no\nsuch")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == "gossamer: there is no key 'no\\nsuch'\n"


def test_4_timed_out(silent: str) -> None:
    """No answer is status 4; a write may have happened, a read surely changed nothing."""
    put = invoke("put", "k", "v", "--endpoint", silent, "--timeout", "0.2", "--json")
    assert (put.exit_code, put.stdout) == (4, "")
    assert orjson.loads(put.stderr)["definite"] is False
    get = invoke("get", "k", "--endpoint", silent, "--timeout", "0.2", "--json")
    assert get.exit_code == 4
    assert orjson.loads(get.stderr)["definite"] is True


def test_4_timed_out_because_an_owner_hangs(node: Node, run: Run, start: Start) -> None:
    """Of two owners both are a quorum: a key of which one was stopped cannot be read in time."""
    start_of_it = ("--listen", "127.0.0.1:0", "--join", node.address)
    other = start("serve", "--name", "n2", *start_of_it)
    other.ready()
    with Client(node.address, timeout=DEADLINE_S) as client:
        wait_until("both own all", lambda: client.explain("k").owners in OF_TWO)
        client.put("k", 1)
    other.pause()
    result = run("get", "k", "--timeout", "0.5")
    assert result.exit_code == 4
    assert is_sentence(result.stderr)


def test_5_unreachable(closed: str) -> None:
    """Nobody at the endpoint is status 5, of whatever command, and said at once with what to do."""
    for command in (["put", "k", "v"], ["status"], ["backup", "b"], ["restore", "."]):
        began = time.monotonic()
        result = invoke(*command, "--endpoint", closed, "--timeout", "60")
        assert result.exit_code == 5
        assert is_sentence(result.stderr)
        assert "start a node there with `gossamer serve`, or name one" in result.stderr
        assert time.monotonic() - began < 30


def test_5_not_ready(tmp_path: Path, closed: str) -> None:
    """A node that waits for others to begin a network with is status 5."""
    node = Node(data=tmp_path, listen="127.0.0.1:0", join=[closed], name="n1")
    node.start()
    try:
        result = invoke("get", "k", "--endpoint", node.address, "--json")
    finally:
        node.stop()
    assert result.exit_code == 5
    assert orjson.loads(result.stderr)["code"] == "not_ready"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("put", "", "v"), "bad_key"),
        (("get", "k" * 1025), "bad_key"),
        (("get", "\udcff"), "bad_key"),
        (("put", "k", "\udcff"), "bad_value"),
        (("put", "k", "-"), "too_large"),
    ],
)
def test_6_refused(run: Run, arguments: tuple[str, ...], code: str) -> None:
    """A key or a value that is not admitted is status 6, as a sentence or as JSON."""
    much = b"x" * (2**20 + 1)
    result = run(*arguments, stdin=much)
    assert result.exit_code == 6
    assert is_sentence(result.stderr)
    told = orjson.loads(run(*arguments, "--json", stdin=much).stderr)
    assert told["code"] == code
    assert f"gossamer: {told['reason']}\n" == result.stderr


@pytest.mark.parametrize("code", ERRORS)
def test_every_code_has_its_status(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever error comes back, the registry says what the status is."""
    assert Output().error(error_for(code, "a\nreason\x1b")) == ERRORS[code].exit_status
    assert capsys.readouterr().err == "gossamer: a\\nreason\\x1b\n"


def test_a_closed_pipe_ends_a_command_quietly(node: Node, start: Start) -> None:
    """`gossamer list | head -1` prints one line, and nothing on stderr."""
    with Client(node.address, timeout=DEADLINE_S) as client:
        client.put_many({f"{i:0100}": i for i in range(3_000)})
    process = start("list", "--endpoint", node.address)
    assert process.first_line() == b"0" * 100 + b"\n"
    assert process.wait() == 128 + signal.SIGPIPE
    assert process.lines == []


@pytest.mark.parametrize("value", ["v", "v" * 100_000])
def test_a_full_disk_under_stdout_is_an_error(node: Node, tmp_path: Path, value: str) -> None:
    """Data that could not be written down is status 1, however much of it there was."""
    with Client(node.address) as client:
        client.put("k", value)
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(
            [*COMMAND, "get", "k", "--endpoint", node.address],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=DEADLINE_S,
            env=environment(),
            text=True,
            check=False,
        )
    assert ended.returncode == 1
    assert ended.stderr == "gossamer: stdout cannot be written: No space left on device\n"


def test_closed_standard_streams_are_no_traceback(node: Node, tmp_path: Path) -> None:
    """Without stdout or stdin a command that needs it fails; without stderr the status remains."""
    shell = f"{' '.join(COMMAND)} $0 --endpoint {node.address}"
    for command, stream, status in (
        ("put k v", "1>&-", 0),
        ("get k", "1>&-", 1),
        ("put k -", "<&-", 1),
        ("get none", "2>&-", 3),
    ):
        ended = subprocess.run(
            ["bash", "-c", f"{shell.replace('$0', command)} {stream}"],
            capture_output=True,
            timeout=DEADLINE_S,
            env=environment(),
            check=False,
        )
        assert ended.returncode == status, command
        assert b"Traceback" not in ended.stderr


def test_ctrl_c_ends_a_command_quietly(silent: str, start: Start) -> None:
    """Ctrl-C ends a command that waits, at once and without a word; a shell calls that 130."""
    process = start("get", "k", "--endpoint", silent, "--timeout", "60", "--trace")
    process.line_with("trace ")
    process.signal(signal.SIGINT)
    assert process.wait() == -signal.SIGINT
    assert len(process.lines) == 1


def test_an_interrupted_command_is_130(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a command runs inside another program, that is its status too."""

    def interrupt(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(NodesClient, "get", interrupt)
    assert run("get", "color").exit_code == 130


def test_data_goes_to_stdout_whatever_the_locale(node: Node, tmp_path: Path) -> None:
    """Text leaves as UTF-8 also where the terminal speaks something else."""
    with Client(node.address) as client:
        client.put("größe", "10 €")
    env = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "GOSSAMER_ENDPOINTS": node.address}
    got = gossamer("get", "größe", cwd=tmp_path, env=env)
    assert (got.stdout, got.stderr) == ("10 €\n".encode(), b"")
    listed = gossamer("list", cwd=tmp_path, env=env)
    assert (listed.stdout, listed.stderr) == (b"gr\\xf6\\xdfe\n", b"")
    assert os.fsencode("größe") == "größe".encode()
