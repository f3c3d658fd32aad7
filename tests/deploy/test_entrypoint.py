"""The entry point of containers: what it settles, and what it refuses in one sentence."""

from __future__ import annotations

import json
import os
import platform
import socket
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.containers import END_S, Container, load_entrypoint, run
from tests.networks import wait_until

TELLS = f"""#!{sys.executable}
import json, os, sys
print(json.dumps([sys.argv[1:], dict(os.environ)]))
"""
"""Stands for `gossamer`: says with what it was started."""

WAITS = f"""#!{sys.executable}
import os, signal
print(os.environ["GOSSAMER_NAME"], flush=True)
signal.pause()
"""
"""Stands for a node: says what it is called, then lives."""

OTHERS = {"GOSSAMER_ADVERTISE": "node.example:7100"}


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], str]:
    """A PATH on which `gossamer` is this script."""

    def made(script: str) -> str:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "gossamer").write_text(script)
        (folder / "gossamer").chmod(0o755)
        return os.pathsep.join([str(folder), os.environ["PATH"]])

    return made


@pytest.fixture
def entrypoint() -> Any:
    """Its functions."""
    return load_entrypoint()


def settings(path: str, *command: str, **given: str) -> tuple[list[str], dict[str, str]]:
    """With which arguments and settings `gossamer` is started."""
    done = run(*command, PATH=path, **given)
    assert (done.returncode, done.stderr) == (0, "")
    arguments, environment = json.loads(done.stdout)
    return arguments, {k: v for k, v in environment.items() if k.startswith("GOSSAMER_")}


def refusal(*command: str, **given: str) -> str:
    """What it says as it refuses: one sentence, and exit status 2."""
    done = run(*command, **given)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("gossamer: ")
    assert done.stderr.count("\n") == 1
    return done.stderr.strip()


# What a node is told.


def test_a_node_listens_on_all_addresses_and_is_called_as_the_host(
    program: Callable[[str], str],
) -> None:
    """Without a command it is a node, with its data in the volume."""
    arguments, given = settings(program(TELLS), **OTHERS)
    assert arguments == ["serve"]
    assert given == {
        "GOSSAMER_LISTEN": "0.0.0.0:7100",
        "GOSSAMER_HTTP": "0.0.0.0:8080",
        "GOSSAMER_DATA": "/data/node",
        "GOSSAMER_NAME": platform.node(),
        **OTHERS,
    }


def test_what_is_given_stays_and_what_is_empty_is_not_given(
    program: Callable[[str], str],
) -> None:
    """Flags are passed on; an empty setting is one that a platform had no value for."""
    own = {"GOSSAMER_NAME": "a", "GOSSAMER_DATA": "/elsewhere", "GOSSAMER_LISTEN": "10.0.0.5:7000"}
    arguments, given = settings(
        program(TELLS), "serve", "--log", "debug", GOSSAMER_JOIN="", GOSSAMER_HTTP="", **own
    )
    assert arguments == ["serve", "--log", "debug"]
    assert given == {"GOSSAMER_HTTP": "0.0.0.0:8080", **own}


def test_other_commands_are_passed_on(program: Callable[[str], str]) -> None:
    """With their environment as it is."""
    path = program(TELLS)
    assert settings(path, "gateway", "--listen", "0.0.0.0:8080") == (
        ["gateway", "--listen", "0.0.0.0:8080"],
        {},
    )


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (["172.18.0.3"], "172.18.0.3"),
        (["127.0.1.1", "172.18.0.3", "172.19.0.3"], "172.18.0.3"),
        (["::1", "fe80::1%eth0", "fd00::3"], "[fd00::3]"),
    ],
)
def test_others_are_told_the_address_of_the_host_name(
    entrypoint: Any, monkeypatch: pytest.MonkeyPatch, found: list[str], told: str
) -> None:
    """The first that is not of this container alone; the node adds its port."""
    answer = [(0, 0, 0, "", (address, 0)) for address in found]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer)
    assert entrypoint.node_settings({})["GOSSAMER_ADVERTISE"] == told


def test_a_host_name_without_an_address_is_refused(
    entrypoint: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then only who starts the container knows how others reach it."""

    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(entrypoint.Unusable, match="stands for no address, so say in GOSSAMER_ADV"):
        entrypoint.own_address("c0ffee")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", ("127.0.0.1", 0))])
    with pytest.raises(entrypoint.Unusable, match="beyond this container: say in GOSSAMER_ADV"):
        entrypoint.own_address("c0ffee")


# Data folders of a service that is scaled.


def test_each_of_several_containers_takes_a_folder_of_its_own(
    tmp_path: Path, program: Callable[[str], str]
) -> None:
    """As long as it runs; one that was killed has left it to the next, which is called so."""
    given = {"PATH": program(WAITS), "GOSSAMER_SLOTS": str(tmp_path / "nodes"), **OTHERS}
    started: list[Container] = []

    def name_of_another() -> str:
        container = Container(["serve"], tmp_path / f"{len(started)}.out", **given)
        started.append(container)
        wait_until("it is called something", lambda: container.said().endswith("\n"), END_S)
        return container.said().strip()

    try:
        assert [name_of_another() for _ in range(3)] == ["node1", "node2", "node3"]
        started[1].kill()
        assert name_of_another() == "node2"
        assert name_of_another() == "node4"
    finally:
        for container in started:
            container.kill()


def test_a_folder_below_the_shared_one_is_the_data_folder(
    tmp_path: Path, program: Callable[[str], str]
) -> None:
    """Its name, and whoever gives another, is heeded."""
    slots = str(tmp_path / "nodes")
    _, given = settings(program(TELLS), GOSSAMER_SLOTS=slots, **OTHERS)
    assert (given["GOSSAMER_DATA"], given["GOSSAMER_NAME"]) == (f"{slots}/node1", "node1")
    _, given = settings(program(TELLS), GOSSAMER_SLOTS=slots, GOSSAMER_NAME="a", **OTHERS)
    assert (given["GOSSAMER_DATA"], given["GOSSAMER_NAME"]) == (f"{slots}/node1", "a")


def test_a_volume_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    """Where it is a file, say."""
    (tmp_path / "file").touch()
    said = refusal(GOSSAMER_SLOTS=str(tmp_path / "file" / "nodes"), **OTHERS)
    assert said.endswith("cannot be made: Not a directory")


# Secrets.


@pytest.mark.parametrize("mode", [0o400, 0o440, 0o644])
def test_a_secret_is_copied_for_this_user_alone(
    tmp_path: Path, program: Callable[[str], str], mode: int
) -> None:
    """Whatever its mode, the umask, and what was there before."""
    source, copy = tmp_path / "source", tmp_path / "run" / "secret"
    source.write_text("one\n")
    source.chmod(mode)
    mounted = {"GOSSAMER_SECRET_SOURCE": str(source), "GOSSAMER_SECRET_FILE": str(copy)}
    for _ in range(2):
        _, given = settings(program(TELLS), "status", **mounted)
        assert given["GOSSAMER_SECRET_FILE"] == str(copy)
        assert copy.read_text() == source.read_text()
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        source.write_text("another\n")
    assert [path.name for path in copy.parent.iterdir()] == ["secret"]


def test_a_secret_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """The sentence says which user cannot read it, and what to do."""
    source = tmp_path / "none"
    assert refusal("status", GOSSAMER_SECRET_SOURCE=str(source)) == (
        f"gossamer: user {os.geteuid()} cannot read the secret in {source}: No such file or "
        "directory; give that user the file, or the right to read it"
    )


def test_a_secret_that_cannot_be_copied_is_refused(tmp_path: Path) -> None:
    """Nothing of it is left."""
    source, copy = tmp_path / "source", tmp_path / "folder"
    source.touch()
    copy.mkdir()
    mounted = {"GOSSAMER_SECRET_SOURCE": str(source), "GOSSAMER_SECRET_FILE": str(copy)}
    said = refusal("status", **mounted)
    assert said == f"gossamer: the secret cannot be copied to {copy}: Is a directory"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "source"]


def test_a_container_without_the_command_says_so(tmp_path: Path) -> None:
    """No traceback, whatever is wrong with the image."""
    said = refusal("status", PATH=str(tmp_path))
    assert said == "gossamer: the command cannot be started: No such file or directory"


def test_a_place_for_what_is_temporary_is_made(
    tmp_path: Path, program: Callable[[str], str]
) -> None:
    """Its volume may be empty."""
    settings(program(TELLS), "status", TMPDIR=str(tmp_path / "data" / "tmp"))
    assert (tmp_path / "data" / "tmp").is_dir()
