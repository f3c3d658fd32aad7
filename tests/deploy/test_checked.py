"""The files in deploy/ stand up to the checkers of their own formats."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.deploy.containers import ROOT

DEPLOY = ROOT / "deploy"
UNITS = ("gossamer@.service", "gossamer-gateway.service")
PROGRAM = "/opt/gossamer/bin/gossamer"
OFFLINE_SINCE = 251
MOST_EXPOSED = 20
"""Of 100, as systemd counts; a unit that says nothing has 96."""


def check(command: Sequence[str | Path]) -> None:
    """Run a checker that is installed with the tests; AssertionError with what it has found."""
    program = shutil.which(command[0], path=str(Path(sys.executable).parent))
    assert program is not None, f"{command[0]} is not installed: pip install --editable '.[dev]'"
    _run([program, *command[1:]])


def check_if_there(command: Sequence[str | Path]) -> None:
    """Run a checker of this machine's, if it has it."""
    program = shutil.which(command[0])
    if program is None:
        pytest.skip(f"there is no {command[0]} here")
    _run([program, *command[1:]])


def _run(command: Sequence[str | Path]) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dockerfile() -> None:
    """As hadolint has it, its hints included."""
    check(["hadolint", "--failure-threshold", "style", DEPLOY / "Dockerfile"])


def test_all_yaml() -> None:
    """As yamllint has it, warnings included."""
    check(["yamllint", "--strict", "-c", DEPLOY / "yamllint.yaml", DEPLOY])


def test_the_compose_file() -> None:
    """By the schema of the Compose specification."""
    schema = ["--builtin-schema", "vendor.compose-spec"]
    check(["check-jsonschema", *schema, DEPLOY / "compose.yaml"])


def test_the_kubernetes_objects() -> None:
    """By the schemas of Kubernetes, without anything that these do not know."""
    check(["kubernetes-validate", "--strict", DEPLOY / "kubernetes.yaml"])


def test_what_prometheus_reads() -> None:
    """As its own tool has it."""
    check_if_there(["promtool", "check", "config", "--syntax-only", DEPLOY / "prometheus.yaml"])


@pytest.fixture(params=UNITS)
def unit(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A unit of systemd, an instance where it is a template, that starts a program of this
    machine's: it is checked to be there."""
    name: str = request.param
    copy = tmp_path / name.replace("@", "@7100")
    text = (DEPLOY / name).read_text()
    assert text.count(PROGRAM) == 1
    copy.write_text(text.replace(PROGRAM, sys.executable))
    return copy


def test_a_unit_is_one_for_systemd(unit: Path) -> None:
    """It has no setting that systemd does not know, nor a wrong value."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze here")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_unit_is_locked_in(unit: Path) -> None:
    """As far as systemd counts what is left open to a service."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("there is no systemd-analyze here")
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    version = re.match(r"systemd (\d+)", said)
    if version is None or int(version[1]) < OFFLINE_SINCE:
        pytest.skip(f"this systemd-analyze cannot rate a file: {said.splitlines()[0]}")
    _run([program, "security", "--offline=true", f"--threshold={MOST_EXPOSED}", unit])
