"""What docs/file-names.md says in tables is what the code does."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from actors.formats import GROUPS
from actors.names import (
    DEFAULT_EXTENSIONS,
    DEVICES,
    HEAD_BYTES,
    MAX_NAME_BYTES,
    PLAIN_TEXTS,
    fault_of_name,
    parse_extensions,
    verdict,
)

DOC = (Path(__file__).parents[2] / "docs" / "file-names.md").read_text()
TEXT = " ".join(DOC.split())


def table(title: str) -> list[list[str]]:
    """The rows of the table whose first column is called so."""
    _, _, below = DOC.partition(f"| {title} |")
    lines = below.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def code(cell: str) -> list[str]:
    """What is between back-quotes in a cell."""
    return re.findall(r"`([^`]*)`", cell)


def test_the_default_extensions_are_those_of_the_code() -> None:
    """Each group has its row, and each row its extensions in their order."""
    told = {group: code(extensions) for group, extensions in table("group")}
    assert told == {group: sorted(formats) for group, formats in GROUPS.items()}
    assert {extension for row in told.values() for extension in row} == DEFAULT_EXTENSIONS


def test_the_names_that_are_refused_are() -> None:
    """Every example, and every device, by itself and with an extension."""
    names = [ast.literal_eval(name) for row in table("refused") for name in code(row[1])]
    assert len(names) > 20
    assert [name for name in names if not fault_of_name(name)] == []
    devices = code(table("refused")[-1][0])
    assert set(devices) == {name.upper() for name in DEVICES if name[-1] not in "12345678"}


def test_the_names_that_need_no_extension_are_those_of_the_code() -> None:
    """All are told, in capitals."""
    _, _, after = TEXT.partition("refused, but for ")
    told = re.findall(r"[A-Z]+", after.partition(", which are taken")[0])
    assert told == sorted(name.upper() for name in PLAIN_TEXTS)


def test_the_configurations_are_as_told() -> None:
    """The texts of the table mean what stands beside them."""
    texts = [code(row[0])[0] for row in table("given")]
    assert [parse_extensions(text) for text in texts] == [
        {"pdf", "txt"},
        DEFAULT_EXTENSIONS | {"sh", "py"},
        (DEFAULT_EXTENSIONS - {"zip"}) | {"svg"},
    ]


def test_the_verdicts_are_as_told() -> None:
    """Of each name and beginning: the type, or that it is refused."""
    rows = table("name")
    assert len(rows) > 20
    for name, begins, told in rows:
        head = ast.literal_eval(f"b{code(begins)[0]}")
        type, reason = verdict(code(name)[0], head)
        assert told == (type or "refused"), reason


def test_the_numbers_are_those_of_the_code() -> None:
    """How much is looked at, and how long a name may be."""
    assert f"its first {HEAD_BYTES // 2**10} KiB" in TEXT
    assert f"1 to {MAX_NAME_BYTES} bytes" in TEXT
