"""What the files in deploy/ start is what the command takes: its options, settings and values."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import click
import pytest

from nodes import cli
from nodes.output import Output
from tests.deploy.containers import load_entrypoint
from tests.deploy.descriptions import DEPLOY, Started, started

ENTRYPOINT_OWN = {"GOSSAMER_SECRET_SOURCE", "GOSSAMER_SLOTS"}
COMPOSE_OWN = {"GOSSAMER_BOOTSTRAP_JOIN", "GOSSAMER_GATEWAY_KEY", "GOSSAMER_SECRET"}

ALL = started()
COMMANDS = cli.main.commands


def taken(command: str) -> set[str]:
    """The variables that a command of Gossamer's takes its settings from."""
    return {
        option.envvar
        for option in COMMANDS[command].params
        if isinstance(option, click.Option) and isinstance(option.envvar, str)
    }


def given_to(command: Started, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment that the command itself gets."""
    if not command.in_container:
        return command.environment
    entrypoint = load_entrypoint()
    monkeypatch.setattr(entrypoint, "copy_secret", lambda source, copy: None)
    monkeypatch.setattr(entrypoint, "own_address", lambda host: "172.18.0.3")
    monkeypatch.setattr(entrypoint, "take_slot", lambda folder: Path(folder) / "node1")
    given: dict[str, str] = entrypoint.prepared(command.arguments[0], command.environment)
    return given


def settings(command: Started, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the command takes from its arguments and its environment, without being run."""
    name, *arguments = command.arguments
    given = given_to(command, monkeypatch)
    for variable in [variable for variable in os.environ if variable.startswith("GOSSAMER_")]:
        monkeypatch.delenv(variable)
    for variable, text in given.items():
        monkeypatch.setenv(variable, text)
    with COMMANDS[name].make_context(name, arguments, obj=Output()) as context:
        return context.params


@pytest.mark.parametrize("command", ALL, ids=lambda command: command.where)
def test_a_command_takes_its_arguments_and_settings(
    command: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is refused, and none is left over that the command does not know."""
    assert settings(command, monkeypatch)["secret"]
    given = given_to(command, monkeypatch)
    own = {variable for variable in given if variable.startswith("GOSSAMER_")}
    assert own <= taken(command.arguments[0]) | ENTRYPOINT_OWN


@pytest.mark.parametrize(
    "command", [c for c in ALL if c.arguments[0] == "serve"], ids=lambda command: command.where
)
def test_a_node_is_told_all_that_it_needs(
    command: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It listens on all addresses, can be found and watched, and has a name and a data folder."""
    told = settings(command, monkeypatch)
    assert told["listen"] == "0.0.0.0:7100"
    assert told["advertise"].partition(":")[0] not in ("", "0.0.0.0", "localhost")
    assert told["name"]
    assert told["http"] in ("0.0.0.0:8080", "127.0.0.1:17100")
    assert told["data"].startswith(("/data/", "/var/lib/gossamer/"))
    assert not told["insecure"]


def test_pods_join_each_other_by_the_names_that_they_advertise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All of them are listed: who is fresh and lists the others begins a network with them."""
    [pod] = [c for c in ALL if c.where == "kubernetes.yaml: gossamer-0"]
    told = settings(pod, monkeypatch)
    assert told["join"] == tuple(f"gossamer-{n}.gossamer:7100" for n in range(5))
    assert told["advertise"] == told["join"][0]


def test_every_variable_that_is_named_is_one() -> None:
    """Wherever in deploy/, prose included."""
    known = {name for command in COMMANDS for name in taken(command)}
    files = [file for file in DEPLOY.iterdir() if file.is_file()]
    named = {
        name for file in files for name in re.findall(r"GOSSAMER_[A-Z_]*[A-Z]", file.read_text())
    }
    assert named <= known | ENTRYPOINT_OWN | COMPOSE_OWN
