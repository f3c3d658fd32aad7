"""The protocol is enough: the example client, which knows nothing else, works with a real node."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nodes.client import Client
from nodes.node import Node
from tests.networks import DEADLINE_S, ROOT

EXAMPLE = ROOT / "examples" / "thirty_lines.py"


def run(node: Node, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the example against the node; it knows nothing of the repository's code."""
    return subprocess.run(
        [sys.executable, "-I", str(EXAMPLE), node.address, *arguments],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


def output(node: Node, *arguments: str) -> str:
    """What the example prints when all is well."""
    done = run(node, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_put_get_delete_and_list(shared_node: Node, client: Client) -> None:
    """What it puts others read, and what others put it reads."""
    assert output(shared_node, "put", "color", "blue") == ""
    assert output(shared_node, "get", "color") == "blue\n"
    assert client.get("color") == "blue"
    client.put("colour", {"not": "text"})
    assert output(shared_node, "list", "col") == "color\ncolour\n"
    assert output(shared_node, "get", "colour") == "{'not': 'text'}\n"
    assert output(shared_node, "delete", "color") == ""
    assert output(shared_node, "list", "col") == "colour\n"
    assert client.get("color", None) is None


def test_a_list_of_several_pages(shared_node: Node, client: Client) -> None:
    """It asks again until there are no more."""
    keys = [f"page:{n:04}" for n in range(2_100)]
    client.put_many(dict.fromkeys(keys, 1))
    assert output(shared_node, "list", "page:").splitlines() == keys


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [(("get", "nothing"), "not_found"), (("put", "", "x"), "the key is empty")],
)
def test_what_fails_is_said(shared_node: Node, arguments: tuple[str, ...], reason: str) -> None:
    """By the code or the sentence that the node answered, and an exit status that is not 0."""
    done = run(shared_node, *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{reason}\n")


def test_it_is_about_thirty_lines() -> None:
    """So short is a client, without its imports and its documentation."""
    code = EXAMPLE.read_text().partition("TIMEOUT_MS")[2].splitlines()
    assert len([line for line in code if line.strip()]) < 40
