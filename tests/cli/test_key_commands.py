"""keygen, deny, allow, denied, and --secret of all other commands."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from nodes.cli import main
from nodes.node import Node
from tests.nodes.secured import Secrets


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are made without saying where are made there."""
    monkeypatch.chdir(tmp_path)


def gossamer(*arguments: str, **env: str) -> Result:
    """What a command line comes to."""
    return CliRunner(env=env).invoke(main, arguments)


@pytest.fixture
def net(tmp_path: Path) -> Secrets:
    """A network's secret."""
    return Secrets(tmp_path)


@pytest.fixture
def secured(tmp_path: Path, net: Secrets) -> Iterator[Node]:
    """A node that has it."""
    with Node(tmp_path / "n1", listen="127.0.0.1:0", name="n1", secret=net.file) as node:
        yield node


def ask(node: Node, secret: Path, *arguments: str) -> Result:
    """A command with the file of a key."""
    return gossamer(*arguments, "--secret", str(secret), GOSSAMER_ENDPOINTS=node.address)


# Files.


def test_keygen_makes_the_secret_of_a_network() -> None:
    """For its owner alone; what it says is the file and the fingerprint, and not what is in it."""
    result = gossamer("keygen")
    assert result.exit_code == 0
    file = Path("gossamer.secret")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    secret = file.read_text().split()[-1]
    assert "gossamer.secret has the secret of a new network, fingerprint " in result.stdout
    assert secret not in result.output


def test_keygen_overwrites_nothing() -> None:
    """The exit status is that of a refusal."""
    gossamer("keygen")
    before = Path("gossamer.secret").read_bytes()
    result = gossamer("keygen")
    assert result.exit_code == 6
    assert result.stderr == (
        "gossamer: gossamer.secret is there already, and a secret is not overwritten\n"
    )
    assert Path("gossamer.secret").read_bytes() == before


@pytest.mark.parametrize("role", ["reader", "writer", "admin"])
def test_keygen_makes_a_clients_key(net: Secrets, role: str) -> None:
    """In a file that is called as the key is, unless it is told another."""
    made = gossamer("keygen", "--role", role, "--secret", str(net.file), "--number", "7")
    assert made.exit_code == 0
    assert Path(f"{role}-7.key").exists()
    assert made.stdout == (
        f"{role}-7.key has the key {role}-7 for the network with fingerprint "
        f"{net.secret.fingerprint}\n"
    )
    drawn = gossamer(
        "keygen", "--role", role, "-o", "k", "--json", GOSSAMER_SECRET_FILE=str(net.file)
    )
    told = orjson.loads(drawn.stdout)
    assert told["file"] == "k"
    assert told["key"].startswith(f"{role}-")
    assert told["fingerprint"] == net.secret.fingerprint
    assert stat.S_IMODE(Path("k").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--role", "reader"), "give --secret FILE"),
        (("--role", "node"), "'node' is not one of 'reader', 'writer', 'admin'"),
        (("--number", "7"), "say its --role"),
        (("--role", "reader", "--number", "4097"), "4097 is not in the range"),
        (("--role", "reader", "--number", "0"), "0 is not in the range"),
    ],
)
def test_what_keygen_cannot_make_sense_of(arguments: tuple[str, ...], said: str) -> None:
    """Usage errors; no file is made."""
    result = gossamer("keygen", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert list(Path().iterdir()) == []


def test_a_key_is_not_made_of_a_clients_key(net: Secrets) -> None:
    """A reader cannot make itself a writer."""
    result = gossamer("keygen", "--role", "writer", "--secret", str(net.client("reader")))
    assert result.exit_code == 6
    assert "has the key of a client" in result.stderr


# Commands.


def test_whose_key_does_not_allow_it_is_told_so(secured: Node, net: Secrets) -> None:
    """In one sentence, with the exit status of a refusal."""
    result = ask(secured, net.client("reader"), "put", "color", "blue")
    assert (result.exit_code, result.stdout) == (6, "")
    assert result.stderr == (
        "gossamer: the key reader-17 may not write keys: that takes the key of a writer\n"
    )
    for command in (("leave",), ("forget", "n2"), ("deny", "reader-1")):
        result = ask(secured, net.client("writer"), *command)
        assert result.exit_code == 6
        assert "the key writer-17 may not" in result.stderr
        assert "takes the key of an admin" in result.stderr
    assert ask(secured, net.client("writer"), "put", "color", "blue").exit_code == 0
    assert ask(secured, net.client("reader"), "get", "color").stdout.startswith("blue")


def test_a_key_that_got_lost_is_denied(secured: Node, net: Secrets) -> None:
    """And allowed again; which ones are denied can be asked for."""
    admin = net.client("admin")
    assert ask(secured, admin, "denied").stdout == ""
    assert ask(secured, admin, "deny", "reader-17").exit_code == 0
    assert ask(secured, admin, "denied").stdout == "reader-17\n"
    assert orjson.loads(ask(secured, admin, "denied", "--json").stdout) == {"key": "reader-17"}
    assert ask(secured, admin, "shared").stdout == ""
    result = ask(secured, net.client("reader"), "get", "color")
    assert result.exit_code == 6
    assert "does not admit this key: it was denied, or is another's" in result.stderr
    told = ask(secured, admin, "allow", "reader-17", "--json").stdout
    assert orjson.loads(told) == {"key": "reader-17", "status": "allowed"}
    assert ask(secured, net.client("reader"), "get", "color").exit_code == 3


@pytest.mark.parametrize("key", ["admin-0", "reader", "me"])
def test_what_is_no_key_is_not_denied(secured: Node, net: Secrets, key: str) -> None:
    """A refusal, so that a wrong name is not taken for done."""
    result = ask(secured, net.file, "deny", key)
    assert result.exit_code == 6
    assert "is no key of a client, such as writer-17" in result.stderr


def test_the_status_tells_the_fingerprint(secured: Node, net: Secrets) -> None:
    """As keygen told it; with --json too."""
    told = ask(secured, net.client("reader"), "status")
    assert f"encrypted, fingerprint of the secret {net.secret.fingerprint}" in told.stdout
    told = ask(secured, net.client("reader"), "status", "--json")
    assert orjson.loads(told.stdout)["fingerprint"] == net.secret.fingerprint
    assert net.secret.secret.hex() not in told.stdout


@pytest.mark.parametrize("command", [("get", "k"), ("serve",), ("files",), ("status",)])
def test_a_file_that_may_not_be_used_ends_the_command(net: Secrets, command: tuple[str]) -> None:
    """Nothing goes on without what was asked for."""
    net.file.chmod(0o644)
    for env in ({"GOSSAMER_SECRET_FILE": str(net.file)}, {"GOSSAMER_SECRET_FILE": "nowhere"}):
        result = gossamer(*command, **env)
        assert (result.exit_code, result.stdout) == (6, "")
        assert result.stderr.count("\n") == 1
        assert "chmod 600" in result.stderr or "cannot read the secret" in result.stderr
