"""Where the settings of `serve` come from, and which of two wins."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gossamer import Client
from nodes.cli import main
from tests.cli.conftest import Start
from tests.cli.processes import DEADLINE_S

EVERYTHING = """
listen = "127.0.0.1:7201"
gossip_listen = "127.0.0.1:8299"
files_listen = "127.0.0.1:9299"
advertise = "127.0.0.1:7299"
join = ["127.0.0.1:7100", "127.0.0.1:7200"]
data = "from-file"
name = "file"
secret = "file.secret"
files_quota = "10GB"
max_file = "1GiB"
extensions = "+sh"
chunk_grace = "2h"
scrub_rate = "10MB"
scrub_every = "1d"
insecure = true
http = "127.0.0.1:9400"
log = "error"
"""

DEFAULTS: dict[str, Any] = {
    "listen": "127.0.0.1:7100",
    "gossip_listen": "",
    "files_listen": "",
    "advertise": "",
    "join": (),
    "data": None,
    "name": "",
    "secret": None,
    "files_quota": None,
    "max_file": None,
    "extensions": None,
    "chunk_grace": None,
    "scrub_rate": None,
    "scrub_every": None,
    "insecure": False,
    "http": "",
    "log_level": "info",
}


class _Node:
    """Stands for a node that is stopped as soon as it was started."""

    settings: dict[str, Any]

    def __init__(self, *, console: object, **settings: Any) -> None:
        type(self).settings = settings

    def start(self) -> None:
        """As if."""

    wait = stop = start


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """Run `serve` with flags and an environment: what the node would get, or the error."""
    monkeypatch.setattr("nodes.node.Node", _Node)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("nodes.serve._stop_at_signal", lambda node: None)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())

    def settings(*flags: str, status: int = 0, **env: str) -> Any:
        result = CliRunner(env=env).invoke(main, ["serve", *flags])
        assert result.exit_code == status, result.stderr
        return _Node.settings if status == 0 else result.stderr

    yield settings
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def test_without_any_setting_there_are_defaults(settings: Any) -> None:
    """A node needs no setting at all."""
    assert settings() == DEFAULTS


def test_everything_may_come_from_a_file(settings: Any, tmp_path: Path) -> None:
    """Each flag is a key of the TOML file, with underscores."""
    (tmp_path / "node.toml").write_text(EVERYTHING)
    given = {
        "listen": "127.0.0.1:7201",
        "gossip_listen": "127.0.0.1:8299",
        "files_listen": "127.0.0.1:9299",
        "advertise": "127.0.0.1:7299",
        "join": ("127.0.0.1:7100", "127.0.0.1:7200"),
        "data": "from-file",
        "name": "file",
        "secret": "file.secret",
        "files_quota": "10GB",
        "max_file": "1GiB",
        "extensions": "+sh",
        "chunk_grace": "2h",
        "scrub_rate": "10MB",
        "scrub_every": "1d",
        "insecure": True,
        "http": "127.0.0.1:9400",
        "log_level": "error",
    }
    assert settings("--config", "node.toml") == given
    assert settings(GOSSAMER_CONFIG="node.toml") == given


def test_everything_may_come_from_the_environment(settings: Any) -> None:
    """Each flag is a variable, in capitals after GOSSAMER_; several addresses have commas."""
    given = settings(
        GOSSAMER_LISTEN="127.0.0.1:1",
        GOSSAMER_GOSSIP_LISTEN="127.0.0.1:2",
        GOSSAMER_FILES_LISTEN="127.0.0.1:4",
        GOSSAMER_ADVERTISE="127.0.0.1:3",
        GOSSAMER_JOIN="a:1, b:2,,c",
        GOSSAMER_DATA="folder",
        GOSSAMER_NAME="env",
        GOSSAMER_SECRET_FILE="env.secret",
        GOSSAMER_FILES_QUOTA="500 MiB",
        GOSSAMER_MAX_FILE="65536",
        GOSSAMER_EXTENSIONS="pdf,txt",
        GOSSAMER_CHUNK_GRACE="90",
        GOSSAMER_SCRUB_RATE="0",
        GOSSAMER_SCRUB_EVERY="1h",
        GOSSAMER_INSECURE="1",
        GOSSAMER_HTTP="127.0.0.1:5",
        GOSSAMER_LOG="debug",
    )
    assert given == {
        "listen": "127.0.0.1:1",
        "gossip_listen": "127.0.0.1:2",
        "files_listen": "127.0.0.1:4",
        "advertise": "127.0.0.1:3",
        "join": ("a:1", "b:2", "c"),
        "data": "folder",
        "name": "env",
        "secret": "env.secret",
        "files_quota": "500 MiB",
        "max_file": "65536",
        "extensions": "pdf,txt",
        "chunk_grace": "90",
        "scrub_rate": "0",
        "scrub_every": "1h",
        "insecure": True,
        "http": "127.0.0.1:5",
        "log_level": "debug",
    }


def test_a_flag_wins_over_the_environment_and_that_over_the_file(
    settings: Any, tmp_path: Path
) -> None:
    """Setting by setting: a flag, else the environment, else the file, else the default."""
    (tmp_path / "node.toml").write_text(EVERYTHING)
    flags = ("--config", "node.toml", "--name", "flag", "--join", "flag:1", "--join", "flag:2")
    given = settings(*flags, GOSSAMER_NAME="env", GOSSAMER_JOIN="env:1", GOSSAMER_LOG="debug")
    assert given["name"] == "flag"
    assert given["join"] == ("flag:1", "flag:2")
    assert given["log_level"] == "debug"
    assert given["data"] == "from-file"
    assert settings("--config", "node.toml", GOSSAMER_INSECURE="0")["insecure"] is False


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lisen = 'a:1'", "there is no setting 'lisen'"),
        ("gossip-listen = 'a:1'", "there is no setting 'gossip-listen'"),
        ("config = 'other'", "there is no setting 'config'"),
        ("[node]\nname = 'x'", "there is no setting 'node'"),
        ("name = 7", "name is a text, not 7"),
        ("insecure = 'yes'", "insecure is true or false, not 'yes'"),
        ("join = 'a:1'", "join is a list of texts, not 'a:1'"),
        ("join = ['a:1', 2]", "join is a list of texts"),
        ("join = ['a:x']", "join: 'a:x' has no port"),
        ("listen = ':'", "listen: ':' is not host:port"),
        ("files_listen = 'a:b'", "files_listen: 'a:b' has no port"),
        ("files_quota = 10", "files_quota is a text, not 10"),
        ("files_quota = '10 apples'", "files_quota: '10 apples' is no size"),
        ("max_file = '0'", "max_file: a size of '0' is not between 1 B and 1 EiB"),
        ("chunk_grace = 'soon'", "chunk_grace: 'soon' is no time"),
        ("log = 'loud'", "log: 'loud' is not one of"),
        ("name = ", "is not TOML"),
        ("name = '\udcff'", "is not TOML"),
    ],
)
def test_a_mistake_in_the_file_is_said(settings: Any, tmp_path: Path, text: str, said: str) -> None:
    """What the file may not say is wrong usage, and the sentence names the file and the key."""
    (tmp_path / "node.toml").write_bytes(text.encode(errors="surrogateescape"))
    sentence = settings("--config", "node.toml", status=2)
    assert sentence.startswith("gossamer: node.toml")
    assert said in sentence
    assert sentence.count("\n") == 1


def test_a_file_that_cannot_be_read_is_said(settings: Any, tmp_path: Path) -> None:
    """A file that was named and is not there, or is none, is wrong usage."""
    assert "cannot read no.toml" in settings("--config", "no.toml", status=2)
    assert f"cannot read {tmp_path}" in settings("--config", str(tmp_path), status=2)


@pytest.mark.parametrize(
    ("flags", "env"),
    [
        (("--listen", "a:b"), {}),
        (("--gossip-listen", "a:b"), {}),
        (("--files-listen", "a:b"), {}),
        (("--files-quota", "much"), {}),
        (("--max-file", "-1"), {}),
        (("--chunk-grace", "0"), {}),
        (("--scrub-rate", "-1"), {}),
        (("--scrub-every", "0"), {}),
        (("--extensions", "a b"), {}),
        (("--advertise", "a:b"), {}),
        (("--join", "a:b"), {}),
        (("--log", "loud"), {}),
        (("extra",), {}),
        ((), {"GOSSAMER_LISTEN": "a:b"}),
        ((), {"GOSSAMER_JOIN": "a:1,a:b"}),
        ((), {"GOSSAMER_INSECURE": "maybe"}),
    ],
)
def test_a_mistake_elsewhere_is_said(
    settings: Any, flags: tuple[str, ...], env: dict[str, str]
) -> None:
    """A flag or a variable that is none names itself."""
    sentence = settings(*flags, status=2, **env)
    assert sentence.startswith("gossamer: ")
    assert any(name in sentence for name in (*flags, *env))


def test_a_process_takes_its_settings_from_file_environment_and_flags(
    start: Start, tmp_path: Path
) -> None:
    """The node that runs is the one that was described, in three places."""
    (tmp_path / "node.toml").write_text("name = 'file'\ndata = 'here'\nlisten = 'localhost:0'\n")
    process = start("serve", "--name", "flag", GOSSAMER_CONFIG="node.toml", GOSSAMER_NAME="env")
    with Client(process.ready(), timeout=DEADLINE_S) as client:
        assert [m.name for m in client.members()] == ["flag"]
    assert (tmp_path / "here" / "log.jsonl").exists()


def test_honcho_names_a_node(start: Start) -> None:
    """Under honcho a node is called as its line in the Procfile, unless it is told otherwise."""
    process = start("serve", "--listen", "127.0.0.1:0", HONCHO_PROCESS_NAME="node7")
    with Client(process.ready(), timeout=DEADLINE_S) as client:
        assert [m.name for m in client.members()] == ["node7"]
