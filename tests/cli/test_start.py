"""A command starts fast: what it does not need is not imported."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

import pytest
from click.testing import CliRunner

from nodes.cli import main
from tests.cli.processes import DEADLINE_S, environment

SLOW = ("structlog", "lmdb", "rich", "click", "nodes.node", "nodes.disk", "nodes.logs")


def imported(statement: str) -> set[str]:
    """What is imported after a statement, in a process of its own."""
    script = f"{statement}\nimport sys\nprint(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        timeout=DEADLINE_S,
        env=environment(),
        text=True,
        check=True,
    )
    return set(ended.stdout.split())


def test_a_program_that_is_a_client_imports_no_node() -> None:
    """`import gossamer` brings neither the node's disk and logs nor the command line."""
    assert imported("import gossamer").isdisjoint(SLOW)


def test_a_node_is_imported_when_it_is_asked_for() -> None:
    """`from gossamer import Node` works all the same."""
    assert "nodes.node" in imported("from gossamer import Node")


def test_the_help_imports_no_network() -> None:
    """The command knows its commands and options without ZeroMQ and asyncio."""
    modules = imported("from nodes.cli import main")
    assert modules.isdisjoint({*SLOW, "zmq", "asyncio"} - {"click"})


def test_a_client_command_imports_no_node() -> None:
    """`gossamer get` brings the client, and neither the node nor what draws traces."""
    run = "main(['get', 'k', '--endpoint', '127.0.0.1:1', '--timeout', '0.01'])"
    modules = imported(f"from nodes.cli import main\ntry: {run}\nexcept SystemExit: ...")
    assert "nodes.client" in modules
    assert modules.isdisjoint(set(SLOW) - {"click"})


@pytest.mark.parametrize(
    "command", ["", "serve", "put", "get", "delete", "list", "members", "trace"]
)
def test_every_command_has_help(command: str) -> None:
    """Help is data: on stdout, with status 0, and no longer than a screen is wide."""
    result = CliRunner().invoke(main, [*filter(None, [command]), "--help"])
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"Usage: gossamer {command}".rstrip())
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_the_version() -> None:
    """The version is that of the package; without a package that is said."""
    result = CliRunner().invoke(main, ["--version"])
    try:
        assert result.stdout == f"gossamer {version('gossamer')}\n"
    except PackageNotFoundError:
        assert result.exit_code == 1
        assert "not installed" in result.stderr
