"""What share, unshare and shared print and do, with a node at the other end."""

from __future__ import annotations

import orjson

from nodes.node import Node
from tests.cli.conftest import Run


def test_share_says_nothing_and_shared_shows_it(run: Run) -> None:
    """A row each, the key and the value, the keys as wide as the widest."""
    for key, value in (
        ("motd", "back at noon"),
        ("rate", '{"a": [1]}'),
        ("no", "-5"),
        ("t", '"5"'),
    ):
        result = run("share", key, value)
        assert (result.stdout, result.stderr, result.exit_code) == ("", "", 0)
    assert run("shared").stdout.splitlines() == [
        "motd  back at noon",
        "no    -5",
        'rate  {"a":[1]}',
        "t     5",
    ]
    assert run("shared", "r").stdout == 'rate  {"a":[1]}\n'
    assert run("shared", "nothing").stdout == ""


def test_unshare_takes_back_what_is_there_and_what_is_not(run: Run) -> None:
    """Twice is done twice."""
    run("share", "motd", "back at noon")
    for _ in range(2):
        result = run("unshare", "motd")
        assert (result.stdout, result.exit_code) == ("", 0)
    assert run("shared").stdout == ""
    assert orjson.loads(run("unshare", "motd", "--json").stdout) == {
        "key": "motd",
        "status": "unshared",
    }


def test_bytes_are_shared_from_stdin(run: Run) -> None:
    """As raw bytes; a person is shown what of them can be seen."""
    assert run("share", "bin", "-", stdin=b"\xff\n\x1b[2J").exit_code == 0
    assert run("shared").stdout == "bin  \\xff\\n\\x1b[2J\n"


def test_what_is_shared_is_one_line_whatever_is_in_it(run: Run) -> None:
    """Neither a key nor a value can begin another row or steer a terminal."""
    run("share", "a\nb", "c\x1b[2J\nd")
    assert run("shared").stdout == "a\\nb  c\\x1b[2J\\nd\n"


def test_shared_as_json(run: Run, node: Node) -> None:
    """Exactly, with the version that share told, and the node where it was shared."""
    (version,) = [orjson.loads(run("share", "a\nb", "1", "--json").stdout)]
    assert version.keys() == {"key", "version"}
    run("share", "bin", "-", stdin=b"\xff")
    first, second = map(orjson.loads, run("shared", "--json").stdout.splitlines())
    assert first == {**version, "value": 1, "node": node.id}
    assert (second["key"], second["value_base64"]) == ("bin", "/w==")
    assert "value" not in second


def test_what_is_too_large_to_be_shared_is_refused(run: Run) -> None:
    """Status 6, and a sentence that says what is admitted."""
    result = run("share", "k", "v" * 5_000)
    assert result.exit_code == 6
    assert "4,096" in result.stderr
    assert run("share", "k" * 300, "v").exit_code == 6
    assert run("shared").stdout == ""


def test_share_does_not_take_a_mistake_for_a_value(run: Run) -> None:
    """As with put."""
    assert run("share", "key").exit_code == 2
    assert run("share", "key", "value", "--jsn").exit_code == 2
    assert run("shared", "a", "b").exit_code == 2
