"""What the files in deploy/ start: command lines and environments, as each platform makes them."""

from __future__ import annotations

import configparser
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from tests.deploy.containers import ROOT

DEPLOY = ROOT / "deploy"
SPECIFIERS = {
    "%i": "7100",
    "%H": "one.example",
    "%S": "/var/lib",
    "%t": "/run",
    "%C": "/var/cache",
    "%d": "/run/credentials/gossamer",
}
"""Of an instance called 7100, on the host one.example."""


@dataclass(frozen=True, slots=True)
class Started:
    """One command: what it is called in its file, its arguments, and what it is given. In a
    container the entry point is between."""

    where: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    in_container: bool


def started() -> list[Started]:
    """All commands of Gossamer's that are started anywhere in deploy/."""
    return [*_compose(), *_kubernetes(), *_systemd()]


def image_command() -> tuple[str, ...]:
    """What a container is told where nothing is said."""
    found = re.search(r"^CMD (\[.*\])$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert found is not None
    return tuple(yaml.safe_load(found[1]))


def _compose() -> Iterator[Started]:
    services: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    for name, service in services.items():
        arguments = tuple(service.get("command", image_command()))
        given = {k: _interpolated(v) for k, v in service["environment"].items()}
        yield Started(f"compose.yaml: {name}", arguments, given, True)


def _interpolated(text: str) -> str:
    """As Compose does it, where nothing is set in its own environment."""
    return re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", text)


def _kubernetes() -> Iterator[Started]:
    for thing in yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()):
        if thing["kind"] not in ("StatefulSet", "Deployment"):
            continue
        pod = f"{thing['metadata']['name']}-0"
        [container] = thing["spec"]["template"]["spec"]["containers"]
        given: dict[str, str] = {}
        for entry in container["env"]:
            value = pod if "valueFrom" in entry else entry["value"]
            for name, known in given.items():
                value = value.replace(f"$({name})", known)
            given[entry["name"]] = value
        yield Started(f"kubernetes.yaml: {pod}", tuple(container["args"]), given, True)


class _Unit(configparser.RawConfigParser):
    """A unit of systemd, of settings that may stand there several times."""

    def optionxform(self, optionstr: str) -> str:
        """Settings are as they are written."""
        return optionstr


def _systemd() -> Iterator[Started]:
    for file in sorted(DEPLOY.glob("*.service")):
        lines = [_specified(line) for line in file.read_text().splitlines()]
        given = dict(
            line.removeprefix("Environment=").split("=", 1)
            for line in lines
            if line.startswith("Environment=")
        )
        unit = _Unit(strict=False)
        unit.read_string("\n".join(lines))
        _, *arguments = shlex.split(unit["Service"]["ExecStart"])
        yield Started(file.name, tuple(arguments), given, False)


def _specified(line: str) -> str:
    for specifier, meaning in SPECIFIERS.items():
        line = line.replace(specifier, meaning)
    return line
