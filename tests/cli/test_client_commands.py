"""What put, get, delete, list and members print and store, with a node at the other end."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import orjson
import pytest

from gossamer import Client
from nodes.node import Node
from nodes.output import one_line
from tests.cli.conftest import Run
from tests.cli.processes import COMMAND, DEADLINE_S, environment

VALUES: list[tuple[str, Any]] = [
    ("blue", "blue"),
    ("", ""),
    ("7", 7),
    ("-5", -5),
    ("-1.5e3", -1500.0),
    ("true", True),
    ("null", None),
    ('"7"', "7"),
    ('{"a": [1, "ü"]}', {"a": [1, "ü"]}),
    ("NaN", "NaN"),
    ("-Infinity", "-Infinity"),
    ("{broken", "{broken"),
    ("-x", "-x"),
    ("--no-such-option=1", "--no-such-option=1"),
    ("18446744073709551615", 2**64 - 1),
    ("-9223372036854775808", -(2**63)),
    ("0.10000000000000000000000", 0.1),
    ('"123456789012345678901234567890"', "123456789012345678901234567890"),
    ("9" * 400, "9" * 400),
    ("12345678901234567890 apples", "12345678901234567890 apples"),
]


@pytest.fixture
def client(node: Node) -> Any:
    """A client of the node."""
    with Client(node.address) as client:
        yield client


def objects(stdout: str) -> list[Any]:
    """The JSON objects of an output, one a line."""
    return [orjson.loads(line) for line in stdout.split("\n") if line]


def test_put_reads_json_and_else_takes_text(run: Run, client: Client) -> None:
    """A VALUE is stored as JSON if it is JSON, a number with a sign too, and as text if not."""
    for text, value in VALUES:
        assert run("put", "key", text).exit_code == 0, text
        stored = client.get("key")
        assert (stored, type(stored)) == (value, type(value))


@pytest.mark.parametrize("number", ["18446744073709551616", "-9223372036854775809", "1" * 300])
def test_put_refuses_to_lose_digits(run: Run, number: str) -> None:
    """A whole number that has more than 64 bits is refused, not rounded, wherever in the value."""
    for value in (number, f'{{"a": [{number}]}}'):
        result = run("put", "key", value)
        assert result.exit_code == 6
        assert "64 bits" in result.stderr


def test_put_says_nothing(run: Run) -> None:
    """What is done is not worth a word."""
    result = run("put", "color", "blue")
    assert (result.stdout, result.stderr, result.exit_code) == ("", "", 0)


def test_put_takes_keys_with_dashes_after_a_double_dash(run: Run, client: Client) -> None:
    """What comes after `--` is no option; options before and after VALUE are."""
    assert run("put", "--", "-k", "--json").exit_code == 0
    assert client.get("-k") == "--json"
    assert objects(run("put", "k", "-x", "--json").stdout)[0]["value"] == "-x"
    assert objects(run("put", "--json", "--timeout", "9", "k", "-9").stdout)[0]["value"] == -9


@pytest.mark.parametrize(
    "arguments",
    [
        ("--jsn", "key", "value"),
        ("-k", "value"),
        ("key", "value", "--jsn"),
        ("key",),
        ("key", "--json"),
        ("key", "value", "--timeout"),
        ("key", "value", "more"),
    ],
)
def test_put_does_not_take_a_mistake_for_a_value(run: Run, arguments: tuple[str, ...]) -> None:
    """An unknown option before KEY or after VALUE is wrong usage, and so is a missing VALUE."""
    assert run("put", *arguments).exit_code == 2
    assert run("list").stdout == ""


def test_put_reads_bytes_from_stdin(run: Run, client: Client) -> None:
    """The VALUE `-` is the raw bytes of stdin."""
    assert run("put", "bin", "-", stdin=b"\xff\x00\n").exit_code == 0
    assert client.get("bin") == b"\xff\x00\n"
    assert run("put", "none", "-").exit_code == 0
    assert client.get("none") == b""


def test_put_as_json(run: Run, client: Client) -> None:
    """With --json put tells what was stored, where, and as which version."""
    (told,) = objects(run("put", "color", "blue", "--json").stdout)
    assert told == {
        "key": "color",
        "value": "blue",
        "status": "stored",
        "node": "n1",
        "version": client.entry("color").version,
        "replicas": ["n1"],
    }
    (told,) = objects(run("put", "bin", "-", "--json", stdin=b"\xff").stdout)
    assert told["value_base64"] == "/w=="
    assert "value" not in told


@pytest.mark.parametrize(
    ("value", "stdout"),
    [
        ("blue", b"blue\n"),
        ("two\nlines\x1b[1m", b"two\nlines\x1b[1m\n"),
        ("größe", "größe\n".encode()),
        (b"\xff\x00", b"\xff\x00"),
        (b"", b""),
        (7, b"7\n"),
        (None, b"null\n"),
        ({"a": ["ü", 1.5]}, '{"a":["ü",1.5]}\n'.encode()),
    ],
)
def test_get_prints_text_and_bytes_as_they_are(
    run: Run, client: Client, value: Any, stdout: bytes
) -> None:
    """Text is followed by a newline, bytes by nothing, and everything else is JSON."""
    client.put("key", value)
    assert run("get", "key").stdout_bytes == stdout


def test_get_as_json(run: Run, client: Client) -> None:
    """With --json get tells the version and who holds it too."""
    version = client.put("color", {"r": 1})
    (told,) = objects(run("get", "color", "--json").stdout)
    assert told == {"key": "color", "value": {"r": 1}, "version": version, "replicas": ["n1"]}
    client.put("bin", b"\xff")
    assert objects(run("get", "--json", "bin").stdout)[0]["value_base64"] == "/w=="


def test_delete_what_is_there_and_what_is_not(run: Run) -> None:
    """Deleting twice is done twice, and then the key is missing."""
    run("put", "color", "blue")
    for _ in range(2):
        result = run("delete", "color")
        assert (result.stdout, result.exit_code) == ("", 0)
    assert run("get", "color").exit_code == 3
    assert objects(run("delete", "color", "--json").stdout) == [
        {"key": "color", "status": "deleted"}
    ]


def test_list_prints_keys_in_order(run: Run, client: Client) -> None:
    """All keys, or those with a prefix, one a line, in the order of their bytes."""
    client.put_many({f"user:{i}": i for i in (2, 10, 1)} | {"color": "blue", "größe": 3})
    assert run("list").stdout.split() == ["color", "größe", "user:1", "user:10", "user:2"]
    assert run("list", "user:1").stdout.split() == ["user:1", "user:10"]
    assert run("list", "nothing").stdout == ""
    assert objects(run("list", "user:", "--json").stdout)[0] == {"key": "user:1"}


def test_list_shows_one_key_a_line_whatever_is_in_it(run: Run, client: Client) -> None:
    """In a pipe a key cannot begin a second line or steer a terminal; --json shows it exactly."""
    client.put_many({"a\nb": 1, "c\x1b[2J": 1, "d\u2028\u3000e": 1})
    assert run("list").stdout.split("\n")[:-1] == ["a\\nb", "c\\x1b[2J", "d\\u2028\u3000e"]
    keys = [told["key"] for told in objects(run("list", "--json").stdout)]
    assert keys == ["a\nb", "c\x1b[2J", "d\u2028\u3000e"]


def test_on_a_terminal_all_that_cannot_be_seen_is_escaped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A key that would turn text around, or show nothing, is told apart on a terminal."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert one_line("a\u202eb\u3000c\x1b") == "a\\u202eb\\u3000c\\x1b"


def test_members_in_columns_and_as_json(run: Run, node: Node) -> None:
    """A member is a row of name, id, state and address."""
    row = ["n1", node.id, "alive", node.address]
    assert run("members").stdout.splitlines() == ["  ".join(row)]
    fields = dict(zip(["name", "id", "state", "address"], row, strict=True))
    assert objects(run("members", "--json").stdout) == [fields]


def test_members_on_a_terminal_have_titles_and_colours(node: Node) -> None:
    """On a terminal the columns are named; NO_COLOR leaves the colours out."""
    shown = []
    for env in ({"TERM": "xterm"}, {"TERM": "xterm", "NO_COLOR": "1"}):
        terminal, inside = os.openpty()
        command = [*COMMAND, "members", "--endpoint", node.address]
        subprocess.run(
            command, stdout=inside, env=environment(**env), timeout=DEADLINE_S, check=True
        )
        shown.append(os.read(terminal, 10_000).decode())
        os.close(inside)
        os.close(terminal)
    assert "\x1b[32malive\x1b[0m" in shown[0]
    assert shown[1].splitlines()[0].split() == ["name", "id", "state", "address"]
    assert "\x1b" not in shown[1]


def test_the_endpoint_is_a_flag_or_the_environment(
    run: Run, node: Node, closed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flag wins over the environment; of several endpoints one that answers is enough."""
    assert run("put", "k", "1", "--endpoint", closed).exit_code == 5
    assert run("put", "k", "1", "--endpoint", closed, "--endpoint", node.address).exit_code == 0
    monkeypatch.setattr(node, "address", f"{closed}, {node.address},")
    assert run("get", "k").stdout == "1\n"
