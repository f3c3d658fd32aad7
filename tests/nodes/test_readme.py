"""What the README shows is what happens: its sessions are run against a network of three nodes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.networks import DEADLINE_S, ROOT, Network, wait_until

README = (ROOT / "README.md").read_text()
PORTS = (7100, 7200, 7300)


def blocks(language: str) -> list[str]:
    """The fenced blocks of the README in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def session(block: str) -> list[tuple[str, str]]:
    """The commands of a block, each with the output that is shown after it."""
    steps = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    return [(command, shown) for command, _, shown in (step.partition("\n") for step in steps)]


@pytest.fixture
def readme_network(network: Network) -> dict[str, str]:
    """A network like that of the Procfile, and which addresses stand for those in the README."""
    network.folder = network.folder / ".data"
    nodes = network.nodes_that_list_each_other(3)
    return {f"127.0.0.1:{port}": n.address for port, n in zip(PORTS, nodes, strict=True)}


def with_addresses(text: str, addresses: dict[str, str]) -> str:
    """The text with the real addresses."""
    for shown, real in addresses.items():
        text = text.replace(shown, real)
    return text


def run(command: str, folder: Path, endpoint: str) -> str:
    """What a command prints, wherever it prints it, in a shell that knows `gossamer`."""
    known = f'gossamer() {{ "{sys.executable}" -m nodes.cli "$@"; }}\n'
    environment = {"GOSSAMER_ENDPOINTS": endpoint, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    finished = subprocess.run(
        ["bash", "-c", known + command],
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    return finished.stdout


def prints(command: str, folder: Path, endpoint: str, shown: str) -> bool:
    """Does it print that now?"""
    return run(command, folder, endpoint) == shown


def test_the_sessions_print_what_is_shown(readme_network: dict[str, str], tmp_path: Path) -> None:
    """Each command prints what the README shows."""
    endpoint = next(iter(readme_network.values()))
    real_ids: dict[str, str] = {}
    steps = [step for block in blocks("console") for step in session(block)]
    assert len(steps) > 5
    for written, shown in steps:
        command = with_addresses(written, {**readme_network, **real_ids})
        printed = run(command, tmp_path, endpoint)
        if command.endswith("--trace"):
            real_ids[shown.split()[-1]] = printed.split()[-1]
            assert shown.split()[:-1] == printed.split()[:-1]
        elif command.startswith("gossamer trace"):
            # The path depends on who owns the key, which is another node every time.
            told = [text.splitlines() for text in (with_addresses(shown, real_ids), printed)]
            assert told[0][0] == told[1][0]
            assert re.match(r"\d+ records in 3 files, logs of node1, node2, node3$", told[1][-1])
        elif command.startswith("gossamer shared"):
            # The other nodes have it within a second.
            wait_until(shown, partial(prints, command, tmp_path, endpoint, shown))
        else:
            assert printed == shown, command


def test_the_programs_run(
    readme_network: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The Python examples run as they are, but for the address; they assert what they show."""
    for block in blocks("python"):
        exec(compile(with_addresses(block, readme_network), "README.md", "exec"), {})
    assert "Entry(key='color'" in capsys.readouterr().out


def test_every_link_leads_to_a_file() -> None:
    """The README names no file that is not there."""
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    missing = [link for link in links if not (ROOT / link).exists()]
    assert not missing
