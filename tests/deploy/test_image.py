"""The image gets what it is made of and nothing else, and its user is the same wherever it runs."""

from __future__ import annotations

import json
import os
import re
import tomllib
from typing import Any

import yaml

from tests.deploy.containers import ROOT

LINES = re.sub(r"\\\n\s*", "", (ROOT / "deploy" / "Dockerfile").read_text()).splitlines()
IGNORED = (ROOT / ".dockerignore").read_text().splitlines()


def instructions(name: str) -> list[str]:
    """What follows each instruction of this name, in the order of the file."""
    return [line.removeprefix(f"{name} ") for line in LINES if line.startswith(f"{name} ")]


def copied() -> list[str]:
    """The files and folders of this repository that the image is given."""
    copies = [copy.split() for copy in instructions("COPY") if "--from" not in copy]
    return [word for words in copies for word in words[:-1] if not word.startswith("--")]


def test_all_that_is_copied_is_there_and_sent() -> None:
    """And nothing else is sent to who builds the image: no secret, no data."""
    assert all((ROOT / source).exists() for source in copied())
    assert IGNORED.count("*") == 1
    after = IGNORED[IGNORED.index("*") + 1 :]
    assert {line[1:] for line in after if line.startswith("!")} == {*copied()}


def test_all_that_the_wheel_needs_is_copied() -> None:
    """The code, and what its description names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    built = project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    described = [project["project"]["readme"], *project["project"]["license-files"]]
    assert {"pyproject.toml", *built, *described} <= {*copied()}


def test_the_programs_of_the_image_can_be_run() -> None:
    """They are Python programs with their own first line, found on the PATH of the image."""
    [entrypoint] = [json.loads(text) for text in instructions("ENTRYPOINT")]
    [health] = [json.loads(text.partition("CMD ")[2]) for text in instructions("HEALTHCHECK")]
    for name in (*entrypoint, *health):
        file = ROOT / "deploy" / name
        assert file.read_text().startswith("#!/usr/bin/env python3\n")
        assert os.access(file, os.X_OK)


def test_everywhere_it_is_the_same_user() -> None:
    """A number, for a platform that has to know that it is not root."""
    [user] = instructions("USER")
    assert re.fullmatch(r"([1-9]\d*):\1", user)
    number = int(user.partition(":")[0])
    compose: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    for service in compose["services"].values():
        assert f"uid={number},gid={number}" in service["tmpfs"][0]
    for thing in yaml.safe_load_all((ROOT / "deploy" / "kubernetes.yaml").read_text()):
        if thing["kind"] in ("StatefulSet", "Deployment"):
            context = thing["spec"]["template"]["spec"]["securityContext"]
            assert {context["runAsUser"], context["runAsGroup"], context["fsGroup"]} == {number}
