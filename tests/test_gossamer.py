"""`from gossamer import ...` is all that a program needs, and costs little."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import gossamer
from actors.errors import ERRORS

NAMES = {"AsyncClient", "BatchError", "Client", "Entry", "FileMissing", "GossamerError"}
NAMES |= {
    "KeyNotFound",
    "LocalNetwork",
    "Node",
    "NotReady",
    "Overloaded",
    "Refused",
    "Stopping",
    "TimedOut",
}
NAMES |= {"Unavailable", "Unreachable", "KeyChange", "Member", "MemberChange", "SharedValue"}
NAMES |= {"Explanation", "Replica", "Ring", "RingMember", "Status", "Transfer"}
NAMES |= {"AsyncRemoteFile", "Downloaded", "FileEntry", "Uploaded"}


def test_the_public_names() -> None:
    """Exactly these, and each can be had."""
    assert set(gossamer.__all__) == NAMES
    for name in NAMES:
        assert getattr(gossamer, name).__name__ == name


def test_another_name_is_an_error() -> None:
    """Not a half of something: an AttributeError that says which."""
    with pytest.raises(AttributeError, match="no attribute 'Nodes'"):
        getattr(gossamer, "Nodes")  # noqa: B009


def test_errors_are_what_programs_catch() -> None:
    """One base for all, and the built-in one where Python has its own."""
    assert issubclass(gossamer.TimedOut, TimeoutError)
    assert issubclass(gossamer.Unreachable, ConnectionError)
    for error in (gossamer.Overloaded, gossamer.NotReady, gossamer.Stopping, gossamer.Unreachable):
        assert issubclass(error, gossamer.Unavailable)
    for kind in ERRORS.values():
        assert issubclass(kind.raises, gossamer.GossamerError)


def test_a_client_does_not_import_a_node() -> None:
    """No LMDB and no logging for a program that only asks."""
    code = "import gossamer, sys; print({'lmdb', 'structlog', 'nodes.node'} & set(sys.modules))"
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, check=True)
    assert done.stdout == b"set()\n"


def test_a_program_embeds_a_node_and_asks_it(tmp_path: Path) -> None:
    """`with Node(...)` serves until its end; a Client takes the address that it has."""
    with (
        gossamer.Node(data=tmp_path, join=[], listen="127.0.0.1:0") as node,
        gossamer.Client(node.address, timeout=30) as g,
    ):
        g.put("color", "blue")
        assert g.get("color") == "blue"
        with pytest.raises(gossamer.KeyNotFound):
            g.get("colour")
    with gossamer.Client(node.address) as g, pytest.raises(gossamer.Unreachable):
        g.get("color")
