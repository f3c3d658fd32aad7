"""The fixture that other projects have of Gossamer, in a project that has nothing else."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib import import_module

import pytest

from tests.networks import ROOT
from tests.nodes.sessions import blocks

pytest_plugins = ["pytester"]

PAGE = (ROOT / "docs" / "embedding.md").read_text()
PROGRAMS = [block for block in blocks(PAGE, "python") if "gossamer_network" not in block]
TESTS = [block for block in blocks(PAGE, "python") if "gossamer_network" in block]


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project whose only plugin is Gossamer's, and for which every warning is an error."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makeini("[pytest]\nfilterwarnings = error\naddopts = -p nodes.pytest_plugin\n")
    return pytester


def test_the_documented_tests_pass(project: pytest.Pytester) -> None:
    """As the page has them."""
    assert TESTS
    project.makepyfile(*TESTS)
    project.runpytest_subprocess("-q").assert_outcomes(passed=2)


def test_nodes_are_stopped_after_a_test_that_fails(project: pytest.Pytester) -> None:
    """The next test finds no thread and no open data folder of theirs."""
    project.makepyfile(
        """
        import threading
        from gossamer import Node

        folders = []

        def test_fails(gossamer_network):
            folders.append(gossamer_network(1).nodes[0].data)
            raise ValueError("on purpose")

        def test_what_is_left():
            assert threading.active_count() == 1
            with Node(folders[0], listen="127.0.0.1:0"):
                pass
        """
    )
    outcome = project.runpytest_subprocess("-q")
    outcome.assert_outcomes(passed=1, failed=1)
    outcome.stdout.fnmatch_lines(["*ValueError: on purpose*"])


def test_nothing_is_imported_until_it_is_used() -> None:
    """It is there in every run of pytest, also of projects that have no use for it."""
    heavy = {"zmq", "lmdb", "structlog", "orjson", "rich", "nodes.node", "nodes.client"}
    code = f"import nodes.pytest_plugin, sys; print({heavy!r} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert done.stdout == b"set()\n"


def test_pytest_finds_it_where_gossamer_is_installed() -> None:
    """By the entry point that the package declares."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert declared["entry-points"]["pytest11"] == {"gossamer": "nodes.pytest_plugin"}
    assert hasattr(import_module("nodes.pytest_plugin"), "gossamer_network")


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_documented_programs_run(program: str, project: pytest.Pytester) -> None:
    """As they are; they assert what they show."""
    project.makepyfile(program=program)
    done = project.run(sys.executable, "-W", "error", "program.py")
    assert done.ret == 0, done.stderr.str()
