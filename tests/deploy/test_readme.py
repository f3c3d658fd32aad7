"""What deploy/README.md and docs/operations.md tell people to do is right, and in this order."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from nodes.output import USAGE
from tests.deploy.containers import ROOT
from tests.nodes.rolling import script_of

DEPLOY = ROOT / "deploy"
README = (DEPLOY / "README.md").read_text()
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
IMAGE = f"gossamer:{VERSION}"
UNITS = {file.name: file.read_text() for file in sorted(DEPLOY.glob("*.service"))}

DOCKER = """
docker() {
    local at="$1"
    case "$at" in
        compose) compose "${@:4}" ;;
        exec) echo "$2" >> asked ;;
        stop) grep -qx "$2" running ;;
        rm) sed -i "/^$2\\$/d" running ;;
        *) return 1 ;;
    esac
    wc -l < running >> counts
}
compose() {
    case "$1" in
        ps) cat running ;;
        exec) true ;;
        up) [[ "$*" =~ node=([0-9]+) ]] || return 0
            while [ "$(wc -l < running)" -lt "${BASH_REMATCH[1]}" ]; do
                echo "new$(wc -l < asked)" >> running
            done
            head -n "${BASH_REMATCH[1]}" running > kept; mv kept running ;;
        *) return 1 ;;
    esac
}
set -eu
"""
"""As much of Docker as the loop needs: which containers run is in a file, a name a line."""


@pytest.mark.parametrize("replicas", [1, 2, 4, 5])
def test_the_loop_for_compose_replaces_each_replica_once(tmp_path: Path, replicas: int) -> None:
    """Whatever their number, which is the same afterwards, and one less at most meanwhile."""
    names = [f"old{n}" for n in range(replicas)]
    (tmp_path / "running").write_text("".join(f"{name}\n" for name in names))
    (tmp_path / "asked").touch()
    script = DOCKER + script_of("$compose ps --quiet node")
    subprocess.run(["bash", "-c", script], cwd=tmp_path, check=True, timeout=20)
    assert (tmp_path / "asked").read_text().split() == names
    running = (tmp_path / "running").read_text().split()
    assert len({*running}) == replicas
    assert all(name.startswith("new") for name in running)
    counts = {int(count) for count in (tmp_path / "counts").read_text().split()}
    assert counts == {replicas, replicas - 1}


def test_the_image_has_one_name() -> None:
    """Wherever it is built, run or named: with the version that this is."""
    named = set()
    for file in ("compose.yaml", "kubernetes.yaml"):
        named |= {*re.findall(r"^\s+image: (\S+)$", (DEPLOY / file).read_text(), re.MULTILINE)}
    for text in (README, (DEPLOY / "Dockerfile").read_text()):
        named |= {*re.findall(r"docker build .*-t (\S+) \.", text)}
        named |= {*re.findall(r"docker run .*?(gossamer(?:[:.\d]*\d)?) -", text)}
    assert named == {IMAGE}


@pytest.mark.parametrize("file", ["gossamer.secret", "gateway.key"])
def test_a_file_is_made_before_it_is_used(file: str) -> None:
    """In the order of the page, whose commands are indented."""
    commands = [line.strip() for line in README.splitlines() if line.startswith("    ")]
    of_file = [n for n, line in enumerate(commands) if file in line]
    made = "gossamer keygen" if file == "gossamer.secret" else f"-o {file}"
    assert of_file[0] >= min(n for n, line in enumerate(commands) if line.endswith(made))


@pytest.mark.parametrize("unit", UNITS)
def test_the_pages_that_a_unit_names_are_there(unit: str) -> None:
    """Once they are copied as the page says."""
    [copied] = re.findall(r"^    cp -r (.*) /opt/gossamer/$", README, re.MULTILINE)
    [pages] = re.findall(r"^Documentation=(.*)$", UNITS[unit], re.MULTILINE)
    for page in pages.split():
        path = page.removeprefix("file:///opt/gossamer/")
        assert path.split("/")[0] in copied.split()
        assert (ROOT / path).is_file()


def test_wrong_usage_is_not_started_again() -> None:
    """By no unit; what is refused may be admitted the next time."""
    for unit in UNITS.values():
        [said] = re.findall(r"^RestartPreventExitStatus=(.*)$", unit, re.MULTILINE)
        assert int(said) == USAGE
