"""What docs/backup.md shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nodes.backup_format import OWN
from tests.networks import ROOT, Network
from tests.nodes.sessions import blocks, run, session, with_addresses

PAGE = (ROOT / "docs" / "backup.md").read_text()
NEW_EVERY_TIME = re.compile(r"\d+-[0-9a-f]{16}-[0-9a-f.]+|\d{13}")
"""The stamp of a version, and a time."""


def test_the_page_is_what_happens(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sessions print what is shown, one after the other; then the program runs."""
    monkeypatch.chdir(tmp_path)
    nodes = network.nodes_that_list_each_other(3)
    kept = ""
    for block in blocks(PAGE, "console"):
        for command, shown in session(block):
            # What a shell remembers from one command to the next.
            kept = command if command.startswith("value=") else kept
            printed = run(f"{kept}\n{command}", tmp_path, nodes[0].address)
            assert NEW_EVERY_TIME.sub("#", printed) == NEW_EVERY_TIME.sub("#", shown), command
    [program] = blocks(PAGE, "python")
    text = with_addresses(program, {"127.0.0.1:7100": nodes[0].address})
    exec(compile(text, "backup.md", "exec"), {})


def test_every_part_is_told_of() -> None:
    """What `ls` shows is all that a whole backup has."""
    [listing] = re.findall(r"^\$ ls monday\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL)
    assert {*listing.split()} == OWN - {"unfinished.json"}
